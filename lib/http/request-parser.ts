/**
 * Chunks to requests: heads, bodies, pipelining, upgrades, under limits (RFC 9112).
 *
 * Pure: bytes in, values out; time limits are the adapter's. A chunk is only lent. After the first failure, and after an
 * upgrade, nothing more is parsed: where the next request would begin is then unknown, or another protocol's.
 * Memory of an idle parser: this object and its reader. Read next: `../net/http-connection.ts`.
 */

import { HTTP_LIMITS } from '../limits.ts';
import { isAuthority } from './authority.ts';
import { type BodyFraming, bodyFraming, ChunkedDecoder } from './body.ts';
import { parseList } from './grammar.ts';
import { type HttpViolation, parseRequestHead, type RequestHead, violation } from './head.ts';
import { HeadReader } from './head-reader.ts';
import { HeaderFields } from './headers.ts';
import { authorityOf } from './target.ts';

export interface RequestLimits {
  readonly maxRequestLineBytes: number;
  readonly maxHeadBytes: number;
  readonly maxHeaderCount: number;
  readonly maxBodyBytes: number;
  readonly maxChunkExtensionBytes: number;
}

export type HttpIncoming =
  | {
      readonly kind: 'request';
      readonly head: RequestHead;
      /** The caller's to keep. */
      readonly body: Uint8Array;
      /** The connection may carry another request (RFC 9112 §9.3). */
      readonly keepAlive: boolean;
      /** The client asks for WebSocket; the parser has stopped after this head, see `takeRest`. Other protocols are ignored. */
      readonly upgrade: boolean;
    }
  /** The client waits for 100 (Continue) before it sends the body (RFC 9110 §10.1.1). */
  | { readonly kind: 'expect-continue'; readonly head: RequestHead }
  | RequestFailure;

/** A request that is refused; the parser reads nothing more. */
export interface RequestFailure extends HttpViolation {
  /** It was a HEAD: "The server MUST NOT send content in the response" (RFC 9110 §9.3.2). */
  readonly toHead: boolean;
}

/** A request whose body is still coming. */
interface Pending {
  readonly head: RequestHead;
  readonly keepAlive: boolean;
  readonly chunked: ChunkedDecoder | undefined;
  body: Uint8Array;
  length: number;
}

export class RequestParser {
  readonly #limits: RequestLimits;
  readonly #heads: HeadReader;
  #state: 'idle' | 'head' | 'body' | 'upgraded' | 'failed' = 'idle';
  /** While `#state` is `idle`: how much of the one empty line that may stand in front of a request has come. */
  #emptyLine = 0;
  /** Set while `#state` is `body`. */
  #pending: Pending | undefined = undefined;
  /** The request that is being read is a HEAD. */
  #isHead = false;
  /** What came after an upgrade's head. */
  #rest: Uint8Array = NOTHING;

  constructor(limits: Partial<RequestLimits> = {}) {
    this.#limits = isComplete(limits) ? limits : { ...HTTP_LIMITS, ...limits };
    this.#heads = new HeadReader(this.#limits.maxHeadBytes, 'request');
  }

  get state(): 'idle' | 'head' | 'body' | 'upgraded' | 'failed' {
    return this.#state;
  }

  /** How many bytes have come after the head of an upgrade and are kept. */
  get restBytes(): number {
    return this.#rest.length;
  }

  /** The bytes that came after the head of an upgrade, once; the caller's to keep. */
  takeRest(): Uint8Array {
    const rest = this.#rest;
    this.#rest = NOTHING;
    return rest;
  }

