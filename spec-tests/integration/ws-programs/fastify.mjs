// @fastify/websocket: a route with hooks, an echo, injectWS, and a server that closes its clients.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import WebSocket from 'ws';

const app = Fastify();
await app.register(websocket, { options: { maxPayload: 1_048_576 } });
app.addHook('preValidation', async (request, reply) => {
  if (request.query.token === 'wrong') await reply.code(401).send('not you');
});
app.get('/echo/:name', { websocket: true }, (socket, request) => {
  socket.on('message', (message) => socket.send(`${request.params.name}: ${message}`));
});
await app.listen({ port: 0, host: '127.0.0.1' });
const base = `ws://127.0.0.1:${app.server.address().port}`;
const client = new WebSocket(`${base}/echo/ada`);
await once(client, 'open');
client.send('hi');
assert.equal(String((await once(client, 'message'))[0]), 'ada: hi');
const refused = new WebSocket(`${base}/echo/ada?token=wrong`);
const [error] = await once(refused, 'error').catch((caught) => [caught]);
assert.match(error.message, /401/);
const injected = await app.injectWS('/echo/bob');
const answer = once(injected, 'message');
injected.send('in memory');
assert.equal(String((await answer)[0]), 'bob: in memory');
injected.terminate();
const closed = once(client, 'close');
await app.close();
assert.equal((await closed)[0], 1005);
console.log('done');
