/**
 * The members of a benchmark: raw sockets that join a room, count what they are sent, and know when the last of them had it.
 *
 * All messages have the same length and begin with their number, so that a member is a count of octets: where it stands says
 * which messages it has, and each number that lies whole in a chunk is compared with the one that must come. A publisher is one
 * connection that sends POSTs at a fixed pace, whatever became of those before (open loop).
 * In: a port and a peer. Out: milliseconds from when a message was due until its last member had all of it.
 */

import { connect, type Socket } from 'node:net';
import type { PeerId } from './server.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** How many connect at a time. */
const AT_ONCE = 100;
/** One buffer for all reads: each chunk is done with before the next one comes. */
const sharedReadBuffer = Buffer.allocUnsafe(65_536);

/** Text of message number `i`. */
export function textOf(i: number, bytes: number): string {
  return String(i).padStart(8, '0').padEnd(bytes, 'x');
}

/** What one frame has around the text. */
function overheadOf(peer: PeerId, bytes: number): { readonly before: number; readonly after: number } {
  const [prefix, suffix] = peer === 'socket.io' ? ['42["m","'.length, '"]'.length] : [0, 0];
  const payload = prefix + bytes + suffix;
  return { before: (payload < 126 ? 2 : 4) + prefix, after: suffix };
}

function masked(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]); // a masking key of zeros
}

export interface CrowdOptions {
  readonly peer: PeerId;
  readonly port: number;
  readonly members: number;
  /** Octets of each message's text. */
  readonly bytes: number;
  /** Rooms that a member joins, separated by commas, and perhaps a query. */
  readonly rooms: (member: number) => string;
  /** Messages differ from member to member: count octets only. */
  readonly uncompared?: boolean;
  /** Messages that come by themselves once a member has joined count too. */
  readonly fromTheStart?: boolean;
}

/** See the head of this file. */
export class Crowd {
  readonly #options: CrowdOptions;
  readonly #frameBytes: number;
  readonly #numberAt: number;
  readonly #sockets: Socket[] = [];
  readonly #had: number[] = [];
  /** How many members have message `i`, and when the last one of `target` had. */
  readonly #passed: number[] = [];
  readonly completedAtMs: number[] = [];
  octets = 0;
  deliveries = 0;
  #target: number;
  #waiting: { readonly until: () => boolean; readonly done: () => void } | undefined;

  constructor(options: CrowdOptions) {
    this.#options = options;
    const { before, after } = overheadOf(options.peer, options.bytes);
    this.#frameBytes = before + options.bytes + after;
    this.#numberAt = before;
    this.#target = options.members;
  }

  /** Octets of one message on the wire. */
  get frameBytes(): number {
    return this.#frameBytes;
  }

  async open(count: number = this.#options.members): Promise<void> {
    const first = this.#sockets.length;
    for (let i = first; i < first + count; i += AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, first + count - i) }, (_, j) => this.#openOne(i + j)));
  }

  /** One member stops reading for good; from now on a message is complete without it. */
  stick(member: number): void {
    this.#sockets[member]?.pause();
    this.#target--;
  }

  /** Resolves when `until` says so; looks after every chunk. Rejects after `timeoutMs`. */
  async when(until: () => boolean, timeoutMs: number): Promise<boolean> {
    if (until()) return true;
    let timer: NodeJS.Timeout | undefined;
    const inTime = await new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
      this.#waiting = { until, done: () => resolve(true) };
    });
    clearTimeout(timer);
    this.#waiting = undefined;
    return inTime;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #openOne(member: number): Promise<void> {
    const { peer, port, rooms } = this.#options;
    return new Promise((resolve, reject) => {
      let isOpen = false;
      let opening = '';
      const callback = (bytes: number, buffer: Uint8Array): boolean => {
        if (isOpen) this.#chunk(member, buffer, bytes);
        else {
          opening += Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1');
          const rest = this.#opened(opening, socket);
          if (rest !== undefined) {
            isOpen = true;
            this.#had[member] = 0;
            const early = Buffer.from(rest, 'latin1');
            if (early.length > 0 && this.#options.fromTheStart === true) this.#chunk(member, early, early.length);
            resolve();
          }
        }
        return true;
      };
      const socket = connect({ port, host: '127.0.0.1', onread: { buffer: sharedReadBuffer, callback } });
      this.#sockets[member] = socket;
      socket.setNoDelay(true);
      socket.on('error', reject);
      socket.on('close', () => {
        if (!isOpen) reject(new Error(`a connection ended during the handshake: ${opening.slice(0, 100)}`));
      });
      const path =
        peer === 'socket.io'
          ? `/socket.io/?EIO=4&transport=websocket&rooms=${rooms(member)}`
          : `/rooms/${rooms(member)}`;
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
  }

  /** What follows the opening, once it is complete. Socket.IO: its handshake, then a connect packet and its answer. */
  #opened(text: string, socket: Socket): string | undefined {
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    if (!text.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${text.slice(0, 100)}`);
    const rest = text.slice(end + 4);
    if (this.#options.peer !== 'socket.io') return rest;
    if (rest.includes('40{')) return rest.slice(rest.indexOf('}', rest.indexOf('40{')) + 1);
    if (rest.includes('0{') && rest.endsWith('}')) socket.write(masked('40'));
    return undefined;
  }

  #chunk(member: number, buffer: Uint8Array, bytes: number): void {
    this.octets += bytes;
    const before = this.#had[member]!;
    const after = before + bytes;
    this.#had[member] = after;
    if (this.#options.uncompared !== true) this.#messages(before, after, buffer);
    if (this.#waiting?.until() === true) this.#waiting.done();
  }

  /** Notes the messages that a member has had since. */
  #messages(before: number, after: number, buffer: Uint8Array): void {
    const nowMs = performance.now();
    const last = Math.floor(after / this.#frameBytes);
    for (let i = Math.floor(before / this.#frameBytes); i < last; i++) {
      const at = i * this.#frameBytes + this.#numberAt - before;
      if (at >= 0 && numberAt(buffer, at) !== i)
        throw new Error(`message ${i} was due, and ${numberAt(buffer, at)} came`);
      this.deliveries++;
      const passed = (this.#passed[i] ?? 0) + 1;
      this.#passed[i] = passed;
      if (passed === this.#target) this.completedAtMs[i] = nowMs;
    }
  }
}

function numberAt(buffer: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) value = value * 10 + buffer[i]! - 48;
  return value;
}

/** One connection that publishes by POST. */
export class Publisher {
  readonly #socket: Socket;
  #answer: ((body: string) => void) | undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => undefined);
    this.#socket.on('data', (chunk: Buffer) => {
      const [, body = ''] = chunk.toString('latin1').split('\r\n\r\n');
      this.#answer?.(body);
    });
  }

  post(path: string, text: string): void {
    this.#socket.write(`POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  }

  /** Resolves to the body of the answer; one at a time. */
  ask(path: string, text: string): Promise<string> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.post(path, text);
    });
  }

  /** Publishes `count` messages at a pace, and answers when each was due. */
  async pace(count: number, perSecond: number, publish: (i: number) => void): Promise<number[]> {
    const startMs = performance.now() + 5;
    const due = Array.from({ length: count }, (_, i) => startMs + (i * 1_000) / perSecond);
    for (let i = 0; i < count; ) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due[i]! - performance.now())));
      for (; i < count && due[i]! <= performance.now(); i++) publish(i);
    }
    return due;
  }

  close(): void {
    this.#socket.destroy();
  }
}
