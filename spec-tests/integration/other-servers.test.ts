/** Our clients against servers of others: one conversation over WebSocket and one over an event stream, as far as each server goes. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type CloseEvent,
  type ErrorEvent,
  EventSource,
  HandshakeRejected,
  WebSocket,
  type WebSocketOptions,
} from '../../lib/client/index.ts';
import { next } from '../support/client.ts';
import { patiently } from '../support/sockets.ts';
import { type Ability, OTHER_SERVERS, type OtherServer, type RunningServer, startOther } from './other-servers.ts';

/** On both sides of each form of a length (RFC 6455 §5.2), and larger than what one read brings. */
const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];

for (const server of OTHER_SERVERS)
  describe(`against ${server.name}`, { skip: server.skip, timeout: 60_000 }, () => describeServer(server));

function describeServer(server: OtherServer): void {
  const has = (ability: Ability): boolean => server.abilities.includes(ability);
  let running: RunningServer | undefined;
  const urlOf = (scheme: string, path: string): string => `${scheme}://127.0.0.1:${running!.port}${path}`;
  const open = async (path: string, options: WebSocketOptions = {}): Promise<WebSocket> => {
    const socket = new WebSocket(urlOf('ws', path), options);
    socket.binaryType = 'arraybuffer';
    await next(socket, 'open');
    return socket;
  };

  before(async () => {
    running = await startOther(server);
  });
  after(async () => assert.equal(await running?.stop(), ''));

  if (has('websocket')) {
    it('messages of every size come back, text and binary', async () => echoesEverySize(await open('/echo')));
    it('messages in parts come back whole', async () => echoesParts(await open('/echo')));
    it('many messages at once come back in order', async () => echoesInOrder(await open('/echo')));
    it(has('deflate') ? 'compression is agreed, and used both ways' : 'compression is not agreed', async () => {
      const socket = await open('/echo', { perMessageDeflate: { thresholdBytes: 0 } });
      assert.equal(/^permessage-deflate/.test(socket.extensions), has('deflate'), socket.extensions);
      await echoesEverySize(socket);
    });
    it('our ping is answered', async () => {
      const socket = await open('/echo');
      const roundTripMs = await patiently('the pong', socket.ping());
      assert.ok(roundTripMs !== undefined && roundTripMs >= 0, String(roundTripMs));
      await closed(socket);
    });
    // uWebSockets.js takes no codes from 1012 to 3999.
    it('we close with a code and a reason, and they hear both', async () => {
      const socket = await open('/echo');
      const { code, wasClean } = await closed(socket, 4002, 'ours é');
      assert.deepEqual([code, wasClean], [server.closeAnswer ?? 4002, true]);
      assert.equal(await lastClose(urlOf('ws', '/last')), '4002 ours é');
    });
    it('they close with a code and a reason, and we hear both', async () => {
      const socket = new WebSocket(urlOf('ws', '/close'));
      const [message, end] = await Promise.all([
        next<MessageEvent>(socket, 'message'),
        next<CloseEvent>(socket, 'close'),
      ]);
      assert.deepEqual([message.data, end.code, end.reason, end.wasClean], ['bye', 4001, 'theirs', true]);
    });
    it('a refusal has its status, and its body where they send one', async () => {
      const { error } = await next<ErrorEvent>(new WebSocket(urlOf('ws', '/refused')), 'error');
      assert.ok(error instanceof HandshakeRejected, String(error));
      assert.deepEqual([error.status, error.text()], [403, has('refusal-body') ? 'no entry' : '']);
      if (has('refusal-body')) assert.match(error.message, /403.*: no entry$/);
    });
  }
  if (has('subprotocol'))
    it('a subprotocol is agreed', async () => {
      const socket = await open('/echo', { protocols: ['other', 'chat'] });
      assert.equal(socket.protocol, 'chat');
      await closed(socket);
    });
  if (has('their-ping'))
    it('their ping is answered', async () => {
      const socket = new WebSocket(urlOf('ws', '/ping'));
      assert.equal((await next<MessageEvent>(socket, 'message')).data, 'pong x');
      await closed(socket);
    });
  if (has('events')) {
    it('events come, and after the end a reconnection goes on behind the last ID after the server’s retry', () =>
      followsEvents(urlOf('http', '/events')));
    it('a refused stream is final, and says why', async () => {
      const source = new EventSource(urlOf('http', '/refused'));
      const { error } = await next<ErrorEvent>(source, 'error');
      assert.equal(source.readyState, EventSource.CLOSED);
      assert.ok(error instanceof HandshakeRejected);
      assert.deepEqual([error.status, error.text()], [403, 'no entry']);
    });
  }
}

