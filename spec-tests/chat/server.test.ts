/** The chat over the wire, with our own clients: joining, saying, hearing, leaving, and being told what was wrong. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { ChatMessage, HistoryPage, ServerEvent } from '../../lib/chat/protocol.ts';
import { type Chat, mountChat } from '../../lib/chat/server.ts';
import type { ChatOptions } from '../../lib/chat/settings.ts';
import { EventSource } from '../../lib/client/event-source.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { CHAT_LIMITS, ROOM_LIMITS } from '../../lib/limits.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { until } from '../support/sockets.ts';

/** Reads what is heard one after the other. */
class Ear {
  readonly #heard: ServerEvent[] = [];
  #wake: (() => void) | undefined;

  hear(event: ServerEvent): void {
    this.#heard.push(event);
    this.#wake?.();
  }

  async next(): Promise<ServerEvent> {
    while (this.#heard.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#heard.shift() as ServerEvent;
  }

  async expect<T extends ServerEvent['type']>(type: T): Promise<ServerEvent & { type: T }> {
    const event = await this.next();
    assert.equal(event.type, type, JSON.stringify(event));
    return event as ServerEvent & { type: T };
  }
}

/** The one name that a list of presence is about. */
const joined = async (ear: Ear): Promise<string> =>
  (await ear.expect('presence')).joined.map(({ name }) => name).join();
const left = async (ear: Ear): Promise<string> => (await ear.expect('presence')).left.map(({ name }) => name).join();
const person = (name: string): { id: string; name: string } => ({ id: name, name });

describe('the chat server', { timeout: 30_000 }, () => {
  const open: { close(): unknown }[] = [];
  let server: Server;
  let chat: Chat;

  async function start(options: ChatOptions = {}): Promise<void> {
    server = createServer();
    chat = mountChat(server, { presenceMs: 0, flood: false, ...options });
    await server.listen();
  }

  afterEach(async () => {
    for (const each of open.splice(0)) each.close();
    await server.close();
  });

  async function member(room: string, user?: string, query = ''): Promise<{ socket: WebSocket; ear: Ear }> {
    const url = `${server.url.replace('http', 'ws')}/rooms/${room}${query}`;
    const socket = new WebSocket(url, user === undefined ? {} : { headers: { 'X-User-Id': user } });
    open.push(socket);
    const ear = new Ear();
    socket.onmessage = (event) => ear.hear(JSON.parse(event.data as string));
    const opened = once(socket, 'open');
    await Promise.race([opened, once(socket, 'error').then(() => Promise.reject(new Error('refused')))]);
    return { socket, ear };
  }

  function listener(room: string, query = ''): { stream: EventSource; ear: Ear; ids: string[] } {
    const stream = new EventSource(`${server.url}/rooms/${room}/events${query}`);
    open.push(stream);
    const ear = new Ear();
    const ids: string[] = [];
    for (const type of ['welcome', 'message', 'presence', 'gap', 'reset', 'removed', 'refused', 'expired'])
      stream.addEventListener(type, (event) => {
        ids.push((event as MessageEvent).lastEventId);
        ear.hear(JSON.parse((event as MessageEvent).data));
      });
    return { stream, ear, ids };
  }

  const say = (room: string, user: string, text: string): Promise<Response> =>
    fetch(`${server.url}/rooms/${room}/messages`, { method: 'POST', headers: { 'X-User-Id': user }, body: text });

  const problemOf = async (response: Response): Promise<[number, string]> => [
    response.status,
    ((await response.json()) as { code: string }).code,
  ];

  it('welcomes a member, shows joins and leaves to the others, and numbers what is said', async () => {
    await start({ now: () => new Date('2026-01-02T03:04:05.678Z') });
    const ann = await member('tea', 'ann');
    const welcome = await ann.ear.expect('welcome');
    assert.deepEqual(
      [welcome.you, welcome.room, welcome.members, welcome.sequence],
      ['ann', 'tea', [person('ann')], 0],
    );
    const bob = await member('tea', undefined, '?user=bob');
    assert.deepEqual((await bob.ear.expect('welcome')).members, [person('ann'), person('bob')]);
    const time = '2026-01-02T03:04:05.678Z';
    assert.deepEqual(await ann.ear.next(), {
      type: 'presence',
      time,
      joined: [person('bob')],
      left: [],
      renamed: [],
      memberCount: 2,
    });
    bob.socket.send(JSON.stringify({ type: 'message', text: 'hello 😀', id: 'b1' }));
    const heard = await ann.ear.expect('message');
    const { token } = heard;
    assert.match(String(token), /^[0-9a-z]+$/);
    const message = {
      type: 'message',
      sequence: 1,
      token,
      time,
      from: 'bob',
      userId: 'bob',
      text: 'hello 😀',
      id: 'b1',
    };
    assert.deepEqual(heard, message);
    assert.deepEqual(await bob.ear.next(), message);
    assert.deepEqual(await bob.ear.next(), { type: 'ack', id: 'b1', sequence: 1 });
    assert.equal(chat.members, 2);
    bob.socket.close();
    assert.deepEqual(await ann.ear.next(), {
      type: 'presence',
      time,
      joined: [],
      left: [person('bob')],
      renamed: [],
      memberCount: 1,
    });
    assert.equal(chat.members, 1);
  });

  it('tells nobody to have left who is still here, by another name or on another connection', async () => {
    await start();
    const ann = await member('tea', 'ann');
    await ann.ear.expect('welcome');
    const connect = async (name: string) => {
      const one = await member('tea', undefined, `?id=b1&user=${name}`);
      await one.ear.expect('welcome');
      return one;
    };
    const told = async () => {
      const { joined, left, renamed, memberCount } = await ann.ear.expect('presence');
      return { joined, left, renamed, memberCount };
    };
    const [bob, robert] = [
      { id: 'b1', name: 'bob' },
      { id: 'b1', name: 'robert' },
    ];
    const first = await connect('bob');
    assert.deepEqual(await told(), { joined: [bob], left: [], renamed: [], memberCount: 2 });
    const sameName = await connect('bob'); // nothing to tell
    const other = await member('tea', undefined, '?id=b1&user=robert');
    const { members, memberCount: count } = await other.ear.expect('welcome');
    assert.deepEqual([members, count], [[{ id: 'ann', name: 'ann' }, robert], 2], 'each person once');
    assert.deepEqual(await told(), { joined: [robert], left: [], renamed: [], memberCount: 2 });
    sameName.socket.close();
    await until('its connection has gone', () => chat.members === 3);
    other.socket.close();
    const renamed = [{ ...bob, was: 'robert' }];
    assert.deepEqual(await told(), { joined: [], left: [], renamed, memberCount: 2 });
    first.socket.close();
    assert.deepEqual(await told(), { joined: [], left: [bob], renamed: [], memberCount: 1 });
  });

  it('tells both names of a person who came with two while a third went', async () => {
    await start({ presenceMs: 60 });
    const ann = await member('tea', 'ann');
    await ann.ear.expect('welcome');
    const bob = await member('tea', undefined, '?id=b1&user=bob');
    await ann.ear.expect('presence');
    for (const name of ['rob', 'bobby']) await (await member('tea', undefined, `?id=b1&user=${name}`)).ear.next();
    bob.socket.close();
    const { joined, left, renamed } = await ann.ear.expect('presence');
    assert.deepEqual(left, []);
    assert.deepEqual(renamed, [{ id: 'b1', name: 'rob', was: 'bob' }]);
    assert.deepEqual(joined, [{ id: 'b1', name: 'bobby' }]);
  });

  it('keeps rooms apart', async () => {
    await start();
    const ann = await member('one', 'ann');
    await ann.ear.expect('welcome');
    await say('two', 'bob', 'not for you');
    await say('one', 'bob', 'for you');
    assert.equal((await ann.ear.expect('message')).text, 'for you');
  });

  it('counts a person with two connections once: joined with the first, left with the last', async () => {
    await start();
    const ann = await member('r', 'ann');
    await ann.ear.expect('welcome');
    const first = await member('r', 'bob');
    await ann.ear.expect('presence');
    const second = await member('r', 'bob');
    assert.equal((await second.ear.expect('welcome')).memberCount, 2);
    const closed = once(first.socket, 'close');
    first.socket.close();
    await closed;
    await say('r', 'x', 'in between');
    await ann.ear.expect('message');
    second.socket.close();
    assert.equal(await left(ann.ear), 'bob');
  });

  it('lets event streams, WebSockets and POST share a room; a stream resumes by its last event ID', async () => {
    await start();
    const ann = await member('mix', 'ann');
    await ann.ear.expect('welcome');
    const bob = listener('mix', '?user=bob');
    const welcome = await bob.ear.expect('welcome');
    assert.equal(await joined(ann.ear), 'bob');
    const posted = await say('mix', 'eve', 'one');
    assert.equal(posted.status, 201);
    const body = (await posted.json()) as ChatMessage;
    assert.deepEqual([body.sequence, body.from, body.text], [1, 'eve', 'one']);
    assert.deepEqual(await ann.ear.next(), body);
    assert.deepEqual(await bob.ear.next(), body);
    assert.equal(bob.ids[0], '');
    assert.match(bob.ids[1] ?? '', new RegExp(`^${welcome.epoch}-1-[0-9a-z]+$`));
    bob.stream.close();
    await ann.ear.expect('presence');
    await say('mix', 'eve', 'two');
    await say('mix', 'eve', 'three');
    const again = listener('mix', `?user=bob&lastEventId=${bob.ids[1]}`);
    const back = await again.ear.expect('welcome');
    assert.deepEqual([back.replayed, back.gap], [2, null]);
    assert.equal((await again.ear.expect('message')).text, 'two');
    assert.equal((await again.ear.expect('message')).text, 'three');
  });

  it('shows recent history to who joins, what came after to who comes back, and says when some is gone', async () => {
    await start({ maxHistoryMessages: 3 });
    for (let i = 1; i <= 5; i++) await say('h', 'ann', `m${i}`);
    const fresh = await member('h', 'bob');
    const welcome = await fresh.ear.expect('welcome');
    assert.deepEqual([welcome.replayed, welcome.gap, welcome.sequence], [3, null, 5]);
    for (const text of ['m3', 'm4', 'm5']) assert.equal((await fresh.ear.expect('message')).text, text);
    for (const [after, resumed, replayed, gap] of [
      [`${welcome.epoch}-4`, 'resumed', 1, null],
      [`${welcome.epoch}-2`, 'resumed', 3, null],
      [`${welcome.epoch}-1`, 'resumed', 3, { from: 2, to: 2 }],
      ['otherepoch-5', 'reset', 3, null],
      [`${welcome.epoch}-6`, 'reset', 3, null],
      ['nonsense', 'reset', 3, null],
    ] as const) {
      const back = await member('h', 'bob', `?after=${after}`);
      const again = await back.ear.expect('welcome');
      assert.deepEqual([again.resumed, again.replayed, again.gap], [resumed, replayed, gap], after);
      if (gap !== null) assert.deepEqual(await back.ear.next(), { type: 'gap', ...gap });
    }
    const history = async (after: string) => {
      const page = (await (await fetch(`${server.url}/rooms/h/messages?after=${after}`)).json()) as HistoryPage;
      return [page.sequence, page.reset, page.gap, page.messages.map(({ sequence }) => sequence)];
    };
    const token = welcome.position.split('-')[2];
    for (const after of [`${welcome.epoch}-3`, `${welcome.epoch}-3-${token}`])
      assert.deepEqual(await history(after), [5, false, null, [4, 5]]);
    assert.deepEqual(await history(`${welcome.epoch}-1`), [5, false, { from: 2, to: 2 }, [3, 4, 5]]);
    for (const after of [`${welcome.epoch}-3-${token}x`, `${welcome.epoch}-6`, 'nonsense'])
      assert.deepEqual(await history(after), [5, true, null, [3, 4, 5]]);
    assert.deepEqual(await (await fetch(`${server.url}/rooms/nobody/messages`)).json(), {
      room: 'nobody',
      epoch: '',
      sequence: 0,
      reset: false,
      gap: null,
      more: false,
      messages: [],
    });
  });

  it('replays 20 MB of history through 1 MiB of buffer without losing a message, over either transport', async () => {
    await start({ maxHistoryMessages: 5_000, maxHistoryBytes: 100_000_000 });
    const text = 'x'.repeat(8_000);
    for (let i = 0; i < 2_500; i++) await chat.publish('long', 'ann', text);
    const bob = await member('long', 'bob');
    const eve = listener('long', '?user=eve');
    for (const { ear } of [bob, eve]) {
      assert.equal((await ear.expect('welcome')).replayed, 2_500);
      for (let i = 1; i <= 2_500; ) {
        const event = await ear.next();
        if (event.type === 'presence') continue;
        assert.ok(event.type === 'message');
        assert.equal(event.sequence, i++);
      }
    }
  });

  it('publishes a message once, however often it is sent with the same id', async () => {
    await start();
    const ann = await member('once', 'ann');
    await ann.ear.expect('welcome');
    for (let i = 0; i < 3; i++) ann.socket.send('{"type":"message","text":"x","id":"same"}');
    await ann.ear.expect('message');
    for (let i = 0; i < 3; i++) assert.equal((await ann.ear.expect('ack')).sequence, 1);
    const post = (user: string) =>
      fetch(`${server.url}/rooms/once/messages?user=${user}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{"text":"x","id":"same"}',
      }).then((response) => response.json() as Promise<ChatMessage>);
    assert.equal((await post('ann')).sequence, 1);
    assert.equal((await post('bob')).sequence, 2, 'ids are each sender’s own');
  });

  it('answers a repeated id with the first text, whatever text it comes with', async () => {
    await start();
    const post = (text: string): Promise<ChatMessage> =>
      fetch(`${server.url}/rooms/once/messages?user=ann`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text, id: 'same' }),
      }).then((response) => response.json() as Promise<ChatMessage>);
    const first = await post('first');
    assert.deepEqual(await post('second'), first);
    assert.equal(first.text, 'first');
  });

  it('remembers the last maxKeys ids of a room: an older one counts as new', async () => {
    await start();
    const { socket, ear } = await member('receipts', 'ann');
    await ear.expect('welcome');
    const say = async (id: number): Promise<number> => {
      socket.send(JSON.stringify({ type: 'message', text: 'x', id: String(id) }));
      for (;;) {
        const event = await ear.next();
        if (event.type === 'ack') return event.sequence;
      }
    };
    for (let id = 0; id <= ROOM_LIMITS.maxKeys; id++) assert.equal(await say(id), id + 1);
    assert.equal(await say(1), 2, 'the oldest that is remembered');
    assert.equal(await say(0), ROOM_LIMITS.maxKeys + 2, 'published again');
  });

  it('lists at most maxMembersListed names, and counts them all', async () => {
    await start();
    const { maxMembersListed } = ROOM_LIMITS;
    const joined = Array.from({ length: maxMembersListed + 1 }, async (_, i) => {
      const socket = connect(server.port, '127.0.0.1');
      open.push({ close: () => socket.destroy() });
      socket.write(`GET /rooms/crowd/events?user=u${i} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
      await once(socket, 'data');
      socket.resume();
    });
    await Promise.all(joined);
    const ann = await member('crowd', 'ann');
    const welcome = await ann.ear.expect('welcome');
    assert.deepEqual([welcome.members.length, welcome.memberCount], [maxMembersListed, maxMembersListed + 2]);
  });

  it('tells a member what was wrong, and nobody else notices', async () => {
    await start();
    const ann = await member('calm', 'ann');
    await ann.ear.expect('welcome');
    const bob = await member('calm', 'bob');
    await bob.ear.expect('welcome');
    await ann.ear.expect('presence');
    const wrong: [string | Uint8Array, string][] = [
      ['not json', 'BAD_JSON'],
      ['{"type":"shout"}', 'BAD_TYPE'],
      ['{"type":"message","text":""}', 'BAD_TEXT'],
      [JSON.stringify({ type: 'message', text: 'x'.repeat(CHAT_LIMITS.maxTextBytes + 1) }), 'TEXT_TOO_LONG'],
      [new Uint8Array([1, 2, 3]), 'BINARY'],
    ];
    for (const [data, code] of wrong) {
      bob.socket.send(data);
      assert.equal((await bob.ear.expect('error')).code, code);
    }
    bob.socket.send('{"type":"ping"}');
    await bob.ear.expect('pong');
    bob.socket.send('{"type":"message","text":"still here"}');
    assert.equal((await ann.ear.expect('message')).sequence, 1);
  });

  it('ends a member that sends more than a message may be with 1009; the room goes on', async () => {
    await start();
    const ann = await member('big', 'ann');
    await ann.ear.expect('welcome');
    const bob = await member('big', 'bob');
    const closed = once(bob.socket, 'close');
    await ann.ear.expect('presence');
    bob.socket.send('x'.repeat(CHAT_LIMITS.maxMessageBytes + 1));
    assert.equal(((await closed) as [{ code: number }])[0].code, 1009);
    assert.equal(await left(ann.ear), 'bob');
  });

  it('refuses rooms, names and origins that it cannot have, over every way in', async () => {
    await start();
    for (const path of ['a%20b', '-', 'x'.repeat(65), '%F0%9F%98%80']) {
      assert.deepEqual(await problemOf(await fetch(`${server.url}/rooms/${path}/messages`)), [400, 'BAD_ROOM'], path);
      assert.deepEqual(await problemOf(await fetch(`${server.url}/rooms/${path}/events`)), [400, 'BAD_ROOM'], path);
      assert.deepEqual(await problemOf(await say(path, 'ann', 'x')), [400, 'BAD_ROOM'], path);
      await assert.rejects(member(path, 'ann'), path);
    }
    assert.deepEqual(await problemOf(await fetch(`${server.url}/rooms/r/messages?user=%00`)), [400, 'BAD_USER']);
    await assert.rejects(member('r', undefined, '?user=a%0Ab'));
    const from = (origin: string) =>
      fetch(`${server.url}/rooms/r/messages`, { method: 'POST', headers: { Origin: origin }, body: 'x' });
    assert.equal((await from('https://evil.example')).status, 403);
    assert.equal((await from(server.url)).status, 201);
    assert.equal(chat.members, 0);
  });

  it('allows an origin that is on the list', async () => {
    await start({ allowedOrigins: ['https://app.example'] });
    const response = await fetch(`${server.url}/rooms/r/messages`, {
      method: 'POST',
      headers: { Origin: 'https://app.example' },
      body: 'x',
    });
    assert.equal(response.status, 201);
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/rooms/r`, {
      headers: { Origin: 'https://app.example' },
    });
    open.push(socket);
    await once(socket, 'open');
  });

  it('says what is wrong with a POST, and takes plain text and JSON', async () => {
    await start();
    const post = (type: string, body: string) =>
      fetch(`${server.url}/rooms/p/messages`, { method: 'POST', headers: { 'Content-Type': type }, body });
    assert.deepEqual(await problemOf(await post('application/json', '{')), [400, 'BAD_JSON']);
    assert.deepEqual(await problemOf(await post('application/json', '[]')), [400, 'BAD_TEXT']);
    assert.deepEqual(await problemOf(await post('application/json; charset=utf-8', '{"text":1}')), [400, 'BAD_TEXT']);
    assert.deepEqual(await problemOf(await post('text/plain', '  ')), [400, 'BAD_TEXT']);
    assert.deepEqual(await problemOf(await post('text/plain', 'x'.repeat(8_193))), [400, 'TEXT_TOO_LONG']);
    const form = (await (await post('application/x-www-form-urlencoded', 'as curl sends it')).json()) as ChatMessage;
    assert.deepEqual([form.from, form.text, form.sequence], ['guest', 'as curl sends it', 1]);
  });

  it('reads a name in UTF-8 from X-User-Id, prefers it to ?user=, and makes one up for who gives none', async () => {
    await start();
    const zoe = await member('n', Buffer.from('zoë').toString('latin1'), '?user=other');
    assert.equal((await zoe.ear.expect('welcome')).you, 'zoë');
    const nobody = await member('n');
    assert.match((await nobody.ear.expect('welcome')).you, /^guest-[0-9a-z]{4}$/);
  });

  it('removes a member whose connection breaks without a word', async () => {
    await start();
    const ann = await member('gone', 'ann');
    await ann.ear.expect('welcome');
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      `GET /rooms/gone?user=bob HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    assert.equal(await joined(ann.ear), 'bob');
    socket.resetAndDestroy();
    assert.equal(await left(ann.ear), 'bob');
  });

  it('lets go of a member that does not read, with the others undisturbed', async () => {
    await start();
    const ann = await member('slow', 'ann');
    await ann.ear.expect('welcome');
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.write(`GET /rooms/slow/events?user=bob HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
    open.push({ close: () => socket.destroy() });
    await ann.ear.expect('presence');
    const text = 'x'.repeat(8_000);
    // What the system buffers for a socket comes on top of our own bound.
    let hasLeft = false;
    for (let i = 0; i < 4_000 && !hasLeft; i++) {
      await chat.publish('slow', 'eve', text);
      const event = await ann.ear.next();
      if (event.type === 'presence') {
        assert.deepEqual(event.left, [person('bob')]);
        hasLeft = true;
      }
    }
    assert.ok(hasLeft);
    assert.equal(chat.members, 1);
  });

  it('refuses a member beyond the limit with an error and 1013, and a room beyond it with 503', async () => {
    await start({ maxMembers: 1, maxRooms: 1 });
    const ann = await member('full', 'ann');
    await ann.ear.expect('welcome');
    const bob = await member('full', 'bob');
    const closed = once(bob.socket, 'close');
    assert.equal((await bob.ear.expect('error')).code, 'ROOM_FULL');
    assert.equal(((await closed) as [{ code: number }])[0].code, 1013);
    assert.deepEqual(await problemOf(await say('other', 'eve', 'x')), [503, 'LOG_FULL']);
    await say('full', 'eve', 'x');
    assert.equal((await ann.ear.expect('message')).text, 'x');
  });

  it('answers /healthz, and sends members away with 1001 when it closes', async () => {
    await start();
    const ann = await member('bye', 'ann');
    await ann.ear.expect('welcome');
    const stream = await fetch(`${server.url}/rooms/bye/events?user=bob`);
    await ann.ear.expect('presence');
    assert.deepEqual(await (await fetch(`${server.url}/healthz`)).json(), { status: 'ok', rooms: 1, members: 2 });
    const closed = once(ann.socket, 'close');
    const ended = stream.text(); // a stream that is ended is a whole response
    await server.close();
    assert.equal(((await closed) as [{ code: number }])[0].code, 1001);
    assert.match(await ended, /event: welcome/);
  });

  it('serves the page with a Content-Security-Policy at the address that WebSockets use, and nothing beside', async () => {
    await start();
    const page = await fetch(`${server.url}/rooms/any`);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    for (const [, asset] of (await page.text()).matchAll(/(?:src|href)="([^"]+)"/g))
      assert.equal((await fetch(new URL(asset ?? '', `${server.url}/rooms/any`))).status, 200, asset);
    for (const path of [
      '/assets/chat/server.js',
      '/assets/chat/page/../server.js',
      '/assets/chat/page/%2e%2e/server.js',
    ])
      assert.equal((await fetch(`${server.url}${path}`)).status, 404, path);
    const root = await fetch(server.url, { redirect: 'manual' });
    assert.deepEqual([root.status, root.headers.get('location')], [302, 'rooms/lobby']);
  });

  it('publishes for its own process, and throws for what the protocol does not allow', async () => {
    await start({ page: false });
    const { sequence, from, text } = await chat.publish('r', 'server', 'hello');
    assert.deepEqual([sequence, from, text], [1, 'server', 'hello']);
    assert.throws(() => void chat.publish('no room', 'server', 'x'), TypeError);
    assert.throws(() => void chat.publish('r', '\n', 'x'), TypeError);
    assert.throws(() => void chat.publish('r', 'server', ''), TypeError);
    assert.equal((await fetch(`${server.url}/`)).status, 404);
    assert.equal(chat.rooms, 0, 'nobody is in it');
  });
});
