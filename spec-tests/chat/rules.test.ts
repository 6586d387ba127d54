/** The chat's rules: who may do what, how much, and what becomes of messages that are changed, refused or removed. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Records, removalData } from '../../lib/chat/encoding.ts';
import type { ErrorEvent, HistoryPage, ServerEvent } from '../../lib/chat/protocol.ts';
import { mountChat } from '../../lib/chat/server.ts';
import { type ChatOptions, chatSettings } from '../../lib/chat/settings.ts';
import { Tickets } from '../../lib/chat/tickets.ts';
import { subscriberOf, TokenBuckets } from '../../lib/chat/token-buckets.ts';
import { CHAT_LIMITS } from '../../lib/limits.ts';
import { LOCK_STALE_MS, systemProcesses } from '../../lib/room-logs/directory-lock.ts';
import { openJournal } from '../../lib/room-logs/journal-index.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { SimulatedDisk } from '../room-logs/simulated-disk.ts';
import { withChat } from '../support/chat-server.ts';
import { DelayedLog } from '../support/delayed-log.ts';
import { deferred, openWebSocket, RawClient, until } from '../support/sockets.ts';

/** What a WebSocket member is told next, but for presence. */
async function told(client: RawClient): Promise<ServerEvent> {
  for (;;) {
    const { first, payload } = await client.frame();
    assert.equal(first, 0x81, `close code ${payload.length >= 2 ? payload.readUInt16BE(0) : 'none'}`);
    const event = JSON.parse(payload.toString()) as ServerEvent;
    if (event.type !== 'presence') return event;
  }
}

async function member(server: Server, query: string): Promise<RawClient> {
  const client = await openWebSocket(server.port, `/rooms/r${query}`);
  assert.equal((await told(client)).type, 'welcome');
  return client;
}

const say = (client: RawClient, text: string, id: string): RawClient =>
  client.frames({ opcode: 1, payload: Buffer.from(JSON.stringify({ type: 'message', text, id })) });

const post = (server: Server, text: string, user = 'ann'): Promise<Response> =>
  fetch(`${server.url}/rooms/r/messages?user=${user}`, { method: 'POST', body: text });

const texts = async (server: Server): Promise<string[]> => {
  const page = (await (await fetch(`${server.url}/rooms/r/messages`)).json()) as HistoryPage;
  return page.messages.map((message) => (message.type === 'message' ? message.text : `-${message.target}`));
};

