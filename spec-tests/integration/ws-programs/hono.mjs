// @hono/node-ws: a route that is upgraded, its events, and a refusal of what is no upgrade.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { serve } from '@hono/node-server';
import { createNodeWebSocket } from '@hono/node-ws';
import { Hono } from 'hono';
import WebSocket from 'ws';

const app = new Hono();
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
let closed;
const whenClosed = new Promise((resolve) => {
  closed = resolve;
});
app.get(
  '/ws',
  upgradeWebSocket((context) => ({
    onOpen: (_, socket) => socket.send(`open ${context.req.query('q')}`),
    onMessage: (event, socket) => socket.send(typeof event.data === 'string' ? `echo ${event.data}` : event.data),
    onClose: (event) => closed([event.code, event.reason]),
  })),
);
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
injectWebSocket(server);
if (!server.listening) await once(server, 'listening');
const client = new WebSocket(`ws://127.0.0.1:${server.address().port}/ws?q=1`);
const heard = [];
await new Promise((resolve) => {
  client.on('message', (data, isBinary) => {
    heard.push(isBinary ? [...data].join() : String(data));
    if (heard.length === 1) client.send('x');
    if (heard.length === 2) client.send(Buffer.from([1, 2]));
    if (heard.length === 3) resolve();
  });
});
assert.deepEqual(heard, ['open 1', 'echo x', '1,2']);
client.close(4001, 'enough');
assert.deepEqual(await whenClosed, [4001, 'enough']);
const plain = await fetch(`http://127.0.0.1:${server.address().port}/ws?q=1`);
assert.equal(plain.ok, false); // no upgrade
await plain.text();
server.close();
console.log('done');
