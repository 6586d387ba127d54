/**
 * The tester's end of one WebSocket connection, after the opening handshake, on any stream of octets.
 *
 * Sends what a case tells it to, in the writes it asks for, and notices everything that the peer does: messages and
 * pongs (`onSeen`), who closed first and with what, who dropped TCP, and the first rule that the peer broke
 * (`violation`). Answers pings and closes as a correct endpoint does. Judges no case. Every wait ends by a timer.
 * Sections: RFC 6455 §5.1 (masking), §5.2, §5.4, §5.5, §7. Read next: `verdict.ts`.
 */

import type { Duplex } from 'node:stream';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { Seen, Write } from './case.ts';
import { endStream, resetStream } from './target.ts';
import {
  applyMask,
  BINARY,
  CLOSE,
  closeBody,
  describeFrame,
  encodeFrame,
  encodeHeader,
  FrameReader,
  type FrameSpec,
  KeySource,
  octetCount,
  PING,
  PONG,
  preview,
  TEXT,
  type WireFrame,
} from './wire.ts';
import type { WireLog } from './wire-log.ts';

/** The peer's close frame. `code` is null when it had none. */
export interface ReceivedClose {
  readonly code: number | null;
  readonly reason: Buffer;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export class Connection {
  readonly subject: 'server' | 'client';
  readonly log: WireLog;
  /** Resolves when TCP is gone. */
  readonly ended: Promise<void>;

  /** Open until a close frame went either way or TCP ended. */
  state: 'open' | 'closing' | 'ended' = 'open';
  firstClose: 'tester' | 'peer' | undefined;
  closeSent = false;
  closeReceived: ReceivedClose | undefined;
  /** The tester had to drop TCP because the peer did not do its part in time. */
  droppedByTester = false;
  /** The first rule that the peer broke. */
  violation: string | undefined;
  /** Frames received, by opcode. */
  readonly frameCounts: Map<number, number> = new Map();
  octetsReceived = 0;
  octetsSent = 0;

  /** Called for every message and pong. */
  onSeen: (seen: Seen) => void = () => {};
  /** Called when octets move, for stall timers. */
  onActivity: () => void = () => {};
  /** Inflates a message; absent while permessage-deflate is not agreed. @throws for what cannot be inflated */
  inflate: ((payload: Buffer) => Buffer) | undefined;
  /** The code that the tester answers a close of the peer with. */
  replyCode = 1000;

  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #keys: KeySource;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waiting = new Set<() => void>();
  /** Pieces that each need a turn of their own; `at` is the position of the next one. */
  readonly #queue: { octets: Buffer; size: number; at: number }[] = [];
  #joined: Buffer[] = [];
  #pumping = false;
  /** The masking key and position of a frame whose payload comes in pieces. */
  #openFrame: { key: Buffer | undefined; offset: number } | undefined;
  #message: { opcode: number; compressed: boolean; parts: Buffer[]; size: number } | undefined;
  #resolveEnded!: () => void;

  constructor(socket: Duplex, subject: 'server' | 'client', log: WireLog, rest: Uint8Array, seed = 1) {
    this.#socket = socket;
    this.subject = subject;
    this.log = log;
    this.#keys = new KeySource(seed);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    if (rest.length > 0) socket.unshift(rest); // read before what is still to come
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => {
      log.note('the peer ended TCP');
      this.#finish();
      endStream(socket);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => log.note(`TCP: ${error.code ?? error.message}`));
    socket.on('close', () => this.#finish());
    socket.on('drain', () => {
      this.onActivity();
      this.#notify();
    });
  }

  get ends(): boolean {
    return this.state === 'ended';
  }

  /** Sends a frame, masked as the role demands (RFC 6455 §5.1). */
  send(frame: FrameSpec, write: Write = 'joined'): void {
    const octets = encodeFrame(frame, (frame.mask ?? this.subject === 'server') ? this.#keys.next() : undefined);
    const how = write === 'joined' || write === 'own' ? '' : `, in writes of ${octetCount(write)}`;
    this.log.sent(octets.subarray(0, 128), describeFrame(frame) + how, octets.length);
    this.write(octets, write);
  }

  /** Sends one message in frames of `size` octets; the last is empty when the size divides the length. */
  sendFragments(opcode: number, payload: Uint8Array, size: number, rsv = 0): void {
    const count = payload.length < size ? 1 : Math.floor(payload.length / size) + 1;
    for (let i = 0; i < count; i++) {
      const part = payload.subarray(i * size, (i + 1) * size);
      this.send({ opcode: i === 0 ? opcode : 0, fin: i === count - 1, rsv: i === 0 ? rsv : 0, payload: part });
    }
  }

  /** Sends a header alone; `sendOctets` feeds its payload. */
  sendHeader(frame: FrameSpec, length: number): void {
    const key = (frame.mask ?? this.subject === 'server') ? this.#keys.next() : undefined;
    this.#openFrame = { key, offset: 0 };
    const octets = encodeHeader(frame, length, key);
    this.log.sent(octets, `header of ${describeFrame({ ...frame, length })}`);
    this.write(octets, 'own');
  }

  sendOctets(payload: Uint8Array, write: Write = 'own'): void {
    const octets = Buffer.from(payload);
    const frame = this.#openFrame;
    if (frame?.key !== undefined) applyMask(octets, frame.key, frame.offset);
    if (frame !== undefined) frame.offset += octets.length;
    this.log.sent(octets, `${octetCount(octets.length)} of that frame's payload: ${preview(payload)}`);
    this.write(octets, write);
  }

  /** Begins the closing handshake, or sends a second close frame if it had begun. */
  sendClose(body: Uint8Array = new Uint8Array(0)): void {
    if (this.ends) return;
    this.send({ opcode: CLOSE, payload: body });
    this.#closeWasSent('tester');
  }

  /** Sends raw octets. */
  write(octets: Buffer, write: Write = 'joined'): void {
    if (this.ends || this.#socket.destroyed) return;
    this.octetsSent += octets.length;
    if (write === 'joined' && this.#queue.length === 0) {
      if (this.#joined.length === 0) process.nextTick(() => this.#flush());
      this.#joined.push(octets);
      return;
    }
    this.#flush();
    this.#queue.push({ octets, size: typeof write === 'number' ? write : Math.max(1, octets.length), at: 0 });
    this.#pump();
  }

  /** Stops reading; TCP holds the peer back. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Ends the tester's half of TCP, without a close frame if none was sent. */
  endWriting(): void {
    this.#flush();
    this.log.note('the tester ends its half of TCP');
    this.#socket.end();
  }

  /** Drops TCP: `reset` at once and rudely, else because the peer let a deadline pass. */
  drop(why: 'reset' | 'deadline'): void {
    if (this.ends) return;
    if (why === 'deadline') {
      this.droppedByTester = true;
      this.log.note('the tester drops TCP: the peer did not');
      this.#socket.destroy();
    } else {
      this.log.note('the tester resets TCP');
      resetStream(this.#socket);
    }
  }

  /** Runs `action` after `ms`, unless TCP is gone by then. */
  after(ms: number, action: () => void): () => void {
    if (this.ends) return () => {};
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  /** Waits, but no longer than until closing begins. */
  pauseWhileOpen(ms: number): Promise<void> {
    return this.until(() => this.state !== 'open', ms).then(() => {});
  }

  /** Waits until `condition` holds (checked whenever something happens) or `ms` have passed; answers whether it holds. */
  until(condition: () => boolean, ms: number): Promise<boolean> {
    if (condition() || this.ends) return Promise.resolve(condition());
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.#waiting.delete(check);
        resolve(condition());
      };
      const check = () => {
        if (condition() || this.ends) settle();
      };
      const cancel = this.after(ms, settle);
      this.#waiting.add(check);
    });
  }

  /** Waits until the operating system has taken nearly all that was written, or closing began; false after `ms`. */
  async drained(ms: number): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve)); // what was written in this turn leaves at its end
    return this.until(() => !this.#socket.writableNeedDrain || this.state !== 'open', ms);
  }

  #flush(): void {
    if (this.#joined.length === 0) return;
    const octets = this.#joined.length === 1 ? this.#joined[0]! : Buffer.concat(this.#joined);
    this.#joined = [];
    if (!this.#socket.destroyed) this.#socket.write(octets);
  }

  /** One piece per turn of the event loop, so that each is likely to be a segment of its own. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      const piece = this.#queue[0];
      if (piece === undefined) return;
      if (this.#socket.destroyed || this.ends) {
        this.#queue.length = 0; // a queue is thrown away when TCP goes
        return;
      }
      this.#socket.write(piece.octets.subarray(piece.at, piece.at + piece.size));
      piece.at += piece.size;
      this.onActivity();
      if (piece.at >= piece.octets.length) this.#queue.shift();
      if (this.#queue.length > 0) this.#pump();
    });
  }

  #receive(chunk: Uint8Array): void {
    if (this.ends) return;
    this.octetsReceived += chunk.length;
    this.onActivity();
    for (const frame of this.#reader.read(chunk)) {
      this.log.received(frame.raw, describeFrame(frame), frame.total);
      this.frameCounts.set(frame.opcode, (this.frameCounts.get(frame.opcode) ?? 0) + 1);
      const fault = this.#faultOf(frame) ?? this.#take(frame);
      if (fault !== undefined) this.#fail(fault);
    }
    if (this.#reader.tooLong !== undefined && this.violation === undefined)
      this.#fail(`announced a frame of ${this.#reader.tooLong} octets`);
    this.#notify();
  }

  /** What RFC 6455 forbids in a single frame. */
  #faultOf(frame: WireFrame): string | undefined {
    if (this.closeReceived !== undefined)
      return `sent a ${describeFrame(frame)} after its close frame (RFC 6455 §5.5.1)`;
    if (frame.masked && this.subject === 'server') return 'masked a frame, which a server must not (RFC 6455 §5.1)';
    if (!frame.masked && this.subject === 'client') return 'did not mask a frame (RFC 6455 §5.1)';
    const compressed = this.inflate !== undefined && (frame.opcode === TEXT || frame.opcode === BINARY);
    if (frame.rsv !== 0 && !(frame.rsv === 4 && compressed))
      return `set reserved bits ${frame.rsv.toString(2).padStart(3, '0')} (RFC 6455 §5.2)`;
    if (!frame.minimal)
      return `wrote the length ${frame.length} in ${frame.lengthBits} bits, not the fewest (RFC 6455 §5.2)`;
    if (frame.opcode >= 8) {
      if (frame.opcode > PONG) return `sent reserved opcode ${frame.opcode} (RFC 6455 §5.2)`;
      if (!frame.fin) return 'fragmented a control frame (RFC 6455 §5.5)';
      if (frame.length > 125) return `sent a control frame of ${frame.length} octets (RFC 6455 §5.5)`;
    } else {
      if (frame.opcode > BINARY) return `sent reserved opcode ${frame.opcode} (RFC 6455 §5.2)`;
      if (frame.opcode === 0 && this.#message === undefined) return 'sent a continuation of no message (RFC 6455 §5.4)';
      if (frame.opcode !== 0 && this.#message !== undefined) return 'began a message inside another (RFC 6455 §5.4)';
    }
    return undefined;
  }

  #take(frame: WireFrame): string | undefined {
    if (frame.opcode === PING) {
      if (this.state === 'open') this.send({ opcode: PONG, payload: frame.payload });
      return undefined;
    }
    if (frame.opcode === PONG) {
      this.onSeen({ kind: 'pong', payload: frame.payload });
      return undefined;
    }
    if (frame.opcode === CLOSE) return this.#takeClose(frame.payload);
    this.#message ??= { opcode: frame.opcode, compressed: frame.rsv === 4, parts: [], size: 0 };
    this.#message.parts.push(frame.payload);
    this.#message.size += frame.length;
    if (this.#message.size > CONFORMANCE_LIMITS.maxFrameBytes) return 'sent a message that does not end';
    if (!frame.fin) return undefined;
    const { opcode, compressed, parts } = this.#message;
    this.#message = undefined;
    let payload = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (compressed) {
      try {
        payload = this.inflate!(payload);
      } catch (error) {
        return `sent a message that cannot be inflated: ${(error as Error).message} (RFC 7692 §7.2.2)`;
      }
    }
    if (opcode === TEXT && !isUtf8(payload)) return 'sent a text message that is not UTF-8 (RFC 6455 §8.1)';
    this.onSeen({ kind: opcode === TEXT ? 'text' : 'binary', payload });
    return undefined;
  }

  #takeClose(body: Buffer): string | undefined {
    const code = body.length >= 2 ? body.readUInt16BE(0) : null;
    this.closeReceived = { code, reason: body.subarray(2) };
    if (this.state === 'open') {
      this.firstClose ??= 'peer';
      this.send({ opcode: CLOSE, payload: closeBody(this.replyCode) });
      this.#closeWasSent('peer');
    } else this.#awaitEnd();
    if (body.length === 1) return 'sent a close frame of one octet (RFC 6455 §5.5.1)';
    if (code !== null && !mayBeSent(code)) return `sent close code ${code} (RFC 6455 §7.4)`;
    if (!isUtf8(body.subarray(2))) return 'sent a close reason that is not UTF-8 (RFC 6455 §5.5.1)';
    return undefined;
  }

  #closeWasSent(first: 'tester' | 'peer'): void {
    this.firstClose ??= first;
    if (this.state === 'open') this.state = 'closing';
    this.closeSent = true;
    this.#notify();
    if (this.closeReceived !== undefined) this.#awaitEnd();
    else
      this.after(CONFORMANCE_LIMITS.closeTimeoutMs, () => {
        if (this.closeReceived === undefined) this.drop('deadline');
      });
  }

  /** RFC 6455 §7.1.1: the server ends TCP first; a client that does not get that drops it. */
  #awaitEnd(): void {
    this.#notify();
    if (this.subject === 'server') this.after(CONFORMANCE_LIMITS.closeTimeoutMs, () => this.drop('deadline'));
    else {
      this.#flush();
      this.#socket.end();
      this.after(CONFORMANCE_LIMITS.closeTimeoutMs, () => this.#socket.destroy());
    }
  }

  /** RFC 6455 §7.1.7. */
  #fail(fault: string): void {
    this.log.note(`the peer ${fault}`);
    if (this.violation !== undefined) {
      this.drop('deadline');
      return;
    }
    this.violation = fault;
    if (this.state === 'open') this.sendClose(closeBody(1002));
    else if (this.closeReceived === undefined) this.drop('deadline');
  }

  #finish(): void {
    if (this.ends) return;
    this.state = 'ended';
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#queue.length = 0;
    this.#notify();
    this.#resolveEnded();
  }

  #notify(): void {
    for (const check of [...this.#waiting]) check();
  }
}

export function isUtf8(octets: Uint8Array): boolean {
  try {
    UTF8.decode(octets);
    return true;
  } catch {
    return false;
  }
}

/** Codes that may stand in a close frame: RFC 6455 §7.4 and the IANA registry (1012-1014). */
export function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
