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