describe('who may do what', { timeout: 30_000 }, () => {
  it('identify is waited for, and answers a user, a guest or a refusal, over every way in', async () => {
    const identify: ChatOptions['identify'] = async ({ query }) => {
      await Promise.resolve();
      if (query.get('as') === 'nobody') return { status: 401, body: 'who?' };
      return query.get('as') === 'guest' ? undefined : { id: 'u1', name: 'Ann' };
    };
    await withChat({ identify }, async (server) => {
      const you = async (as: string): Promise<unknown> =>
        ((await (await fetch(`${server.url}/whoami?as=${as}&user=eve`)).json()) as { you: unknown }).you;
      assert.deepEqual([await you('ann'), await you('guest')], [{ id: 'u1', name: 'Ann' }, null]);
      const response = await fetch(`${server.url}/rooms/r/messages?user=eve`, { method: 'POST', body: 'x' });
      assert.equal(((await response.json()) as { from: string }).from, 'Ann');
      for (const path of ['/rooms/r/messages', '/rooms/r/events', '/whoami'])
        assert.equal((await fetch(`${server.url}${path}?as=nobody`)).status, 401, path);
      await assert.rejects(openWebSocket(server.port, '/rooms/r?as=nobody'));
      assert.equal(
        (await fetch(`${server.url}/rooms/r/messages?as=nobody`, { method: 'POST', body: 'x' })).status,
        401,
      );
    });
  });

  it('authorize decides about joining, saying and the history', async () => {
    const denied = new Set<string>();
    const authorize: ChatOptions['authorize'] = async (_, __, action) => !denied.has(action);
    await withChat({ authorize }, async (server) => {
      const client = await member(server, '?user=ann');
      denied.add('say').add('history');
      say(client, 'x', '1');
      assert.deepEqual(await told(client), {
        ...{ type: 'error', code: 'FORBIDDEN', message: 'you may not say anything in this room', id: '1' },
      });
      assert.equal((await post(server, 'x')).status, 403);
      assert.equal((await fetch(`${server.url}/rooms/r/messages`)).status, 403);
      denied.add('join');
      assert.equal((await fetch(`${server.url}/rooms/r/events`)).status, 403);
    });
  });

  it('a ticket opens one connection, for as long as it is good', () => {
    const tickets = new Tickets<string>(2);
    const first = tickets.give('ann', 0);
    assert.equal(tickets.use(first, 1), 'ann');
    assert.equal(tickets.use(first, 1), undefined, 'used');
    assert.equal(tickets.use(tickets.give('ann', 0), CHAT_LIMITS.ticketMs), undefined, 'too old');
    const oldest = tickets.give('a', 0);
    tickets.give('b', 0);
    tickets.give('c', 0);
    assert.deepEqual([tickets.size, tickets.use(oldest, 0)], [2, undefined], 'the oldest made way');
  });

  it('kick ends every connection of a person with 4003 and the reason, and of nobody else', async () => {
    await withChat({}, async (server, chat) => {
      const [one, two, bob] = [
        await member(server, '?user=ann'),
        await member(server, '?user=ann'),
        await member(server, '?user=bob'),
      ];
      assert.equal(chat.kick('r', 'ann', '😀'.repeat(100)), 2);
      for (const client of [one, two]) {
        assert.equal(((await told(client)) as ErrorEvent).code, 'KICKED');
        const { code, reason } = await client.closeFrame();
        assert.deepEqual([code, reason], [4003, '😀'.repeat(30)]);
      }
      assert.equal(chat.members, 1);
      assert.equal((await post(server, 'x')).status, 201);
      assert.equal((await told(bob)).type, 'message');
    });
  });
});

