/** Rooms on a journal: members come back over a restart of the process, from the position that they had. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openJournal } from '../../lib/room-logs/journal-index.ts';
import { world } from '../rooms/ear.ts';
import { SimulatedDisk } from './simulated-disk.ts';

describe('a hub on a journal', () => {
  it('gives a member that comes back after a restart what it missed, and finds what is sent again', async () => {
    const disk = new SimulatedDisk();
    const journal = await openJournal('memory', { files: disk });
    const before = world({ log: journal });
    const ear = before.ear('r');
    for (const text of ['1', '2']) await before.hub.publish('r', text, { key: text });
    const { position } = await before.hub.publish('r', '3', { key: '3' });
    ear.member.close();
    await before.hub.publish('r', '4', { key: '4' });
    await before.hub.close();
    await journal.close();

    const again = await openJournal('memory', { files: disk });
    const { hub, ear: join, errors } = world({ log: again });
    const back = join('r', { after: position });
    const receipt = await hub.publish('r', 'another text', { key: '4' });
    assert.deepEqual([receipt.duplicate, receipt.position.sequence], [true, 4]);
    await hub.publish('r', '5');
    assert.deepEqual(back.texts, ['4', '5']);
    assert.deepEqual(errors, []);
    await hub.close();
    await again.close();
  });

  it('tells a publisher that the disk is full, and its members hear nothing', async () => {
    const disk = new SimulatedDisk();
    const journal = await openJournal('memory', { files: disk });
    const { hub, ear } = world({ log: journal });
    const member = ear('r');
    disk.fail('write', 'ENOSPC');
    await assert.rejects(hub.publish('r', 'lost'), { code: 'LOG_FAILED' });
    disk.heal();
    await hub.publish('r', 'heard');
    assert.deepEqual(member.texts, ['heard']);
    await hub.close();
    await journal.close();
  });
});