async function closed(socket: WebSocket, code = 1000, reason = ''): Promise<CloseEvent> {
  const close = next<CloseEvent>(socket, 'close');
  socket.close(code, reason);
  return close;
}

async function answerTo(socket: WebSocket, data: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
  const answer = next<MessageEvent>(socket, 'message');
  socket.send(data);
  return (await answer).data;
}

async function echoesEverySize(socket: WebSocket): Promise<void> {
  for (const size of SIZES) {
    const text = `${'é'.repeat(size >> 1)}${'x'.repeat(size & 1)}`;
    assert.equal(await answerTo(socket, text), text, `text of ${size}`);
    const octets = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
    const answer = await answerTo(socket, octets);
    assert.ok(answer instanceof ArrayBuffer, `binary of ${size}`);
    assert.ok(Buffer.from(answer).equals(octets), `binary of ${size}`);
  }
  const { code, wasClean } = await closed(socket);
  assert.deepEqual([code, wasClean], [1000, true]);
}

async function echoesParts(socket: WebSocket): Promise<void> {
  const answer = next<MessageEvent>(socket, 'message');
  const parts = Array.from({ length: 50 }, (_, i) => `part ${i} é `);
  await socket.writeMessage(parts);
  assert.equal((await answer).data, parts.join(''));
  await closed(socket);
}

async function echoesInOrder(socket: WebSocket): Promise<void> {
  const got: unknown[] = [];
  const all = new Promise<void>((resolve) =>
    socket.addEventListener('message', ({ data }) => {
      if (got.push(data) === 1_000) resolve();
    }),
  );
  for (let i = 0; i < 1_000; i++) socket.send(`message ${i}`);
  await patiently('1,000 echoes', all);
  assert.deepEqual(
    got,
    Array.from({ length: 1_000 }, (_, i) => `message ${i}`),
  );
  await closed(socket);
}

/** What the server has heard of the end of ours; it may hear it a little later than we its answer. */
async function lastClose(url: string): Promise<unknown> {
  let last: unknown;
  for (let attempt = 0; attempt < 20 && !String(last).startsWith('4002'); attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const socket = new WebSocket(url);
    last = (await next<MessageEvent>(socket, 'message')).data;
    socket.terminate();
  }
  return last;
}

async function followsEvents(url: string): Promise<void> {
  const source = new EventSource(url, { random: () => 0 });
  const log: string[] = [];
  let endedAt = 0;
  for (const type of ['open', 'message', 'tick', 'error'])
    source.addEventListener(type, (event: Event) => {
      const { data: text = '', lastEventId = '' } = event as Event & { data?: string; lastEventId?: string };
      const data = text.startsWith('"') ? (JSON.parse(text) as string) : text; // better-sse sends JSON
      if (type === 'error') endedAt = performance.now();
      log.push([type, data, lastEventId].join(' ').trim());
    });
  await patiently(
    'the event behind the last ID',
    new Promise<void>((resolve) =>
      source.addEventListener('message', ({ data }) => {
        if (/^"?behind/.test(String(data))) resolve();
      }),
    ),
  );
  const waitedMs = performance.now() - endedAt;
  source.close();
  assert.deepEqual(log.slice(0, 5), ['open', 'message one 1', 'tick two\nlines 2', 'error', 'open']);
  assert.match(log[5]!, /^message behind 2 [23]$/);
  assert.ok(waitedMs >= 19 && waitedMs < 1_500, `waited ${waitedMs} ms, retry was 20`);
}
