// Fastify 5 with @fastify/websocket; event streams on the raw response.
import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import { announce, answerEvents, converse, makeRecord } from './common.mjs';

const record = makeRecord();
const app = Fastify();
const handleProtocols = (offered) => offered.has('chat') && 'chat';
await app.register(websocket, { options: { perMessageDeflate: { threshold: 0 }, handleProtocols } });
for (const path of ['/echo', '/ping', '/close', '/last'])
  app.get(path, { websocket: true }, (socket) => converse(socket, path, record));
const preValidation = async (_request, reply) => reply.code(403).send('no entry');
app.get('/refused', { websocket: true, preValidation }, () => {});
app.get('/events', (request, reply) => {
  reply.hijack();
  answerEvents(request.raw, reply.raw);
});
await app.listen({ port: 0, host: '127.0.0.1' });
announce(app.server.address().port);
