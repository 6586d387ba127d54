/** A reconnect storm: the server goes away under 2,000 members while they speak, and nothing is lost or doubled. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ChatConnection, connectChat } from '../../lib/chat/client-node.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import { startChat } from '../support/chat-server.ts';

const MEMBERS = 2_000;
/** Who says something while the server is away. */
const SPEAKERS = 50;

/** What one member hears, and what became of what it said. */
interface Listener {
  readonly client: ChatConnection;
  readonly heard: string[];
}

/** Everybody comes from one address here, which the flood control would hold up. */
const start = (log: MemoryLog, port: number) => startChat(port, { log, flood: false, maxMembers: MEMBERS });

function listen(url: string, number: number): Listener {
  const transport = number % 2 === 0 ? 'websocket' : 'event-stream';
  const client = connectChat(url, { room: 'r', user: `u${number}`, transport, minRetryMs: 200, maxRetryMs: 1_000 });
  const heard: string[] = [];
  client.on('message', ({ sequence, text }) => heard.push(`${sequence} ${text}`));
  return { client, heard };
}

/** Looks now and then, since looking at all of them takes a while; a busy machine may need long. */
async function eventually(what: string, condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + 100_000;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a reconnect storm', { timeout: 240_000 }, () => {
  it('2,000 members hear every message once and in order, through the end of a server and the start of the next', async () => {
    const log = new MemoryLog({});
    const first = await start(log, 0);
    const { port, url } = first.server;
    const listeners = Array.from({ length: MEMBERS }, (_, number) => listen(url, number));
    const isOpen = () => listeners.every(({ client }) => client.state.state === 'open');
    const haveHeard = (count: number) => () => listeners.every(({ heard }) => heard.length >= count);
    await eventually('all are there', isOpen);
    await first.chat.publish('r', 'bob', 'before');
    await eventually('all have heard it', haveHeard(1));
    await first.server.close();
    const said = listeners.slice(0, SPEAKERS).map(({ client }, number) => client.send(`from ${number}`));
    const second = await start(log, port);
    await second.chat.publish('r', 'bob', 'meanwhile');
    await eventually('all are back', isOpen);
    const sent = await Promise.all(said);
    await second.chat.publish('r', 'bob', 'after');
    const all = SPEAKERS + 3;
    await eventually('all have heard everything', haveHeard(all));
    const { records } = await log.read('r', undefined, 1_000);
    const expected = records.map(({ sequence, data }) => `${sequence} ${JSON.parse(String(data)).text}`);
    assert.equal(expected.length, all);
    assert.equal(new Set(sent.map(({ sequence }) => sequence)).size, SPEAKERS);
    for (const { heard } of listeners) assert.deepEqual(heard, expected);
    for (const { client } of listeners) client.close();
    await second.server.close();
  });
});
