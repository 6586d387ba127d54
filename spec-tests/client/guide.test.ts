/** Runs every snippet of docs/clients.md, as it stands but for the port: it prints what its `// →` comments say, in that order. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { switching } from '../support/client.ts';
import { fromServer } from '../support/frames.ts';
import { ROOT } from '../support/peers.ts';
import { withServer } from '../support/sockets.ts';

const guide = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8');
const snippets = [...guide.matchAll(/<!-- (run|check): ([a-z-]+) -->\n```js\n([\s\S]*?)```/g)];

/** What the guide's snippets talk to: a service of Node's, and for `/echo` and `/count` this library's own server. */
function withServices(body: (port: number, ownPort: number) => Promise<void>): Promise<void> {
  const news = createHttpServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    if (request.method !== 'POST') response.end('id: 7\ndata: hello\n\n');
    else response.end('data: because\n\ndata:  it\n\ndata:  is\n\ndata:  so\n\n');
  });
  let flaky = 0;
  return withServer(
    {},
    (server) =>
      server
        .webSocket('/echo', { message: (socket, data) => void socket.send(data) }, { maxQueuedMessages: 10_000 })
        .webSocket<number>('/count', {
          message(socket, message) {
            socket.data = (socket.data ?? 0) + message.length;
            if (socket.data === 10_000_000) socket.send(`${socket.data} bytes`);
          },
        }),
    async (server) => {
      news.on('upgrade', (request, socket) => {
        socket.on('data', () => socket.destroy()).on('error', () => {}); // a close frame is all that comes
        const head = `sec-websocket-key: ${request.headers['sec-websocket-key']}`;
        if (request.url === '/private') {
          socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\nwho are you?');
        } else if (request.url === '/flaky?token=secret') {
          socket.write(switching(head));
          // Twice: a connection that a restart ends, then one that answers what it is told.
          if (flaky++ === 0) socket.end(fromServer({ opcode: 8, payload: Uint8Array.of(3, 0xe9) }));
          else socket.write(fromServer({ opcode: 1, payload: 'kept until there is a connection' }));
        }
      });
      await new Promise<void>((resolve) => news.listen(0, '127.0.0.1', resolve));
      try {
        await body((news.address() as AddressInfo).port, server.port);
      } finally {
        news.closeAllConnections();
        await new Promise((resolve) => news.close(resolve));
      }
    },
  );
}

describe('docs/clients.md', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'barewire-guide-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules', 'barewire'), 'dir');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('every snippet is run or checked', () => {
    assert.equal(snippets.length, (guide.match(/^```js$/gm) ?? []).length);
    assert.ok(snippets.length >= 6);
  });

  for (const [, kind, name = '', code = ''] of snippets) {
    it(`${name}: ${kind === 'run' ? 'prints what it says' : 'is taken'}`, { timeout: 60_000 }, async () => {
      await withServices(async (port, ownPort) => {
        const file = join(folder, `${name}.mjs`);
        const text = code
          .replace(/127\.0\.0\.1:8080(?=\/(?:echo|count)\b)/g, `127.0.0.1:${ownPort}`)
          .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
        if (kind === 'check') {
          // Nothing is there to connect to: the options are what is checked.
          const quiet =
            'const certificate = undefined; process.on("exit", () => console.log("taken")); setImmediate(() => process.exit());\n';
          writeFileSync(file, text.replace(/(^import .*\n)/m, `$1${quiet}`));
        } else writeFileSync(file, text);
        const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 30_000 });
        const expected = kind === 'check' ? ['taken'] : [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line!);
        assert.deepEqual(stdout.trim().split('\n').sort(), expected.sort());
      });
    });
  }
});
