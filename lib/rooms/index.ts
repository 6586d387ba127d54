/**
 * `barewire/rooms`: rooms, members and history for any kind of message, over any kind of connection.
 */

export { ROOM_LIMITS } from '../limits.ts';
export { History, type Replay } from './history.ts';
export { Hub, type HubOptions } from './hub.ts';
export { type EvictionReason, type Member, Room, type RoomOptions, RoomRefused } from './room.ts';
