import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageQueue, messageBytes } from '../../lib/net/message-queue.ts';
import { collectGarbage } from '../support/gc.ts';

function makeQueue(maxMessages: number, maxBytes: number): { queue: MessageQueue; told: string[] } {
  const told: string[] = [];
  const queue = new MessageQueue(
    { maxMessages, maxBytes },
    { full: () => told.push('full'), drained: () => told.push('drained') },
    messageBytes,
  );
  return { queue, told };
}

describe('the queue of for await', () => {
  it('is full at maxMessages or at maxBytes, whichever comes first, and drained at half of both', async () => {
    const byCount = makeQueue(4, 1_000_000);
    for (let i = 0; i < 4; i++) byCount.queue.push('x');
    assert.deepEqual(byCount.told, ['full']);
    await byCount.queue.next();
    assert.deepEqual(byCount.told, ['full']);
    await byCount.queue.next();
    assert.deepEqual(byCount.told, ['full', 'drained']);

    const byBytes = makeQueue(100, 1_000);
    byBytes.queue.push(new Uint8Array(600));
    assert.deepEqual(byBytes.told, []);
    byBytes.queue.push('x'.repeat(200)); // a UTF-16 unit counts as two octets
    assert.deepEqual(byBytes.told, ['full']);
    await byBytes.queue.next();
    assert.deepEqual(byBytes.told, ['full', 'drained']);
  });

  it('forgets each message when it is read, also where the queue never runs empty', async () => {
    const { queue } = makeQueue(1_000, 1 << 30);
    const alive = new Set<number>();
    const registry = new FinalizationRegistry<number>((i) => alive.delete(i));
    const push = (i: number) => {
      const message = new Uint8Array(1_000);
      alive.add(i);
      registry.register(message, i);
      queue.push(message);
    };
    push(0);
    for (let i = 1; i <= 500; i++) {
      push(i);
      await queue.next();
    }
    for (let i = 0; i < 50 && alive.size > 10; i++) {
      await collectGarbage();
    }
    assert.ok(alive.size <= 10, `${alive.size} of 501 messages are alive, 1 is queued`);
  });

  it('keeps the order through growing and wrapping round, and hands out what is queued after the end', async () => {
    const { queue } = makeQueue(1_000, 1 << 30);
    let written = 0;
    let read = 0;
    const take = async () => assert.equal((await queue.next()).value, String(read++));
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < round; i++) queue.push(String(written++));
      for (let i = 0; i < round - 5; i++) await take();
    }
    queue.end(undefined);
    while (read < written) await take();
    assert.equal((await queue.next()).done, true);
  });

  it('tells an error once, behind what was queued, and then that it is over', async () => {
    const { queue } = makeQueue(10, 1_000);
    queue.push('a');
    queue.end(new Error('gone'));
    assert.equal((await queue.next()).value, 'a');
    await assert.rejects(queue.next(), /gone/);
    assert.equal((await queue.next()).done, true);
  });
});
