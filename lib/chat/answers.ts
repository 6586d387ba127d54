/**
 * What the chat answers over HTTP: JSON, and problems with the status that belongs to them.
 *
 * Values in, responses out. Read next: `door.ts`.
 */

import type { Refusal } from '../net/api.ts';
import type { RoomRefused } from '../rooms/log.ts';
import type { ErrorEvent, ProblemCode } from './protocol.ts';

/** What is not 400. RFC 6585 §4: 429 "Too Many Requests". RFC 9110 §15.5.21: 422, understood and yet not to be processed. */
const STATUSES: Readonly<Partial<Record<ProblemCode, number>>> = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  REFUSED: 422,
  RATE_LIMITED: 429,
  FAILED: 500,
  ROOM_FULL: 503,
  HUB_FULL: 503,
  LOG_FULL: 503,
  LOG_CLOSED: 503,
  LOG_FAILED: 503,
  LOG_UNCERTAIN: 503,
};

/** Makes a problem to tell. */
export function errorEvent(code: ProblemCode, message: string, retryAfterMs?: number): ErrorEvent {
  return { type: 'error', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Makes a problem of what a room or a log refused. */
export function refusedByRoom({ code, message }: RoomRefused): ErrorEvent {
  // Limits pass as others leave, and logs recover; a reason to wait, not to give up.
  return errorEvent(code as ProblemCode, message, 1_000);
}

/** Answers with JSON: a value, or text that is JSON already. */
export function json(status: number, body: object | string, headers?: Readonly<Record<string, string>>): Refusal {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...headers }, body: `${text}\n` };
}

const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' };

/** Answers with a problem. `Retry-After` is in whole seconds (RFC 9110 §10.2.3). */
export function problem(event: ErrorEvent): Refusal {
  const { code, retryAfterMs } = event;
  const headers = retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) };
  return json(STATUSES[code] ?? 400, event, headers);
}