describe('how much', { timeout: 30_000 }, () => {
  const rate = { burst: 2, perSecond: 0.5 };
  const many = { burst: 1_000, perSecond: 1_000 };

  it('messages beyond the bucket of their user: an error in band that says when to go on; others are not disturbed', async () => {
    await withChat({ flood: { messages: { user: rate, address: many } } }, async (server) => {
      const ann = await member(server, '?user=ann');
      for (let i = 0; i < 3; i++) say(ann, `m${i}`, String(i));
      const events: ServerEvent[] = [];
      while (!events.some(({ type }) => type === 'error')) events.push(await told(ann));
      const error = events.find((event): event is ErrorEvent => event.type === 'error')!;
      assert.deepEqual([error.code, error.id], ['RATE_LIMITED', '2']);
      assert.ok(error.retryAfterMs! > 0 && error.retryAfterMs! <= 2_000);
      const response = await post(server, 'x');
      assert.equal(response.status, 429);
      assert.match(response.headers.get('retry-after') ?? '', /^[12]$/);
      assert.equal((await post(server, 'x', 'bob')).status, 201);
    });
  });

  it('20 parallel posters from one address: as many are taken as the bucket has; joins likewise', async () => {
    await withChat({ flood: { posts: { address: rate }, joins: { user: many, address: rate } } }, async (server) => {
      const statuses = await Promise.all(Array.from({ length: 20 }, (_, i) => post(server, 'x', `u${i}`)));
      assert.equal(statuses.filter(({ status }) => status === 201).length, 2);
      assert.equal(statuses.filter(({ status }) => status === 429).length, 18);
      await member(server, '?user=a');
      await member(server, '?user=b');
      assert.equal((await fetch(`${server.url}/rooms/r/events`)).status, 429);
    });
  });

  it('tickets count as POSTs do; pages of the history have a bucket of their own', async () => {
    await withChat({ flood: { posts: { address: rate }, pages: { address: rate } } }, async (server) => {
      const page = () => fetch(`${server.url}/rooms/r/messages`);
      const ticket = () => fetch(`${server.url}/tickets`, { method: 'POST' });
      const answers = [await ticket(), await ticket(), await ticket(), await page(), await page(), await page()];
      assert.deepEqual(
        answers.map(({ status }) => status),
        [201, 201, 429, 200, 200, 429],
      );
      assert.equal((await post(server, 'x')).status, 429);
    });
  });

  const joinable = async (
    server: Server,
    query: string,
  ): Promise<[status: number, code: string, retryAfter: string]> => {
    const response = await fetch(`${server.url}/rooms/r/joinable${query}`);
    const { code = '' } = (await response.json()) as { readonly code?: string };
    return [response.status, code, response.headers.get('retry-after') ?? ''];
  };

  for (const by of ['user', 'address'] as const)
    it(`joinable is 429 where a join would be for its ${by}, and takes no token itself`, async () => {
      const joins = { user: many, address: many, [by]: { burst: 2, perSecond: 0.01 } };
      await withChat({ flood: { joins } }, async (server) => {
        for (let i = 0; i < 5; i++) assert.deepEqual(await joinable(server, '?user=ann'), [200, '', '']);
        await member(server, '?user=ann');
        assert.deepEqual(await joinable(server, '?user=ann'), [200, '', '']);
        await member(server, '?user=ann');
        const [status, code, retryAfter] = await joinable(server, '?user=ann');
        assert.deepEqual([status, code], [429, 'RATE_LIMITED']);
        assert.ok(Number(retryAfter) > 90 && Number(retryAfter) <= 100, retryAfter);
        assert.equal((await fetch(`${server.url}/rooms/r/events?user=ann`)).status, 429);
        assert.equal((await joinable(server, '?user=bob'))[0], by === 'user' ? 200 : 429);
      });
    });

  it('joinable is 429 for refusalRememberedMs behind a join that was refused, though a token has come meanwhile', () => {
    const buckets = new TokenBuckets();
    const one = [['a', { burst: 1, perSecond: 10 }]] as const;
    assert.deepEqual([buckets.peek(one, 0), buckets.size], [0, 0]);
    assert.deepEqual([buckets.take(one, 0), buckets.peek(one, 50), buckets.peek(one, 100)], [0, 50, 0]);
    assert.deepEqual([buckets.take(one, 100), buckets.take(one, 150)], [0, 50]);
    const untilMs = 150 + CHAT_LIMITS.refusalRememberedMs;
    assert.deepEqual([buckets.peek(one, 150), buckets.peek(one, untilMs - 1), buckets.peek(one, untilMs)], [50, 1, 0]);
  });

  it('joinable is 503 where the room or the hub is full, and where the server drains', async () => {
    await withChat({ flood: false, maxMembers: 1, maxRooms: 1 }, async (server) => {
      assert.deepEqual(await joinable(server, ''), [200, '', '']);
      await member(server, '');
      assert.deepEqual(await joinable(server, ''), [503, 'ROOM_FULL', '1']);
      const other = await fetch(`${server.url}/rooms/other/joinable`);
      assert.equal(((await other.json()) as ErrorEvent).code, 'HUB_FULL');
      const client = await RawClient.connect(server.port);
      client.request('GET /rooms/r/joinable');
      await until('it is answered', () => client.pending.includes('ROOM_FULL'));
      const drained = server.drain({ overMs: 200 });
      client.request('GET /rooms/r/joinable');
      await until('it is answered', () => client.pending.includes('closing'));
      assert.match(client.pending, /503[\s\S]*Retry-After: 1\r\n[\s\S]*the server is closing/);
      for (const each of RawClient.open) each.socket.destroy();
      await drained;
    });
  });

  it('one connection gets a refusal each refusalDelayMs, whatever it sends meanwhile', async () => {
    await withChat({ flood: { posts: { address: { burst: 1, perSecond: 0.1 } } } }, async (server) => {
      const eve = await RawClient.connect(server.port);
      const startMs = performance.now();
      for (let i = 0; i < 4; i++) eve.request('POST /rooms/r/messages', { 'Content-Length': '1' }, 'x');
      await until('all are answered', () => eve.pending.split('HTTP/1.1 429').length === 4);
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= 3 * CHAT_LIMITS.refusalDelayMs - 5, `${tookMs} ms`);
    });
  });

  it('a connection is read as fast as its bucket fills, mistakes and pings of both kinds counted; its close is heard', async () => {
    const reading = { connection: { burst: 2, perSecond: 20 } };
    await withChat({ flood: { reading } }, async (server, chat) => {
      const eve = await member(server, '?user=eve');
      const startMs = performance.now();
      for (const [opcode, text] of [
        [1, '{'],
        [9, 'x'],
        [2, 'x'],
        [1, '{"type":"ping"}'],
        [9, 'y'],
      ] as const)
        eve.frames({ opcode, payload: Buffer.from(text) });
      const answers: number[] = [];
      while (answers.length < 5) answers.push((await eve.frame()).first & 0x0f);
      const tookMs = performance.now() - startMs;
      assert.deepEqual(answers, [1, 10, 1, 1, 10]);
      assert.ok(tookMs >= 95, `two at once, one that is owed, and one each 50 ms: ${tookMs} ms`);
      for (let i = 0; i < 4; i++) eve.frames({ opcode: 9, payload: Buffer.from('z') });
      eve.frames({ opcode: 8, payload: Buffer.from([0x03, 0xe8]) });
      while (((await eve.frame()).first & 0x0f) !== 8);
      eve.socket.end();
      await until('she has left', () => chat.members === 0);
    });
    await withChat({ flood: false }, async (server) => {
      const eve = await member(server, '?user=eve');
      const startMs = performance.now();
      for (let i = 0; i < 500; i++) eve.frames({ opcode: 1, payload: Buffer.from('{"type":"ping"}') });
      for (let i = 0; i < 500; i++) await eve.frame();
      assert.ok(performance.now() - startMs < 5_000, 'without flood control nothing is held back');
    });
  });

  it('a bucket fills with time, up to its burst, and takes of all or of none', () => {
    const buckets = new TokenBuckets();
    const one = [['a', { burst: 1, perSecond: 2 }]] as const;
    const both = [...one, ['b', { burst: 1, perSecond: 1 }]] as const;
    assert.deepEqual([buckets.take(both, 0), buckets.take(one, 0)], [0, 500]);
    assert.deepEqual([buckets.take(both, 500), buckets.take(one, 500), buckets.take(one, 500)], [500, 0, 500]);
    assert.deepEqual([buckets.take(one, 60_000), buckets.take(one, 60_000)], [0, 500]);
  });

  it('at most maxBuckets are remembered: the one that was used longest ago makes way', () => {
    const buckets = new TokenBuckets(2);
    const take = (key: string): number => buckets.take([[key, { burst: 1, perSecond: 1 }]], 0);
    assert.deepEqual(['a', 'b', 'a', 'c', 'a', 'b'].map(take), [0, 0, 1_000, 0, 1_000, 0]);
    assert.equal(buckets.size, 2);
  });

  it('one subscriber is an IPv4 address, or 64 bits of IPv6 (RFC 4291 §2.5.1)', () => {
    for (const [address, subscriber] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
      ['2001:db8::1', '2001:db8:0:0'],
      ['fe80::1%eth0', 'fe80:0:0:0'],
      ['::1', '0:0:0:0'],
      ['', ''],
    ] as const)
      assert.equal(subscriberOf(address), subscriber, address);
  });

  it('messages that wait for the application are bounded, and keep their order', async () => {
    const gate = deferred();
    const onMessage: ChatOptions['onMessage'] = () => gate.promise.then(() => undefined);
    await withChat({ onMessage, flood: false }, async (server) => {
      const ann = await member(server, '?user=ann');
      for (let i = 0; i <= CHAT_LIMITS.maxWaitingMessages; i++) say(ann, `m${i}`, String(i));
      assert.deepEqual(((await told(ann)) as ErrorEvent).id, String(CHAT_LIMITS.maxWaitingMessages));
      gate.resolve();
      const heard: string[] = [];
      while (heard.length < CHAT_LIMITS.maxWaitingMessages) {
        const event = await told(ann);
        if (event.type === 'message') heard.push(event.text);
      }
      assert.deepEqual(
        heard,
        heard.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
      );
    });
  });

  it('a rate that flood leaves out is that of CHAT_LIMITS.flood', async () => {
    assert.deepEqual(chatSettings({}).flood, CHAT_LIMITS.flood);
    for (const [what, rates] of Object.entries(CHAT_LIMITS.flood))
      for (const by of Object.keys(rates)) {
        const expected = { ...CHAT_LIMITS.flood, [what]: { ...rates, [by]: rate } };
        assert.deepEqual(chatSettings({ flood: { [what]: { [by]: rate } } }).flood, expected, `${what}.${by}`);
      }
    await withChat({ flood: { messages: { user: rate, address: undefined }, joins: undefined } }, async (server) => {
      const ann = await member(server, '?user=ann');
      say(ann, 'x', '1');
      while ((await told(ann)).type !== 'ack');
      assert.equal((await post(server, 'x')).status, 201);
    });
  });

  it('what is no rate is refused at the call, with the name that was meant', () => {
    const server = createServer();
    for (const [flood, message] of [
      [{ message: {} }, 'mountChat: flood: unknown option message; did you mean messages?'],
      [{ messages: { usr: rate } }, 'mountChat: flood.messages: unknown option usr; did you mean user?'],
      [{ posts: { user: rate } }, 'mountChat: flood.posts: unknown option user; known are address'],
      [
        { reading: { conection: rate } },
        'mountChat: flood.reading: unknown option conection; did you mean connection?',
      ],
      [
        { joins: { user: { burst: 1, persecond: 1 } } },
        /flood.joins.user: unknown option persecond; did you mean perSecond\?/,
      ],
      [
        { joins: { user: { burst: 1 } } },
        'mountChat: flood.joins.user has no perSecond: a rate is { burst, perSecond }',
      ],
      [{ joins: { user: null } }, 'mountChat: flood.joins.user is null, must be { burst, perSecond }'],
      [{ joins: 5 }, 'mountChat: flood.joins is 5, must be an object such as { user: { burst, perSecond } }'],
      [{ pages: { address: { burst: 0, perSecond: 1 } } }, /address: burst is 0, must be a number of 1 or more/],
      [null, 'mountChat: flood is null, must be an object or false'],
      [true, 'mountChat: flood is true, must be an object or false'],
    ] as const)
      assert.throws(() => mountChat(server, { flood } as unknown as ChatOptions), { message }, JSON.stringify(flood));
  });

  it('refuses options that are wrong, at the call', () => {
    const server = createServer();
    for (const [options, error] of [
      [{ base: 'chat' }, TypeError],
      [{ base: '/chat/' }, TypeError],
      [{ flood: { posts: { address: { burst: 0, perSecond: 1 } } } }, RangeError],
      [{ flood: { reading: { connection: { burst: 1, perSecond: 0 } } } }, RangeError],
      [{ maxMember: 1 }, TypeError],
      [{ maxTextBytes: 0 }, RangeError],
      [{ maxTextBytes: CHAT_LIMITS.mostTextBytes + 1 }, RangeError],
    ] as const)
      assert.throws(() => mountChat(server, options as ChatOptions), error, JSON.stringify(options));
  });
});

