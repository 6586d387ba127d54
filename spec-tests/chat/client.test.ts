/** `connectChat`: what it sends and hears over both transports, what it keeps, and when it gives up. */

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectChat as inBrowsers } from '../../lib/chat/client.ts';
import type { WebSocketLike } from '../../lib/chat/client-links.ts';
import {
  type ChatConnection,
  type ChatMessage,
  type ChatState,
  type ConnectOptions,
  connectChat,
  type StorageLike,
} from '../../lib/chat/client-node.ts';
import { ChatRefused, Outbox } from '../../lib/chat/client-outbox.ts';
import { Heartbeats } from '../../lib/chat/heartbeats.ts';
import type { ServerEvent } from '../../lib/chat/protocol.ts';
import { mountChat } from '../../lib/chat/server.ts';
import type { ChatOptions } from '../../lib/chat/settings.ts';
import { EventSource } from '../../lib/client/event-source.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { PreparedEvent } from '../../lib/event-stream/prepared-event.ts';
import { CHAT_LIMITS } from '../../lib/limits.ts';
import { openJournal } from '../../lib/room-logs/journal-index.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { WebSocket as EmitterWebSocket } from '../../lib/ws/index.ts';
import { browserBundle } from '../support/bundle.ts';
import { withChat } from '../support/chat-server.ts';
import { FakeClock } from '../support/clock.ts';
import { Random } from '../support/random.ts';
import { turns, until, withServer } from '../support/sockets.ts';

const welcome = (more: object = {}): string =>
  `event: welcome\ndata: ${JSON.stringify({
    ...{ type: 'welcome', version: 2, room: 'r', you: 'ann', userId: 'ann', epoch: 'e', sequence: 0, position: 'e-0-' },
    ...{ resumed: 'new', replayed: 0, gap: null, members: [], memberCount: 1, ...more },
  })}\n\n`;

