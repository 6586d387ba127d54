/**
 * The scripts that run in Redis, and the keys that they work on. Each is atomic: Redis does nothing else meanwhile.
 *
 * All keys of a partition have its hash tag, `{prefix:N}`, so that they live on one node of a cluster:
 * - `bus`: a stream of everything that was appended in the partition, which every node reads; bounded by count.
 * - `large`: a stream of the records that are too large for `bus`, whose entries name them by ID (i). The ID is the octets that were
 *   appended to it before, and one: trimming by ID bounds it by octets. `large-octets` counts them.
 * - `room`: a hash. e epoch, s sequence, t token of the last record, f first sequence of the history, b its octets, m last time.
 * - `history`: a stream of the room's records, with the sequence as the ID.
 * - `keys`: a hash. k<key> = `sequence token time index`, n<index> = key, t and h the last index given and the last forgotten.
 * - `names`: a hash of a room, name = connections on all nodes; `at:<node>:<room>`: the same of one node.
 * - `rooms:<node>`: the set of rooms that a node has members in; `nodes`: when each node is given up, by Redis's clock.
 * Where `room` is gone, what is left of the room is removed and it begins anew; where `history` is gone, its records are.
 * Records have the fields t token, m time, b octets, d data, and where they are set k key, c coalesce, p policy.
 * Read next: `redis-commands.ts`.
 */

/** The keys of a room, or of a room's partition. */
export interface RoomKeyNames {
  readonly bus: string;
  readonly large: string;
  readonly largeOctets: string;
  readonly room: string;
  readonly history: string;
  readonly keys: string;
}

/** Answers the keys of a room in a partition. */
export function keyNames(prefix: string, partition: number, room: string): RoomKeyNames {
  const tag = partitionTag(prefix, partition);
  return {
    bus: `${tag}:bus`,
    large: `${tag}:large`,
    largeOctets: `${tag}:large-octets`,
    room: `${tag}:room:${room}`,
    history: `${tag}:history:${room}`,
    keys: `${tag}:keys:${room}`,
  };
}

/** What the keys of a partition begin with. */
export function partitionTag(prefix: string, partition: number): string {
  return `{${prefix}:${partition}}`;
}

/** A function of several scripts: whole milliseconds of Redis's clock. */
const NOW = `
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function text(number) return string.format('%.0f', number) end
local function field(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
end
`;

/**
 * Numbers a record and appends it, unless its key was used.
 * KEYS bus, room, history, keys, large, large-octets. ARGV 1 room, 2 key or '', 3 token, 4 epoch if the room is new, 5 octets,
 * 6 to 8 bounds of the history (records, octets, ms or 0), 9 maxKeys, 10 keyAgeMs, 11 records of the bus, 12 octets of large,
 * 13 ms until a silent room is forgotten, 14 1 if the bus carries the record too, 15 … fields of the record.
 * Answers { duplicate, epoch, sequence, token, time, ID in the bus; for a repeat the first record, if it is there }.
 */
