/**
 * Every default bound and timeout, in one place: its unit is in its name, its reason beside it.
 * Those that are options of a server, a route or a client have the same name there; the others are fixed. None can be left out.
 * "Peers" names what other libraries do, where that informed the choice.
 * This file holds numbers only. Read next: `index.ts` for the surface that accepts them.
 */

/** Limits of one HTTP connection's request heads and bodies (RFC 9112 leaves all of them to the recipient, §3 and §5). */
export const HTTP_LIMITS = {
  /** Longest request line. RFC 9112 §3 recommends supporting at least 8000 octets; past it the answer is 414. */
  maxRequestLineBytes: 8_192,
  /** All of the head, request line included. Node's own parser allows 16 KiB; past it the answer is 431. */
  maxHeadBytes: 16_384,
  /** Field lines in a head or a trailer section. Python websockets 128, uWebSockets 100; past it the answer is 431. */
  maxHeaderCount: 100,
  /** Body of a request that is handed to a handler whole; past it the answer is 413. Express' JSON parser has 100 KiB. */
  maxBodyBytes: 1_048_576,
  /** Chunk extensions are ignored but cost parsing time (RFC 9112 §7.1.1 asks for a limit). */
  maxChunkExtensionBytes: 1_024,
  /** Requests answered on one connection before it is closed: bounds what one peer can queue over its lifetime. */
  maxRequestsPerConnection: 10_000,
  /** Pipelined requests parsed but not yet answered; past it the socket is not read. */
  maxPipelinedRequests: 16,
} as const;

/** Limits of what is read from single header fields, and from what a proxy sends in front of HTTP. */
export const FIELD_LIMITS = {
  /** Cookies read from one request; the rest are ignored. Browsers keep some 180 for a site (RFC 6265 §6.1 asks for 50). */
  maxCookies: 180,
  /** Octets of Cookie fields that are read, all lines together: as much as a whole head may have. */
  maxCookieBytes: 16_384,
  /** Elements of Forwarded or X-Forwarded-For that are looked at, from the right. Few requests pass through more than 3 proxies. */
  maxForwardedHops: 16,
  /** Octets of one such field. 16 elements of Forwarded with an IPv6 address, protocol and host each are about 2 KiB. */
  maxForwardedBytes: 4_096,
  /**
   * A PROXY header of version 2, its first 16 octets included. Addresses need 232 at most; the rest is for TLVs, of which a client
   * certificate's name is the longest. HAProxy sends them all in one segment of some 1,400 octets.
   */
  maxProxyHeaderBytes: 4_096,
  /** Request fields that a preflight may ask for. Pages ask for fewer than ten. */
  maxCorsRequestHeaders: 64,
  /** How long a browser may remember what a preflight was answered, so also how long it takes to notice a change. Fetch has 5 s. */
  corsMaxAgeSeconds: 600,
} as const;

/** Limits of a server as a whole. */
export const SERVER_LIMITS = {
  /** Open connections; one more is answered 503. At some 4 KB an idle one, 100,000 are about 400 MB. ws and Node have no limit. */
  maxConnections: 100_000,
  /** Of these from one address; 0 = no limit, since behind a proxy all connections come from one address. */
  maxConnectionsPerAddress: 0,
  /** TLS handshakes under way at a time. Measured: some 50 KB each, so 50 MB; 1,000 in 10 s are far below what one core can finish. */
  maxTlsHandshakes: 1_000,
  /** Connections the system may hold for us before we accept them. Node's default is 511. */
  acceptBacklog: 4_096,
} as const;

