/** Bad weather: positions that nobody issued, a restart under many members, floods; and the examples of the protocol's page. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ChatConnection, connectChat } from '../../lib/chat/client-node.ts';
import type { HistoryPage, ServerEvent, WelcomeEvent } from '../../lib/chat/protocol.ts';
import { CHAT_LIMITS } from '../../lib/limits.ts';
import { withChat } from '../support/chat-server.ts';
import { ROOT } from '../support/peers.ts';
import { openWebSocket, type RawClient, turns, until } from '../support/sockets.ts';

async function hear(client: RawClient): Promise<ServerEvent> {
  const { first, payload } = await client.frame();
  assert.equal(first, 0x81);
  return JSON.parse(payload.toString()) as ServerEvent;
}

/** What an event stream begins with. */
async function welcomeOf(url: string): Promise<WelcomeEvent> {
  const { body } = await fetch(url);
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const data = /^event: welcome\ndata: (.*)\n\n/m.exec(text)?.[1];
    if (data !== undefined) return JSON.parse(data) as WelcomeEvent; // which ends the request too
  }
  throw new Error('the stream ended');
}

describe('bad weather', { timeout: 60_000 }, () => {
  it('a position that was never issued, or is another room’s, is a reset: never an error, never silence', async () => {
    await withChat({}, async (server, chat) => {
      for (let i = 1; i <= 3; i++) await chat.publish('r', 'bob', `m${i}`);
      await chat.publish('other', 'bob', 'elsewhere');
      const positionOf = async (room: string): Promise<string> => {
        const client = await openWebSocket(server.port, `/rooms/${room}`);
        return ((await hear(client)) as WelcomeEvent).position;
      };
      const [own, other] = [await positionOf('r'), await positionOf('other')];
      const epoch = own.split('-')[0];
      for (const after of [
        ...[other, `${epoch}-4-abc`, `${epoch}-2-zzzz`, `${epoch}-0-abc`, `${epoch}-9007199254740993-a`],
        ...['-', `${epoch}-`, `${epoch}--1`, `${epoch}-1e3`, 'x'.repeat(5_000), '%00', '%F0%9F%98%80'],
      ]) {
        const client = await openWebSocket(server.port, `/rooms/r?after=${after}`);
        const { resumed, replayed } = (await hear(client)) as WelcomeEvent;
        assert.deepEqual([resumed, replayed], ['reset', 3], after.slice(0, 40));
        client.socket.destroy();
        const streamed = await welcomeOf(`${server.url}/rooms/r/events?lastEventId=${after}`);
        assert.deepEqual([streamed.resumed, streamed.replayed], ['reset', 3], after.slice(0, 40));
        const page = (await (await fetch(`${server.url}/rooms/r/messages?after=${after}`)).json()) as HistoryPage;
        assert.deepEqual([page.reset, page.messages.length], [true, 3], after.slice(0, 40));
      }
      const client = await openWebSocket(server.port, `/rooms/r?after=${own}`);
      assert.equal(((await hear(client)) as WelcomeEvent).resumed, 'resumed');
    });
  });

  it('200 members whose server drains and starts anew all come back, and each hears every message once and in order', async () => {
    const heard: string[][] = [];
    const clients: ChatConnection[] = [];
    let port = 0;
    const isOpen = () => clients.every(({ state }) => state.state === 'open');
    await withChat({}, async (server, chat) => {
      port = server.port;
      for (let i = 0; i < 200; i++) {
        const transport = i % 2 === 0 ? 'websocket' : 'event-stream';
        const client = connectChat(server.url, {
          room: 'r',
          user: `u${i}`,
          transport,
          minRetryMs: 100,
          maxRetryMs: 400,
        });
        const mine: string[] = [];
        client.on('message', ({ text }) => mine.push(text));
        clients.push(client);
        heard.push(mine);
      }
      await until('all are there', isOpen);
      await chat.publish('r', 'bob', 'before');
      await until('all have heard it', () => heard.every(({ length }) => length === 1));
      await server.drain({ overMs: 300 });
    });
    await withChat(
      {},
      async (_, chat) => {
        await until('all are back', isOpen);
        await chat.publish('r', 'bob', 'after');
        await until('all have heard it', () => heard.every(({ length }) => length === 2));
        assert.ok(heard.every((mine) => mine.join() === 'before,after'));
        for (const client of clients) client.close();
      },
      port,
    );
  });

  it('a flood of 2,000 messages of one member: the others hear no more than its bucket has, and it is read no faster', async () => {
    await withChat({}, async (server) => {
      const bystander = connectChat(server.url, { room: 'r', user: 'bob' });
      let flooded = 0;
      bystander.on('message', ({ from }) => {
        if (from === 'eve') flooded++;
      });
      await until('bob is there', () => bystander.state.state === 'open');
      const startMs = performance.now();
      const eve = await openWebSocket(server.port, '/rooms/r?user=eve');
      let answered = 0;
      eve.socket.on('data', (chunk: Buffer) => {
        answered += chunk.toString('latin1').split('RATE_LIMITED').length - 1;
      });
      for (let i = 0; i < 2_000; i++) eve.frames({ opcode: 1, payload: Buffer.from('{"type":"message","text":"x"}') });
      const { messages, reading } = CHAT_LIMITS.flood;
      const { burst, perSecond } = messages.user;
      await until('eve is read no further', () => answered >= reading.connection.burst - burst);
      for (let i = 0; i < 5; i++) assert.equal((await bystander.send(`mine ${i}`)).text, `mine ${i}`);
      await turns(200);
      const seconds = (performance.now() - startMs) / 1_000;
      assert.ok(flooded >= burst && flooded <= burst + perSecond * seconds + 1, `${flooded} in ${seconds} s`);
      const read = flooded + answered;
      assert.ok(
        read <= reading.connection.burst + reading.connection.perSecond * seconds + 1,
        `${read} in ${seconds} s`,
      );
      bystander.close();
    });
  });
});

describe('lib/chat/README.md', () => {
  it('its examples have the fields that the server sends, in the same order', async () => {
    const page = readFileSync(join(ROOT, 'lib/chat/README.md'), 'utf8');
    const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, lines = '']) =>
      lines.trim().split('\n'),
    );
    const keys = new Map<string, string>();
    for (const example of examples) {
      const value = JSON.parse(example) as { readonly type?: string };
      keys.set(value.type ?? 'page', Object.keys(value).join());
    }
    await withChat(
      {
        presenceMs: 20,
        flood: { messages: { user: { burst: 1, perSecond: 1 }, address: { burst: 9, perSecond: 9 } } },
      },
      async (server, chat) => {
        const client = await openWebSocket(server.port, '/rooms/tea?user=ann&id=a1');
        const seen = new Map<string, string>();
        const note = (event: { readonly type?: string }): unknown =>
          seen.set(event.type ?? 'page', Object.keys(event).join());
        for (const id of ['1', '2'])
          client.frames({ opcode: 1, payload: Buffer.from(`{"type":"message","text":"x","id":"${id}"}`) });
        while (!['welcome', 'message', 'presence', 'error', 'ack'].every((type) => seen.has(type)))
          note(await hear(client));
        await chat.remove('tea', 1);
        while (!seen.has('removed')) note(await hear(client));
        note((await (await fetch(`${server.url}/rooms/tea/messages?user=ann`)).json()) as object);
        keys.delete('gap'); // what a member without a gap never gets; server.test.ts has it
        assert.deepEqual(Object.fromEntries([...seen].sort()), Object.fromEntries([...keys].sort()));
      },
    );
  });
});