export const APPEND: string = `${NOW}
local now = clock()
local meta = redis.call('HMGET', KEYS[2], 'e', 's', 'f', 'b', 'm')
local epoch, sequence, first = meta[1], tonumber(meta[2] or '0'), tonumber(meta[3] or '1')
local octets = tonumber(meta[4] or '0')
if meta[5] then now = math.max(now, tonumber(meta[5])) end
if not epoch then
  epoch = ARGV[4]
  redis.call('DEL', KEYS[3], KEYS[4])
end
if redis.call('EXISTS', KEYS[3]) == 0 then octets, first = 0, sequence + 1 end

local key = ARGV[2]
local keyAge = tonumber(ARGV[10])
if key ~= '' then
  local used = redis.call('HGET', KEYS[4], 'k' .. key)
  if used then
    local at, token, time = used:match('^(%d+) (%w+) (%d+) %d+$')
    if tonumber(time) > now - keyAge then
      return { 1, epoch, at, token, text(now), redis.call('XRANGE', KEYS[3], at .. '-0', at .. '-0') }
    end
  end
end

sequence = sequence + 1
local record = { 't', ARGV[3], 'm', text(now), 'b', ARGV[5] }
for i = 15, #ARGV do record[#record + 1] = ARGV[i] end
redis.call('XADD', KEYS[3], text(sequence) .. '-0', unpack(record))
octets = octets + tonumber(ARGV[5])
local before, age = first, tonumber(ARGV[8])
while first <= sequence do
  local full = sequence - first + 1 > tonumber(ARGV[6]) or octets > tonumber(ARGV[7])
  if not full and age == 0 then break end
  local at = text(first) .. '-0'
  local oldest = redis.call('XRANGE', KEYS[3], at, at)[1]
  if oldest then
    if not full and tonumber(field(oldest[2], 'm')) >= now - age then break end
    octets = octets - tonumber(field(oldest[2], 'b'))
  end
  first = first + 1
end
if first > before then redis.call('XTRIM', KEYS[3], 'MINID', '=', text(first) .. '-0') end
redis.call('HSET', KEYS[2], 'e', epoch, 's', text(sequence), 't', ARGV[3], 'f', text(first), 'b', text(octets), 'm', text(now))
redis.call('PEXPIRE', KEYS[2], ARGV[13])
redis.call('PEXPIRE', KEYS[3], ARGV[13])

if key ~= '' and tonumber(ARGV[9]) > 0 then
  local ring = redis.call('HMGET', KEYS[4], 't', 'h')
  local last, forgotten = tonumber(ring[1] or '0') + 1, tonumber(ring[2] or '0')
  redis.call('HSET', KEYS[4], 'k' .. key, text(sequence) .. ' ' .. ARGV[3] .. ' ' .. text(now) .. ' ' .. text(last),
    'n' .. text(last), key)
  local most = forgotten + 8
  while forgotten < last do
    local full = last - forgotten > tonumber(ARGV[9])
    if not full and forgotten >= most then break end
    local index = text(forgotten + 1)
    local name = redis.call('HGET', KEYS[4], 'n' .. index)
    local used = redis.call('HGET', KEYS[4], 'k' .. name)
    local time, at
    if used then time, at = used:match('(%d+) (%d+)$') end
    if not full and at == index and tonumber(time) > now - keyAge then break end
    redis.call('HDEL', KEYS[4], 'n' .. index)
    if at == index then redis.call('HDEL', KEYS[4], 'k' .. name) end
    forgotten = forgotten + 1
  end
  redis.call('HSET', KEYS[4], 't', text(last), 'h', text(forgotten))
  redis.call('PEXPIRE', KEYS[4], ARGV[10])
end

local entry = { 'r', ARGV[1], 'e', epoch, 's', text(sequence) }
if ARGV[14] == '1' then
  for i = 1, #record do entry[#entry + 1] = record[i] end
else
  local total = redis.call('INCRBY', KEYS[6], ARGV[5])
  local before = total - tonumber(ARGV[5])
  if before == 0 then redis.call('DEL', KEYS[5]) end
  local oldest = math.max(0, total - tonumber(ARGV[12]) + 1)
  entry[7], entry[8] = 'i', text(before + 1) .. '-0'
  redis.call('XADD', KEYS[5], 'MINID', '=', text(oldest) .. '-0', entry[8], unpack(record))
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[11], '*', unpack(entry))
return { 0, epoch, text(sequence), ARGV[3], text(now), id }
`;

/**
 * Reads a page of the history, and where the bus stands at the same moment.
 * KEYS bus, room, history, keys. ARGV 1 to 3 position after which to read (epoch '' = the last ones), 4 limit, 5 epoch if the room is
 * new, 6 bound of age or 0, 7 ms until a room without records is forgotten.
 * Answers { known, epoch, sequence, token, last ID of the bus, entries, oldest first if known, else newest first }.
 */
export const READ: string = `${NOW}
local meta = redis.call('HMGET', KEYS[2], 'e', 's', 't')
local epoch, sequence, token = meta[1], tonumber(meta[2] or '0'), meta[3] or ''
if not epoch then
  epoch = ARGV[5]
  redis.call('DEL', KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[2], 'e', epoch, 's', '0')
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
end
local oldest = '0'
if ARGV[6] ~= '0' then oldest = text(clock() - tonumber(ARGV[6])) end

local after = tonumber(ARGV[2])
local known = ARGV[1] == epoch and after <= sequence
if known and after == 0 then
  known = ARGV[3] == ''
elseif known then
  local at = redis.call('XRANGE', KEYS[3], text(after) .. '-0', text(after) .. '-0')[1]
  local given = after == sequence and token or (at and field(at[2], 't'))
  known = ARGV[3] ~= '' and (not given or given == ARGV[3])
end

local entries = {}
if known then
  local from = text(after + 1) .. '-0'
  while true do
    entries = redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', ARGV[4])
    if #entries == 0 or tonumber(field(entries[#entries][2], 'm')) >= tonumber(oldest) then break end
    from = '(' .. entries[#entries][1]
  end
else
  entries = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', ARGV[4])
end
local bus = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return { known and 1 or 0, epoch, text(sequence), token, bus and bus[1] or '0-0', oldest, entries }
`;

