/**
 * `barewire/rooms`: rooms, members and history for any kind of message, over any kind of connection.
 */

export { ROOM_LIMITS } from '../limits.ts';
export { Hub, type HubOptions } from './hub.ts';
export {
  type Appended,
  type Clock,
  checkEntry,
  checkRoomName,
  dataBytes,
  type Gap,
  type LogEntry,
  type LogPage,
  type LogRecord,
  type LogSubscriber,
  type Position,
  type RecordData,
  type RoomLog,
  RoomRefused,
  SLOW_POLICIES,
  type SlowPolicy,
  type Subscription,
} from './log.ts';
export { MemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { History, type Replay } from './old-history.ts';
export { formatPosition, MAX_POSITION_LENGTH, parsePosition } from './position.ts';
export { type EvictionReason, type Member, Room, type RoomOptions } from './room.ts';
export { randomId, systemClock } from './system.ts';
