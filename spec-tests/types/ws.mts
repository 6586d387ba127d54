/** As `ws.cts`, in an ES module. */

import WebSocket, * as NS from 'barewire/ws';

const socket: WebSocket.WebSocket = new WebSocket.WebSocket('ws://a');
const same: WebSocket = socket;
const again: NS.WebSocket = new NS.WebSocket('ws://a');
const both: WebSocket.WebSocket = again;
// @ts-expect-error: a socket is no server
const wrong: NS.WebSocketServer = socket;

console.log(same, both, wrong);