/** A chat server of Node's that answers as the test says. */
async function withFake(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  body: (origin: string) => Promise<void>,
): Promise<void> {
  const server = createHttpServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => answer(request, response, text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

interface Joined {
  readonly client: ChatConnection;
  readonly events: ServerEvent[];
  readonly states: ChatState[];
  readonly texts: () => string[];
  readonly state: () => string;
}

function joinChat(url: string, options: Partial<ConnectOptions> = {}): Joined {
  const client = connectChat(url, {
    room: 'r',
    user: 'ann',
    minRetryMs: 4,
    maxRetryMs: 20,
    random: () => 0.5,
    ...options,
  });
  const events: ServerEvent[] = [];
  const states: ChatState[] = [];
  for (const type of ['welcome', 'message', 'removed', 'presence', 'gap', 'reset', 'error'] as const)
    client.on(type, (event) => events.push(event));
  client.on('state', (state) => states.push(state));
  const texts = () => events.filter((event): event is ChatMessage => event.type === 'message').map(({ text }) => text);
  return { client, events, states, texts, state: () => client.state.state };
}

const openStream = (response: ServerResponse, more: object = {}): void =>
  void response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(welcome(more));

/** A storage as browsers have it. */
class MapStorage implements StorageLike {
  readonly items: Map<string, string> = new Map();
  get length(): number {
    return this.items.size;
  }
  key(index: number): string | null {
    return [...this.items.keys()].reverse()[index] ?? null; // any order will do
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
}

describe('connectChat with the chat server', { timeout: 30_000 }, () => {
  for (const transport of ['websocket', 'event-stream'] as const) {
    it(`${transport}: send resolves with the message as the room has it`, async () => {
      await withChat({}, async ({ url }) => {
        const { client, texts } = joinChat(url, { transport });
        const sent = client.send('hello');
        assert.deepEqual(
          client.waiting.map(({ id, text }) => [id, text]),
          [[sent.id, 'hello']],
        );
        const { sequence, from, text, id } = await sent;
        assert.deepEqual([sequence, from, text, id], [1, 'ann', 'hello', sent.id]);
        await until('it is heard', () => texts().length === 1);
        assert.deepEqual(client.waiting, []);
        client.close();
      });
    });

    it(`${transport}: comes back after its server did, and says what was waiting once and in order`, async () => {
      let port = 0;
      let joined: Joined | undefined;
      await withChat({}, async (server) => {
        port = server.port;
        joined = joinChat(server.url, { transport });
        await joined.client.send('one');
      });
      const { client, texts, state } = joined!;
      await until('it has noticed', () => state() !== 'open');
      const sent = ['two', 'three', 'four'].map((text) => client.send(text));
      assert.equal(client.waiting.length, 3);
      await withChat(
        {},
        async () => {
          assert.deepEqual(await Promise.all(sent).then((all) => all.map(({ sequence }) => sequence)), [1, 2, 3]);
          await until('all is heard', () => texts().length === 4);
          assert.deepEqual(texts(), ['one', 'two', 'three', 'four']);
          client.close();
        },
        port,
      );
    });
  }

  it('send rejects with the reason of the server, and the next message is said', async () => {
    const onMessage: ChatOptions['onMessage'] = ({ text }) => (text === 'bad' ? { refuse: 'not here' } : undefined);
    await withChat({ onMessage }, async ({ url }) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        const { client } = joinChat(url, { transport });
        const bad = client.send('bad');
        const good = client.send('good');
        await assert.rejects(bad, { name: 'ChatRefused', code: 'REFUSED', message: 'not here' });
        assert.equal((await good).text, 'good');
        client.close();
      }
    });
  });

  it('a message on which onMessage throws is refused once, over both transports, and the next one is said over the same connection', async () => {
    const looked: string[] = [];
    const onMessage: ChatOptions['onMessage'] = ({ text }) => {
      looked.push(text);
      if (text === 'bad') throw new Error('a mistake of the application');
      return undefined;
    };
    const server = createServer({ onError: () => undefined });
    mountChat(server, { onMessage, presenceMs: 0 });
    await server.listen();
    for (const transport of ['websocket', 'event-stream'] as const) {
      looked.length = 0;
      const { client, events, states } = joinChat(`${server.url}/`, { transport });
      const bad = client.send('bad');
      const good = client.send('good');
      const message = 'the server failed to look at this message';
      await assert.rejects(bad, { name: 'ChatRefused', code: 'FAILED', message });
      assert.equal((await good).text, 'good');
      assert.deepEqual(
        events.filter(({ type }) => type === 'error'),
        [{ type: 'error', code: 'FAILED', message, id: bad.id }],
      );
      assert.deepEqual(looked, ['bad', 'good']);
      assert.deepEqual(states, [{ state: 'open', transport }]);
      client.close();
    }
    await server.close();
  });

  it('where authorize fails the message waits until it answers', async () => {
    let isBroken = true;
    const authorize: ChatOptions['authorize'] = (_, __, action) => {
      if (action === 'say' && isBroken) throw new Error('no database');
      return true;
    };
    const server = createServer({ onError: () => undefined });
    mountChat(server, { authorize, presenceMs: 0 });
    await server.listen();
    for (const transport of ['websocket', 'event-stream'] as const) {
      isBroken = true;
      const { client, events, state } = joinChat(`${server.url}/`, { transport });
      const sent = client.send('hello');
      if (transport === 'websocket') await until('it is told', () => events.some(({ type }) => type === 'error'));
      else await until('it is open', () => state() === 'open');
      isBroken = false;
      assert.equal((await sent).text, 'hello');
      client.close();
    }
    await server.close();
  });

  it('who may read and not join is told so, and the client is closed', async () => {
    const authorize: ChatOptions['authorize'] = (_, __, action) => action !== 'join';
    await withChat({ authorize }, async ({ url }) => {
      for (const transport of ['auto', 'websocket', 'event-stream'] as const) {
        const { client, state } = joinChat(url, { transport });
        await until('it is closed', () => state() === 'closed');
        assert.ok(client.state.state === 'closed');
        assert.deepEqual(
          [client.state.reason.code, client.state.reason.message],
          ['FORBIDDEN', 'you may not join this room'],
        );
        assert.deepEqual((await client.history()).messages, []);
      }
    });
  });

  it('a refusal that takes longer than a wait is final all the same', async () => {
    let asked = 0;
    const identify: ChatOptions['identify'] = async () => {
      asked++;
      await new Promise((resolve) => setTimeout(resolve, 60));
      return { status: 403, body: 'not you' };
    };
    await withChat({ identify }, async ({ url }) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        asked = 0;
        const { client, state } = joinChat(url, { transport }); // waits 2 ms
        await until('it is closed', () => state() === 'closed');
        assert.ok(client.state.state === 'closed');
        assert.deepEqual([client.state.reason.code, client.state.reason.message, asked], ['FORBIDDEN', 'not you', 2]);
      }
    });
  });

  it('a wait has the reason why the attempt before it failed: the server’s answer, no network, a token that is not to be had', async () => {
    const reasonOf = async (url: string, options: Partial<ConnectOptions> = {}): Promise<string> => {
      const { client, states } = joinChat(url, { ...options, minRetryMs: 1_000, maxRetryMs: 1_000 });
      await until('there is a reason', () => states.some((now) => now.state === 'waiting' && now.reason !== undefined));
      client.close();
      const waiting = states.at(-2);
      assert.ok(waiting?.state === 'waiting');
      assert.deepEqual(
        states.map((now) => (now.state === 'waiting' ? now.retryInMs : now.state)),
        'token' in options ? [500, 'closed'] : [500, 500, 'closed'], // the wait at once; its reason when it is known
      );
      return waiting.reason!;
    };
    const server = createServer({ onError: () => undefined });
    mountChat(server, { identify: () => Promise.reject(new Error('no database')) });
    await server.listen();
    for (const transport of ['websocket', 'event-stream'] as const)
      assert.equal(await reasonOf(`${server.url}/`, { transport }), 'the handler failed');
    const { url } = server;
    await server.close();
    const token = () => Promise.reject(new Error('no keys'));
    assert.equal(await reasonOf(`${url}/`, { token }), 'Error: no keys');
    assert.equal(await reasonOf(`${url}/`), 'ECONNREFUSED');
    await withChat({ maxMembers: 1 }, async (full) => {
      const { client, state } = joinChat(full.url);
      await until('one is there', () => state() === 'open');
      for (const transport of ['websocket', 'event-stream'] as const) {
        const { client: late, states } = joinChat(full.url, { transport, user: 'bob' });
        await until('it waits', () => states.some((now) => now.state === 'waiting'));
        const [first] = states;
        assert.ok(first?.state === 'waiting' && first.retryInMs >= 1_000);
        assert.equal(first.reason, 'room r has 1 members, limit 1');
        late.close();
      }
      client.close();
    });
  });

  it('a text as long as maxTextBytes can be is said and heard, escaped six octets for one, over both transports', async () => {
    const { mostTextBytes } = CHAT_LIMITS;
    await withChat({ maxTextBytes: mostTextBytes, maxHistoryBytes: 1_048_576 }, async ({ url }) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        const { client, texts } = joinChat(url, { transport, user: '\u{1d4d0}'.repeat(32), id: '"'.repeat(64) });
        const longest = '\u0001'.repeat(mostTextBytes);
        assert.equal((await client.send(longest)).text, longest);
        await until('it is heard', () => texts().at(-1) === longest);
        await assert.rejects(client.send(`${longest}x`), { code: 'TEXT_TOO_LONG' });
        client.close();
      }
    });
  });

  it('waits as long as the server says when it was too fast, and loses nothing and no order', async () => {
    const rate = { burst: 2, perSecond: 100 };
    const flood = { messages: { user: rate, address: rate } };
    await withChat({ flood }, async ({ url }) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        const { client, events, texts } = joinChat(url, { transport, room: transport });
        const all = Array.from({ length: 8 }, (_, i) => client.send(String(i)));
        await Promise.all(all);
        await until('all is heard', () => texts().length === 8);
        assert.deepEqual(texts(), ['0', '1', '2', '3', '4', '5', '6', '7']);
        const problems = events.filter((event) => event.type === 'error');
        assert.ok(problems.length > 0);
        for (const { code, message, id, retryAfterMs } of problems) {
          assert.deepEqual([code, message.length > 0, id !== undefined], ['RATE_LIMITED', true, true]);
          assert.ok(retryAfterMs! > 0);
        }
        client.close();
      }
    });
  });

  it('what was not acknowledged survives a reload, by tab, and is said once', async () => {
    const storage = new MapStorage();
    const nowhere = 'http://127.0.0.1:9';
    const first = joinChat(nowhere, { storage, tab: 'a' });
    const lost = first.client.send('kept');
    first.client.close();
    await assert.rejects(lost, { code: 'CLOSED' });
    assert.equal(storage.items.size, 1);
    const [key, value] = [...storage.items][0]!;
    await withChat({}, async ({ url }) => {
      storage.items.clear();
      storage.items.set(key.replace(`${nowhere}/`, `${url}/`), value);
      const other = joinChat(url, { storage, tab: 'b' });
      assert.deepEqual(other.client.waiting, []);
      const again = joinChat(url, { storage, tab: 'a' });
      assert.deepEqual(
        again.client.waiting.map(({ text }) => text),
        ['kept'],
      );
      const [inherited] = again.client.waiting;
      assert.deepEqual([(await inherited?.promise)?.text, storage.items.size], ['kept', 0]);
      await until('it is heard', () => other.texts().length === 1);
      assert.deepEqual([again.texts(), other.texts(), storage.items.size], [['kept'], ['kept'], 0]);
      other.client.close();
      again.client.close();
    });
  });

  it('two clients of one name on one storage keep what the other one has stored', async () => {
    await withChat({}, async ({ url }) => {
      const storage = new MapStorage();
      class Silent implements WebSocketLike {
        onmessage = null;
        onclose = null;
        send(): void {}
        close(): void {}
      }
      const mute = joinChat(url, { storage, tab: 'a', transport: 'websocket', WebSocket: Silent });
      void mute.client.send('one');
      const twin = joinChat(url, { storage, tab: 'a' });
      void mute.client.send('two');
      assert.equal((await twin.client.send('three')).text, 'three');
      await until('it is said', () => twin.client.waiting.length === 0);
      assert.deepEqual([twin.texts(), [...storage.items.values()]], [['one', 'three'], ['two']]);
      mute.client.close();
      twin.client.close();
    });
  });

  it('two clients of one name keep each other’s stored messages also where they are more than one may have waiting', async () => {
    await withFake(
      (_, response) => void response.writeHead(503).end(),
      async (origin) => {
        const storage = new MapStorage();
        const tabs = [0, 1].map(() =>
          joinChat(origin, { storage, tab: 'a', maxWaiting: 3, transport: 'event-stream' }),
        );
        for (const text of ['1', '2', '3']) void tabs[0]!.client.send(text);
        for (const text of ['4', '5']) void tabs[1]!.client.send(text);
        await assert.rejects(tabs[0]!.client.send('too many'), { code: 'OUTBOX_FULL' });
        assert.deepEqual([...storage.items.values()].sort(), ['1', '2', '3', '4', '5']);
        for (const { client } of tabs) client.close();
        const next = joinChat(origin, { storage, tab: 'a', maxWaiting: 3, transport: 'event-stream' });
        assert.equal(next.client.waiting.length, 3);
        next.client.close();
      },
    );
  });

  for (const isReloaded of [false, true])
    it(`what was taken, and not acknowledged before the connection was lost, is heard before it would be said again${isReloaded ? ', after a reload too' : ''}`, async () => {
      // The server forgets ids at once, as it does with all of them after a while.
      await withChat({ log: new MemoryLog({ keyAgeMs: 0 }) }, async ({ url }) => {
        let connections = 0;
        /** The first of them ends when it should hear that the server has our message. */
        class Lossy implements WebSocketLike {
          onmessage: WebSocketLike['onmessage'] = null;
          onclose: WebSocketLike['onclose'] = null;
          readonly #socket: WebSocket;
          constructor(to: string) {
            const isFirst = ++connections === 1;
            this.#socket = new WebSocket(to);
            this.#socket.onclose = (event) => this.onclose?.(event as never);
            this.#socket.onmessage = (event) => {
              if (isFirst && /"(ack|message)"/.test(String(event.data))) this.#socket.close();
              else this.onmessage?.(event as never);
            };
          }
          send(text: string): void {
            this.#socket.send(text);
          }
          close(): void {
            this.#socket.close();
          }
        }
        const witness = joinChat(url, { user: 'bob' });
        const storage = new MapStorage();
        const options = { storage, WebSocket: Lossy, transport: 'websocket' } as const;
        const first = joinChat(url, options);
        const sent = first.client.send('once');
        sent.catch(() => {});
        await until('it is published', () => witness.texts().length === 1);
        if (isReloaded) first.client.close();
        const { client } = isReloaded ? joinChat(url, options) : first;
        assert.equal((await client.waiting[0]?.promise)?.sequence, 1);
        assert.equal((await witness.client.send('the end')).sequence, 2, 'it is said once');
        assert.deepEqual([witness.texts(), storage.length], [['once', 'the end'], 0]);
        for (const one of [witness.client, client]) one.close();
      });
    });

  it('JSON of somebody between us and the chat is no event of the chat’s: a pause, and then the message', async () => {
    await withChat({}, async ({ url }) => {
      const { client } = joinChat(url, { transport: 'event-stream' });
      const errors: unknown[] = [];
      client.on('error', (event) => errors.push(event));
      await until('it is open', () => client.state.state === 'open');
      const { fetch } = globalThis;
      let refusals = 0;
      globalThis.fetch = async (...of) => {
        if (refusals++ > 0) return fetch(...of);
        const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '0' };
        return new Response('{"type":"about:blank","title":"Service Unavailable"}', { status: 503, headers });
      };
      try {
        assert.equal((await client.send('said')).text, 'said');
      } finally {
        globalThis.fetch = fetch;
      }
      assert.deepEqual([refusals > 1, errors], [true, []]);
      client.close();
    });
  });

  it('two pages on one storage lose nothing and bring nothing back, also where each reads late what the other one wrote (random)', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const pages = [new MapStorage(), new MapStorage()];
      /** Written by one page, and not yet seen by the other. */
      const late: (() => void)[] = [];
      const arrive = (): void => {
        for (const write of late.splice(0)) write();
      };
      const began = (at: number): Outbox => {
        const [own, other] = [pages[at]!, pages[1 - at]!];
        const write = (what: (storage: MapStorage) => void): void => {
          what(own);
          late.push(() => what(other));
        };
        return new Outbox(
          100,
          {
            ...{ length: own.length, key: (index) => own.key(index), getItem: (key) => own.getItem(key) },
            setItem: (key, value) => write((storage) => storage.setItem(key, value)),
            removeItem: (key) => write((storage) => storage.removeItem(key)),
          },
          'key',
        );
      };
      const stored = (at: number): string[] =>
        began(at)
          .list()
          .map(({ id }) => id)
          .sort();
      const outboxes = [began(0), began(1)];
      /** What was said, and is neither acknowledged nor refused. */
      const due = new Set<string>();
      for (let step = 0; step < 40; step++) {
        const at = random.below(2);
        const outbox = outboxes[at]!;
        const { first } = outbox;
        const choice = random.below(10);
        if (choice < 4) due.add(outbox.add(`${step}`).id);
        else if (choice < 7 && first) {
          if (choice === 6) outbox.reject(first.id, new ChatRefused());
          else outbox.resolve(first.id, () => ({}) as ChatMessage);
          due.delete(first.id);
        } else if (choice === 7) {
          outbox.close(new ChatRefused('CLOSED'));
          outboxes[at] = began(at);
        } else if (choice === 8) arrive();
      }
      arrive();
      for (const at of [0, 1]) assert.deepEqual(stored(at), [...due].sort(), `seed ${seed}, page ${at}`);
    }
  });

  it('a stored id that no outbox makes holds nothing up, and what another key has is nobody’s message', async () => {
    const storage = new MapStorage();
    const ids = ['1767225600000-0.5', 'x'.repeat(65), '1767225600000-'.padEnd(65, 'x'), ''];
    for (const key of ['key ', 'other key ', '']) for (const id of ids) storage.setItem(`${key}${id}`, `${key}${id}`);
    storage.setItem('key 1767225599999-0.5', ''); // the server takes no empty text
    assert.deepEqual(
      new Outbox(100, storage, 'key ').list().map(({ text }) => text),
      ['key 1767225600000-0.5'],
    );
  });

  it('what is said after a reload waits after what was said before it, also where the clock was set back meanwhile', () => {
    const storage = new MapStorage();
    storage.setItem('key 4102444800000-0.5', 'of the year 2100');
    const said = new Outbox(100, storage, 'key ').add('now');
    said.catch(() => {});
    assert.equal(said.id.split('-')[0], '4102444800001');
    assert.deepEqual(
      new Outbox(100, storage, 'key ').list().map(({ text }) => text),
      ['of the year 2100', 'now'],
    );
  });

  it('a storage that is full, and one that is forbidden, do no harm', async () => {
    const refuse = (): never => {
      throw new Error('refused');
    };
    const full = Object.assign(new MapStorage(), { setItem: refuse });
    for (const storage of [full, new Proxy(full, { get: refuse })]) {
      const outbox = new Outbox(100, storage, 'key');
      const sent = outbox.add('said');
      assert.equal(outbox.first?.text, 'said');
      outbox.resolve(sent.id, ({ text }) => ({ text }) as ChatMessage);
      assert.deepEqual([(await sent).text, outbox.first], ['said', undefined]);
    }
  });

  it('refuses at the call what can never work', () => {
    const refuses = (url: string, options: object, kind: typeof TypeError | typeof RangeError): void => {
      assert.throws(() => connectChat(url, options as never), kind);
    };
    refuses('ftp://x', { room: 'a' }, TypeError);
    refuses('nonsense', { room: 'a' }, TypeError);
    refuses('http://127.0.0.1:1/', {}, TypeError);
    refuses('http://127.0.0.1:1/', { room: 5 }, TypeError);
    for (const room of ['', '\ud800', 'a\udc00', 5]) {
      refuses('http://127.0.0.1:1/', { room }, TypeError);
      assert.throws(() => inBrowsers('http://127.0.0.1:1/', { room: room as string, WebSocket }), TypeError);
    }
    refuses('http://127.0.0.1:1/', { room: 'a', minRetryMs: 'x' }, TypeError);
    refuses('http://127.0.0.1:1/', { room: 'a', maxRetryMs: 0 }, RangeError);
  });

  it('a constructor that throws is final, with what it threw; beside a connection that is heard, that one stays', async () => {
    let isForbidden = true;
    class Forbidden extends WebSocket {
      constructor(url: string) {
        if (isForbidden) throw new Error('not under this policy');
        super(url);
      }
    }
    const options = { WebSocket: Forbidden as never, EventSource: Forbidden as never };
    for (const transport of ['websocket', 'event-stream', 'auto'] as const) {
      const { client, state } = joinChat('http://127.0.0.1:9', { ...options, transport });
      await until('it is closed', () => state() === 'closed');
      assert.ok(client.state.state === 'closed');
      const { code, message } = client.state.reason;
      assert.deepEqual([code, message], ['FORBIDDEN', 'Error: not under this policy']);
      await assert.rejects(client.send('x'), { code: 'FORBIDDEN' });
    }
    await withChat({}, async ({ url }) => {
      isForbidden = false;
      const { client, state } = joinChat(url, options);
      await until('it is there', () => state() === 'open');
      isForbidden = true;
      await assert.rejects(client.rename('Anna'), { code: 'FORBIDDEN' });
      assert.equal((await client.send('still here')).from, 'ann');
      client.close();
    });
  });

  it('a text that no message of the server holds is refused once, and what waits behind it is said', async () => {
    await withChat({}, async ({ url }) => {
      const { client, events } = joinChat(url, { transport: 'websocket' });
      const long = client.send('x'.repeat(CHAT_LIMITS.maxMessageBytes));
      const next = client.send('short');
      const refused = await long.catch((error) => error as { readonly code: string; readonly message: string });
      assert.ok('code' in refused && refused.code === 'TEXT_TOO_LONG');
      assert.match(refused.message, /65536/); // the close frame says the bound
      assert.equal((await next).text, 'short');
      assert.deepEqual(
        events.filter(({ type }) => type === 'error'),
        [{ type: 'error', code: refused.code, message: refused.message, id: long.id }],
      );
      client.close();
    });
  });

  it('what was refused is not said again where the listener of the refusal says something, over both transports', async () => {
    let isFirst = true;
    const onMessage: ChatOptions['onMessage'] = ({ text }) => {
      if (text !== 'first' || !isFirst) return undefined;
      isFirst = false;
      return { refuse: 'not now' };
    };
    await withChat({ onMessage }, async ({ url }) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        isFirst = true;
        const { client, texts } = joinChat(url, { transport, room: transport });
        let sorry: Promise<ChatMessage> | undefined;
        client.on('error', () => {
          sorry ??= client.send('sorry');
        });
        await assert.rejects(client.send('first'), { code: 'REFUSED' });
        await sorry;
        await client.send('last');
        await until('all is heard', () => texts().at(-1) === 'last');
        assert.deepEqual(texts(), ['sorry', 'last']);
        client.close();
      }
    });
  });

  it('a wait that the server asks for is kept, up to what a timer takes; a 413 is TEXT_TOO_LONG; what is no JSON is no answer', async () => {
    let answers = 0;
    let answer: readonly [status: number, field: string] = [503, '2592000'];
    let body = '<html>';
    const isPost = (request: IncomingMessage): boolean => request.method === 'POST';
    await withFake(
      (request, response) => {
        if (request.url?.includes('/events') && answer[0] === 413) openStream(response);
        else {
          answers++;
          const [status, after] = isPost(request) || answer[0] !== 413 ? answer : [200, '0'];
          response.writeHead(status, { 'Retry-After': after, 'Content-Type': 'text/html' }).end(body);
        }
      },
      async (origin) => {
        for (const status of [503, 200]) {
          answer = [status, '2592000'];
          answers = 0;
          const { client, states } = joinChat(origin, { transport: 'event-stream' });
          await until('there is a reason', () => states.some((now) => now.state === 'waiting' && !!now.reason));
          await assert.rejects(client.history(), { code: 'NO_ANSWER', message: `the server answered ${status}` });
          const last = states.at(-1);
          if (status === 503) assert.equal(last?.state === 'waiting' && last.retryInMs, 2_147_483_647);
          await turns(100);
          if (status === 503) assert.equal(answers, 3); // the stream, why it was refused, the history
          client.close();
        }
        answer = [413, '0'];
        const { client } = joinChat(origin, { transport: 'event-stream' });
        await assert.rejects(client.send('x'), { code: 'TEXT_TOO_LONG', message: 'the server answered 413' });
        client.close();
        // A POST that is answered by JSON of something else is no answer either, and waits.
        answer = [413, '0'];
        const { client: waits } = joinChat(origin, { transport: 'event-stream' });
        await until('it is open', () => waits.state.state === 'open');
        answer = [200, '0'];
        for (body of ['5', '"text"', 'null', 'true']) {
          answers = 0;
          const sent = waits.send('x');
          sent.catch(() => {});
          await until('it is asked twice', () => answers >= 2);
        }
        assert.ok(waits.waiting.length > 0);
        waits.close();
      },
    );
  });

  it('maxWaiting messages wait; one more is refused with OUTBOX_FULL', async () => {
    const { client } = joinChat('http://127.0.0.1:9', { maxWaiting: 2 });
    client.send('a');
    client.send('b');
    await assert.rejects(client.send('c'), { code: 'OUTBOX_FULL' });
    assert.equal(client.waiting.length, 2);
    client.close();
    await assert.rejects(client.send('d'), { code: 'CLOSED' });
  });

  it('falls back to the event stream where WebSockets do not get through, and returns without loss or repeat', async () => {
    let isBlocked = true;
    await withChat({}, async ({ url }, chat) => {
      const { WebSocket } = await import('../../lib/client/websocket.ts');
      class Blocked extends WebSocket {
        constructor(target: string) {
          super(isBlocked ? 'ws://127.0.0.1:9' : target);
        }
      }
      const { client, events, texts, states } = joinChat(url, { WebSocket: Blocked as never, upgradeMs: 30 });
      const transports = () => states.flatMap((state) => (state.state === 'open' ? [state.transport] : []));
      await until('it hears the stream', () => transports().at(-1) === 'event-stream');
      for (let i = 0; i < 5; i++) await client.send(`s${i}`);
      isBlocked = false;
      let said = 0;
      while (transports().at(-1) !== 'websocket') {
        await chat.publish('r', 'bob', `m${said++}`);
        await new Promise((resolve) => setImmediate(resolve)); // lets the network have its turn
      }
      await client.send('last');
      const numbers = events.flatMap((event) => (event.type === 'message' ? [event.sequence] : []));
      assert.deepEqual(
        numbers,
        Array.from({ length: said + 6 }, (_, i) => i + 1),
      );
      assert.equal(texts().at(-1), 'last');
      client.close();
    });
  });

  it('a rename is one event for the others, and no pause for who renames', async () => {
    await withChat({ presenceMs: 50 }, async ({ url }) => {
      const ann = joinChat(url, { id: 'a1' });
      const bob = joinChat(url, { user: 'bob' });
      const renames = () =>
        bob.events.flatMap((event) =>
          event.type === 'presence' ? event.renamed.map(({ was, name }) => [was, name]) : [],
        );
      const told = () => bob.events.some(({ type }) => type === 'presence');
      await until('both are there, and everybody has been told', () => ann.state() === 'open' && told());
      await ann.client.rename('Anna');
      await until('bob is told', () => renames().length > 0);
      assert.deepEqual(renames(), [['ann', 'Anna']]);
      assert.equal(ann.client.you, 'Anna');
      assert.ok(ann.states.every(({ state }) => state === 'open'));
      await assert.rejects(ann.client.rename('\u0000'), { code: 'BAD_USER' });
      assert.equal((await ann.client.send('still here')).from, 'Anna');
      ann.client.close();
      bob.client.close();
    });
  });

  it('what was sent before a rename without an id is heard once, under the old name; what waits behind it under the new one', async () => {
    for (const transport of ['websocket', 'event-stream'] as const) {
      const looks: (() => void)[] = [];
      const onMessage: ChatOptions['onMessage'] = () =>
        new Promise((resolve) => {
          looks.push(() => resolve(undefined));
        });
      await withChat({ onMessage }, async ({ url }) => {
        const bob = joinChat(url, { user: 'bob' });
        const heard = () =>
          bob.events.flatMap((event) => (event.type === 'message' ? [`${event.from} ${event.text}`] : []));
        const { client, state } = joinChat(url, { transport });
        await until('both are there', () => state() === 'open' && bob.state() === 'open');
        const one = client.send('one');
        await until('it is looked at', () => looks.length === 1);
        const renamed = client.rename('anna');
        const two = client.send('two');
        await new Promise((resolve) => setTimeout(resolve, 30)); // a second connection would be there by now
        assert.equal(client.you, 'ann');
        looks[0]!();
        assert.equal((await one).from, 'ann');
        await renamed;
        await until('the next one is looked at', () => looks.length === 2);
        looks[1]!();
        assert.equal((await two).from, 'anna');
        await until('both are heard', () => heard().length >= 2);
        assert.deepEqual([heard(), looks.length], [['ann one', 'anna two'], 2]);
        bob.client.close();
        client.close();
      });
    }
  });

  it('a rename that waits for a message ends with the client; with an id it does not wait', async () => {
    let looks = 0;
    const onMessage: ChatOptions['onMessage'] = () => {
      looks++;
      return new Promise(() => {});
    };
    await withChat({ onMessage }, async ({ url }) => {
      const waits = joinChat(url);
      const known = joinChat(url, { id: 'a1' });
      const sent = [waits, known].map(({ client }) => client.send('never answered'));
      await until('both are looked at', () => looks === 2);
      const renamed = waits.client.rename('anna');
      await known.client.rename('Anna');
      assert.deepEqual([waits.client.you, known.client.you], ['ann', 'Anna']);
      for (const { client } of [waits, known]) client.close();
      await assert.rejects(renamed, { code: 'CLOSED' });
      for (const each of sent) await assert.rejects(each, { code: 'CLOSED' });
    });
  });

  it('a log-in by token: a ticket for each connection, a new token when it is over, and no token in any URL', async () => {
    const urls: string[] = [];
    let tokens = 0;
    const identify: ChatOptions['identify'] = (request) => {
      urls.push(request.target);
      const token = /^Bearer t(\d+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
      return token === undefined
        ? { status: 401 }
        : { id: `u${token}`, name: 'ann', expiresAt: Date.now() + (token === '1' ? 40 : 60_000) };
    };
    for (const transport of ['websocket', 'event-stream'] as const) {
      tokens = 0;
      await withChat({ identify }, async ({ url }) => {
        const { client, events, texts } = joinChat(url, { transport, token: () => `t${++tokens}` });
        await client.send('one');
        await until('it has come back', () => events.filter(({ type }) => type === 'welcome').length === 2);
        assert.equal(client.userId, 'u2');
        await client.send('two');
        assert.deepEqual(texts(), ['one', 'two']);
        assert.equal(tokens, 2);
        assert.ok(urls.every((target) => !/t[12]/.test(target.replace('tickets', '').replace(/ticket=[^&]*/, ''))));
        client.close();
      });
    }
  });

  it('a token that is refused is renewed once; the next refusal is final', async () => {
    let asked = 0;
    await withChat({ identify: () => ({ status: 401 }) }, async ({ url }) => {
      const { client, state } = joinChat(url, { token: () => `t${++asked}` });
      await until('it gives up', () => state() === 'closed');
      assert.equal(asked, 2);
      client.close();
    });
  });

  it('who is kicked does not come back, over both transports', async () => {
    await withChat({}, async ({ url }, chat) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        const { client, state } = joinChat(url, { transport });
        await until('it is there', () => state() === 'open');
        assert.equal(chat.kick('r', 'ann', 'enough'), 1);
        await until('it has left', () => state() === 'closed');
        assert.ok(client.state.state === 'closed');
        assert.deepEqual([client.state.reason.code, client.state.reason.message], ['KICKED', 'enough']);
      }
    });
  });

  it('history that nobody has answered when close is called is rejected with CLOSED; behind a refusal it is still answered', async () => {
    const held: (() => void)[] = [];
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      if (request.url?.includes('joinable')) response.writeHead(403).end();
      else if (request.url?.includes('messages')) held.push(() => response.end('{"messages":[],"more":false}'));
      else response.end('{}');
    };
    await withFake(answer, async (origin) => {
      const open = joinChat(origin, { transport: 'websocket' });
      const left = open.client.history();
      open.client.close();
      await assert.rejects(left, { name: 'ChatRefused', code: 'CLOSED' });
      const { client, state } = joinChat(origin, { transport: 'event-stream' });
      const kept = client.history();
      await until('it is refused, and history asked for', () => state() === 'closed' && held.length === 2);
      held[1]!();
      assert.deepEqual(await kept, { messages: [], more: false });
    });
  });

  it('history pages from the newest back to the first', async () => {
    await withChat({}, async ({ url }, chat) => {
      for (let i = 1; i <= 5; i++) await chat.publish('r', 'bob', `m${i}`);
      const { client } = joinChat(url);
      const newest = await client.history({ limit: 2 });
      assert.deepEqual([newest.messages.map(({ sequence }) => sequence), newest.more], [[4, 5], true]);
      const oldest = await client.history({ before: 4 });
      assert.deepEqual([oldest.messages.map(({ sequence }) => sequence), oldest.more], [[1, 2, 3], false]);
      client.close();
    });
  });

  it('a server whose log lost a message and gave its number to another is found out, over both transports', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'barewire-failover-'));
    const [whole, behind] = [join(folder, 'whole'), join(folder, 'behind')];
    const transports = ['websocket', 'event-stream'] as const;
    let members: Joined[] = [];
    let port = 0;
    const log = await openJournal(whole);
    await withChat({ log }, async (server, chat) => {
      port = server.port;
      members = transports.map((transport) => joinChat(server.url, { transport }));
      await until('all are there', () => members.every(({ state }) => state() === 'open'));
      for (const text of ['one', 'two']) await chat.publish('r', 'bob', text);
      cpSync(whole, behind, { recursive: true, filter: (path) => !path.includes('lock') });
      await chat.publish('r', 'bob', 'lost');
      await until('all have heard it', () => members.every(({ texts }) => texts().length === 3));
    });
    await log.close();
    const server = createServer();
    const second = await openJournal(behind);
    const chat = mountChat(server, { log: second });
    await chat.publish('r', 'bob', 'instead');
    await server.listen({ port });
    await until('all have heard what came instead', () => members.every(({ texts }) => texts().includes('instead')));
    for (const { texts, client, events } of members) {
      assert.deepEqual(texts(), ['one', 'two', 'lost', 'one', 'two', 'instead']);
      assert.equal(events.findLast((event) => event.type === 'welcome')?.resumed, 'reset');
      client.close();
    }
    await server.close();
    await second.close();
    rmSync(folder, { recursive: true });
  });

  it('works under a path prefix', async () => {
    await withChat({ base: '/a/chat' }, async ({ url }) => {
      for (const transport of ['websocket', 'event-stream'] as const) {
        const { client } = joinChat(`${url}/a/chat`, { transport });
        assert.equal((await client.send('x')).text, 'x');
        client.close();
      }
    });
  });
});

