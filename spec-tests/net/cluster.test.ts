/**
 * Workers of `node:cluster`, whose listening handle is not a socket's but a stand-in that the primary process feeds: the way
 * connections are accepted (`acceptSockets` in `channel/node-internals.ts`) must not depend on which it is.
 */

import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from '../../lib/index.ts';

describe('workers of a cluster', () => {
  it('share a port, each serves its connections, and each closes', async () => {
    // Port 0 is the same port for all workers of a cluster.
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('../support/cluster-worker.js', import.meta.url)),
      args: ['0'],
    });
    const [first, second] = [cluster.fork(), cluster.fork()] as const;
    const [[{ port }]] = (await Promise.all([once(first, 'message'), once(second, 'message')])) as [
      [{ port: number }],
      unknown,
    ];
    const answered = new Set<string>();
    for (let i = 0; i < 6; i++) answered.add(await ask(`ws://127.0.0.1:${port}/`));
    assert.equal(answered.size, 2, 'the primary hands connections out in turn');
    for (const pid of answered) assert.ok([first, second].some((worker) => String(worker.process.pid) === pid));
    for (const worker of [first, second]) {
      const exit = once(worker, 'exit');
      worker.send('close');
      assert.deepEqual(await exit, [0, null]);
    }
  });
});

async function ask(url: string): Promise<string> {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send('who?');
  const answer = await new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data as string);
    socket.onerror = () => reject(new Error('no answer'));
  });
  const closed = new Promise((resolve) => {
    socket.onclose = resolve;
  });
  socket.close();
  await closed;
  return answer;
}
