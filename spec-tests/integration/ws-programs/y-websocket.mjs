// y-websocket: its server's connection handler, and two clients that come to hold the same document.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import WebSocket, { WebSocketServer } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

const { setupWSConnection, docs } = createRequire(import.meta.url)('y-websocket/bin/utils');
const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
wss.on('connection', setupWSConnection);
await once(wss, 'listening');
const open = () => {
  const doc = new Y.Doc();
  const url = `ws://127.0.0.1:${wss.address().port}`;
  const provider = new WebsocketProvider(url, 'room', doc, { WebSocketPolyfill: WebSocket, disableBc: true });
  return { doc, provider, synced: new Promise((resolve) => provider.once('sync', resolve)) };
};
const a = open();
const b = open();
await Promise.all([a.synced, b.synced]);
const heard = new Promise((resolve) => b.doc.getText('t').observe(resolve));
a.doc.getText('t').insert(0, 'hello');
await heard;
assert.equal(b.doc.getText('t').toString(), 'hello');
a.provider.destroy();
b.provider.destroy();
// A document's awareness has an interval that ends with the document.
for (const doc of [a.doc, b.doc, ...docs.values()]) doc.destroy();
for (const client of wss.clients) client.terminate();
await new Promise((resolve) => wss.close(resolve));
console.log('done');
