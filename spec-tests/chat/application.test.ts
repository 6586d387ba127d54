/** What the application's own functions may answer the chat, and what becomes of answers that are none. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorEvent, ServerEvent } from '../../lib/chat/protocol.ts';
import { mountChat } from '../../lib/chat/server.ts';
import type { ChatOptions } from '../../lib/chat/settings.ts';
import { createServer, type Server } from '../../lib/server.ts';
import { openWebSocket, RawClient } from '../support/sockets.ts';

const PATHS = ['/rooms/r', '/rooms/r/events', '/rooms/r/messages'];

/** A chat whose functions answer `options`, and what the server's `onError` is told. */
async function withAnswers(
  options: object,
  body: (server: Server, told: () => string) => Promise<void>,
): Promise<void> {
  const errors: string[] = [];
  const server = createServer({ onError: (error) => void errors.push(String(error)) });
  mountChat(server, { presenceMs: 0, ...options } as ChatOptions);
  await server.listen();
  try {
    await body(server, () => errors.splice(0).join('\n'));
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    await server.close();
  }
}

const FAILED = { type: 'error', code: 'FAILED', message: 'the server failed to look at this message' };

const post = (server: Server): Promise<Response> =>
  fetch(`${server.url}/rooms/r/messages`, { method: 'POST', body: 'hello' });

/** The status of each way in: WebSocket, event stream, history, POST. */
async function statuses(server: Server): Promise<number[]> {
  const found: number[] = [];
  for (const path of PATHS) {
    if (path !== PATHS[0]) {
      const response = await fetch(server.url + path);
      await response.body?.cancel();
      found.push(response.status);
      continue;
    }
    const client = await RawClient.connect(server.port);
    found.push((await client.upgrade(path)).status);
    client.socket.destroy();
  }
  return [...found, (await post(server)).status];
}

/** The next error that a WebSocket is told. It must stay open. */
async function errorOf(client: RawClient): Promise<ErrorEvent> {
  for (;;) {
    const { first, payload } = await client.frame();
    assert.equal(first, 0x81);
    const event = JSON.parse(payload.toString()) as ServerEvent;
    if (event.type === 'error') return event;
  }
}

