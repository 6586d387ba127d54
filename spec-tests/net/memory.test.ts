import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { ROOT } from '../support/peers.ts';
import { patiently, RawClient, upgradeRequest } from '../support/sockets.ts';

/**
 * Memory of V8's heap that one more idle WebSocket takes, in a server of its own process. Code that is compiled meanwhile counts too, which
 * can only be more, and code that is let go of, which is less: so the second smallest of four steps of 300 connections, behind the first 300.
 */
async function idleBytes(listen: string): Promise<number> {
  const code = `
    import { createServer as createHttpServer } from 'node:http';
    import { createServer } from ${JSON.stringify(join(ROOT, 'dist/lib/index.js'))};
    import { collectGarbage } from ${JSON.stringify(join(ROOT, 'dist/spec-tests/support/gc.js'))};
    const server = createServer({ maxConnectionsPerAddress: 5_000 });
    server.webSocket('/', { message: (socket, data) => socket.send(data) });
    const port = await (async () => { ${listen} })();
    console.log(port);
    process.stdin.on('data', async () => {
      for (let i = 0; i < 5; i++) await collectGarbage();
      console.log(process.memoryUsage().heapUsed);
    });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const number = async (): Promise<number> => Number((await patiently('the server', lines.next())).value);
  const open: RawClient[] = [];
  try {
    const port = await number();
    const connect = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const client = await RawClient.connect(port);
        open.push(client);
        client.write(upgradeRequest('/'));
        assert.equal((await client.response()).status, 101);
      }
    };
    const heap = async (): Promise<number> => {
      child.stdin.write('heap?\n');
      return number();
    };
    await connect(300);
    const steps: number[] = [];
    let before = await heap();
    for (let step = 0; step < 4; step++) {
      await connect(300);
      const after = await heap();
      steps.push((after - before) / 300);
      before = after;
    }
    return steps.toSorted((a, b) => a - b)[1]!;
  } finally {
    for (const { socket } of open) socket.destroy();
    child.kill();
  }
}

describe('memory', () => {
  for (const [door, maxBytes, listen] of [
    ['our own listener', 2_000, 'await server.listen(); return server.port;'],
    [
      'server.attach',
      2_150,
      `const http = createHttpServer();
       server.attach(http);
       await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
       return http.address().port;`,
    ],
  ] as const) {
    it(`of an idle WebSocket through ${door}, at most ${maxBytes} bytes are in V8's heap`, async () => {
      const bytes = await idleBytes(listen);
      assert.ok(bytes > 1_000 && bytes <= maxBytes, `${bytes.toFixed(0)} bytes`);
    });
  }

  it('of 100 MB echoed, plain and compressed, less than 2 MB are held when the connections have gone', () => {
    const code = `
      import { createServer, WebSocket } from ${JSON.stringify(join(ROOT, 'dist/lib/index.js'))};
      import { collectGarbage } from ${JSON.stringify(join(ROOT, 'dist/spec-tests/support/gc.js'))};
      const large = { maxMessageBytes: 200_000_000, maxBufferedBytes: 400_000_000 };
      const server = createServer(large);
      const echo = { message: (socket, data) => socket.send(data) };
      server.webSocket('/plain', echo).webSocket('/compressed', echo, { perMessageDeflate: true });
      await server.listen();
      async function once(path, size, perMessageDeflate) {
        const socket = new WebSocket(server.url + path, { ...large, perMessageDeflate });
        socket.binaryType = 'arraybuffer';
        await new Promise((resolve) => { socket.onopen = resolve; });
        const back = new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data.byteLength); });
        socket.send(new Uint8Array(size));
        if (await back !== size) throw new Error('another size came back');
        // Not close(): its frames would be the last that was written, and hide what is remembered of a large one.
        for (const each of server.webSockets) each.terminate();
        await new Promise((resolve) => { socket.onclose = resolve; });
      }
      async function held() {
        for (let i = 0; i < 5; i++) await collectGarbage();
        const { arrayBuffers, heapUsed } = process.memoryUsage();
        return arrayBuffers + heapUsed;
      }
      for (const size of [100, 100_000]) { await once('/plain', size, false); await once('/compressed', size, true); }
      const before = await held();
      await once('/compressed', 100_000_000, true);
      const between = await held();
      await once('/plain', 100_000_000, false);
      while (server.connections.webSockets > 0) await new Promise((resolve) => setImmediate(resolve));
      console.log(Math.max(between, await held()) - before);
      await server.close();
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.ok(Number.isInteger(Number.parseInt(stdout, 10)), stderr);
    assert.ok(Number(stdout) < 2_000_000, `${stdout.trim()} bytes are held`);
  });
});
