/**
 * Writes a snapshot: the state of all rooms of a group, beside the log, while appends go on.
 *
 * Rooms come in the order in which they make way, those with subscribers last. Each is as it was at one moment, different rooms at
 * different ones; the log of the same generation has what came later, rooms that were made or made way meanwhile included.
 * Keys that are used from its beginning on are in that log alone: so all of the snapshot's were used before all of the log's.
 * The file gets its name when it is whole and on the disk, so that a snapshot that is found is always whole.
 * Memory: the rooms' names, one room's records encoded, and one commit. Read next: `journal-group.ts`.
 */

import type { LoggedRoom, LoggedRooms } from '../rooms/logged-rooms.ts';
import type { FilePort } from './file-port.ts';
import { encodeEntry } from './journal-entries.ts';
import type { SegmentHeader } from './segment.ts';
import { parseSegmentName, SegmentWriter, segmentName } from './segment-file.ts';

/** A commit of a snapshot is closed at this size, and the disk is waited for: commits of the log go in between. */
const SNAPSHOT_COMMIT_BYTES = 262_144;

/** Writes the snapshot; answers its octets. What is left of one that failed is removed. */
export async function writeSnapshot(files: FilePort, header: SegmentHeader, rooms: LoggedRooms): Promise<number> {
  const keysBefore = rooms.keysRemembered; // before anything is awaited: the log of this generation has no record yet
  const name = segmentName(header);
  const unfinished = `${name}.new`;
  const writer = await SegmentWriter.create(files, header, unfinished);
  try {
    await writeRooms(writer, rooms, keysBefore);
  } catch (error) {
    await files.remove(unfinished);
    throw error;
  } finally {
    await writer.close();
  }
  await files.rename(unfinished, name);
  await files.syncDirectory();
  return writer.bytes;
}

async function writeRooms(writer: SegmentWriter, rooms: LoggedRooms, keysBefore: number): Promise<void> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let slot = 0;
  for (const name of rooms.namesInOrder()) {
    const room = rooms.find(name);
    if (room === undefined || room.head.sequence === 0) continue; // it made way meanwhile, or nothing was ever said in it
    for (const part of encodeRoom(room, slot++, keysBefore)) {
      parts.push(part);
      bytes += part.length;
      if (bytes < SNAPSHOT_COMMIT_BYTES) continue;
      await writer.commit(parts);
      parts = [];
      bytes = 0;
    }
  }
  await writer.commit([...parts, encodeEntry({ kind: 'end' })]);
}

/** All of a room, as it is now, but keys among the first `keysBefore` of all rooms only. */
function encodeRoom(room: LoggedRoom, slot: number, keysBefore: number): Uint8Array[] {
  const parts = [encodeEntry({ kind: 'room', slot, name: room.name, inUse: room.listeners.size > 0, ...room.head })];
  for (const record of room.history.last(room.history.size)) parts.push(encodeEntry({ kind: 'record', slot, record }));
  for (const { key, timeMs, position } of room.keys.all(keysBefore))
    parts.push(encodeEntry({ kind: 'key', slot, key, timeMs, sequence: position.sequence, token: position.token }));
  return parts;
}

/** Removes the files that the snapshot of `generation` stands for. */
export async function removeOlder(files: FilePort, group: number, generation: number): Promise<void> {
  for (const name of await files.list()) {
    const parsed = parseSegmentName(name);
    if (parsed?.group === group && parsed.generation < generation) await files.remove(name);
  }
  await files.syncDirectory();
}