describe('what becomes of messages', { timeout: 30_000 }, () => {
  it('onMessage changes, refuses or lets pass; what it throws refuses that message alone', async () => {
    const onMessage: ChatOptions['onMessage'] = async ({ text }) => {
      if (text === 'throw') throw new Error('a mistake of the application');
      if (text === 'no') return { refuse: 'not that' };
      return text === 'damn' ? { text: '****' } : undefined;
    };
    const errors: string[] = [];
    const server = createServer({ onError: (error) => void errors.push(String(error)) });
    mountChat(server, { onMessage, presenceMs: 0 });
    await server.listen();
    try {
      assert.equal((await post(server, 'fine')).status, 201);
      assert.equal((await post(server, 'damn')).status, 201);
      const refused = await post(server, 'no');
      assert.deepEqual([refused.status, ((await refused.json()) as ErrorEvent).message], [422, 'not that']);
      assert.deepEqual(await texts(server), ['fine', '****']);
      const ann = await member(server, '?user=ann');
      say(ann, 'throw', '1');
      say(ann, 'after', '2');
      const failed = { type: 'error', code: 'FAILED', message: 'the server failed to look at this message', id: '1' };
      const events: ServerEvent[] = [];
      while (events.at(-1)?.type !== 'ack') events.push(await told(ann));
      assert.deepEqual(
        events.filter(({ type }) => type === 'error' || type === 'ack'),
        [failed, { type: 'ack', id: '2', sequence: 3 }],
      );
      assert.deepEqual(errors, ['Error: a mistake of the application']);
      assert.deepEqual(await texts(server), ['fine', '****', 'after']);
      ann.socket.destroy();
    } finally {
      await server.close();
    }
  });

  it('remove takes a message out of views, of the history and of what those get who join', async () => {
    await withChat({}, async (server, chat) => {
      const ann = await member(server, '?user=ann');
      for (const text of ['one', 'two']) await post(server, text, 'bob');
      await chat.remove('r', 1);
      const heard = [await told(ann), await told(ann), await told(ann)];
      assert.deepEqual(
        heard.map(({ type }) => type),
        ['message', 'message', 'removed'],
      );
      assert.deepEqual(await texts(server), ['', 'two', '-1']);
      await assert.rejects(chat.remove('r', 0), RangeError);
    });
  });

  it('at most maxRemovals are remembered', () => {
    const records = new Records();
    const record = (sequence: number, data: string) =>
      ({ type: 'record', epoch: 'e', token: 't', timeMs: 0, sequence, data }) as const;
    const message = '{"time":"t","from":"a","userId":"a","text":"x"}';
    const behind = CHAT_LIMITS.maxRemovals + 2;
    for (let i = 1; i <= CHAT_LIMITS.maxRemovals; i++) records.note('r', record(behind, removalData('t', i)));
    assert.match(records.json('r', record(1, message)), /"removed":true/);
    records.note('r', record(behind, removalData('t', CHAT_LIMITS.maxRemovals + 1)));
    assert.doesNotMatch(records.json('r', record(1, message)), /removed/);
    assert.match(records.json('r', record(2, message)), /"removed":true/);
  });

  it('a removal of a message that is not there yet is refused, and the message comes to be', async () => {
    await withChat({}, async (server, chat) => {
      await assert.rejects(chat.remove('r', 1), {
        name: 'RangeError',
        message: 'sequence is 1, the last message of room r is 0',
      });
      await post(server, 'one');
      await assert.rejects(chat.remove('r', 2), /^RangeError: sequence is 2, the last message of room r is 1$/);
      await assert.rejects(chat.remove('r', 'x' as never), /^RangeError: sequence is "x", must be/);
      await post(server, 'two');
      assert.deepEqual(await texts(server), ['one', 'two']);
      await chat.remove('r', 2);
      assert.deepEqual(await texts(server), ['one', '', '-2']);
    });
  });

  it('a removal that a log has from before its message erases nothing', async () => {
    const log = new MemoryLog();
    await log.append('r', { data: removalData('t', 2) });
    await withChat({ log }, async (server) => {
      await post(server, 'two');
      assert.deepEqual(await texts(server), ['-2', 'two']);
    });
  });

  it('remove rejects with RoomRefused where the log cannot say what is there', async () => {
    const log = new MemoryLog();
    await withChat({ log }, async (_, chat) => {
      await log.close();
      await assert.rejects(chat.remove('r', 1), { name: 'RoomRefused', code: 'LOG_CLOSED' });
    });
  });

  it('publish, kick and remove say what is wrong with what they are given', async () => {
    await withChat({}, async (_, chat) => {
      const { publish, kick, remove } = chat as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
      for (const [call, says] of [
        [() => publish!(), /^TypeError: room is undefined, must be the name of a room$/],
        [() => publish!('r'), /^TypeError: from is undefined, must be a name or a person \{ id, name \}$/],
        [() => publish!('r', null, 'x'), /^TypeError: from is null, must be/],
        [() => publish!('r', { id: 'x' }, 'x'), /^TypeError: from is an object, must be/],
        [() => publish!('r', { name: 'x' }, 'x'), /^TypeError: id must be 1 to 64 visible characters$/],
        [() => publish!('r', 'ann'), /^TypeError: text must be a text/],
        [() => kick!(), /^TypeError: room is undefined, must be/],
        [() => kick!('a'), /^TypeError: userId is undefined, must be the id of a person$/],
        [() => kick!('a', 'b', 5), /^TypeError: reason is 5, must be a string$/],
      ] as const)
        assert.throws(call, (error) => says.test(String(error)) || assert.fail(String(error)));
      await assert.rejects(remove!(), /^TypeError: room is undefined, must be/);
    });
  });

  it('history pages backwards, and refuses a page that is none', async () => {
    await withChat({}, async (server, chat) => {
      for (let i = 1; i <= 5; i++) await chat.publish('r', 'bob', `m${i}`);
      const page = async (query: string): Promise<[number[], boolean]> => {
        const answer = (await (await fetch(`${server.url}/rooms/r/messages?${query}`)).json()) as HistoryPage;
        return [answer.messages.map(({ sequence }) => sequence), answer.more];
      };
      assert.deepEqual(await page('limit=2'), [[4, 5], true]);
      assert.deepEqual(await page('limit=2&before=4'), [[2, 3], true]);
      assert.deepEqual(await page('before=2'), [[1], false]);
      assert.deepEqual(await page('before=1'), [[], false]);
      for (const query of ['limit=0', 'limit=101', 'before=0', 'before=x', 'limit='])
        assert.equal((await fetch(`${server.url}/rooms/r/messages?${query}`)).status, 400, query);
    });
  });
});