/** The keys of presence in a room, of one node. */
export interface PresenceKeyNames {
  readonly bus: string;
  readonly names: string;
  readonly at: string;
  readonly rooms: string;
  readonly nodes: string;
}

/** Answers the keys of presence. */
export function presenceKeys(prefix: string, partition: number, node: string, room: string): PresenceKeyNames {
  const tag = partitionTag(prefix, partition);
  return {
    bus: `${tag}:bus`,
    names: `${tag}:names:${room}`,
    at: `${tag}:at:${node}:${room}`,
    rooms: `${tag}:rooms:${node}`,
    nodes: `${tag}:nodes`,
  };
}

/**
 * Sets how many connections a name has on a node; tells the bus when the name comes or goes. Again has no effect.
 * KEYS bus, names, at, rooms, nodes. ARGV 1 room, 2 node, 3 name, 4 connections, 5 ms until the node is given up, 6 records of the bus.
 * Answers whether the node lived until now: if not, its other names may be gone.
 */
export const COUNT: string = `${NOW}
local lived = tonumber(redis.call('ZSCORE', KEYS[5], ARGV[2]) or '0') > clock() and 1 or 0
local before, after = tonumber(redis.call('HGET', KEYS[3], ARGV[3]) or '0'), tonumber(ARGV[4])
if after > 0 then
  redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
  redis.call('SADD', KEYS[4], ARGV[1])
  redis.call('ZADD', KEYS[5], text(clock() + tonumber(ARGV[5])), ARGV[2])
else
  redis.call('HDEL', KEYS[3], ARGV[3])
  if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SREM', KEYS[4], ARGV[1]) end
end
if after == before then return lived end
local all = redis.call('HINCRBY', KEYS[2], ARGV[3], after - before)
if all <= 0 then redis.call('HDEL', KEYS[2], ARGV[3]) end
local said = (all == after and before == 0 and 'j') or (all <= 0 and 'l')
if said then redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[6], '*', 'r', ARGV[1], said, ARGV[3]) end
return lived
`;

/**
 * Says that a node lives, then takes the members of one that does not, as many as ARGV 4.
 * KEYS bus, nodes. ARGV 1 node, 2 ms until it is given up, 3 records of the bus, 4 names at a time.
 * The keys of the dead node follow from its name and from KEYS, which have what the client itself may put before every key.
 * Answers { 1 if this node itself may have been given up, 1 if more is to be taken }.
 */
export const BEAT: string = `${NOW}
local now = clock()
local lived = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or '0') > now
redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[2])), ARGV[1])
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'LIMIT', 0, 1)[1]
if not dead then return { lived and 0 or 1, 0 } end
local left = tonumber(ARGV[4])
local tag = KEYS[2]:sub(1, -7) -- without :nodes
local rooms = tag .. ':rooms:' .. dead
for _, room in ipairs(redis.call('SRANDMEMBER', rooms, left)) do
  local at, names = tag .. ':at:' .. dead .. ':' .. room, tag .. ':names:' .. room
  local held = redis.call('HSCAN', at, 0, 'COUNT', left)[2]
  for i = 1, #held, 2 do
    local all = redis.call('HINCRBY', names, held[i], -tonumber(held[i + 1]))
    redis.call('HDEL', at, held[i])
    if all <= 0 then
      redis.call('HDEL', names, held[i])
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'r', room, 'l', held[i])
    end
    left = left - 1
  end
  if redis.call('EXISTS', at) == 0 then redis.call('SREM', rooms, room) end
  if left <= 0 then break end
end
if redis.call('EXISTS', rooms) == 0 then redis.call('ZREM', KEYS[2], dead) end
return { lived and 0 or 1, 1 }
`;
