/** What HTTP parsers made of bytes, as plain values that can be compared. */

import { type RequestLimits, RequestParser } from '../../lib/http/request-parser.ts';
import { type ResponseLimits, ResponseParser } from '../../lib/http/response-parser.ts';

export interface PlainRequest {
  readonly kind: 'request';
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
}
export type Plain =
  | PlainRequest
  | { readonly kind: 'expect-continue'; readonly target: string }
  | {
      readonly kind: 'failed';
      readonly status: number;
      readonly code: string;
      readonly section: string;
      readonly toHead: boolean;
    };

export interface RequestOutcome {
  readonly incoming: readonly Plain[];
  readonly state: string;
  /** What came behind an upgrade's head. */
  readonly rest: string;
}

/** Feeds chunks to a request parser. */
export function requests(chunks: Iterable<Uint8Array>, limits: Partial<RequestLimits> = {}): RequestOutcome {
  const parser = new RequestParser(limits);
  const incoming: Plain[] = [];
  for (const chunk of chunks) {
    for (const event of parser.receive(chunk)) {
      if (event.kind === 'failed') {
        const { kind, status, code, section, toHead } = event;
        incoming.push({ kind, status, code, section, toHead });
      } else if (event.kind === 'expect-continue') incoming.push({ kind: event.kind, target: event.head.target });
      else {
        const { head, body, keepAlive, upgrade } = event;
        incoming.push({
          kind: 'request',
          method: head.method,
          target: head.target,
          minor: head.minor,
          headers: [...head.headers],
          body: Buffer.from(body).toString('latin1'),
          keepAlive,
          upgrade,
        });
      }
    }
  }
  return { incoming, state: parser.state, rest: Buffer.from(parser.takeRest()).toString('latin1') };
}

export interface ResponseOutcome {
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  /** All slices together. */
  readonly body: string;
  readonly ended: boolean;
  /** The code of the failure, when there was one. */
  readonly failed: string | undefined;
  readonly rest: string;
}

/** Feeds chunks to a response parser, then the end of the connection where asked. */
export function response(
  chunks: Iterable<Uint8Array>,
  options: { readonly method?: string; readonly end?: boolean; readonly limits?: Partial<ResponseLimits> } = {},
): ResponseOutcome {
  const { method = 'GET', end = false, limits = {} } = options;
  const parser = new ResponseParser({ method, limits });
  let head: { status: number; reason: string; headers: [string, string][] } | undefined;
  let body = '';
  let ended = false;
  let failed: string | undefined;
  const take = (events: ReturnType<ResponseParser['receive']>): void => {
    for (const event of events) {
      if (event.kind === 'head') {
        head = { status: event.head.status, reason: event.head.reason, headers: [...event.head.headers] };
      } else if (event.kind === 'body') body += Buffer.from(event.chunk).toString('latin1');
      else if (event.kind === 'end') ended = true;
      else failed = event.code;
    }
  };
  for (const chunk of chunks) take(parser.receive(chunk));
  if (end) take(parser.receiveEnd());
  return {
    status: head?.status,
    reason: head?.reason,
    headers: head?.headers ?? [],
    body,
    ended,
    failed,
    rest: Buffer.from(parser.takeRest()).toString('latin1'),
  };
}
