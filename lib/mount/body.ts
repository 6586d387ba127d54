/**
 * The body of a request of Node's: read whole, within a limit of octets and of time, or taken from whoever has read it before.
 *
 * Read next: `node-http.ts`.
 */

import type { HeaderFields } from '../http/headers.ts';
import type { Clock } from '../net/sweeper.ts';
import type { NodeRequest } from './node-request.ts';

/** What came of it. `unreadable`: somebody has read it, and left nothing from which it can be made again. */
export type BodyOutcome =
  | { readonly kind: 'body'; readonly body: Uint8Array }
  | { readonly kind: 'too-long' | 'too-late' | 'unreadable' | 'left' };

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

const NOTHING = new Uint8Array(0);

/** Whether a head announces a body (RFC 9112 §6.3). Over HTTP/2 the stream says it by its end, which may come later. */
function announcesBody(request: NodeRequest, headers: HeaderFields): boolean {
  if (headers.has('transfer-encoding')) return true;
  const length = headers.get('content-length');
  if (length === undefined)
    return request.httpVersionMajor >= 2 && request.method !== 'GET' && request.method !== 'HEAD';
  return length !== '0';
}

/** Calls `done` exactly once: at once where there is nothing to wait for. */
export function readBody(
  request: NodeRequest,
  headers: HeaderFields,
  limits: BodyLimits,
  clock: Clock,
  done: (outcome: BodyOutcome) => void,
): void {
  if (!announcesBody(request, headers)) done({ kind: 'body', body: NOTHING });
  else if (Number(headers.get('content-length') ?? 0) > limits.maxBodyBytes) done({ kind: 'too-long' });
  else if (request.readableDidRead || request.readableEnded)
    done(bodyReadBefore(request, headers, limits.maxBodyBytes));
  else collect(request, limits, clock, done);
}

function collect(
  request: NodeRequest,
  { maxBodyBytes, bodyTimeoutMs }: BodyLimits,
  clock: Clock,
  done: (outcome: BodyOutcome) => void,
): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let over = false;
  const finish = (outcome: BodyOutcome): void => {
    if (over) return;
    over = true;
    cancel();
    request.off('data', take);
    request.resume(); // what else comes is read and thrown away, so that the answer can be
    done(outcome);
  };
  const take = (chunk: Uint8Array): void => {
    length += chunk.length;
    if (length > maxBodyBytes) finish({ kind: 'too-long' });
    else chunks.push(chunk);
  };
  const cancel = clock.after(bodyTimeoutMs, () => finish({ kind: 'too-late' }));
  request.on('error', () => finish({ kind: 'left' }));
  request.on('close', () => finish({ kind: 'left' }));
  // HTTP/2's request tells 'end' also when it was cut off, and its `complete` is true then.
  request.on('end', () => finish(request.aborted ? { kind: 'left' } : { kind: 'body', body: Buffer.concat(chunks) }));
  request.on('data', take);
}

/**
 * What body parsers leave: octets in `rawBody` or `body`, text in `body`, or the value of a JSON body, from which an equal one is
 * made. Choice: nothing else is guessed at; a form's fields have an order and names more than once that an object has lost.
 */
function bodyReadBefore(request: NodeRequest, headers: HeaderFields, maxBodyBytes: number): BodyOutcome {
  const { rawBody, body } = request as { readonly rawBody?: unknown; readonly body?: unknown };
  const bytes = octetsOf(rawBody) ?? octetsOf(body) ?? (isJson(headers) ? jsonOf(body) : undefined);
  if (bytes === undefined) return { kind: 'unreadable' };
  return bytes.length > maxBodyBytes ? { kind: 'too-long' } : { kind: 'body', body: bytes };
}

function octetsOf(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  return value instanceof Uint8Array ? value : undefined;
}

function isJson(headers: HeaderFields): boolean {
  return /^application\/(?:[^;]*\+)?json\s*(?:;|$)/i.test(headers.get('content-type') ?? '');
}

function jsonOf(value: unknown): Uint8Array | undefined {
  return value === undefined ? undefined : Buffer.from(JSON.stringify(value));
}