/** Limits of one WebSocket connection. */
export const WEBSOCKET_LIMITS = {
  /** One message, after decompression and reassembly. ws 100 MiB, Bun 16 MiB, python websockets 1 MiB; past it 1009. */
  maxMessageBytes: 1_048_576,
  /** One message that is received in parts, decompressed: what can be counted, since no more than a part of it is held. Past it 1009. */
  maxStreamedMessageBytes: 9_007_199_254_740_991,
  /**
   * Frames in one message that is received whole. Empty fragments count. ws 16384, undici 131072; past it 1008.
   * 131,072 admits Autobahn 9.3.1 (65,537 frames); fragments are copied into one buffer, so a frame costs no memory of its own.
   */
  maxFramesPerMessage: 131_072,
  /** Bytes we hold for a peer that does not read; `send` answers `dropped` beyond it. Bun 16 MiB, uWebSockets 64 KiB. */
  maxBufferedBytes: 4_194_304,
  /** `send` answers `backpressure` from here on, and `drain` follows once it has all left. */
  highWaterMarkBytes: 65_536,
  /** Messages kept for `for await` before the socket is no longer read. */
  maxQueuedMessages: 64,
  /** Octets kept for `for await`, likewise. As much as one message may have: 64 small messages, or one large one. */
  maxQueuedBytes: 1_048_576,
  /** Calls of `write` that wait for room at a time: whoever awaits has one. */
  maxWaitingWrites: 1_024,
  /** Pings whose pong has not come, beyond which the oldest is given up. */
  maxWaitingPings: 16,
} as const;

/** What differs for a WebSocket client, which has one server and not many peers to protect itself from. */
export const CLIENT_LIMITS = {
  /** One message. undici 128 MiB, ws 100 MiB, Bun 16 MiB. */
  maxMessageBytes: 16_777_216,
  /** The WHATWG interface has no way to say "wait", so there is room; past it the connection is failed. */
  maxBufferedBytes: 67_108_864,
} as const;

/** What compression is like where it was agreed: permessage-deflate (RFC 7692) and encoded event streams. */
export const COMPRESSION_DEFAULTS = {
  /** Shorter messages are sent as they are. Of chat messages in JSON of 128 bytes the codec saves a fifth, of prose a third. ws 1,024. */
  thresholdBytes: 128,
  /**
   * Of 1 (quick) to 9 (small). Choice, measured (`deflate/README.md`): level 6 saves nothing of 200 B of chat JSON, 1 to 3 % of
   * 1 to 4 KiB and a fifth where every line repeats the one before, and takes twice the time for 4 KiB.
   */
  level: 1,
  /**
   * Plaintext from this size on is compressed by zlib at levels 2 to 9, see `deflate/engine.ts`. At level 6 ours is 1.08 to 1.18 times as
   * quick for 16 and 64 KiB of chat JSON, prose and binary data, 0.95 for base64 (`deflate/README.md`), and leaves nothing to collect.
   */
  nativeDeflateFromBytes: 262_144,
  /**
   * The same at level 1, where ours is quicker at every size measured, up to 1 MB: on the wire 1.3 times for chat JSON of 256 KiB, 2.2 for
   * base64. From here on zlib needs less memory while it runs.
   */
  nativeQuickDeflateFromBytes: 1_048_576,
  /** The same where messages may refer to earlier ones, which only our own codec does at a cost by the message's length. */
  nativeDeflateWithTakeoverFromBytes: 262_144,
  /**
   * Compressed data from this size on is decompressed by zlib. In process the two are level from 1 KiB on, and zlib is up to a quarter
   * quicker; but each of its calls leaves memory outside of the heap, for which V8 collects all of the heap, again and again: on the wire
   * ours needs 0.7 of the time for 16 KiB of chat JSON or base64, 0.7 for 64 KiB, and half the memory (`bench/README.md`).
   */
  nativeInflateFromBytes: 262_144,
  /** The same behind a window, which zlib copies for every message. */
  nativeInflateWithTakeoverFromBytes: 262_144,
} as const;

/** Limits of the event-stream parser (client side). */
export const EVENT_STREAM_LIMITS = {
  /** One line of the stream. undici caps events likewise since CVE-2026-109924. */
  maxLineBytes: 1_048_576,
  /** The data of one event, all of its lines. */
  maxEventBytes: 4_194_304,
} as const;

