/** Rooms on a journal: members come back over a restart of the process, from the position that they had. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openJournal } from '../../lib/room-logs/journal-index.ts';
import type { RoomLog } from '../../lib/rooms/log.ts';
import type { WelcomeNotice } from '../../lib/rooms/notices.ts';
import { world } from '../rooms/ear.ts';
import { turns, until } from '../support/sockets.ts';
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

  it('lists the members that are here, and after a restart those who have come back', async () => {
    const disk = new SimulatedDisk();
    const journal = await openJournal('memory', { files: disk });
    const log: RoomLog = journal;
    assert.equal(log.presence, undefined);
    const before = world({ log });
    for (const as of ['ann', 'bob']) before.ear('r', { as });
    await before.hub.publish('r', '1');
    assert.deepEqual([...(before.hub.find('r')?.names() ?? [])], ['ann', 'bob']);
    await before.hub.close();
    await journal.close();
    const again = await openJournal('memory', { files: disk });
    const after = world({ log: again });
    const back = after.ear('r', { as: 'bob' });
    await until('it is welcomed', () => back.heard.length > 1);
    const welcome = back.heard[0] as WelcomeNotice;
    assert.deepEqual([welcome.type, welcome.members, welcome.memberCount], ['welcome', ['bob'], 1]);
    assert.deepEqual(back.texts, ['1']);
    await after.hub.close();
    await again.close();
  });

  it('keeps a room whose first message is on its way to the disk, whoever leaves meanwhile', async () => {
    const disk = new SimulatedDisk();
    const journal = await openJournal('memory', { files: disk });
    const { hub, ear } = world({ log: journal });
    const ann = ear('tea');
    const release = disk.holdSyncs();
    const published = hub.publish('tea', 'hello', { key: 'ann 1' });
    await turns(2);
    ann.member.close();
    const bob = ear('tea');
    release();
    const { position } = await published;
    assert.deepEqual([bob.texts, (await journal.read('tea', position, 1)).reset], [['hello'], false]);
    assert.equal((await hub.publish('tea', 'again', { key: 'ann 1' })).duplicate, true);
    await hub.close();
    await journal.close();
    const again = await openJournal('memory', { files: disk });
    assert.deepEqual(
      (await again.read('tea', undefined, 9)).records.map(({ data }) => data),
      ['hello'],
    );
    await again.close();
  });

  it('makes way with no room whose message is on its way to the disk, and leaves nothing of one whose message was refused', async () => {
    const disk = new SimulatedDisk();
    const journal = await openJournal('memory', { files: disk, maxRooms: 2, groups: 1 });
    const { hub, ear } = world({ log: journal });
    ear('b');
    const release = disk.holdSyncs();
    const published = hub.publish('a', 'hello');
    await turns(2);
    const third = ear('c'); // beyond the bound only until the message is on the disk
    assert.throws(() => ear('d'), { code: 'LOG_FULL' });
    assert.deepEqual(third.evictions, []);
    third.member.close();
    const late = ear('a');
    release();
    await published;
    assert.deepEqual(late.texts, ['hello']);
    late.member.close();

    const [again, behind] = [disk.holdSyncs(), hub.publish('a', 'more')];
    await turns(2);
    const fifth = ear('e');
    const sixth = ear('a');
    again();
    await behind;
    await hub.publish('e', 'kept');
    assert.equal(journal.held.rooms, 3, 'all are in use');
    for (const each of [fifth, sixth]) each.member.close();
    assert.equal(journal.held.rooms, 2);

    disk.fail('write', 'ENOSPC');
    await assert.rejects(hub.publish('c', 'lost'), { code: 'LOG_FAILED' });
    disk.heal();
    ear('d'); // in the place of a, which makes way
    await hub.publish('d', 'heard');
    await hub.close();
    await journal.close();
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
