// Socket.IO 4: the websocket transport alone, polling that is upgraded, rooms, acknowledgements, binary data, recovery of state.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';

const require = createRequire(import.meta.url);
const http = createServer();
const io = new Server(http, {
  wsEngine: require('ws').Server,
  connectionStateRecovery: {},
  perMessageDeflate: { threshold: 10 },
});
io.on('connection', (socket) => {
  assert.equal(socket.conn.remoteAddress.includes('127.0.0.1'), true);
  socket.on('join', (room, done) => {
    socket.join(room);
    done(`in ${room}`);
  });
  socket.on('say', (room, text) => io.to(room).emit('said', text));
  socket.on('bytes', (bytes, done) => done(Buffer.concat([bytes, Buffer.from([9])])));
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const url = `http://127.0.0.1:${http.address().port}`;
const a = connect(url, { transports: ['websocket'], reconnectionDelay: 10 });
const b = connect(url, { reconnectionDelay: 10 });
await Promise.all([once(a, 'connect'), once(b, 'connect')]);
assert.equal(a.io.engine.transport.name, 'websocket');
if (b.io.engine.transport.name !== 'websocket') await once(b.io.engine, 'upgrade');
assert.equal(b.io.engine.transport.name, 'websocket');
assert.equal(await a.emitWithAck('join', 'one'), 'in one');
assert.equal(await b.emitWithAck('join', 'one'), 'in one');
const heard = [once(a, 'said'), once(b, 'said')];
a.emit('say', 'one', 'hello to the room, compressed');
// Behind the text stands the offset by which a state is recovered.
for (const [text] of await Promise.all(heard)) assert.equal(text, 'hello to the room, compressed');
assert.deepEqual([...new Uint8Array(await a.emitWithAck('bytes', Buffer.from([1, 2])))], [1, 2, 9]);

// The connection is cut below: what was said meanwhile comes when the client is back, and it is the same session.
const { id } = a;
const back = once(a, 'connect');
const missed = once(a, 'said');
const left = once(a, 'disconnect');
a.io.engine.close();
await left;
io.to('one').emit('said', 'while you were away');
await back;
assert.equal(a.recovered, true);
assert.equal(a.id, id);
assert.equal((await missed)[0], 'while you were away');
a.disconnect();
b.disconnect();
await io.close();
console.log('done');
