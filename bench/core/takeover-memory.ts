/**
 * What permessage-deflate costs a server in memory: `node dist/bench/core/takeover-memory.js`.
 *
 * A server in a process of its own; here 2,000 clients for each of three kinds of connection: without compression, with
 * context takeover agreed both ways and not used yet, and after both windows of 32 KiB have been filled. Printed is by how
 * much the server grew for each connection, after a collection: what it holds (V8's heap and array buffers), and its
 * resident memory, which has in it what the C allocator keeps for later.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createServer, WebSocket } from '../../lib/index.ts';
import { wait } from '../../lib/load/measure.ts';
import { runAsProgram } from '../main.ts';

const CONNECTIONS = 2_000;
const WARM_UP_CONNECTIONS = 200;
/** Enough for a window and what it keeps to spare, in messages short enough for our own codec. */
const MESSAGES = 48;
const MESSAGE_BYTES = 1_024;

interface Memory {
  readonly held: number;
  readonly resident: number;
}

async function serve(): Promise<number> {
  const perMessageDeflate = { serverContextTakeover: true, clientContextTakeover: true, thresholdBytes: 0 };
  const server = createServer();
  server.webSocket('/plain', {});
  server.webSocket('/deflate', { message: (socket, data) => void socket.send(data) }, { perMessageDeflate });
  await server.listen();
  process.on('message', () => {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
    process.send?.({ held: heapUsed + arrayBuffers, resident: rss } satisfies Memory);
  });
  process.on('disconnect', () => process.exit());
  process.send?.(server.url.replace('http', 'ws'));
  return 0;
}

async function measure(): Promise<number> {
  const server = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: ['--expose-gc'] });
  const [url] = (await once(server, 'message')) as [string];
  let before: Memory = { held: 0, resident: 0 };
  /** What has come since it was last called; `floor`, what of that is known already. */
  const grown = async (what: string, floor: Memory = { held: 0, resident: 0 }): Promise<Memory> => {
    let now = before;
    for (let i = 0; i < 3; i++) {
      server.send('collect');
      [now] = (await once(server, 'message')) as [Memory];
      await wait(200);
    }
    const each = (of: keyof Memory): number => (now[of] - before[of]) / CONNECTIONS;
    const growth = { held: each('held'), resident: each('resident') };
    before = now;
    const cells = [growth.held - floor.held, growth.resident - floor.resident].map((bytes) =>
      Math.round(bytes).toLocaleString('en-US').padStart(10),
    );
    if (what !== '') process.stdout.write(`${what.padEnd(36)}${cells.join('')}\n`);
    return growth;
  };
  const open = (path: string, count = CONNECTIONS): Promise<WebSocket[]> =>
    Promise.all(Array.from({ length: count }, () => connected(`${url}${path}`)));
  // The first of each kind also pay for code and for the codec's shared memory.
  for (const path of ['/plain', '/deflate']) await fill(await open(path, WARM_UP_CONNECTIONS));

  process.stdout.write(`bytes a connection                        held  resident\n`);
  await grown('');
  const plain = await open('/plain');
  const floor = await grown('without compression');
  const agreed = await open('/deflate');
  await grown('takeover agreed, not used: more by', floor);
  await fill(agreed);
  await grown('both windows full: more by');
  for (const socket of [...plain, ...agreed]) socket.close();
  server.disconnect();
  return 0;
}

async function connected(url: string): Promise<WebSocket> {
  const perMessageDeflate = { serverContextTakeover: true, clientContextTakeover: true, thresholdBytes: 0 };
  const socket = new WebSocket(url, { perMessageDeflate });
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`${url} could not be opened`));
  });
  return socket;
}

/** Echoes enough through each socket that agreed on compression. */
async function fill(sockets: readonly WebSocket[]): Promise<void> {
  const words = Array.from({ length: 64 }, (_, i) => `word${((i * 7_919) % 9_973).toString(36)} `);
  for (const socket of sockets.filter(({ extensions }) => extensions !== '')) {
    for (let n = 0; n < MESSAGES; n++) {
      let text = '';
      for (let i = n; text.length < MESSAGE_BYTES; i = (i * 31 + n) % 9_973) text += `${words[i % 64]}${i} `;
      const echoed = new Promise((resolve) => {
        socket.onmessage = resolve;
      });
      socket.send(text);
      await echoed;
    }
  }
}

runAsProgram(import.meta.url, process.argv[2] === 'serve' ? serve : measure);
