// webpack-dev-server: its client's protocol, as a page speaks it: a build that is announced, and another after a file has changed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';
import WebSocket from 'ws';

const folder = mkdtempSync(join(tmpdir(), 'barewire-webpack-'));
const entry = join(folder, 'index.js');
writeFileSync(entry, 'console.log(1);');
const compiler = webpack({
  mode: 'development',
  context: folder,
  entry,
  output: { path: folder },
  infrastructureLogging: { level: 'none' },
  stats: 'none',
});
const server = new WebpackDevServer(
  { port: 0, host: '127.0.0.1', allowedHosts: 'all', client: false, hot: false },
  compiler,
);
await server.start();
const { port } = server.server.address();
const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { Origin: `http://127.0.0.1:${port}` } });
const types = [];
let isBuilt = () => {};
client.on('message', (data) => {
  const { type } = JSON.parse(data);
  types.push(type);
  if (type === 'ok') isBuilt();
});
await once(client, 'open');
if (!types.includes('ok'))
  await new Promise((resolve) => {
    isBuilt = resolve;
  });
const again = new Promise((resolve) => {
  isBuilt = resolve;
});
writeFileSync(entry, 'console.log(2);');
await again;
assert.ok(types.includes('invalid'), types.join());
client.close();
await once(client, 'close');
await server.stop();
rmSync(folder, { recursive: true });
console.log('done');
