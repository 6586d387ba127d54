/**
 * `createWebSocketStream` of ws: a `Duplex` over a `WebSocket`, each chunk a message.
 *
 * The peer is held back while nobody reads, and a write is done when its bytes were given to the operating system.
 * Read next: `websocket.ts`.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import type { WebSocket } from './websocket.ts';

/** `options` are those of `Duplex`. With `readableObjectMode`, text comes as strings. */
export function createWebSocketStream(websocket: WebSocket, options: DuplexOptions = {}): Duplex {
  let terminates = true;
  const whenOpen = (call: () => void): void => {
    if (websocket.readyState === 0) websocket.once('open', call);
    else call();
  };
  const duplex = new Duplex({
    ...options,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (websocket.isPaused) websocket.resume();
    },
    write(chunk: Uint8Array, _encoding, callback) {
      whenOpen(() => websocket.send(chunk, callback));
    },
    final(callback) {
      whenOpen(() => {
        if (websocket.readyState === 3) {
          callback();
          return;
        }
        websocket.once('close', () => callback());
        websocket.close();
      });
    },
    destroy(error, callback) {
      if (websocket.readyState === 3) {
        callback(error);
        return;
      }
      websocket.once('close', () => callback(error));
      if (terminates) websocket.terminate();
    },
  });
  websocket.on('message', (message, isBinary) => {
    const data = !isBinary && options.readableObjectMode === true ? String(message) : message;
    if (!duplex.push(data)) websocket.pause();
  });
  websocket.once('error', (error) => {
    if (duplex.destroyed) return;
    // A close frame that says why is on its way: it must not be dropped.
    terminates = false;
    duplex.destroy(error);
  });
  websocket.once('close', () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  return duplex;
}
