/** The chat on the clock of a test: presence and refusals wait for `advance` and for nothing else. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mountChat } from '../../lib/chat/index.ts';
import { createServer } from '../../lib/server.ts';
import { connectPair, FakeClock, request } from '../../lib/testing/index.ts';
import { turns } from '../support/sockets.ts';

it('waits by the clock that it is given', async () => {
  const clock = new FakeClock();
  const server = createServer({ clock });
  mountChat(server, {
    clock,
    flood: { posts: { address: { burst: 1, perSecond: 0.001 } } },
  });
  const ann = await connectPair(server, '/rooms/tea?user=ann');
  assert.equal(JSON.parse(String(await ann.next())).type, 'welcome');
  clock.advance(500);
  assert.deepEqual(JSON.parse(String(await ann.next())).joined, [{ id: 'ann', name: 'ann' }]);
  const post = () =>
    request(server, '/rooms/tea/messages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-User-Id': 'bob' },
      body: JSON.stringify({ text: 'hello' }),
    });
  assert.equal((await post()).status, 201);
  let status = 0;
  const refused = post().then((response) => {
    status = response.status;
  });
  await turns(20);
  assert.equal(status, 0, 'a refusal waits');
  clock.advance(500);
  await refused;
  assert.equal(status, 429);
  await server.close();
});

it('a time of day that is set back by an hour holds nobody up, and one that is set forward ends no ticket', async () => {
  const clock = new FakeClock();
  const server = createServer({ clock });
  let stepMs = 0;
  const one = { burst: 1, perSecond: 1 };
  mountChat(server, {
    clock,
    now: () => new Date(1_800_000_000_000 + clock.now() + stepMs),
    flood: { messages: { user: one, address: one }, joins: { user: one, address: one }, reading: { connection: one } },
  });
  const ann = await connectPair(server, '/rooms/tea?user=ann');
  const heard: string[] = [];
  const hear = async (): Promise<void> => {
    for (;;) heard.push(JSON.parse(String(await ann.next())).type);
  };
  hear().catch(() => {}); // until she is closed
  const say = async (id: string): Promise<void> => {
    ann.send(JSON.stringify({ type: 'message', text: 'x', id }));
    await turns(20);
  };
  await say('1');
  stepMs = -3_600_000;
  clock.advance(2_000);
  await say('2');
  assert.equal(heard.filter((type) => type === 'ack').length, 2, heard.join());
  const { ticket } = JSON.parse((await request(server, '/tickets?user=bob', { method: 'POST' })).text());
  stepMs = 3_600_000;
  clock.advance(1_000);
  const bob = await connectPair(server, `/rooms/tea?ticket=${ticket}`);
  assert.equal(JSON.parse(String(await bob.next())).you, 'bob');
  await server.close();
});
