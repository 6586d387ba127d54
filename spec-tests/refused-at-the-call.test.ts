/**
 * Mistakes of a caller that would else be told late, in words of the engine, or never: each is refused at the call, by name.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mountChat } from '../lib/chat/index.ts';
import { duplexOf } from '../lib/client/duplex-of.ts';
import { ReconnectingWebSocket } from '../lib/client/reconnecting.ts';
import { openJournal } from '../lib/room-logs/journal-index.ts';
import { Hub } from '../lib/rooms/index.ts';
import { createServer } from '../lib/server.ts';
import { connectPair } from '../lib/testing/index.ts';

const hub = new Hub({ prepare: (item) => item });

const MISTAKES: Readonly<Record<string, readonly [mistake: () => unknown, says: RegExp]>> = {
  'TLS without a certificate': [() => createServer({ tls: {} }), /^TypeError: createServer: tls has none of cert, pfx/],
  'origins of a server that are none': [
    () => createServer({ allowedOrigins: ['example.org'] }),
    /^TypeError: createServer: allowedOrigins/,
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
  'a connection with an unknown option': [
    () => connectPair(createServer(), '/', { header: {} } as never),
    /^TypeError: connectPair: unknown option header; did you mean headers\?/,
  ],
  'a stream of no WebSocket': [() => duplexOf({} as never), /^TypeError: duplexOf: socket must be a WebSocket/],
  'a journal nowhere': [() => openJournal(undefined as never), /^TypeError: openJournal: directory is undefined/],
  'a member that cannot be let go': [
    () => hub.member({ deliver: () => 'sent' } as never),
    /^TypeError: a member has a function evicted/,
  ],
  'waits that shrink': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { minRetryMs: 2, maxRetryMs: 1 }),
    /^RangeError: minRetryMs is 2, and maxRetryMs, which bounds it, 1/,
  ],
  'options that are no object': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', 'chat' as never),
    /^TypeError: ReconnectingWebSocket: the second argument is an object of options/,
  ],
  'a wait that is no number': [
    () => new ReconnectingWebSocket('ws://127.0.0.1:1', { minRetryMs: '5' as never }),
    /^RangeError: minRetryMs must be a positive number/,
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
  const member = (): ReturnType<typeof own.member> => own.member({ deliver: () => 'sent', evicted() {} });
  member().join('tea');
  assert.throws(() => member().join('tea'), { code: 'ROOM_FULL' });
  await own.close();
});
