/**
 * The tester's own reader of event streams: HTTP body to text, text to lines, lines to events (HTML §9.2.5-9.2.6).
 *
 * Not shared with `lib/event-stream` or `lib/http`, which are under test. Read next: `cases/x-stream.ts`.
 */

import type { Duplex } from 'node:stream';
import { fieldOf, type Head, headOctets } from './handshake.ts';
import type { Stage } from './probe.ts';
import { octetCount, preview } from './wire.ts';

export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** A response whose head has come and whose body is being read. */
export interface OpenStream {
  readonly head: Head;
  readonly status: number;
  /** Events so far, as a browser would dispatch them. */
  readonly events: StreamEvent[];
  /** Lines so far. */
  readonly lines: string[];
  /** The reconnection time, if the stream set one. */
  retry: string | undefined;
  /** Octets of the body so far. */
  octets: number;
  ended: boolean;
  /** The first thing that no event stream may have. */
  fault: string | undefined;
  /** Waits until `condition` holds, the stream ends or `ms` have passed. */
  until(condition: () => boolean, ms: number): Promise<void>;
  close(): void;
}

export interface StreamRequest {
  readonly query?: Readonly<Record<string, string>>;
  readonly fields?: readonly string[];
  readonly version?: '1.0' | '1.1';
}

/** Asks for the stream; a string says why there is none. */
export async function openStream(stage: Stage, request: StreamRequest = {}): Promise<OpenStream | string> {
  const { query = {}, fields = [], version = '1.1' } = request;
  const target = stage.target!;
  const parameters = new URLSearchParams(query).toString();
  const joint = parameters === '' ? '' : target.resource.includes('?') ? '&' : '?';
  const { socket, result } = await stage.exchange(
    headOctets([
      `GET ${target.resource}${joint}${parameters} HTTP/${version}`,
      `Host: ${target.authority}`,
      'User-Agent: barewire-conformance',
      'Accept: text/event-stream',
      ...target.headers,
      ...fields,
    ]),
  );
  if (!result.ok) return result.reason;
  return new StreamReader(socket, result.head, stage);
}

class StreamReader implements OpenStream {
  readonly head: Head;
  readonly status: number;
  readonly events: StreamEvent[] = [];
  readonly lines: string[] = [];
  retry: string | undefined;
  octets = 0;
  ended = false;
  fault: string | undefined;

  readonly #socket: Duplex;
  readonly #waiting = new Set<() => void>();
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #chunked: boolean;
  #held: Buffer = Buffer.alloc(0);
  #chunkLeft = 0;
  #text = '';
  #first = true;
  #data: string[] = [];
  #type = '';
  #id = '';

  constructor(socket: Duplex, head: Head, stage: Stage) {
    this.#socket = socket;
    this.head = head;
    this.status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.startLine)?.[1] ?? 0);
    this.#chunked = fieldOf(head, 'transfer-encoding').toLowerCase() === 'chunked';
    const take = (chunk: Buffer): void => {
      stage.log.received(chunk, `body: ${preview(chunk)}`);
      this.octets += chunk.length;
      try {
        if (this.#chunked) this.#dechunk(chunk);
        else this.#decode(chunk);
      } catch {
        this.fault ??= 'the stream is not UTF-8';
      }
      this.#notify();
    };
    if (head.rest.length > 0) take(head.rest);
    socket.on('data', take);
    const end = (): void => {
      this.ended = true;
      this.#notify();
    };
    socket.on('end', end).on('close', end);
    socket.resume();
  }

  until(condition: () => boolean, ms: number): Promise<void> {
    if (condition() || this.ended) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition() && !this.ended) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        resolve();
      }, ms);
      this.#waiting.add(check);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #notify(): void {
    for (const check of [...this.#waiting]) check();
  }

  /** RFC 9112 §7.1. */
  #dechunk(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length > 0) {
      if (this.#chunkLeft > 2) {
        const part = this.#held.subarray(0, this.#chunkLeft - 2);
        this.#held = this.#held.subarray(part.length);
        this.#chunkLeft -= part.length;
        this.#decode(part);
      } else if (this.#chunkLeft > 0) {
        const end = this.#held.subarray(0, this.#chunkLeft);
        if (!'\r\n'.endsWith(end.toString('latin1')) && !'\r\n'.startsWith(end.toString('latin1')))
          this.fault ??= 'a chunk does not end where it says (RFC 9112 §7.1)';
        this.#chunkLeft -= end.length;
        this.#held = this.#held.subarray(end.length);
      } else {
        const end = this.#held.indexOf('\r\n');
        if (end < 0) return;
        const size = this.#held.toString('latin1', 0, end).split(';')[0]!.trim();
        this.#held = this.#held.subarray(end + 2);
        if (!/^[0-9a-f]{1,8}$/i.test(size)) {
          this.fault ??= `${JSON.stringify(size.slice(0, 20))} is no chunk size (RFC 9112 §7.1)`;
          return;
        }
        if (Number.parseInt(size, 16) === 0) {
          this.ended = true;
          return;
        }
        this.#chunkLeft = Number.parseInt(size, 16) + 2;
      }
    }
  }

  #decode(octets: Buffer): void {
    this.#text += this.#decoder.decode(octets, { stream: true });
    if (this.#first && this.#text.length > 0) {
      this.#first = false;
      if (this.#text.startsWith('\ufeff')) this.#text = this.#text.slice(1);
    }
    for (;;) {
      const match = /\r\n|\n|\r(?!$)/.exec(this.#text);
      if (match === null) break;
      const line = this.#text.slice(0, match.index);
      this.#text = this.#text.slice(match.index + match[0].length);
      this.#line(line);
    }
    if (this.#text.length > 4_194_304) this.fault ??= `a line is longer than ${octetCount(4_194_304)}`;
  }

  /** HTML §9.2.6, "process the field". */
  #line(line: string): void {
    if (this.lines.length < 10_000) this.lines.push(line);
    if (line === '') {
      if (this.#data.length > 0)
        this.events.push({ type: this.#type || 'message', data: this.#data.join('\n'), lastEventId: this.#id });
      this.#data = [];
      this.#type = '';
      return;
    }
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id') {
      if (!value.includes('\0')) this.#id = value;
    } else if (name === 'retry') {
      if (/^[0-9]+$/.test(value)) this.retry = value;
      else this.fault ??= `retry is ${JSON.stringify(value)}, not digits alone (HTML §9.2.6)`;
    } else this.fault ??= `${JSON.stringify(name.slice(0, 30))} is no field of an event stream (HTML §9.2.5)`;
  }
}