describe('what operators ask', { timeout: 30_000 }, () => {
  it('/metrics counts rooms, members and who was let go of; /readyz says when the server closes', async () => {
    await withChat({}, async (server, chat) => {
      await member(server, '?user=ann');
      chat.kick('r', 'ann');
      await member(server, '?user=bob');
      const response = await fetch(`${server.url}/metrics`);
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      const text = await response.text();
      for (const line of [
        'barewire_chat_rooms 1',
        'barewire_chat_members 1',
        'barewire_chat_members_ended_total{why="kicked"} 1',
      ])
        assert.ok(text.includes(`\n${line}\n`), line);
      // Series that have not begun are there with 0, so that the first one is seen as a rise.
      for (const why of ['too-slow', 'threw', 'log-failed', 'closed', 'expired'])
        assert.ok(text.includes(`\nbarewire_chat_members_ended_total{why="${why}"} 0\n`), why);
      assert.match(text, /\nbarewire_opened_total\{kind="websocket",route="\/rooms\/:room"\} 2\n/);
      assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    });
  });

  it('/readyz is 503 with the reason while the disk refuses messages, and finds out itself when it takes them again', async () => {
    const disk = new SimulatedDisk();
    const log = await openJournal('memory', { files: disk });
    await withChat({ log }, async (server) => {
      const ready = async (): Promise<[number, string]> => {
        const response = await fetch(`${server.url}/readyz`);
        return [response.status, await response.text()];
      };
      const say = async (): Promise<number> =>
        (await fetch(`${server.url}/rooms/r/messages?user=ann`, { method: 'POST', body: 'hi' })).status;
      assert.equal(await say(), 201);
      assert.equal((await ready())[0], 200);
      disk.fail('write', 'ENOSPC');
      assert.equal(await say(), 503);
      const [status, text] = await ready();
      assert.equal(status, 503);
      assert.match(text, /"status":"log".*ENOSPC/);
      disk.heal();
      assert.equal(await say(), 201); // whoever comes all the same
      assert.equal((await ready())[0], 200);

      disk.fail('write', 'ENOSPC');
      assert.equal(await say(), 503);
      assert.equal((await ready())[0], 503);
      disk.heal();
      // Nobody comes, since nobody is sent: a question tries the log.
      while ((await ready())[0] !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal((await log.read('r', undefined, 10)).records.length, 2);
      assert.equal((await log.read('.ready', undefined, 10)).records.length, 1);
    });
    await log.close();
  });

  it('/readyz is 503, with the reason, once a journal has lost its directory', async () => {
    const disk = new SimulatedDisk();
    let sleptMs = 0;
    const processes = { ...systemProcesses, nowMs: () => sleptMs };
    const log = await openJournal('memory', { files: disk, processes });
    await withChat({ log }, async (server) => {
      const say = async (): Promise<number> =>
        (await fetch(`${server.url}/rooms/r/messages?user=ann`, { method: 'POST', body: 'hi' })).status;
      assert.equal(await say(), 201);
      await disk.remove('lock-1');
      sleptMs = LOCK_STALE_MS;
      assert.equal(await say(), 503);
      const ready = await fetch(`${server.url}/readyz`);
      assert.equal(ready.status, 503);
      assert.match(await ready.text(), /"status":"log".*was removed or replaced/);
    });
    await log.close();
  });

  it('/metrics counts what waits for the application, for the log and for members, what is missed, and who was too slow', async () => {
    const looked = deferred();
    const log = new DelayedLog(new MemoryLog({ maxHistoryRecords: 10 }));
    const onMessage = () => looked.promise.then(() => undefined);
    await withChat({ log, onMessage, maxHistoryMessages: 10 }, async (server, chat) => {
      const sample = async (series: string): Promise<number> => {
        const text = await (await fetch(`${server.url}/metrics`)).text();
        return Number(text.split(`\nbarewire_chat_${series} `)[1]?.split('\n')[0]);
      };
      const becomes = async (series: string, isSo: (value: number) => boolean): Promise<void> => {
        for (let i = 0; i < 5_000; i++) if (isSo(await sample(series))) return;
        assert.fail(`${series} is ${await sample(series)}`);
      };
      const joined = (query: string): Promise<RawClient> => {
        const client = member(server, query);
        const flushing = setInterval(() => log.flush(), 1);
        return client.finally(() => clearInterval(flushing));
      };
      const ann = await joined('?user=ann');
      say(ann, 'x', '1');
      await becomes('waiting_messages{for="application"}', (value) => value === 1);
      looked.resolve();
      await becomes('waiting_messages{for="log"}', (value) => value === 1);
      assert.equal(await sample('waiting_messages{for="application"}'), 0);
      log.flush();
      await becomes('waiting_messages{for="log"}', (value) => value === 0);
      const bob = await joined('?user=bob');
      bob.socket.pause();
      const publish = async (isEnough: () => Promise<boolean>): Promise<void> => {
        do {
          const said = Array.from({ length: 20 }, () => chat.publish('r', 'zoe', 'x'.repeat(8_000)));
          log.flush();
          await Promise.all(said);
        } while (!(await isEnough()));
      };
      await publish(async () => (await sample('queued_messages')) > 0);
      assert.equal(await sample('slow_members'), 1);
      await publish(async () => (await sample('members_ended_total{why="too-slow"}')) === 1);
      assert.deepEqual([await sample('queued_messages'), await sample('members')], [0, 1]);
      const { epoch } = (await (await fetch(`${server.url}/rooms/r/messages`)).json()) as HistoryPage;
      const kim = await joined(`?user=kim&after=${epoch}-1`);
      const gap = await told(kim);
      assert.ok(gap.type === 'gap' && gap.from === 2 && gap.to > 20);
      assert.equal(await sample('missed_messages_total'), gap.to - 1);
      kim.socket.destroy();
    });
  });
});
