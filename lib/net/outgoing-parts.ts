/**
 * One message that is sent in parts from whatever yields them: what is behind `await socket.writeMessage(…)`.
 *
 * Stands in the line of `WaitingWrites` like any write, and keeps its place at the head until its last part has left, so that later
 * writes wait for it. Asks for the next part only when there is room. Choice: a source that fails within a message fails the connection
 * with 1011, since the peer would take what it has for all of it. Knows no frames. Read next: `waiting-writes.ts`.
 */

import { refuseLent } from '../bytes/lent-memory.ts';
import type { SendResult, WriteMessageOptions } from './api.ts';
import { closed, type WaitingWrites } from './waiting-writes.ts';

/** What yields the parts of a message. */
export type PartSource = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/** As much of a connection as a message in parts needs. */
export interface PartsOutlet {
  readonly readyState: number;
  /** Nothing waits beyond the high-water mark. Where it does, the line is told when there is room again. */
  hasRoom(): boolean;
  beginMessage(type: 'text' | 'binary', compress: boolean | undefined): void;
  sendPart(part: string | Uint8Array): SendResult;
  endMessage(): SendResult;
  close(code: number): void;
}

/** @throws TypeError for what is no source of parts, or a type that does not exist */
export function writeParts(
  line: WaitingWrites,
  outlet: PartsOutlet,
  source: PartSource,
  options: WriteMessageOptions = {},
): Promise<void> {
  checkSource(source);
  const { type } = options;
  if (type !== undefined && type !== 'text' && type !== 'binary')
    throw new TypeError(`type is ${String(type)}, must be 'text' or 'binary'`);
  const parts = new OutgoingParts(line, outlet, source, options);
  const written = line.add(() => parts.attempt(), outlet.hasRoom());
  written.catch(() => parts.stop());
  return written;
}

/** 1011: "encountered an unexpected condition" (RFC 6455 §7.4.1). */
const SOURCE_FAILED = 1011;

class OutgoingParts {
  readonly #line: WaitingWrites;
  readonly #outlet: PartsOutlet;
  readonly #source: PartSource;
  readonly #options: WriteMessageOptions;
  #state: 'waiting' | 'running' | 'sent' | 'failed' = 'waiting';
  #error: unknown = undefined;
  /** Lets `#run` go on, where it waits for room. */
  #wake: () => void = () => {};

  constructor(line: WaitingWrites, outlet: PartsOutlet, source: PartSource, options: WriteMessageOptions) {
    this.#line = line;
    this.#outlet = outlet;
    this.#source = source;
    this.#options = options;
  }

  /** Called when it is this message's turn and there is room: `dropped` keeps the turn. */
  attempt(): SendResult {
    if (this.#state === 'sent') return 'sent';
    if (this.#state === 'failed') throw this.#error;
    if (this.#outlet.readyState !== 1) throw closed();
    if (!this.#outlet.hasRoom()) return 'dropped';
    if (this.#state === 'running') this.#wake();
    else {
      this.#state = 'running';
      void this.#run();
    }
    return 'dropped';
  }

  /** The line has given up: the connection has ended. */
  stop(): void {
    this.#wake();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let begun = false;
    try {
      for await (const part of this.#source) {
        mustBePart(part);
        if (!begun) this.#begin(part);
        begun = true;
        this.#outlet.sendPart(part);
        if (!this.#outlet.hasRoom()) await this.#room();
        if (this.#outlet.readyState !== 1) throw closed();
      }
      if (!begun) this.#begin(undefined);
      this.#outlet.endMessage();
      this.#state = 'sent';
    } catch (error) {
      await undefined; // a source may throw at once, and `attempt` has not kept its turn yet
      this.#state = 'failed';
      this.#error = error;
      if (begun && this.#outlet.readyState === 1) this.#outlet.close(SOURCE_FAILED);
    }
    // A message that has failed leaves the line at once, whether or not there is room for the next.
    let leaves = this.#state === 'failed';
    this.#line.drained(() => {
      const mayTry = leaves || this.#outlet.hasRoom();
      leaves = false;
      return mayTry;
    });
  }

  /** A string is text and a Uint8Array is binary, unless the options say that its octets are text. */
  #begin(first: string | Uint8Array | undefined): void {
    const { type = typeof first === 'string' ? 'text' : 'binary', compress } = this.#options;
    this.#outlet.beginMessage(type, compress);
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function checkSource(source: unknown): void {
  const isWhole = typeof source === 'string' || ArrayBuffer.isView(source);
  const isSource =
    typeof source === 'object' && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);
  if (isWhole || !isSource)
    throw new TypeError('the parts of a message come from an iterable or an async iterable; write takes a whole one');
}

function mustBePart(part: unknown): void {
  if (typeof part !== 'string' && !(part instanceof Uint8Array))
    throw new TypeError(`a part of a message is ${typeof part}, must be a string or a Uint8Array`);
  refuseLent('writeMessage', part);
}
