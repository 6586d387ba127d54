/**
 * Connections a second: connect, opening handshake, closing handshake, and again; so many at a time.
 *
 * The closing handshake is part of it (RFC 6455 §7.1.1: the server ends TCP), so that a server's cost of taking a
 * connection apart is counted, and so that the ports that then wait (TIME_WAIT) are the server's and not ours.
 * Read next: `idle.ts`.
 */

import { ConnectFailed, openWebSocket } from './connection.ts';
import { failureSignal, type Measurement, measure, type Window } from './measure.ts';
import { maskedFrame } from './messages.ts';
import { WrongReply } from './replies.ts';

export interface ConnectRateLoad extends Window {
  readonly url: URL;
  /** Handshakes under way at a time. */
  readonly atOnce: number;
}

/** Close with 1000 (RFC 6455 §7.4.1). */
const CLOSE = maskedFrame(0x88, Buffer.from([0x03, 0xe8]), 0x0badcafe);
const CLOSE_TIMEOUT_MS = 5_000;

/** Source addresses that take turns, where the server is on the loopback: each has its own ports. */
const SOURCES = 16;

/** The source address of the `index`-th connection to `url`; undefined for a server that is elsewhere. */
export function sourceAddress(url: URL, index: number): string | undefined {
  return url.hostname.startsWith('127.') ? `127.0.0.${2 + (index % SOURCES)}` : undefined;
}

/** Counts connections that were opened and closed in good order. @throws ConnectFailed, WrongReply */
export async function runConnectRate(load: ConnectRateLoad): Promise<Measurement> {
  const { failure, fail } = failureSignal();
  let closed = 0;
  let started = 0;
  let running = true;
  const worker = async () => {
    while (running) {
      await openAndClose(load.url, started++);
      closed++;
    }
  };
  const workers = Array.from({ length: load.atOnce }, () => worker().catch((error) => running && fail(error as Error)));
  try {
    return await measure(load, () => closed, failure);
  } finally {
    running = false;
    await Promise.all(workers);
  }
}

async function openAndClose(url: URL, index: number): Promise<void> {
  const localAddress = sourceAddress(url, index);
  const connection = await openWebSocket({ url, ...(localAddress === undefined ? {} : { localAddress }) });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new WrongReply(`the server did not end the connection within ${CLOSE_TIMEOUT_MS} ms of a close frame`));
      connection.destroy();
    }, CLOSE_TIMEOUT_MS);
    let answer: Buffer = Buffer.alloc(0);
    connection.onChunk = (chunk, length) => {
      answer = Buffer.concat([answer, chunk.subarray(0, length)]);
    };
    connection.onGone = (error) => {
      clearTimeout(timer);
      if (error !== undefined) reject(new ConnectFailed(error.message));
      else if (answer[0] !== 0x88) reject(new WrongReply('the server ended the connection without a close frame'));
      else resolve();
    };
    connection.socket.write(CLOSE);
    connection.start();
  });
}
