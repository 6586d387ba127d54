import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../support/peers.ts';

describe('memory', () => {
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
