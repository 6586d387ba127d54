/**
 * `barewire/rooms`: rooms over any kind of connection, whose messages are numbered and kept by a log.
 */

export { ROOM_LIMITS } from '../limits.ts';
export { type GatherMs, MAX_AUTO_GATHER_MS } from './gather.ts';
export type { HistoryOptions } from './history.ts';
export { Hub, type HubOptions, type RoomOptions } from './hub.ts';
export {
  type Appended,
  type Clock,
  checkEntry,
  checkRoomName,
  dataBytes,
  type Gap,
  type LogEntry,
  type LogPage,
  type LogPresence,
  type LogRecord,
  type LogSubscriber,
  type Position,
  type PresenceWatcher,
  type RecordData,
  type RoomLog,
  type RoomMembers,
  RoomRefused,
  SLOW_POLICIES,
  type SlowPolicy,
  type Subscription,
} from './log.ts';
export type { Eviction, EvictionReason, JoinOptions, Member, MemberConnection } from './member.ts';
export { MemoryLog, type MemoryLogOptions } from './memory-log.ts';
export type {
  GapNotice,
  Item,
  MembersNotice,
  Notice,
  PresenceNotice,
  ResetNotice,
  WelcomeNotice,
} from './notices.ts';
export { formatPosition, MAX_POSITION_LENGTH, parsePosition } from './position.ts';
export type { PublishOptions } from './publisher.ts';
export type { Outcome, Receipt } from './receipts.ts';
export type { Room, RoomView } from './room.ts';
export { randomId, systemClock } from './system.ts';
