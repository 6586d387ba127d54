/**
 * `barewire/rooms/redis`: the log of rooms on Redis, through a client of the user's.
 */

export { REDIS_LOG_LIMITS } from '../limits.ts';
export type { PresenceWatcher, RoomMembers } from '../rooms/log.ts';
export { openRedisLog, type RedisLog } from './redis-log.ts';
export type { RedisLogOptions, RedisTrouble } from './redis-options.ts';
export {
  fromIoredis,
  fromNodeRedis,
  type IoredisClient,
  type NodeRedisClient,
  type RedisPort,
  type RedisReader,
} from './redis-port.ts';
export type { RedisPresence } from './redis-presence.ts';
