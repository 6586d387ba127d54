/**
 * What is used of a request and a response of Node's, and the head of ours that a request becomes.
 *
 * Structural types: `IncomingMessage` and `Http2ServerRequest` fit, `ServerResponse` and `Http2ServerResponse` too, and what
 * frameworks derive from them. Knows no routes. Read next: `response-exchange.ts`.
 */

import type { Duplex } from 'node:stream';
import type { Remote } from '../channel/port.ts';
import type { RequestHead } from '../http/head.ts';
import { HeaderFields } from '../http/headers.ts';
import { describe } from '../options.ts';

/** The stream that an upgrade is handed over with. */
export type UpgradeStream = Duplex;

/** What is used of a request. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };
  /** Whether anybody has begun to read the body. */
  readonly readableDidRead: boolean;
  readonly readableEnded: boolean;
  /** The client was cut off before its request was whole. */
  readonly aborted?: boolean | undefined;
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  resume(): unknown;
}

/** What is used of a response. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  setHeader(name: string, value: string | readonly string[]): unknown;
  getHeader(name: string): number | string | readonly string[] | undefined;
  removeHeader(name: string): void;
  /** HTTP/2's response has it, and its type does not say so. */
  flushHeaders?(): void;
  write(chunk: Uint8Array, callback?: (error?: Error | null) => void): boolean;
  end(): unknown;
  end(body: Uint8Array): unknown;
  destroy(error?: Error): unknown;
  setTimeout?(ms: number): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** @throws TypeError for what is no request of Node's */
export function checkRequest(where: string, request: unknown): void {
  if (!Array.isArray((request as NodeRequest | undefined)?.rawHeaders))
    throw new TypeError(`${where}: request is ${describe(request)}, must be a request of node:http or node:http2`);
}

/**
 * The head of a request as our parser would give it. Node's parser has checked its lines, and `withHost` has to look at its host.
 * Over HTTP/2 `:authority` is the host (RFC 9113 §8.3.1).
 */
export function headOf(request: NodeRequest): RequestHead {
  const { method = 'GET', url: target = '/', httpVersionMajor, httpVersionMinor, rawHeaders } = request;
  const minor = httpVersionMajor >= 2 ? 1 : httpVersionMinor;
  const headers = new HeaderFields();
  let authority: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (!name.startsWith(':')) headers.appendUnchecked(name, rawHeaders[i + 1]!);
    else if (name === ':authority') authority = rawHeaders[i + 1]!;
  }
  if (authority !== undefined && !headers.has('host')) headers.appendUnchecked('Host', authority);
  const lines = [`${method} ${target} HTTP/1.${minor}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return { method, target, minor, headers, text: lines.join('\r\n') };
}

/** Who sent it, as the connection knows it: also when the client has left since. */
export function remoteOf({ socket }: NodeRequest): Remote {
  return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, secure: 'encrypted' in socket };
}
