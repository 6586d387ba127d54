/**
 * Scenarios of `allowSynchronousEvents`: in which turn of the event loop each event is told, and what happens in between.
 *
 * A raw peer sends all of its frames in one chunk. Read next: `scenarios.ts`.
 */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from '../../lib/ws/websocket.ts';
import { frame, HANDSHAKE, note, raw, type Scenario, show } from './kit.ts';

const text = (words: string): Buffer => frame(0x81, Buffer.from(words), true);
const CLOSE = frame(0x88, Buffer.from([3, 0xe8]), true);

/** Nothing, and the end of TCP. */
const FIN = 'the end without a close';

/** What comes in one chunk. Each ends the connection, or the listener does. */
const CHUNKS: Readonly<Record<string, Buffer>> = {
  'texts, a close': Buffer.concat([text('1'), text('2'), text('3'), CLOSE]),
  'a binary message, ping, pong, text, a close': Buffer.concat([
    frame(0x82, Buffer.from([1, 2]), true),
    frame(0x89, Buffer.from('ping'), true),
    frame(0x8a, Buffer.from('pong'), true),
    text('last'),
    CLOSE,
  ]),
  'fragments around a ping, a close': Buffer.concat([
    frame(0x01, Buffer.from('a'), true),
    frame(0x89, Buffer.from('within'), true),
    frame(0x80, Buffer.from('b'), true),
    CLOSE,
  ]),
  'texts, a fault': Buffer.concat([text('1'), text('2'), frame(0x83, Buffer.alloc(0), true)]),
  'text, a close, text': Buffer.concat([text('1'), CLOSE, text('late')]),
  [FIN]: Buffer.alloc(0),
};

/** What a listener does with the first message. */
const REACTIONS: Readonly<Record<string, (socket: WebSocket) => void>> = {
  '': () => {},
  ', which is answered': (socket) => socket.send('answer'),
  ', after which the listener closes': (socket) => socket.close(4000),
  ', after which the listener terminates': (socket) => socket.terminate(),
  ', while the turn after it terminates': (socket) => {
    setImmediate(() => socket.terminate());
  },
  ', after which the listener pauses for a while': (socket) => {
    socket.pause();
    setTimeout(() => socket.resume(), 20);
  },
};

/** Counts turns until it is stopped. */
function turnCounter(): { readonly turn: () => number; readonly stop: () => void } {
  let count = 0;
  let next = setImmediate(function tick() {
    count++;
    next = setImmediate(tick);
  });
  return { turn: () => count, stop: () => clearImmediate(next) };
}

function turnsOf(chunk: string, reaction: string, allowSynchronousEvents: boolean | undefined): Scenario {
  return {
    id: `allowSynchronousEvents ${allowSynchronousEvents}: ${chunk}${reaction}`,
    async run(ws, log) {
      const wss = new ws.WebSocketServer({
        port: 0,
        host: '127.0.0.1',
        ...(allowSynchronousEvents !== undefined && { allowSynchronousEvents }),
      });
      await once(wss, 'listening');
      const { turn, stop } = turnCounter();
      let last: number | undefined;
      const gone = new Promise<void>((resolve) => {
        wss.on('connection', (socket: WebSocket) => {
          for (const event of ['message', 'ping', 'pong', 'error'] as const)
            (socket as NodeJS.EventEmitter).on(event, (...args: unknown[]) => {
              const passed = last === undefined ? 'first' : `${turn() - last} turns on`;
              last = turn();
              note(log, 'server', `${event}(${args.map(show).join(', ')}) in ${socket.readyState}, ${passed}`);
              void Promise.resolve().then(() => note(log, 'server', 'then'));
            });
          socket.once('message', () => REACTIONS[reaction]!(socket));
          socket.on('close', (code) => {
            note(log, 'server', `close ${code}`);
            resolve();
          });
        });
      });
      await raw((wss.address() as AddressInfo).port, `${HANDSHAKE.join('\r\n')}\r\n\r\n`, log, (socket) => {
        if (chunk === FIN) socket.end();
        else socket.write(CHUNKS[chunk]!);
      });
      await gone;
      stop();
      await new Promise<void>((resolve) => wss.close(() => resolve()));
    },
  };
}

export function turns(): Scenario[] {
  return [undefined, true, false].flatMap((allowed) =>
    Object.keys(CHUNKS).flatMap((chunk) =>
      Object.keys(REACTIONS)
        .filter((reaction) => reaction === '' || chunk === 'texts, a close')
        .map((reaction) => turnsOf(chunk, reaction, allowed)),
    ),
  );
}
