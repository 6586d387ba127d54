/**
 * Chunks to one response: its head, then its body in slices (RFC 9112). For clients: an upgrade, or an event stream.
 *
 * Pure; a chunk is only lent, and body slices refer to it, so they are valid until the next call. Interim responses
 * (1xx) are skipped, but for 101, after which another protocol begins (`takeRest`).
 * Read next: `../client/websocket.ts`, `../client/event-source.ts`.
 */

import { HTTP_LIMITS } from '../limits.ts';
import { bodyFraming, ChunkedDecoder, type ChunkedLimits } from './body.ts';
import { type HttpViolation, parseResponseHead, type ResponseHead, violation } from './head.ts';
import { HeadReader } from './head-reader.ts';

export type ResponseIncoming =
  | { readonly kind: 'head'; readonly head: ResponseHead }
  /** A slice of the chunk that was given to `receive`. */
  | { readonly kind: 'body'; readonly chunk: Uint8Array }
  | { readonly kind: 'end' }
  | HttpViolation;

export interface ResponseLimits extends ChunkedLimits {
  readonly maxRequestLineBytes: number;
}

/** Interim responses taken before the final one: none of ours asks for any, and a server could send them for ever. */
export const MAX_INTERIM_RESPONSES = 8;

/** What may come after a 101 before `takeRest`: a few reads of a socket. */
const MAX_REST_BYTES = 1_048_576;

export class ResponseParser {
  readonly #method: string;
  readonly #limits: ResponseLimits;
  readonly #heads: HeadReader;
  #state: 'head' | 'length' | 'chunked' | 'until-close' | 'upgraded' | 'done' | 'failed' = 'head';
  #left = 0;
  #chunked: ChunkedDecoder | undefined = undefined;
  #rest: Uint8Array = new Uint8Array(0);
  #interim = 0;

  constructor(options: { readonly method: string; readonly limits?: Partial<ResponseLimits> }) {
    this.#method = options.method;
    this.#limits = { ...HTTP_LIMITS, ...options.limits };
    this.#heads = new HeadReader(this.#limits.maxHeadBytes, 'response');
  }

  /** What came after the head of a 101: a copy. Take it, and the parser out of the way, once that head is there. */
  takeRest(): Uint8Array {
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    return rest;
  }

  receive(chunk: Uint8Array): ResponseIncoming[] {
    const incoming: ResponseIncoming[] = [];
    let position = 0;
    while (position < chunk.length) {
      const next = this.#read(chunk, position, incoming);
      if (typeof next !== 'number') {
        this.#state = 'failed';
        incoming.push(next);
        return incoming;
      }
      position = next;
    }
    return incoming;
  }

  /** The peer has closed: the end of a body without a length, and a fault anywhere else (RFC 9112 §8). */
  receiveEnd(): ResponseIncoming[] {
    const state = this.#state;
    if (state === 'done' || state === 'failed' || state === 'upgraded') return [];
    this.#state = state === 'until-close' ? 'done' : 'failed';
    if (state === 'until-close') return [{ kind: 'end' }];
    return [violation(502, 'HTTP_INCOMPLETE', 'connection closed before the response was complete', 'RFC 9112 §8')];
  }

  #read(chunk: Uint8Array, position: number, incoming: ResponseIncoming[]): number | HttpViolation {
    switch (this.#state) {
      case 'head':
        return this.#readHead(chunk, position, incoming);
      case 'upgraded':
        return this.#keepRest(chunk.subarray(position)) ?? chunk.length;
      case 'until-close':
        incoming.push({ kind: 'body', chunk: chunk.subarray(position) });
        return chunk.length;
      case 'length': {
        const end = Math.min(chunk.length, position + this.#left);
        this.#left -= end - position;
        incoming.push({ kind: 'body', chunk: chunk.subarray(position, end) });
        if (this.#left === 0) this.#end(incoming);
        return end;
      }
      case 'chunked': {
        const read = this.#chunked!.read(chunk, position, (start, end) =>
          incoming.push({ kind: 'body', chunk: chunk.subarray(start, end) }),
        );
        if (typeof read === 'number' && this.#chunked!.done) this.#end(incoming);
        return read;
      }
      default:
        return chunk.length; // nothing may follow, and nobody cares if it does
    }
  }

  #readHead(chunk: Uint8Array, position: number, incoming: ResponseIncoming[]): number | HttpViolation {
    const read = this.#heads.read(chunk, position);
    if (read === undefined) return chunk.length;
    if ('kind' in read) return read;
    const head = parseResponseHead(read.text, this.#limits);
    if ('kind' in head) return head;
    const { status } = head;
    if (status < 200 && status !== 101) {
      // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final response".
      if (++this.#interim > MAX_INTERIM_RESPONSES) {
        return violation(
          502,
          'HTTP_TOO_MANY_INTERIM',
          `more than ${MAX_INTERIM_RESPONSES} interim responses`,
          'RFC 9110 §15.2',
        );
      }
      return read.next;
    }
    incoming.push({ kind: 'head', head });
    if (status === 101) {
      this.#state = 'upgraded';
      return read.next;
    }
    // RFC 9112 §6.3 rule 1: these have no body, whatever their fields say.
    if (this.#method === 'HEAD' || status === 204 || status === 304) {
      this.#end(incoming);
      return read.next;
    }
    const framing = bodyFraming(head.headers, head.minor, true);
    if (framing.kind === 'failed') return framing;
    if (framing.kind === 'length') {
      this.#state = 'length';
      this.#left = framing.length;
      if (framing.length === 0) this.#end(incoming);
    } else {
      this.#state = framing.kind;
      if (framing.kind === 'chunked') this.#chunked = new ChunkedDecoder(this.#limits);
    }
    return read.next;
  }

  #keepRest(bytes: Uint8Array): HttpViolation | undefined {
    const length = this.#rest.length + bytes.length;
    if (length > MAX_REST_BYTES) {
      this.#rest = new Uint8Array(0); // with a gap in it, it would be another message
      return violation(502, 'HTTP_UPGRADE_DATA', `more than ${MAX_REST_BYTES} bytes after a 101`, 'RFC 9110 §7.8');
    }
    const rest = new Uint8Array(length);
    rest.set(this.#rest);
    rest.set(bytes, this.#rest.length);
    this.#rest = rest;
    return undefined;
  }

  #end(incoming: ResponseIncoming[]): void {
    this.#state = 'done';
    incoming.push({ kind: 'end' });
  }
}
