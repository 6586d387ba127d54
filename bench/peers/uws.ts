/** uWebSockets.js: a C++ server with a binding for Node. Fan-out goes through its own publish/subscribe. */

import { createRequire } from 'node:module';
import { announce, answerText, isEcho, MAX_MESSAGE_BYTES, peerArguments } from './arguments.ts';

interface Socket {
  send(data: ArrayBuffer | string, isBinary: boolean, compress: boolean): number;
  subscribe(topic: string): boolean;
  getUserData(): { path: string };
}
interface Response {
  upgrade(data: object, key: string, protocol: string, extensions: string, context: unknown): void;
  end(body: string): void;
}
interface Request {
  getUrl(): string;
  getHeader(name: string): string;
}
interface App {
  ws(pattern: string, behavior: object): App;
  get(pattern: string, handler: (response: Response) => void): App;
  publish(topic: string, data: ArrayBuffer, isBinary: boolean, compress: boolean): boolean;
  listen(host: string, port: number, done: (listening: unknown) => void): App;
}
const require = createRequire(new URL('../../../bench/package.json', import.meta.url));
const uws = require('@trufflesuite/uws-js-unofficial') as {
  App(): App;
  SSLApp(options: { key_file_name: string; cert_file_name: string }): App;
  SHARED_COMPRESSOR: number;
  DEDICATED_COMPRESSOR_256KB: number;
  DEDICATED_DECOMPRESSOR_32KB: number;
  DISABLED: number;
  us_socket_local_port(listening: unknown): number;
};

const { mode, deflate, takeover, tls } = peerArguments();
const app = tls === undefined ? uws.App() : uws.SSLApp({ key_file_name: tls.keyFile, cert_file_name: tls.certFile });
// Named by the memory they take. The largest compressor is asked for; what its window is in truth stands in ../README.md.
const compressor = takeover ? uws.DEDICATED_COMPRESSOR_256KB | uws.DEDICATED_DECOMPRESSOR_32KB : uws.SHARED_COMPRESSOR;
app.ws('/*', {
  compression: deflate ? compressor : uws.DISABLED,
  maxPayloadLength: MAX_MESSAGE_BYTES,
  ...(isEcho(mode) ? { maxBackpressure: MAX_MESSAGE_BYTES } : {}),
  idleTimeout: 0,
  upgrade(response: Response, request: Request, context: unknown) {
    response.upgrade(
      { path: request.getUrl() },
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  },
  open(socket: Socket) {
    if (mode === 'fan-out') socket.subscribe(socket.getUserData().path);
  },
  message(socket: Socket, message: ArrayBuffer, isBinary: boolean) {
    // The application's publish reaches the sender too; the socket's own would leave it out.
    if (mode === 'fan-out') app.publish(socket.getUserData().path, message, isBinary, deflate);
    else if (mode === 'answer') socket.send(answerText(Buffer.from(message).toString()), false, deflate);
    else socket.send(message, isBinary, deflate);
  },
});
app.get('/plain', (response) => response.end('ok'));
app.listen('127.0.0.1', 0, (listening) => announce(uws.us_socket_local_port(listening)));
