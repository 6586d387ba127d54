import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../support/peers.ts';

describe('types, as those who use the package compile against them', () => {
  it('handlers.ts, clients.ts, optional.ts, rooms.ts, ws.cts and ws.mts pass tsc --strict: what it accepts, and each misuse that it expects to be refused', () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'spec-tests/types')], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
  });
});