describe('connectChat with a WebSocket that is an EventEmitter, as that of ws is', { timeout: 30_000 }, () => {
  const options = { transport: 'websocket', WebSocket: EmitterWebSocket as never } as const;

  it('waits where no server is there, and is closed within a handshake: no error is without a listener', async () => {
    const { client, states, state } = joinChat('http://127.0.0.1:1', options);
    await until('it has tried twice', () => states.filter((one) => one.state === 'connecting').length === 2);
    client.close();
    await withFake(
      (_, response) => void response.end('{}'),
      async (origin) => {
        let asked = 0;
        class Watched extends EmitterWebSocket {
          constructor(url: string) {
            super(url);
            asked++;
          }
        }
        const other = joinChat(origin, { ...options, WebSocket: Watched as never });
        await until('it connects', () => asked === 1);
        other.client.close();
        await new Promise((resolve) => setTimeout(resolve, 20)); // the error comes a turn later
        assert.deepEqual([state(), other.state()], ['closed', 'closed']);
      },
    );
  });

  it('a message that comes within the closing handshake is not heard, and arms no timer', async () => {
    await withChat({}, async ({ url }, chat) => {
      let heard = 0;
      const late: string[] = [];
      class Watched extends EmitterWebSocket {
        constructor(given: string) {
          super(given);
          this.on('message', () => {
            if (client.state.state === 'closed') heard++;
          });
          this.send = (data: unknown) => late.push(`${data}`);
        }
      }
      const { client, state, texts } = joinChat(url, { ...options, WebSocket: Watched as never, pingIntervalMs: 10 });
      await until('it is open', () => state() === 'open');
      client.close();
      late.length = 0;
      chat.publish('r', 'bob', 'too late');
      await until('it has come', () => heard === 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.deepEqual([texts(), late], [[], []]);
    });
  });
});

describe('connectChat with a server that misbehaves', { timeout: 30_000 }, () => {
  it('says again, in order, what a POST that was reset or answered 5xx did not bring, while the stream lives', async () => {
    const taken: string[] = [];
    let posts = 0;
    await withFake(
      (request, response, body) => {
        if (request.method !== 'POST') {
          openStream(response);
          return;
        }
        posts++;
        if (posts === 1) request.socket.resetAndDestroy();
        else if (posts === 2) response.writeHead(503).end();
        else {
          const { id, text } = JSON.parse(body) as { id: string; text: string };
          taken.push(text);
          response.end(JSON.stringify({ type: 'message', sequence: taken.length, id, text, from: 'ann', time: '' }));
        }
      },
      async (origin) => {
        const { client, states } = joinChat(origin, { transport: 'event-stream' });
        await Promise.all(['a', 'b', 'c'].map((text) => client.send(text)));
        assert.deepEqual([taken, posts], [['a', 'b', 'c'], 5]);
        assert.deepEqual(states, [{ state: 'open', transport: 'event-stream' }]);
        client.close();
      },
    );
  });

  it('ignores types and fields that it does not know, over both transports: an old client goes on with a newer server', async () => {
    const newer = [
      { type: 'poll', sequence: 99, question: 'tea?' },
      { type: 'message', sequence: 1, token: 'a', time: '', from: 'bob', userId: 'bob', text: 'hi', colour: 'red' },
      { type: 'message', sequence: 2, token: 'a', time: '', from: 'bob', userId: 'bob', text: 'again', parts: [] },
    ].map((event) => JSON.stringify(event));
    const answer = (_: IncomingMessage, response: ServerResponse): void => {
      openStream(response, { mood: 'good' });
      response.write(`event: poll\ndata: ${newer[0]}\n\n`);
      for (const event of newer.slice(1)) response.write(`data: ${event}\n\n`);
    };
    await withFake(answer, async (origin) => {
      const { client, texts } = joinChat(origin, { transport: 'event-stream' });
      await until('both are heard', () => texts().length === 2);
      client.close();
    });
    const routes = (server: Server) =>
      server.webSocket('/rooms/:room', {
        open(socket) {
          socket.send(/data: (.*)/.exec(welcome({ mood: 'good' }))![1]!);
          for (const event of newer) socket.send(event);
        },
      });
    await withServer({}, routes, async ({ url }) => {
      const { client, texts } = joinChat(url, { transport: 'websocket' });
      await until('both are heard', () => texts().length === 2);
      client.close();
    });
  });

  it('notices that a heartbeat does not come in the time that the one before has named, and comes back', async () => {
    let streams = 0;
    await withFake(
      (request, response) => {
        if (!request.url?.includes('/events')) {
          response.end('{}');
          return;
        }
        streams++;
        openStream(response);
        response.write('event: heartbeat\ndata: 20\n\n');
      },
      async (origin) => {
        const { client } = joinChat(origin, { transport: 'event-stream', pongTimeoutMs: 20 });
        await until('it has come back', () => streams >= 2);
        client.close();
      },
    );
  });

  it('over a WebSocket asks for a sign of life, and comes back when there is none', async () => {
    const sockets: { closed: boolean; sent: string[]; onmessage: ((event: { data: string }) => void) | null }[] = [];
    class Silent {
      closed = false;
      readonly sent: string[] = [];
      onmessage: ((event: { data: string }) => void) | null = null;
      onclose = null;
      constructor() {
        sockets.push(this);
      }
      send(text: string): void {
        this.sent.push(text);
      }
      close(): void {
        this.closed = true;
      }
    }
    const { client, texts } = joinChat('http://127.0.0.1:9', {
      WebSocket: Silent as never,
      transport: 'websocket',
      pingIntervalMs: 20,
      pongTimeoutMs: 300,
    });
    await until('it connects', () => sockets.length === 1);
    sockets[0]!.onmessage?.({ data: welcome().replace(/^event: welcome\ndata: /, '') });
    for (const sequence of [1, 2, 2, 1, 3])
      sockets[0]!.onmessage?.({ data: JSON.stringify({ type: 'message', sequence, from: 'x', text: `m${sequence}` }) });
    sockets[0]!.onmessage?.({ data: 'not json' });
    sockets[0]!.onmessage?.({ data: '{"type":"of the future"}' });
    assert.deepEqual(texts(), ['m1', 'm2', 'm3'], 'each once, however often it comes');
    await until('it comes back', () => sockets.length === 2);
    assert.deepEqual([sockets[0]!.sent.at(-1), sockets[0]!.closed], ['{"type":"ping"}', true]);
    client.close();
  });

  it('a server that ends every log-in at once is asked again after a wait, over both transports', async () => {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      if (!request.url?.includes('/events')) response.end('{"ticket":"t"}');
      else {
        openStream(response);
        response.end('event: expired\ndata: {"type":"error","code":"EXPIRED","message":"over"}\n\n');
      }
    };
    const sockets = (server: Server) =>
      server
        .webSocket('/rooms/:room', {
          open(socket) {
            socket.send(/data: (.*)/.exec(welcome())![1]!);
            socket.close(4001);
          },
        })
        .post('/tickets', () => ({ status: 201, body: '{"ticket":"t"}' }));
    let tokens = 0;
    const waits = { minRetryMs: 1_000_000, maxRetryMs: 1_000_000, random: () => 0.25 };
    const hasWaited = async (url: string, transport: 'websocket' | 'event-stream'): Promise<void> => {
      const { client, states, state } = joinChat(url, { ...waits, transport, token: () => `t${++tokens}` });
      await until('it waits', () => state() === 'waiting');
      const reason = transport === 'event-stream' ? { reason: 'over' } : {};
      assert.deepEqual(states.at(-1), { state: 'waiting', retryInMs: 250_000, ...reason });
      client.reconnectNow();
      await until('it has a new token', () => tokens === 2);
      tokens = 0;
      client.close();
    };
    await withFake(answer, (origin) => hasWaited(origin, 'event-stream'));
    await withServer({}, sockets, ({ url }) => hasWaited(url, 'websocket'));
  });

  it('makes its reconnections itself: with jitter, and at once when asked', async () => {
    let streams = 0;
    await withFake(
      (request, response) => {
        if (request.url?.includes('/events')) {
          streams++;
          openStream(response);
          if (streams === 1) setImmediate(() => response.destroy());
        } else response.end('{}');
      },
      async (origin) => {
        const { client, states, state } = joinChat(origin, {
          ...{ transport: 'event-stream', minRetryMs: 1_000_000, maxRetryMs: 1_000_000, random: () => 0.25 },
        });
        await until('it waits', () => state() === 'waiting');
        assert.deepEqual(states.at(-1), { state: 'waiting', retryInMs: 250_000 });
        client.reconnectNow();
        await until('it is open again', () => state() === 'open');
        assert.equal(streams, 2);
        client.close();
      },
    );
  });

  it('a refusal is final, with its reason, over both transports; a server that is only busy is asked again', async () => {
    for (const transport of ['event-stream', 'websocket'] as const) {
      let asked = 0;
      await withFake(
        (_, response) => {
          asked++;
          response.writeHead(asked < 4 ? 503 : 400).end('{"type":"error","code":"BAD_ROOM","message":"no such room"}');
        },
        async (origin) => {
          const { client, state } = joinChat(origin, { transport });
          await until('it gives up', () => state() === 'closed');
          assert.ok(client.state.state === 'closed');
          assert.deepEqual([client.state.reason.code, client.state.reason.message], ['BAD_ROOM', 'no such room']);
          assert.ok(asked >= 4);
        },
      );
    }
  });

  it('the reason is that of the server also where it is plain text; of a page for people it is the status', async () => {
    for (const [type, body, reason] of [
      ['text/plain; charset=utf-8', 'origin http://a is not allowed\n', 'origin http://a is not allowed'],
      ['text/plain', 'x'.repeat(300), 'x'.repeat(200)],
      ['text/html', '<h1>403 Forbidden</h1>', 'the server answered 403'],
      ['application/json', '{"code":"FORBIDDEN","message":"not you"}', 'not you'],
    ] as const) {
      const answer = (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(403, { 'Content-Type': type }).end(body);
      await withFake(answer, async (origin) => {
        const { client } = joinChat(origin, { transport: 'event-stream' });
        await assert.rejects(client.history(), { name: 'ChatRefused', code: 'FORBIDDEN', message: reason });
        client.close();
      });
    }
  });

  it('a 401 of identify is UNAUTHORIZED, with what it says, over both transports', async () => {
    await withChat({ identify: () => ({ status: 401, body: 'who?' }) }, async ({ url }) => {
      for (const transport of ['event-stream', 'websocket'] as const) {
        const { client, state } = joinChat(url, { transport });
        await assert.rejects(client.history(), { code: 'UNAUTHORIZED', message: 'who?' });
        await until('it is closed', () => state() === 'closed');
        assert.ok(client.state.state === 'closed');
        assert.deepEqual([client.state.reason.code, client.state.reason.message], ['UNAUTHORIZED', 'who?']);
      }
    });
  });

  it('what an answer has of the wrong type counts as left out, and a wait below 0 as none: it is never asked again without a pause', async () => {
    const waits = { minRetryMs: 1_000_000, maxRetryMs: 1_000_000, random: () => 0.25 };
    for (const [status, body, retryInMs] of [
      [503, { retryAfterMs: 'abc' }, 250_000],
      [503, { retryAfterMs: '5000' }, 250_000],
      [503, { retryAfterMs: { valueOf: 1, toString: 1 } }, 250_000],
      [429, { code: 'RATE_LIMITED', message: 'slow', retryAfterMs: -100_000 }, 250_000],
      [429, { code: 'RATE_LIMITED', message: 'slow', retryAfterMs: 5_000 }, 255_000],
      [201, { ticket: { retryInMs: 'abc' } }, 250_000],
    ] as const) {
      let asked = 0;
      const answer = (_: IncomingMessage, response: ServerResponse): void => {
        asked++;
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      };
      await withFake(answer, async (origin) => {
        const { client } = joinChat(origin, { ...waits, transport: 'event-stream', token: 'secret' });
        const waiting = (): boolean => client.state.state === 'waiting' && client.state.retryInMs === retryInMs;
        await until(`it waits behind ${JSON.stringify(body)}`, waiting);
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.ok(waiting() && asked <= 3, `asked ${asked} times`);
        client.close();
      });
    }
  });

  it('a refusal whose code or message is no text has those of its status', async () => {
    const body = '{"type":"error","code":400,"message":{"toString":1}}';
    const answer = (_: IncomingMessage, response: ServerResponse): void =>
      void response.writeHead(400, { 'Content-Type': 'application/json' }).end(body);
    await withFake(answer, async (origin) => {
      const { client, state } = joinChat(origin);
      await assert.rejects(client.history(), { code: 'FORBIDDEN', message: 'the server answered 400' });
      await assert.rejects(client.send('x'), { code: 'FORBIDDEN', message: 'the server answered 400' });
      await until('it is closed', () => state() === 'closed');
    });
  });

  it('the same over a connection: errors, refusals and heartbeats of the wrong type do no harm, nor does what is no object', async () => {
    const waits = { minRetryMs: 1_000_000, maxRetryMs: 1_000_000, random: () => 0.25 };
    const error = (more: object): string => JSON.stringify({ type: 'error', ...more });
    for (const [code, event, ends] of [
      [1013, { code: 'ROOM_FULL', message: 'full', retryAfterMs: -1e9 }, { retryInMs: 250_000, reason: 'full' }],
      [1008, { code: 5, message: { toString: 1 }, retryAfterMs: 'abc' }, { code: 'FORBIDDEN', message: 'why' }],
    ] as const) {
      const matches = ({ client, state }: Joined, message: string) =>
        until(`it has ended behind ${code}`, () => state() !== 'connecting' && state() !== 'open').then(() => {
          const now = client.state;
          if (now.state !== 'closed') assert.deepEqual(now, { state: 'waiting', ...ends });
          else assert.deepEqual([now.reason.code, now.reason.message], ['FORBIDDEN', message]);
          client.close();
        });
      const sockets = (server: Server) =>
        server.webSocket('/rooms/:room', {
          open(socket) {
            socket.send(/data: (.*)/.exec(welcome())![1]!);
            for (const text of ['{"type":"welcome","replayed":0}', 'null', '5', '"text"', '[]', error(event)])
              socket.send(text);
            socket.close(code, 'why');
          },
        });
      await withServer({}, sockets, ({ url }) => matches(joinChat(url, { ...waits, transport: 'websocket' }), 'why'));
      const streams = (_: IncomingMessage, response: ServerResponse): void => {
        openStream(response);
        response.write(`event: heartbeat\ndata: -100000\n\nevent: presence\ndata: null\n\n`);
        setTimeout(() => response.write(`event: refused\ndata: ${error(event)}\n\n`), 20);
      };
      await withFake(streams, async (origin) => {
        const joined = joinChat(origin, { ...waits, transport: 'event-stream' });
        await matches(joined, 'refused with 1006');
        assert.deepEqual(joined.states[0], { state: 'open', transport: 'event-stream' });
      });
    }
  });

  it('events of which each field is an object that cannot be a text or a number throw nowhere, and the client comes back', async () => {
    const evil = { toString: 1, valueOf: 1 };
    const good = JSON.parse(/data: (.*)/.exec(welcome())![1]!) as Record<string, unknown>;
    const said = {
      type: 'message',
      sequence: 1,
      token: 't',
      time: '',
      from: 'bob',
      userId: 'bob',
      text: 'hello',
      id: 'x',
    };
    const others = [
      { type: 'gap', from: 1, to: 1 },
      { type: 'reset', epoch: 'f', sequence: 0 },
      { type: 'ack', id: 'x', sequence: 1 },
    ];
    let connections = 0;
    const chat = (server: Server) =>
      server.webSocket('/rooms/:room', {
        open(socket) {
          const isFirst = connections++ === 0;
          for (const event of isFirst ? [good, said, ...others] : [])
            for (const name of Object.keys(event).filter((field) => field !== 'type'))
              for (const now of [
                { ...event, [name]: evil },
                { type: event.type, [name]: evil },
              ])
                socket.send(JSON.stringify(now));
          for (const event of isFirst ? [{ ...good, you: evil, epoch: evil }] : [good, said])
            socket.send(JSON.stringify(event));
          if (isFirst) socket.close(1001);
        },
      });
    const thrown: unknown[] = [];
    const catches = (error: unknown): unknown => thrown.push(error);
    process.on('uncaughtException', catches);
    await withServer({}, chat, async ({ url }) => {
      const { client, texts } = joinChat(url, { transport: 'websocket' });
      await until('it has come back', () => connections === 2 && texts().at(-1) === 'hello');
      client.close();
    }).finally(() => process.off('uncaughtException', catches));
    assert.deepEqual(thrown, []);
  });

  it('a server that never replays what its welcome has announced holds a message up until it answers a ping', async () => {
    const chat = (server: Server) =>
      server.webSocket('/rooms/:room', {
        open: (socket) => void socket.send(/data: (.*)/.exec(welcome({ sequence: 1, replayed: 1 }))![1]!),
        message(socket, text) {
          const { type, id } = JSON.parse(String(text)) as { type: string; id?: string };
          socket.send(JSON.stringify(type === 'ping' ? { type: 'pong' } : { type: 'ack', id, sequence: 2 }));
        },
      });
    await withServer({}, chat, async ({ url }) => {
      const { client } = joinChat(url, { transport: 'websocket', pingIntervalMs: 20 });
      let pongs = 0;
      client.on('pong', () => pongs++);
      assert.deepEqual([(await client.send('said')).sequence, pongs > 0], [2, true]);
      client.close();
    });
  });

  it('a server that has no chat there is NOT_FOUND, and the client is closed with it', async () => {
    const answer = (_: IncomingMessage, response: ServerResponse) => void response.writeHead(404).end();
    await withFake(answer, async (origin) => {
      const { client, state } = joinChat(origin, { transport: 'event-stream' });
      await assert.rejects(client.history(), { code: 'NOT_FOUND', message: 'the server answered 404' });
      await until('it is closed', () => state() === 'closed');
      assert.ok(client.state.state === 'closed');
      assert.equal(client.state.reason.code, 'NOT_FOUND');
    });
  });

  it('in Node unknown options are refused at the call, with the nearest known one; undefined counts as left out', () => {
    const wrong = (options: object): void => void connectChat('http://127.0.0.1:1', options as ConnectOptions);
    assert.throws(() => wrong({ room: 'a', minRetryMS: 1 }), {
      name: 'TypeError',
      message: 'connectChat: unknown option minRetryMS; did you mean minRetryMs?',
    });
    assert.throws(() => wrong({ room: 'a', transport: 'sse' }), /transport is "sse", must be 'auto', 'websocket' or/);
    assert.throws(() => wrong({}), /room must be a name/);
    assert.throws(() => wrong({ room: 'a b' }), /^TypeError: connectChat: room must be a name, and is "a b": a room's/);
    for (const [retries, says] of [
      [{ minRetryMs: 20, maxRetryMs: 10 }, /^RangeError: connectChat: minRetryMs is 20, and maxRetryMs, which bo/],
      [
        { minRetryMs: 15_001 },
        /^RangeError: connectChat: minRetryMs is 15001, and maxRetryMs, which bounds it, 15000$/,
      ],
      [{ maxRetryMs: 999 }, /^RangeError: connectChat: minRetryMs is 1000, and maxRetryMs, which bounds it, 999$/],
      [{ minRetryMs: 0 }, /^RangeError: connectChat: minRetryMs is 0, must be above 0$/],
      [{ maxRetryMs: 0 }, /^RangeError: connectChat: maxRetryMs is 0, must be above 0$/],
    ] as const)
      assert.throws(() => wrong({ room: 'a', ...retries }), says);
    for (const [who, says] of [
      [{ user: '' }, /^RangeError: connectChat: user is "", must be 1 to 32 visible characters$/],
      [{ user: 'a\nb' }, /^RangeError: connectChat: user is "a\\nb", must be/],
      [{ user: 'x'.repeat(33) }, /^RangeError: connectChat: user is "x+.*", must be/],
      [{ id: '' }, /^RangeError: connectChat: id is "", must be 1 to 64 visible characters$/],
      [{ id: 'x'.repeat(65) }, /^RangeError: connectChat: id is "x+.*", must be/],
      [{ token: 'secret\n' }, /^RangeError: connectChat: token must be of visible ASCII characters, at least one$/],
      [{ token: '' }, /^RangeError: connectChat: token must be/],
    ] as const)
      assert.throws(
        () => wrong({ room: 'a', ...who }),
        (error) => says.test(String(error)) || assert.fail(String(error)),
      );
    for (const storage of [{}, { getItem: () => null, setItem: () => undefined, removeItem: () => undefined }, 5])
      assert.throws(
        () => wrong({ room: 'a', storage }),
        /storage is .+, must be an object with getItem, setItem, removeItem, key and length/,
      );
    for (const url of ['ftp://x', new URL('file:///x')])
      assert.throws(() => connectChat(url, { room: 'a' }), {
        name: 'TypeError',
        message: `connectChat: url is "${url}", must begin with http:, https:, ws: or wss:`,
      });
    const left = { room: 'a', minRetryMs: undefined, transport: undefined };
    connectChat('http://127.0.0.1:1', left).close();
    inBrowsers('http://127.0.0.1:1', { ...left, WebSocket, storage: null }).close();
    assert.throws(() => inBrowsers('ftp://x', { room: 'a', WebSocket }), /^TypeError: ftp:\/\/x must be http:$/);
    for (const retries of [{ minRetryMs: 0 }, { maxRetryMs: -1 }, { minRetryMs: Number.NaN }])
      assert.throws(
        () => inBrowsers('http://127.0.0.1:1', { room: 'a', WebSocket, ...retries }),
        /^RangeError: minRetryMs, maxRetryMs must be above 0$/,
      );
  });

  it('in Node a listener that is none, an event that never comes and a page that cannot be are refused at the call', () => {
    const client = connectChat('http://127.0.0.1:1', { room: 'a' });
    const { on, history } = client as unknown as Record<string, (...given: unknown[]) => unknown>;
    for (const [call, says] of [
      [() => on!.call(client, 'message'), /^TypeError: on: the listener of message is undefined, must be a function$/],
      [
        () => on!.call(client, 'messge', () => {}),
        /^TypeError: on: "messge" is no event of a chat; did you mean message\?$/,
      ],
      [() => on!.call(client), /^TypeError: on: undefined is no event of a chat/],
      [() => history!.call(client, { befor: 1 }), /^TypeError: history: unknown option befor; did you mean before\?$/],
      [() => history!.call(client, { before: 0 }), /^RangeError: history: before is 0, must be/],
      [() => history!.call(client, { limit: 101 }), /^RangeError: history: limit is 101, must be/],
    ] as const)
      assert.throws(call, (error) => says.test(String(error)) || assert.fail(String(error)));
    const types = [
      'welcome',
      'message',
      'removed',
      'presence',
      'members',
      'gap',
      'reset',
      'ack',
      'error',
      'state',
    ] as const;
    for (const type of types) client.on(type, () => {})();
    client.close();
  });

  it('it is ten files for browsers, without node:, of less than 6,000 bytes minified and compressed', async () => {
    const { files, gzipBytes } = await browserBundle('lib/chat/client.ts');
    assert.equal(files.length, 10);
    assert.ok(gzipBytes < 6_000, `${gzipBytes} bytes`);
  });
});

describe('heartbeats of the chat', () => {
  it('each stream gets one at once and one in every interval; the timer runs while there are streams', () => {
    const clock = new FakeClock();
    const heartbeats = new Heartbeats(clock);
    const got: string[] = [];
    const stream = (name: string) => ({
      send: (event: unknown) => {
        assert.ok(event instanceof PreparedEvent);
        got.push(name);
        return 'sent' as const;
      },
    });
    const [a, b] = [stream('a'), stream('b')];
    assert.equal(clock.timers, 0);
    heartbeats.add(a);
    heartbeats.add(b);
    assert.deepEqual(got.splice(0), ['a', 'b']);
    clock.advance(30_000);
    assert.deepEqual(got.splice(0), ['a', 'b']);
    heartbeats.delete(a);
    heartbeats.delete(a);
    clock.advance(30_000);
    assert.deepEqual(got.splice(0), ['b']);
    heartbeats.delete(b);
    assert.equal(clock.timers, 0);
  });

  it('a stream of the chat begins with its interval', async () => {
    await withServer(
      {},
      (server) => void mountChat(server),
      async (server) => {
        const source = new EventSource(`${server.url}/rooms/r/events`);
        const types: string[] = [];
        for await (const { type, data } of source) {
          types.push(type);
          if (type !== 'heartbeat') continue;
          assert.equal(data, '30000');
          break;
        }
        assert.deepEqual(types, ['welcome', 'heartbeat']);
      },
    );
  });
});