describe('what the application answers', { timeout: 30_000 }, () => {
  const wrongIdentities: readonly (readonly [unknown, RegExp])[] = [
    [null, /identify answered null, must be a person \{ id, name \}/],
    [5, /identify answered 5, must be/],
    [true, /identify answered true, must be/],
    [[], /identify answered an array, must be/],
    [{}, /identify answered id undefined, must be 1 to 64/],
    [{ id: 'x' }, /identify answered name undefined, must be 1 to 32/],
    [{ id: 'x', name: '' }, /identify answered name "", must be/],
    [{ id: 'x', name: 5 }, /identify answered name 5, must be/],
    [{ id: 5, name: 'x' }, /identify answered id 5, must be/],
    [
      { id: 'x', name: 'x', expiresAt: '2020-01-01' },
      /identify answered expiresAt "2020-01-01", must be a number of ms/,
    ],
    [{ id: 'x', name: 'x', expiresAt: Number.NaN }, /identify answered expiresAt NaN, must be/],
    [{ id: 'x', name: 'x', expiresAt: null }, /identify answered expiresAt null, must be/],
    [{ id: 'x', name: 'x', expiresAt: new Date(0) }, /identify answered expiresAt an object, must be/],
  ];
  for (const isAsync of [false, true]) {
    const later = (value: unknown): unknown => (isAsync ? Promise.resolve(value) : value);
    const how = isAsync ? 'behind a promise' : 'at once';

    it(`an answer of identify that is none (${how}) is a 500, and a sentence that names the field`, async () => {
      for (const [answer, says] of wrongIdentities)
        await withAnswers({ identify: () => later(answer) }, async (server, told) => {
          assert.deepEqual(await statuses(server), [500, 500, 500, 500], String(says));
          assert.match(told(), says);
        });
    });

    it(`authorize (${how}) admits with true alone and refuses with false alone; anything else is a 500`, async () => {
      for (const answer of [{ status: 403 }, 1, 'yes', {}, 0, null, undefined, ''])
        await withAnswers({ authorize: () => later(answer) }, async (server, told) => {
          assert.deepEqual(await statuses(server), [500, 500, 500, 500], String(answer));
          assert.match(told(), /TypeError: authorize answered .+, must be true or false/);
        });
      await withAnswers({ authorize: () => later(false) }, async (server, told) => {
        assert.deepEqual(await statuses(server), [403, 403, 403, 403]);
        assert.equal(told(), '');
      });
      await withAnswers({ authorize: () => later(true) }, async (server) => {
        assert.deepEqual(await statuses(server), [101, 200, 200, 201]);
      });
    });

    it(`authorize (${how}): what is said over a WebSocket is not published where the answer is none`, async () => {
      const authorize = (_: unknown, __: unknown, action: string) => later(action === 'say' ? { status: 403 } : true);
      await withAnswers({ authorize }, async (server, told) => {
        const client = await openWebSocket(server.port, '/rooms/r');
        client.frames({ opcode: 1, payload: Buffer.from('{"type":"message","text":"x","id":"1"}') });
        const failed = {
          ...{
            type: 'error',
            code: 'FAILED',
            message: 'the server could not find out whether you may say anything here',
          },
          ...{ retryAfterMs: 1_000, id: '1' },
        };
        assert.deepEqual(await errorOf(client), failed);
        assert.match(told(), /authorize answered an object, must be true or false/);
        const page = (await (await fetch(`${server.url}/rooms/r/messages`)).json()) as { messages: unknown[] };
        assert.deepEqual(page.messages, []);
      });
    });

    it(`an answer of onMessage that is none (${how}) is FAILED for that message alone, and a sentence that names the field`, async () => {
      for (const [answer, says] of [
        [5, /onMessage answered 5, must be \{ text \}, \{ refuse \} or undefined/],
        [null, /onMessage answered null, must be/],
        [true, /onMessage answered true, must be/],
        [{ refuse: 5 }, /onMessage answered refuse 5, must be a string that says why/],
        [{ refuse: '' }, /onMessage answered refuse "", must be a string that says why/],
        [{ text: 5 }, /onMessage answered text 5, must be a string/],
        [{}, /onMessage answered text undefined, must be a string/],
      ] as const)
        await withAnswers({ onMessage: () => later(answer) }, async (server, told) => {
          const response = await post(server);
          assert.equal(response.status, 500, String(says));
          assert.deepEqual(await response.json(), FAILED);
          assert.match(told(), says);
          const client = await openWebSocket(server.port, '/rooms/r');
          for (const id of ['1', '2']) {
            client.frames({ opcode: 1, payload: Buffer.from(`{"type":"message","text":"x","id":"${id}"}`) });
            assert.deepEqual(await errorOf(client), { ...FAILED, id });
            assert.match(told(), says);
          }
        });
    });
  }

  it('a log-in that is over is refused with 401 UNAUTHORIZED over every way in', async () => {
    await withAnswers({ identify: () => ({ id: 'x', name: 'x', expiresAt: Date.now() - 1 }) }, async (server, told) => {
      assert.deepEqual(await statuses(server), [401, 401, 401, 401]);
      const { code, message } = (await (await post(server)).json()) as { code: string; message: string };
      assert.deepEqual([code, message, told()], ['UNAUTHORIZED', 'the log-in is over', '']);
    });
  });

  it('a log-in that has ended since its ticket was given is refused likewise, before anything is told', async () => {
    let nowMs = 1_000_000;
    const user = { id: 'x', name: 'x', expiresAt: nowMs + 10 };
    await withAnswers({ identify: () => user, now: () => new Date(nowMs) }, async (server) => {
      const ticket = async (): Promise<string> =>
        ((await (await fetch(`${server.url}/tickets`, { method: 'POST' })).json()) as { ticket: string }).ticket;
      const tickets = [await ticket(), await ticket(), await ticket()];
      nowMs += 9;
      (await openWebSocket(server.port, `/rooms/r?ticket=${tickets[0]}`)).socket.destroy();
      nowMs += 1;
      const response = await fetch(`${server.url}/rooms/r/events?ticket=${tickets[1]}`);
      const { code, message } = (await response.json()) as { code: string; message: string };
      assert.deepEqual([response.status, code, message], [401, 'UNAUTHORIZED', 'the log-in is over']);
      await assert.rejects(openWebSocket(server.port, `/rooms/r?ticket=${tickets[2]}`), /401/);
    });
  });
});
