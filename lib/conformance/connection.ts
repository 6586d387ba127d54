/**
 * The tester's end of one WebSocket connection, after the opening handshake, on any stream of octets.
 *
 * Sends what a case tells it to, and notices everything that the peer does: messages and
 * pongs (`onSeen`), who closed first and with what, who dropped TCP, and the first rule that the peer broke
 * (`violation`). Answers pings and closes as a correct endpoint does. Judges no case. Writes and waits stand in `tested-stream.ts`.
 * Sections: RFC 6455 §5.1 (masking), §5.2, §5.4, §5.5, §7. Read next: `verdict.ts`.
 */

import type { Duplex } from 'node:stream';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { Seen, Write } from './case.ts';
import { endStream } from './target.ts';
import { TestedStream } from './tested-stream.ts';
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

export class Connection extends TestedStream {
  readonly subject: 'server' | 'client';
  firstClose: 'tester' | 'peer' | undefined;
  closeSent = false;
  closeReceived: ReceivedClose | undefined;
  /** The first rule that the peer broke. */
  violation: string | undefined;
  /** Frames received, by opcode. */
  readonly frameCounts: Map<number, number> = new Map();
  octetsReceived = 0;

  /** Called for every message and pong. */
  onSeen: (seen: Seen) => void = () => {};
  /** Inflates a message; absent while permessage-deflate is not agreed. @throws for what cannot be inflated */
  inflate: ((payload: Buffer) => Buffer) | undefined;
  /** The code that the tester answers a close of the peer with. */
  replyCode = 1000;

  readonly #reader = new FrameReader();
  readonly #keys: KeySource;
  /** The masking key and position of a frame whose payload comes in pieces. */
  #openFrame: { key: Buffer | undefined; offset: number } | undefined;
  #message: { opcode: number; compressed: boolean; parts: Buffer[]; size: number } | undefined;

  constructor(socket: Duplex, subject: 'server' | 'client', log: WireLog, rest: Uint8Array, seed = 1) {
    super(socket, log);
    this.subject = subject;
    this.#keys = new KeySource(seed);
    if (rest.length > 0) socket.unshift(rest); // read before what is still to come
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => {
      log.note('the peer ended TCP');
      this.finish();
      endStream(socket);
    });
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
    this.notify();
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
    this.notify();
    if (this.closeReceived !== undefined) this.#awaitEnd();
    else
      this.after(CONFORMANCE_LIMITS.closeTimeoutMs, () => {
        if (this.closeReceived === undefined) this.drop('deadline');
      });
  }

  /** RFC 6455 §7.1.1: the server ends TCP first; a client that does not get that drops it. */
  #awaitEnd(): void {
    this.notify();
    if (this.subject === 'server') this.after(CONFORMANCE_LIMITS.closeTimeoutMs, () => this.drop('deadline'));
    else {
      this.flush();
      this.socket.end();
      this.after(CONFORMANCE_LIMITS.closeTimeoutMs, () => this.socket.destroy());
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
