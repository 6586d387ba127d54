/**
 * A WebSocket as a Node stream: every message read is a chunk, every chunk written is a message.
 *
 * For the client's WebSocket and the server's alike; knows no frames. Reading asks for one message at a time and writing waits
 * for room, so pressure passes through both ways. Read next: `websocket.ts`.
 */

import { Duplex } from 'node:stream';
import { ConnectionClosed } from '../errors.ts';
import { checkNames } from '../options.ts';

/** As much of a WebSocket as a stream needs. */
export interface MessageSocket extends AsyncIterable<string | Uint8Array> {
  readonly readyState: number;
  /** Sends a message once there is room. Rejects where the connection is closed. */
  write(message: string | Uint8Array): Promise<void>;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/** How messages and chunks become each other. */
export interface DuplexOptions {
  /** Chunks read: `bytes` (default; text in UTF-8), or `messages` as they came, text as strings, in object mode. */
  readonly read?: 'bytes' | 'messages' | undefined;
  /** Chunks written go as binary messages (default) or as text, which must be UTF-8 in each chunk by itself. */
  readonly send?: 'binary' | 'text' | undefined;
}

/**
 * Makes the stream. Messages are read through it alone from now on. Its end closes the connection with 1000, and the peer's close
 * ends its readable side; `destroy` drops TCP, and a connection that breaks destroys the stream with the error.
 */
export function duplexOf(socket: MessageSocket, options: DuplexOptions = {}): Duplex {
  checkNames('duplexOf', options, ['read', 'send']);
  const { read = 'bytes', send = 'binary' } = options;
  if (read !== 'bytes' && read !== 'messages') throw new TypeError("read must be 'bytes' or 'messages'");
  if (send !== 'binary' && send !== 'text') throw new TypeError("send must be 'binary' or 'text'");
  if (typeof socket?.write !== 'function' || typeof socket[Symbol.asyncIterator] !== 'function')
    throw new TypeError('duplexOf: socket must be a WebSocket of this library, or one of its server');
  const messages = socket[Symbol.asyncIterator]();
  let isReading = false;

  const duplex: Duplex = new Duplex({
    readableObjectMode: read === 'messages',
    writableObjectMode: false,
    decodeStrings: true,
    read() {
      if (!isReading) void pull();
    },
    write(chunk: Buffer, _, done) {
      socket.write(send === 'text' ? chunk.toString() : chunk).then(() => done(), done);
    },
    final(done) {
      // Behind everything that was written. What the peer still sends before its own close frame is read.
      socket.close(1000);
      done();
    },
    destroy(error, done) {
      if (error !== null || !duplex.readableEnded) socket.terminate();
      done(error);
    },
  });

  /** Reads messages until the stream has enough, or the connection is over. */
  async function pull(): Promise<void> {
    isReading = true;
    try {
      for (;;) {
        const { done, value } = await messages.next();
        if (duplex.destroyed) return;
        if (done) {
          duplex.push(null);
          return;
        }
        if (!duplex.push(read === 'messages' ? value : typeof value === 'string' ? Buffer.from(value) : value)) return;
      }
    } catch (error) {
      duplex.destroy(error instanceof Error ? error : new ConnectionClosed('WS_NOT_OPEN', String(error)));
    } finally {
      isReading = false;
    }
  }
  return duplex;
}
