// engine.io alone, with ws's own option names, and its client's websocket transport.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { Server } from 'engine.io';
import { Socket } from 'engine.io-client';

const http = createServer();
const engine = new Server({ wsEngine: createRequire(import.meta.url)('ws').Server, maxHttpBufferSize: 1e5 });
engine.attach(http);
engine.on('initial_headers', (headers) => {
  headers['x-first'] = 'yes';
});
engine.on('connection', (socket) => socket.on('message', (data) => socket.send(data, () => socket.send('sent'))));
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const client = new Socket(`ws://127.0.0.1:${http.address().port}`, { transports: ['websocket'] });
client.binaryType = 'arraybuffer';
const heard = [];
await new Promise((resolve) => {
  client.on('open', () => {
    client.send('text');
    client.send(new Uint8Array([1, 2, 3]));
  });
  client.on('message', (data) => {
    heard.push(typeof data === 'string' ? data : [...new Uint8Array(data)].join());
    if (heard.length === 4) resolve();
  });
});
assert.deepEqual(heard.sort(), ['1,2,3', 'sent', 'sent', 'text']);
client.close();
engine.close();
http.close();
console.log('done');
