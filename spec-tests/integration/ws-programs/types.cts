// As types.mts, of a CommonJS program: the class with everything else as its properties.
import http = require('node:http');

import * as NS from 'ws';

import WebSocket = require('ws');

const wss: WebSocket.Server = new WebSocket.Server({ server: http.createServer(), perMessageDeflate: true });
const heard = (data: WebSocket.RawData): void => console.log(data.toString());
wss.on('connection', (ws: WebSocket, request: http.IncomingMessage) => {
  ws.on('message', heard);
  console.log(ws.readyState === WebSocket.OPEN, request.url);
});
const options: WebSocket.ClientOptions = { rejectUnauthorized: false, headers: { Cookie: 'a=b' } };
const client = new WebSocket('ws://127.0.0.1:1', ['a'], options);
client.onmessage = ({ data }: WebSocket.MessageEvent) => console.log(data);
const same: WebSocket.WebSocket = client;
const again: NS.WebSocket = new NS.WebSocket('ws://127.0.0.1:1');
again.send(same.protocol);
WebSocket.createWebSocketStream(client).end('x');
console.log(
  new WebSocket.WebSocketServer({ noServer: true }) instanceof WebSocket.Server,
  WebSocket.WebSocket === WebSocket,
);
