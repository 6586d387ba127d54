import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SendResult } from '../../lib/net/api.ts';
import { WaitingWrites } from '../../lib/net/waiting-writes.ts';

describe('writes that wait', () => {
  it('a write behind one that waits stays behind it, also where there is room for it again', async () => {
    const writes = new WaitingWrites();
    const order: string[] = [];
    let room = false;
    const attempt = (name: string) => (): SendResult => {
      if (!room) return 'dropped';
      order.push(name);
      return 'sent';
    };
    const first = writes.add(attempt('large'), true);
    room = true;
    const second = writes.add(attempt('small'), true);
    assert.deepEqual(order, []);
    writes.drained(() => true);
    await Promise.all([first, second]);
    assert.deepEqual(order, ['large', 'small']);
  });

  it('resolves when there is room behind it, and not when it was only accepted', async () => {
    const writes = new WaitingWrites();
    let settled = false;
    const write = writes
      .add(() => 'backpressure', true)
      .then(() => {
        settled = true;
      });
    writes.drained(() => false);
    await Promise.resolve();
    assert.equal(settled, false);
    writes.drained(() => true);
    await write;
    assert.equal(settled, true);
  });
});