/** Deadlines, in milliseconds. `0` switches one off where its docstring says so. */
export const TIMEOUTS = {
  /** From accept, or from the end of the previous response's request, to a whole head. uWebSockets has a fixed 10 s. */
  headTimeoutMs: 10_000,
  /** A whole body, from the end of its head. */
  bodyTimeoutMs: 30_000,
  /** An idle keep-alive connection between two requests. Node's default is 5 s. */
  keepAliveTimeoutMs: 5_000,
  /** A client's opening handshake, from connect to a whole answer. Python websockets 10 s. */
  handshakeTimeoutMs: 10_000,
  /** A ping is sent after this long without a byte from the peer. Python websockets 20 s, Socket.IO 25 s; 0 = never. */
  pingIntervalMs: 30_000,
  /** Any byte must arrive within this after a ping, else the peer is dead (1006). */
  pongTimeoutMs: 20_000,
  /** From our close frame to the end of TCP. Python websockets 10 s, ws 30 s. */
  closeTimeoutMs: 10_000,
  /** An event stream is sent a comment after this long of silence: under the 60 s at which many proxies cut. 0 = never. */
  heartbeatIntervalMs: 30_000,
  /**
   * A peer that takes no byte of what we hold for it, for this long, is dead. The system takes bytes from us in steps of up to
   * 1.7 MB (measured on loopback; less where its buffers are smaller), so a reader below one step in this time, 10 KB/s, cannot be
   * told from one that does not read.
   */
  writeTimeoutMs: 180_000,
  /** EventSource waits this long before it reconnects, until the stream's `retry` says otherwise. Browsers 3-5 s. */
  reconnectionTimeMs: 3_000,
} as const;

/** Limits of rooms and their logs. The history of rooms without members holds at most 4,096 × 64 KiB = 256 MiB. */
export const ROOM_LIMITS = {
  /** Rooms that a hub or a log holds at a time. Beyond it the one that has been without members for longest makes way. */
  maxRooms: 4_096,
  /** Members of one room: a broadcast costs about a microsecond a member, so some 10 ms at the limit. */
  maxMembers: 10_000,
  /** Rooms that one member can be in. Centrifugo 128; a page of tickers has more. */
  maxRoomsPerMember: 1_024,
  /** Bytes that wait in the room for a member that does not keep up, beyond what its connection holds; then the room's policy decides. A record counts 64 more than its data. */
  maxQueueBytes: 262_144,
  /** How long a record waits for such a member. Long before the 180 s (`writeTimeoutMs`) after which a connection that takes nothing is given up. */
  maxQueueAgeMs: 30_000,
  /** How long a room keeps what was made of a record for its members: through a burst of reconnections, and no longer. */
  keepPreparedMs: 1_000,
  /** Keys to coalesce by that a room remembers the latest record of; the ones that were updated longest ago go first. */
  maxCoalesceKeys: 1_024,
  /** Joins and leaves are told in one list after so long; longer in rooms of more names than this number. */
  presenceMs: 100,
  /** Names in a welcome and in a list of changes; the count of people is told in full. */
  maxMembersListed: 100,
  /** Names that a log tells a room of, those of other nodes: at some 100 octets each 6 MB. Past it a name is neither listed nor counted. */
  maxSharedNames: 65_536,
  /** How long `publish` with `wait` waits for members that are behind. */
  waitTimeoutMs: 30_000,
  /** A room's name in UTF-16 units. Centrifugo allows 255. */
  maxRoomNameLength: 256,
  /** A publisher's id, or a key to coalesce by, in UTF-16 units: a name, a separator and a UUID fit four times. */
  maxKeyLength: 256,
  /** Data of one record: octets, or UTF-16 units of text. A WebSocket message has the same limit by default. */
  maxRecordBytes: 1_048_576,
  /** Records that a room keeps for those who join late or come back. */
  maxHistoryRecords: 100,
  /** And their data in all. */
  maxHistoryBytes: 65_536,
  /** And how old they become; 0 = as old as the other two bounds let them. */
  maxHistoryAgeMs: 0,
  /** Publishers' ids that a log remembers for one room, so that a message sent again is not published twice. */
  maxKeys: 1_000,
  /** Of all rooms together: 16 for each of 4,096 rooms, at some 120 bytes each less than 2 KB a room. */
  maxTotalKeys: 65_536,
  /** How long an id is remembered: longer than a client takes to come back. Socket.IO keeps a session for two minutes. */
  keyAgeMs: 120_000,
} as const;

