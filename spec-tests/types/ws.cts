/** The types of barewire/ws in CommonJS, by either import, as @types/ws has them. Compiled by `handlers.test.ts`, and never run. */

import * as NS from 'barewire/ws';

import WebSocket = require('barewire/ws');

const socket: WebSocket.WebSocket = new WebSocket.WebSocket('ws://a');
const same: WebSocket = socket;
const again: NS.WebSocket = new NS.WebSocket('ws://a');
const both: WebSocket.WebSocket = again;
const server: WebSocket.WebSocketServer = new WebSocket.WebSocketServer({ noServer: true });
const named: NS.WebSocketServer = new NS.WebSocketServer({ noServer: true });
const data: WebSocket.RawData | NS.RawData = Buffer.of(1);
class Own extends WebSocket.WebSocket {}
const own: WebSocket.Server<typeof Own> = new WebSocket.Server({ noServer: true, WebSocket: Own });
// @ts-expect-error: a server is no socket
const wrong: WebSocket.WebSocket = server;
// @ts-expect-error: no such type
const unknown: WebSocket.Socket = socket;

console.log(same, both, named, data, own, wrong, unknown);
