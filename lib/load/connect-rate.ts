/**
 * Connections a second: connect, opening handshake, closing handshake, and again; so many at a time.
 *
 * The closing handshake is part of it (RFC 6455 §7.1.1: the server ends TCP), so that a server's cost of taking a
 * connection apart is counted, and so that the ports that then wait (TIME_WAIT) are the server's and not ours.
 *
 * A client's part of a connection costs the kernel more than a server's: 40 µs of CPU with these few system calls. So the
 * rest is as little as can be: one set of functions for all sockets, one clock for all deadlines, no promises (57 µs in all,
 * against 67 with `openWebSocket`). Read next: `idle.ts`.
 */

import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ConnectFailed, checkHandshake, connectWords, handshakeRequest } from './connection.ts';
import { failureSignal, type Measurement, measure, type Window } from './measure.ts';
import { maskedFrame } from './messages.ts';
import { WrongReply } from './replies.ts';
import { ServerFrameReader } from './server-frames.ts';

export interface ConnectRateLoad extends Window {
  readonly url: URL;
  /** Connections under way at a time. */
  readonly atOnce: number;
  /** From the start of a connection to its end. Default 5,000. */
  readonly timeoutMs?: number;
}

/** Close with 1000 (RFC 6455 §7.4.1). */
const CLOSE = maskedFrame(0x88, Buffer.from([0x03, 0xe8]), 0x0badcafe);
const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_HEAD_BYTES = 16_384;
const HEAD_END = Buffer.from('\r\n\r\n');

/** Source addresses that take turns, where the server is on the loopback: each has its own ports. */
const SOURCES = 16;

/** The source address of the `index`-th connection to `url`; undefined for a server that is elsewhere. */
export function sourceAddress(url: URL, index: number): string | undefined {
  return url.hostname.startsWith('127.') ? `127.0.0.${2 + (index % SOURCES)}` : undefined;
}

/** What has come of a connection so far. */
interface Visit {
  readonly startedMs: number;
  /** The response's head as far as it has come, where it did not come at once; undefined once it is complete. */
  head: Buffer | undefined;
  headDone: boolean;
  /** A close frame has come. */
  closed: boolean;
  /** For what comes before it: a server may send what it likes. */
  frames: ServerFrameReader | undefined;
  error: Error | undefined;
}

const kVisit = Symbol('visit');
type Visitor = Socket & { [kVisit]: Visit };

const readBuffer = Buffer.allocUnsafeSlow(MAX_HEAD_BYTES);

/**
 * Counts connections that were opened and closed in good order. Longer than a screen: one set of listeners serves all sockets, without
 * promises and objects for each, since the load would be the limit. @throws ConnectFailed, WrongReply
 */
export async function runConnectRate(load: ConnectRateLoad): Promise<Measurement> {
  const { url, atOnce, timeoutMs = DEFAULT_TIMEOUT_MS } = load;
  const { failure, fail } = failureSignal();
  const secure = url.protocol === 'wss:';
  const request = handshakeRequest({ url });
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (secure ? 443 : 80);
  const open = new Set<Visitor>();
  let ended = 0;
  let started = 0;
  let running = true;
  let nowMs = Date.now();
  let stopped: () => void = () => {};
  /** Heads mostly equal the one before, which was looked at in full. */
  let goodHead: string | undefined;

  const deadlines = setInterval(() => {
    nowMs = Date.now();
    for (const socket of open) {
      if (nowMs - socket[kVisit].startedMs <= timeoutMs) continue;
      giveUp(socket, new WrongReply(`the server did not open and end a connection within ${timeoutMs} ms`));
    }
  }, timeoutMs / 10);

  function giveUp(socket: Visitor, error: Error): void {
    socket[kVisit].error ??= error;
    socket.destroy();
  }

  function receive(socket: Visitor, visit: Visit, bytes: Buffer): void {
    if (visit.headDone) {
      if (bytes[0] === 0x88 && visit.frames === undefined) visit.closed = true;
      else receiveFrames(visit, bytes);
      return;
    }
    const all = visit.head === undefined ? bytes : Buffer.concat([visit.head, bytes]);
    const end = all.indexOf(HEAD_END);
    if (end === -1) {
      if (all.length > MAX_HEAD_BYTES)
        throw new ConnectFailed(`the response head is longer than ${MAX_HEAD_BYTES} bytes`);
      visit.head = Buffer.from(all);
      return;
    }
    const head = all.toString('latin1', 0, end);
    if (head !== goodHead) checkHandshake(head, false);
    goodHead = head;
    visit.headDone = true;
    socket.write(CLOSE);
    if (end + HEAD_END.length < all.length) receiveFrames(visit, all.subarray(end + HEAD_END.length));
  }

  function receiveFrames(visit: Visit, bytes: Buffer): void {
    const ignore = () => {};
    const onClose = () => {
      visit.closed = true;
    };
    visit.frames ??= new ServerFrameReader(ignore, ignore, onClose);
    visit.frames.receive(bytes, bytes.length);
  }

  function onChunk(this: unknown, length: number, buffer: Uint8Array): boolean {
    const socket = this as Visitor;
    try {
      receive(socket, socket[kVisit], (buffer as Buffer).subarray(0, length));
    } catch (error) {
      giveUp(socket, error as Error);
    }
    return true;
  }
  function onData(this: unknown, chunk: Buffer): void {
    onChunk.call(this, chunk.length, chunk);
  }
  function onConnect(this: unknown): void {
    (this as Visitor).write(request);
  }
  function onEnd(this: unknown): void {
    (this as Visitor).destroy();
  }
  function onError(this: unknown, error: Error): void {
    (this as Visitor)[kVisit].error ??= new ConnectFailed(connectWords(error));
  }
  function onClose(this: unknown): void {
    const socket = this as Visitor;
    const { error, closed } = socket[kVisit];
    open.delete(socket);
    if (!running) {
      if (open.size === 0) stopped();
    } else if (error !== undefined) fail(error);
    else if (!closed) fail(new WrongReply('the server ended the connection without a close frame'));
    else {
      ended++;
      begin();
    }
  }
  const onread = { buffer: readBuffer, callback: onChunk };

  function begin(): void {
    const localAddress = sourceAddress(url, started++);
    const local = localAddress === undefined ? {} : { localAddress };
    const socket = (
      secure
        ? // RFC 6066 §3: a server name is never an address.
          connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...local })
        : // Half open, so that we close at the server's FIN with one system call instead of two.
          connect({ host, port, allowHalfOpen: true, onread, ...local })
    ) as Visitor;
    socket[kVisit] = {
      startedMs: nowMs,
      head: undefined,
      headDone: false,
      closed: false,
      frames: undefined,
      error: undefined,
    };
    open.add(socket);
    if (secure) socket.on('data', onData);
    socket.on(secure ? 'secureConnect' : 'connect', onConnect);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  for (let i = 0; i < atOnce; i++) begin();
  try {
    return await measure(load, () => ended, failure);
  } finally {
    running = false;
    const allGone = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    if (open.size > 0) await allGone;
    clearInterval(deadlines);
  }
}