/** Limits of the journal, the log of rooms on a disk. */
export const JOURNAL_LIMITS = {
  /** Files that are written beside one another, each with a commit of its own: more than one `fsync` at a time seldom pays. */
  groups: 1,
  /** Data, keys and names of appends that wait for their commit; past it an append is refused. Fifteen of the largest records. */
  maxPendingBytes: 16_777_216,
  /** And their number: at some 500 octets an append without data, 8 MB. */
  maxPendingAppends: 16_384,
  /** A commit is closed when its appends count for so much, at most 3 MiB on the disk, so that the first in it does not wait for much more than its own writing. */
  maxCommitBytes: 1_048_576,
  /** Octets of log files from which a group writes a snapshot; or twice the last snapshot, where that is more. */
  compactFromBytes: 16_777_216,
  /** A commit that takes longer is told to the observer. A disk that turns takes some 20 ms, one under load a few hundred. */
  slowCommitMs: 1_000,
} as const;

/** Limits of the log of rooms on Redis. All nodes must have the same. */
export const REDIS_LOG_LIMITS = {
  /** Streams that rooms are spread over: a node has a connection for each one that its rooms need. */
  partitions: 8,
  /** Appends that Redis has not answered; past it an append is refused. */
  maxPendingAppends: 16_384,
  /** A command without an answer is given up after this, and what became of it is unknown. */
  commandTimeoutMs: 10_000,
  /** How long a reading connection waits for something new, before it looks whether the stream is still the same. */
  blockMs: 5_000,
  /** Records that a partition's stream keeps for nodes that read behind: a node that is further behind reads histories. */
  busRecords: 1_000,
  /** Records of more data are not in the stream, nodes fetch them one by one: 1,000 × 16 KiB × 8 partitions = 128 MiB at most. */
  busRecordBytes: 16_384,
  /** Data of such records that a partition keeps until they are fetched, the latest: 16 of the largest, in 8 partitions 128 MiB at most. */
  busLargeBytes: 16_777_216,
  /** A room that nobody has published in for a day is forgotten, and its next record begins a new epoch. */
  idleRoomMs: 86_400_000,
  /** A room that was only ever asked for is forgotten after an hour. */
  emptyRoomMs: 3_600_000,
  /** How often a node says that it lives, in each partition that it has members in. */
  heartbeatMs: 5_000,
  /** A node that has not said so for this long is dead, and its members are gone: three heartbeats, and another node's next one. */
  deadAfterMs: 15_000,
} as const;

