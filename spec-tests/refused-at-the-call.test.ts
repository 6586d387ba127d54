/**
 * Mistakes of a caller that would else be told late, in words of the engine, or never: each is refused at the call, by name.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mountChat } from '../lib/chat/index.ts';
import { duplexOf } from '../lib/client/duplex-of.ts';
import { EventSource } from '../lib/client/event-source.ts';
import { ReconnectingWebSocket } from '../lib/client/reconnecting.ts';
import { WebSocket } from '../lib/client/websocket.ts';
import { eventStreamResponse } from '../lib/mount/fetch.ts';
import { openJournal } from '../lib/room-logs/journal-index.ts';
import { fromIoredis, fromNodeRedis, openRedisLog } from '../lib/room-logs/redis-index.ts';
import { formatPosition, Hub, MemoryLog } from '../lib/rooms/index.ts';
import { createServer } from '../lib/server.ts';
import { connectPair, request } from '../lib/testing/index.ts';

const hub = new Hub({ prepare: (item) => item });

const MISTAKES: Readonly<Record<string, readonly [mistake: () => unknown, says: RegExp]>> = {
  'TLS without a certificate': [() => createServer({ tls: {} }), /^TypeError: createServer: tls has none of cert, pfx/],
  'origins of a server that are none': [
    () => createServer({ allowedOrigins: ['example.org'] }),
    /^TypeError: createServer: allowedOrigins/,
  ],
  'an origin with a slash behind it': [
    () => createServer({ allowedOrigins: ['https://example.org/'] }),
    /^TypeError: createServer: allowedOrigins has "https:\/\/example\.org\/", which is not an origin such as https:\/\/example\.org, without/,
  ],
  'a port where none is listened to': [
    () => createServer({ port: 3000 } as never),
    /^TypeError: createServer: port is 3000, which is an option of listen/,
  ],
  'an empty host, which is every interface': [
    () => {
      const server = createServer();
      return server.listen({ host: '' }).finally(() => server.close());
    },
    /^TypeError: listen: host is "", must be an address or a name \(default 127\.0\.0\.1\)$/,
  ],
  'another type of an event stream': [
    () => createServer().eventStream('/', () => {}, { headers: { 'content-type': 'text/plain' } }),
    /^TypeError: eventStream\("\/"\): header content-type belongs to the server: an event stream is text\/event-stream/,
  ],
  'another type of an event stream without a route': [
    () => eventStreamResponse(new Request('http://x/'), () => {}, { headers: { 'Content-Type': 'text/plain' } }),
    /^TypeError: eventStreamResponse: header Content-Type belongs to the server/,
  ],
  'a hub whose room is a number': [
    () => new Hub({ prepare: (item) => item, room: 5 as never }),
    /^TypeError: Hub: room is 5, must be a function/,
  ],
  'a hub whose onError is a text': [
    () => new Hub({ prepare: (item) => item, onError: 'x' as never }),
    /^TypeError: Hub: onError is "x", must be a function/,
  ],
  'a hub whose clock has no time': [
    () => new Hub({ prepare: (item) => item, clock: {} as never }),
    /^TypeError: Hub: clock is an object, must be a clock with now, after/,
  ],
  'a hub whose bound is a text': [
    () => new Hub({ prepare: (item) => item, maxRooms: '5' as never }),
    /^RangeError: maxRooms is "5", must be a whole number from 1$/,
  ],
  'a hub that gathers as no hub does': [
    () => new Hub({ prepare: (item) => item, gatherMs: 'x' as never }),
    /^RangeError: gatherMs is "x", must be a whole number from 0, or 'auto'$/,
  ],
  'a hub with a policy that is none': [
    () => new Hub({ prepare: (item) => item, policy: 'wait' as never }),
    /^RangeError: policy is "wait", must be one of drop-oldest/,
  ],
  'a record with a policy that is none': [
    () => hub.publish('r', 'x', { policy: 'wait' as never }),
    /^RangeError: policy is "wait", must be one of drop-oldest/,
  ],
  'a server whose clock has no time': [
    () => createServer({ clock: {} as never }),
    /^TypeError: createServer: clock is an object, must be a clock with now, every, after/,
  ],
  'a WebSocket whose clock has no time': [
    () => new WebSocket('ws://127.0.0.1:1', { clock: {} as never }),
    /^TypeError: new WebSocket: clock is an object, must be a clock with now, every, after/,
  ],
  'an EventSource whose clock has no time': [
    () => new EventSource('http://127.0.0.1:1', { clock: {} as never }),
    /^TypeError: new EventSource: clock is an object, must be a clock with now, every, after/,
  ],
  'a reconnecting WebSocket whose clock has no time': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { clock: {} as never }),
    /^TypeError: clock must be an object with a function after$/,
  ],
  'an event stream whose clock has no time': [
    () => eventStreamResponse(new Request('http://x/'), () => {}, { clock: {} as never }),
    /^TypeError: eventStreamResponse: clock is an object, must be a clock with now, every, after/,
  ],
  'a log in memory whose clock has no time': [
    () => new MemoryLog({ clock: {} as never }),
    /^TypeError: MemoryLog: clock is an object, must be a clock with now, after/,
  ],
  'a log on Redis whose clock has no time': [
    () => openRedisLog({ command: async () => null, reader: () => assert.fail() }, { clock: {} as never }),
    /^TypeError: openRedisLog: clock is an object, must be a clock with now, after/,
  ],
  'options of a journal that are a number': [
    () => openJournal('x', 5 as never),
    /^TypeError: openJournal: options are 5, must be an object/,
  ],
  'options of a journal that are null': [
    () => openJournal('x', null as never),
    /^TypeError: openJournal: options are null, must be an object/,
  ],
  'trouble that is told to a number': [
    () => openJournal('x', { onTrouble: 5 as never }),
    /^TypeError: openJournal: onTrouble is 5, must be a function/,
  ],
  "a bound of a journal's rooms, before the directory is touched": [
    () => openJournal('/dev/null/x', { maxHistoryRecords: -1 }),
    /^RangeError: maxHistoryRecords is -1/,
  ],
  'a bound of a journal that is a text': [
    () => openJournal('/dev/null/x', { maxRooms: '5' as never }),
    /^RangeError: maxRooms is "5", must be a whole number from 1$/,
  ],
  'an unknown option of a request in a test': [
    () => request(createServer(), '/', { boddy: 1 } as never),
    /^TypeError: request: unknown option boddy; did you mean body/,
  ],
  'a subprotocol that is no token': [
    () => createServer().webSocket('/', () => {}, { protocols: ['a b', ''] }),
    /^TypeError: webSocket\("\/"\): protocols is an array, must be a list of tokens/,
  ],
  'a pattern that no path can be': [
    () => createServer().get('/é', () => ({})),
    /^TypeError: segment "é" of route "\/é" cannot be matched/,
  ],
  'a pattern that is an expression': [
    () => createServer().get(/x/ as never, () => ({})),
    /^TypeError: route\("GET", an object\): the pattern is an object, must be a string/,
  ],
  'a pattern of an event stream that is a number': [
    () => createServer().eventStream(5 as never, () => {}),
    /^TypeError: eventStream\(5\): the pattern is 5, must be a string/,
  ],
  'no pattern': [
    () => createServer().webSocket(undefined as never, () => {}),
    /^TypeError: webSocket\(undefined\): the pattern is undefined, must be a string/,
  ],
  'a request that is none': [
    () => createServer().handleRequest({} as never, {} as never),
    /^TypeError: handleRequest: request is an object, must be a request of node:http/,
  ],
  'an upgrade that is none': [
    () => createServer().handleUpgrade({} as never, {} as never, new Uint8Array(0)),
    /^TypeError: handleUpgrade: request is an object, must be a request of node:http/,
  ],
  'a position without anything': [
    () => formatPosition({} as never),
    /^TypeError: formatPosition: the position must have/,
  ],
  'trust in every proxy': [
    () => createServer({ trustProxy: true as never }),
    /^TypeError: createServer: trustProxy is true, must be an object such as \{ from: 'loopback', headers/,
  ],
  'a position that can be none': [
    () => hub.member({ send: () => 'sent', evicted() {} }).join('r', { after: 5 as never }),
    /^TypeError: join: after is 5, must be a position or the text of one/,
  ],
  'an unknown option of a log in memory': [
    () => new MemoryLog({ maxHistoryRecord: 3 } as never),
    /^TypeError: MemoryLog: unknown option maxHistoryRecord; did you mean maxHistoryRecords\?/,
  ],
  'an unknown option of a log on Redis': [
    () => openRedisLog({ command: async () => null, reader: () => assert.fail() }, { partition: 3 } as never),
    /^TypeError: openRedisLog: unknown option partition; did you mean partitions\?/,
  ],
  'a client of Redis in place of a port': [
    () => openRedisLog({ command() {} } as never),
    /^TypeError: openRedisLog: port is an object, must be fromIoredis\(client\) or fromNodeRedis\(client\)/,
  ],
  'the one client of Redis for the other': [
    () => fromIoredis({ sendCommand() {} } as never),
    /^TypeError: fromIoredis: client is an object, must be a client of ioredis; of node-redis: fromNodeRedis/,
  ],
  'the other client of Redis for the one': [
    () => fromNodeRedis({ sendCommand() {}, call() {} } as never),
    /^TypeError: fromNodeRedis: client is an object, must be a client of node-redis; of ioredis: fromIoredis/,
  ],
  'an unknown option of trust': [
    () => createServer({ trustProxy: { from: 'loopback', headers: 'x-forwarded', hops: 1 } as never }),
    /^TypeError: createServer: trustProxy: unknown option hops; known are from, headers/,
  ],
  'an unknown option of a stream': [
    () => duplexOf({} as never, { objectMode: true } as never),
    /^TypeError: duplexOf: unknown option objectMode; known are read, send/,
  ],
  'a flood limit that is a number': [
    () => mountChat(createServer(), { flood: { messages: 5 } as never }),
    /^TypeError: mountChat: flood\.messages is 5, must be an object such as \{ user/,
  ],
  'a position before the first': [
    () => hub.member({ send: () => 'sent', evicted() {} }).join('r', { after: { epoch: 'e', sequence: -5 } as never }),
    /^TypeError: join: after is an object, must be a position/,
  ],
  'a position without a sequence': [
    () => hub.member({ send: () => 'sent', evicted() {} }).join('r', { after: { epoch: 'e' } as never }),
    /^TypeError: join: after is an object, must be a position/,
  ],
  'an unknown option of a second join': [
    () => {
      const member = hub.member({ send: () => 'sent', evicted() {} });
      member.join('r');
      try {
        member.join('r', { since: 'x' } as never);
      } finally {
        member.close();
      }
    },
    /^TypeError: join: unknown option since; known are after, as/,
  ],
  'no function that prepares': [
    () => new Hub({} as never),
    /^TypeError: Hub: prepare is undefined, must be a function/,
  ],
  'a wait that is none': [
    () => hub.publish('r', 'x', { wait: 'yes' as never }),
    /^TypeError: publish: wait is "yes", must be true or false/,
  ],
  'a wait of no length': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { minRetryMs: -1 }),
    /^RangeError: minRetryMs is -1, must be a positive number/,
  ],
  'compression of a server that is none': [
    () => createServer({ perMessageDeflate: { level: 10 } }),
    /^RangeError: createServer: level is 10/,
  ],
  'compression of a route that is none': [
    () => createServer().webSocket('/', { message() {} }, { perMessageDeflate: { level: 10 } }),
    /^RangeError: webSocket\("\/"\): level is 10/,
  ],
  'a chat on nothing': [
    () => mountChat(undefined as never),
    /^TypeError: mountChat: server is undefined, must be what/,
  ],
  'a chat on a function': [
    () => mountChat((() => {}) as never),
    /^TypeError: mountChat: server is a function, must be/,
  ],
  'a connection to nothing': [() => connectPair('/x' as never, '/x'), /^TypeError: connectPair: server is "\/x"/],
  'a connection to no path': [
    () => connectPair(createServer(), undefined as never),
    /^TypeError: connectPair: path is/,
  ],
  'a connection to a path without a slash': [
    () => connectPair(createServer(), 'rooms/one'),
    /^TypeError: connectPair: path is "rooms\/one", must be a string such as '\/'/,
  ],
  'a connection with an unknown option': [
    () => connectPair(createServer(), '/', { header: {} } as never),
    /^TypeError: connectPair: unknown option header; did you mean headers\?/,
  ],
  'a stream of no WebSocket': [() => duplexOf({} as never), /^TypeError: duplexOf: socket must be a WebSocket/],
  'a journal nowhere': [() => openJournal(undefined as never), /^TypeError: openJournal: directory is undefined/],
  'a member that cannot be let go': [
    () => hub.member({ send: () => 'sent' } as never),
    /^TypeError: member: the connection has neither a function evicted nor a function close/,
  ],
  'waits that shrink': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { minRetryMs: 2, maxRetryMs: 1 }),
    /^RangeError: minRetryMs is 2, and maxRetryMs, which bounds it, 1/,
  ],
  'a token that is a number': [
    () => new ReconnectingWebSocket(() => 'ws://127.0.0.1:1', { token: 5 as never }),
    /^TypeError: token is number, must be a string or a function that gives one$/,
  ],
  'a token that is null': [
    () => new ReconnectingWebSocket(() => 'ws://127.0.0.1:1', { token: null as never }),
    /^TypeError: token is null, must be a string or a function/,
  ],
  'a token that is an object': [
    () => new ReconnectingWebSocket(() => 'ws://127.0.0.1:1', { token: {} as never }),
    /^TypeError: token is object, must be a string or a function/,
  ],
  'a token that nothing is given': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { token: 'secret' }),
    /^TypeError: token goes nowhere: make the URL, protocols or socketOptions a function that is given it$/,
  ],
  'options that are no object': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', 'chat' as never),
    /^TypeError: ReconnectingWebSocket: the second argument is an object of options/,
  ],
  'a wait that is no number': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { minRetryMs: '5' as never }),
    /^RangeError: minRetryMs is string, must be a positive number/,
  ],
  'codes in a Map': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { finalCodes: new Map([[4001, 'token']]) as never }),
    /^TypeError: finalCodes must be an object such as/,
  ],
  'an end that is none': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { finalCodes: { 4001: 'ends' as never } }),
    /^TypeError: finalCodes has 4001: ends, must be a code or status with final, retry, token/,
  ],
};

for (const [name, [mistake, says]] of Object.entries(MISTAKES)) {
  it(`${name} is refused`, async () => {
    await assert.rejects(
      async () => mistake(),
      (error) => says.test(String(error)) || assert.fail(String(error)),
    );
  });
}

it('rooms take undefined for an option that is left out', async () => {
  const own = new Hub({
    prepare: (item) => item,
    maxMembers: 1,
    gatherMs: undefined,
    log: undefined,
    room: () => ({ maxMembers: undefined, policy: undefined }),
  });
  const member = (): ReturnType<typeof own.member> => own.member({ send: () => 'sent', evicted() {} });
  member().join('tea');
  assert.throws(() => member().join('tea'), { code: 'ROOM_FULL' });
  await own.close();
});
