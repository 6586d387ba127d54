/**
 * One request and the one right to answer it: with a response, with a WebSocket, or with a stream.
 *
 * Each door (our listener, `node:http`, HTTP/2, fetch) has its own kind; dispatch sees this alone. Answered exactly once:
 * a second answer throws, except that a client that has left takes any answer in silence.
 * Read next: `http-connection.ts`, whose exchange is that of our own listener, and `dispatch.ts`, which answers.
 */

import type { Channel } from '../channel/port.ts';
import type { ClientHandshake } from '../websocket/handshake.ts';
import type { Request } from './request.ts';
import type { CheckedResponse, Field } from './responses.ts';

/** What a server answers to an opening handshake. */
export interface HandshakeAnswer {
  readonly protocol: string;
  readonly extensions: string;
  /** Of the application's own. */
  readonly fields: readonly Field[];
}

/** The bytes after an answered handshake. */
export interface TakenOver {
  readonly channel: Channel;
  /** What came after the handshake; to be received first. */
  readonly rest: Uint8Array;
}

/** Where an event stream's bytes go. */
export interface StreamBody {
  readonly channel: Channel;
  /** How the body is framed here: RFC 9112 chunks, or by whoever lies below. */
  readonly chunked: boolean;
  /** Answers with `response` in place of the stream, as long as its head has not left; false: it has. */
  replace(response: CheckedResponse): boolean;
}

export interface Exchange {
  readonly request: Request;
  /** What a client that asks for a WebSocket has sent, read by the rules of its HTTP version; undefined for other requests. */
  readonly handshake: ClientHandshake | undefined;
  /** Answers with a response. `close`: and ends the connection after it, where it is the request's own. */
  respond(response: CheckedResponse, options?: { readonly close?: boolean }): void;
  /** Answers the handshake and hands over the bytes after it; undefined when the client has left. */
  acceptWebSocket(answer: HandshakeAnswer): TakenOver | undefined;
  /** Sends the head of an event stream and hands over its body; undefined when the client has left, and for HEAD, which has none. */
  openStream(status: number, fields: readonly Field[]): StreamBody | undefined;
  /** While a handler decides: bytes that come too early are kept, and beyond a bound they wait in the transport. */
  holdBack(): void;
}