/** Limits of the chat protocol. */
export const CHAT_LIMITS = {
  /** Text of one message in UTF-8. Discord allows 2,000 characters, Slack 40,000. */
  maxTextBytes: 8_192,
  /**
   * The most that the option `maxTextBytes` can be. Escaped as JSON at worst (6 octets for one), such a text fits with what surrounds it
   * into all that it passes: `ROOM_LIMITS.maxQueueBytes`, a record of the log, the body of a POST.
   */
  mostTextBytes: 40_960,
  /** One message of the protocol: the text, escaped as JSON at worst, and what surrounds it. Where `maxTextBytes` is larger, more. */
  maxMessageBytes: 65_536,
  /** A room's name, in code points. */
  maxRoomNameLength: 64,
  /** A member's name, in code points. */
  maxUserNameLength: 32,
  /** The sender's own id of a message, for acknowledgements. A UUID has 36. */
  maxMessageIdLength: 64,
  /** Bytes held for one connection that does not read; the rooms stop at its high-water mark, long before. */
  maxBufferedBytes: 1_048_576,
  /** A person's id, in UTF-16 units. With the name it must fit into `ROOM_LIMITS.maxKeyLength`. */
  maxUserIdLength: 64,
  /** Records in one page of the history: some 20 KiB of ordinary messages. */
  maxPageRecords: 100,
  /** Messages of one connection that wait for `authorize` and `onMessage`. */
  maxWaitingMessages: 100,
  /** Messages that `authorize` and `onMessage` let pass, so that a repeat is not looked at again: at a message a second of 80 people two minutes. */
  maxPassed: 10_000,
  /** And their texts and ids: 10,000 of some 200 characters. */
  maxPassedBytes: 4_194_304,
  /** Removals that are remembered, so that a text is not shown again: some 100 bytes each. */
  maxRemovals: 10_000,
  /** Tickets that were given out and not used: some 300 bytes each. */
  maxTickets: 10_000,
  /** How long a ticket can be used: as long as a slow network takes for an opening handshake, three times over. */
  ticketMs: 30_000,
  /** `/readyz` tries a log whose last write failed so often: a load balancer asks every few seconds. */
  logProbeMs: 1_000,
  /** Buckets of flood control: some 150 bytes each, 10 MB. */
  maxBuckets: 65_536,
  /**
   * Flood control. A person types less than one message in a second; what waited offline comes as a burst. Behind one address there may
   * be an office, or all users where the proxy is not trusted (`trustProxy`). Slack allows apps one message a second with bursts.
   */
  flood: {
    messages: { user: { burst: 30, perSecond: 3 }, address: { burst: 1_000, perSecond: 100 } },
    /** A tab that reloads joins again; after a restart a whole office does, and is told when to come back. */
    joins: { user: { burst: 20, perSecond: 1 }, address: { burst: 1_000, perSecond: 100 } },
    posts: { address: { burst: 1_000, perSecond: 100 } },
    /** Pages of the history: one for each connection that comes back over HTTP, and for each screen that is scrolled up. */
    pages: { address: { burst: 1_000, perSecond: 100 } },
    /** More than `messages` has, so that who is too fast is told so; a client sends one message at a time, and a ping every 20 s. */
    reading: { connection: { burst: 60, perSecond: 20 } },
  },
  /** A request that is refused for a flood is answered so much later: one connection has five of them a second, and no more. */
  refusalDelayMs: 200,
  /** Who asks so soon after a join that was refused for a flood is told of it: the answer was late, and a token may have come meanwhile. */
  refusalRememberedMs: 2_000,
} as const;

/** Memory of the DEFLATE codec, all of it shared by every connection; what one connection holds is stated in `lib/deflate/README.md`. */
export const DEFLATE_LIMITS = {
  /** Compressed input is decoded in pieces of this size: most messages are one. */
  inputChunkBytes: 16_384,
  /** Output is made in memory of this size and copied out: once for most messages, whenever it is full for longer ones. */
  sharedOutputBytes: 98_304,
} as const;

/** Bounds of the conformance runner, which must come to an end whatever a peer does. */
export const CONFORMANCE_LIMITS = {
  /** One frame of a peer. The largest echo of the catalogue is 16 MiB. */
  maxFrameBytes: 67_108_864,
  /** A request or response head of a peer. */
  maxHeadBytes: 65_536,
  /** Frames and octets of one case kept for the report, each way together; the rest is counted. */
  maxLoggedRows: 80,
  /** Octets of one row kept for the report. Autobahn keeps 64. */
  maxLoggedBytes: 64,
  /** An opening handshake, from connect to a whole head. Autobahn 5 s. */
  handshakeTimeoutMs: 5_000,
  /** The answer to the tester's close, and then the end of TCP. Autobahn 1 s each. */
  closeTimeoutMs: 1_000,
  /** Silence in the middle of an echo or of a long message: Autobahn waits up to 1000 s in all. */
  stallTimeoutMs: 10_000,
  /** Compressed octets kept from one case for the next ones of the same series. */
  maxCompressedCacheBytes: 67_108_864,
  /** Blocks with BFINAL set in one compressed message. Each costs an engine of zlib; a peer that flushes so has one. */
  maxFinalBlocks: 1_000,
  /** Connections of a fuzzing server at a time. */
  maxConnections: 256,
} as const;