  /** Takes bytes from the peer; answers what they completed. Never throws for anything in them. */
  receive(chunk: Uint8Array): HttpIncoming[] {
    const incoming: HttpIncoming[] = [];
    let position = 0;
    while (position < chunk.length) {
      if (this.#state === 'failed') return incoming;
      if (this.#state === 'upgraded') {
        const tooMuch = this.#keepRest(chunk.subarray(position));
        if (tooMuch !== undefined) incoming.push({ ...tooMuch, toHead: false });
        return incoming;
      }
      const next =
        this.#state === 'body' ? this.#readBody(chunk, position, incoming) : this.#readHead(chunk, position, incoming);
      if (typeof next === 'number') position = next;
      else {
        this.#state = 'failed';
        this.#pending = undefined;
        incoming.push({ ...next, toHead: this.#isHead });
      }
    }
    return incoming;
  }

  #readHead(chunk: Uint8Array, start: number, incoming: HttpIncoming[]): number | HttpViolation {
    let position = start;
    if (this.#state === 'idle') this.#isHead = false;
    // §2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF)".
    // Choice: exactly one, so that a peer cannot stay in front of its request for ever.
    if (this.#state === 'idle' && chunk[position] === EMPTY_LINE[this.#emptyLine]) {
      position++;
      this.#emptyLine++;
      return position;
    }
    if (this.#state === 'idle' && this.#emptyLine === 1)
      return violation(400, 'HTTP_BARE_CR', 'carriage return without a line feed', 'RFC 9112 §2.2');
    this.#emptyLine = 0;
    this.#state = 'head';
    const read = this.#heads.read(chunk, position);
    if (read === undefined) return chunk.length;
    if ('kind' in read) {
      this.#isHead = this.#heads.beginsWith(HEAD, chunk, position);
      return read;
    }
    const head = parseRequestHead(read.text, this.#limits);
    if ('kind' in head) {
      this.#isHead = read.text.startsWith('HEAD ');
      return head;
    }
    this.#isHead = head.method === 'HEAD';

    const addressed = withHost(head);
    if ('kind' in addressed) return addressed;
    const framing = bodyFraming(head.headers, head.minor, false);
    if (framing.kind === 'failed') return framing;
    return this.#begin(addressed, framing, read.next, incoming);
  }

  #begin(head: RequestHead, framing: BodyFraming, next: number, incoming: HttpIncoming[]): number | HttpViolation {
    const options = parseList(head.headers.get('connection') ?? '').map((option) => option.toLowerCase());
    const hasBody = hasContent(framing);
    const wantsWebSocket = options.includes('upgrade') && offersWebSocket(head);
    if (wantsWebSocket && head.method === 'GET' && head.minor > 0) {
      if (hasBody) return upgradeWithBody();
      this.#state = 'upgraded';
      incoming.push({ kind: 'request', head, body: NOTHING, keepAlive: false, upgrade: true });
      return next;
    }
    // RFC 9110 §7.8: "A server MAY ignore a received Upgrade header field": every other protocol, HTTP/2 among them, is
    // ignored, and the request is one like any other. A server "MUST ignore" it in HTTP/1.0.
    // RFC 9112 §9.3: close ends it; HTTP/1.1 persists; HTTP/1.0 only when asked.
    // Choice: it also ends after a WebSocket request that can be none, by its method or version. An intermediary that takes
    // any such request for the beginning of a tunnel would pass on a second request unseen.
    const keepAlive =
      !options.includes('close') && !wantsWebSocket && (head.minor > 0 || options.includes('keep-alive'));
    if (!hasBody) {
      this.#state = 'idle';
      incoming.push({ kind: 'request', head, body: NOTHING, keepAlive, upgrade: false });
      return next;
    }
    const length = framing.kind === 'length' ? framing.length : 0;
    if (length > this.#limits.maxBodyBytes) return this.#bodyTooLong();
    this.#state = 'body';
    // An announced length is believed up to 64 KiB before any of it has come.
    const first = framing.kind === 'length' ? Math.min(length, FIRST_BODY_BYTES) : 0;
    this.#pending = {
      head,
      keepAlive,
      chunked: framing.kind === 'chunked' ? new ChunkedDecoder(this.#limits) : undefined,
      body: new Uint8Array(first),
      length: 0,
    };
    this.#expected = length;
    if (head.minor > 0 && head.headers.get('expect')?.toLowerCase() === '100-continue')
      incoming.push({ kind: 'expect-continue', head });
    return next;
  }

  /** The announced length of the pending body; 0 when it is chunked. */
  #expected = 0;

  #readBody(chunk: Uint8Array, position: number, incoming: HttpIncoming[]): number | HttpViolation {
    const pending = this.#pending!;
    let next: number;
    if (pending.chunked === undefined) {
      next = Math.min(chunk.length, position + this.#expected - pending.length);
      this.#append(pending, chunk, position, next);
      if (pending.length < this.#expected) return next;
    } else {
      let tooLong = false;
      const read = pending.chunked.read(chunk, position, (start, end) => {
        if (pending.length + end - start > this.#limits.maxBodyBytes) tooLong = true;
        else this.#append(pending, chunk, start, end);
      });
      if (tooLong) return this.#bodyTooLong();
      if (typeof read !== 'number' || !pending.chunked.done) return read;
      next = read;
    }
    this.#state = 'idle';
    this.#pending = undefined;
    incoming.push({
      kind: 'request',
      head: pending.head,
      body: pending.body.subarray(0, pending.length),
      keepAlive: pending.keepAlive,
      upgrade: false,
    });
    return next;
  }

  #append(pending: Pending, chunk: Uint8Array, start: number, end: number): void {
    const length = pending.length + end - start;
    if (length > pending.body.length) {
      const body = new Uint8Array(Math.min(this.#limits.maxBodyBytes, Math.max(1_024, length * 2)));
      body.set(pending.body.subarray(0, pending.length));
      pending.body = body;
    }
    pending.body.set(chunk.subarray(start, end), pending.length);
    pending.length = length;
  }

  #bodyTooLong(): HttpViolation {
    return violation(413, 'HTTP_BODY_TOO_LONG', `body exceeds ${this.#limits.maxBodyBytes} bytes`, 'RFC 9110 §15.5.14');
  }

  /** Bounded: a client has no reason to send more before it has been answered. */
  #keepRest(bytes: Uint8Array): HttpViolation | undefined {
    if (this.#rest.length + bytes.length > MAX_REST_BYTES) {
      this.#state = 'failed';
      this.#rest = NOTHING; // with a gap in it, it would be another message
      return violation(
        400,
        'HTTP_UPGRADE_DATA',
        `more than ${MAX_REST_BYTES} bytes after an upgrade request`,
        'RFC 9110 §7.8',
      );
    }
    const rest = new Uint8Array(this.#rest.length + bytes.length);
    rest.set(this.#rest);
    rest.set(bytes, this.#rest.length);
    this.#rest = rest;
    return undefined;
  }
}

const NOTHING = new Uint8Array(0);
const EMPTY_LINE: readonly number[] = [0x0d, 0x0a];
const HEAD = Uint8Array.of(0x48, 0x45, 0x41, 0x44, 0x20);
const FIRST_BODY_BYTES = 65_536;

/** One read of a socket, and what TCP may still bring before reading stops. */
const MAX_REST_BYTES = 1_048_576;

/** The head with the host that it asks for in Host, and in nothing else; or what is wrong with that (RFC 9112 §3.2). */
export function withHost(head: RequestHead): RequestHead | HttpViolation {
  // §3.2: 400 to any HTTP/1.1 request "that lacks a Host header field and ... that contains more than one".
  const hosts = head.headers.count('host');
  if (hosts > 1 || (hosts === 0 && head.minor > 0))
    return violation(400, 'HTTP_HOST', `${hosts} Host fields, must be 1`, 'RFC 9112 §3.2');
  if (hosts === 1 && !isAuthority(head.headers.get('host') ?? ''))
    return violation(400, 'HTTP_HOST', 'Host is not host[:port]', 'RFC 9112 §3.2');
  if (head.target.startsWith('/') || head.target === '*') return head;
  return (
    withHostOfTarget(head) ??
    violation(400, 'HTTP_TARGET', 'authority of the request-target is not host[:port]', 'RFC 9112 §3.2.2')
  );
}

/**
 * §3.2.2: on an absolute-form target "the origin server MUST ignore the received Host header field (if any) and instead
 * use the host information of the request-target". Undefined for an authority with user information (RFC 9110 §4.2.4) or none.
 */
function withHostOfTarget(head: RequestHead): RequestHead | undefined {
  const host = authorityOf(head.target) ?? '';
  if (host === '' || host.startsWith(':') || !isAuthority(host)) return undefined;
  const headers = new HeaderFields();
  headers.append('Host', host);
  for (const [name, value] of head.headers) if (name.toLowerCase() !== 'host') headers.appendUnchecked(name, value);
  // The text too, which the fields may be read from again (`HeaderFields.fromHead`).
  const lines = [
    head.text.slice(0, head.text.indexOf('\r\n')),
    ...Array.from(headers, ([name, value]) => `${name}: ${value}`),
  ];
  return { ...head, headers, text: lines.join('\r\n') };
}

function hasContent(framing: BodyFraming): boolean {
  return framing.kind === 'chunked' || (framing.kind === 'length' && framing.length > 0);
}

/**
 * RFC 9110 §9.3.1: content in a GET "might lead some implementations to reject the request and close the connection because of
 * its potential as a request smuggling attack". What follows the head of a WebSocket request is frames to us, and a body to others.
 */
function upgradeWithBody(): HttpViolation {
  return violation(400, 'HTTP_UPGRADE_WITH_BODY', 'WebSocket request with a body', 'RFC 9110 §9.3.1');
}

/** The head of a WebSocket request, which announces no body; or what is wrong where it does. */
export function withoutBody(head: RequestHead): RequestHead | HttpViolation {
  const framing = bodyFraming(head.headers, head.minor, false);
  if (framing.kind === 'failed') return framing;
  return hasContent(framing) ? upgradeWithBody() : head;
}

/** Whether `websocket` is among the protocols of Upgrade (RFC 6455 §4.2.1 item 3: without regard to case). */
export function offersWebSocket(head: RequestHead): boolean {
  return parseList(head.headers.get('upgrade') ?? '').some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** A server's connections share one complete object, and none copies it. */
function isComplete(limits: Partial<RequestLimits>): limits is RequestLimits {
  return Object.keys(HTTP_LIMITS).every((name) => Object.hasOwn(limits, name));
}
