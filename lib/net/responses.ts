/**
 * What a handler answered, checked, and the answers that the server gives by itself.
 *
 * A bad answer is the handler's mistake: it is told, and the client gets a 500. The framing of a response belongs to
 * whoever writes it, so a handler may not set it. Knows no connection. Read next: `exchange.ts`.
 */

import { isInstance, ProtocolViolation } from '../errors.ts';
import { checkField } from '../http/headers.ts';
import { describe } from '../options.ts';
import type { HttpResponse } from './api.ts';
import type { ErrorHandler } from './guard.ts';

export type Field = readonly [name: string, value: string];

/** A response that can be sent. */
export interface CheckedResponse {
  readonly status: number;
  readonly fields: Field[];
  readonly body: Uint8Array;
}

/** Fields that say how a response is framed, or how long its connection lasts. */
const FRAMING = /^(content-length|transfer-encoding|connection|keep-alive|upgrade|trailer)$/i;

/** Statuses whose responses have no content (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/**
 * Checks what `name`, a handler, answered.
 * @throws TypeError or RangeError that says what is wrong with it
 */
export function checkResponse(name: string, response: unknown): CheckedResponse {
  if (typeof response !== 'object' || response === null || Array.isArray(response) || isWebResponse(response))
    throw new TypeError(`${name} answered ${describe(response)}, must be { status, headers, body }`);
  const { status = 200, headers = {}, body = '', ...rest } = response as HttpResponse;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`${name} answered with ${unknown}, must be { status, headers, body }`);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    // RFC 9110 §15.2: a 1xx is no final answer; 101 is the server's, for what was agreed.
    throw new RangeError(`${name} answered status ${describe(status)}, must be 200 to 599 (RFC 9110 §15)`);
  }
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError(`${name} answered body ${describe(body)}, must be a string or a Uint8Array`);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (bytes.length > 0 && hasNoContent(status))
    throw new TypeError(
      `${name} answered ${status} with a body of ${bytes.length} bytes, must have none (RFC 9110 §15)`,
    );
  return { status, fields: checkHeaders(headers), body: bytes };
}

/** The object of the Fetch API has `status` and `headers` too, and would be sent without its body. */
function isWebResponse(value: object): boolean {
  return typeof Response === 'function' && value instanceof Response;
}

/** @throws TypeError for a name or value that cannot be sent, or one that belongs to the server */
export function checkHeaders(headers: unknown): Field[] {
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers)
    throw new TypeError(`headers are ${describe(headers)}, must be an object of names and values`);
  const fields: Field[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (FRAMING.test(name))
      throw new TypeError(`header ${name} belongs to the server, which frames the response (RFC 9112 §6.3)`);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each !== 'string') throw new TypeError(`header ${name} is ${describe(each)}, must be a string`);
      checkField(name, each);
      fields.push([name, each]);
    }
  }
  return fields;
}

/** Fields that the application adds to the head of an event stream. @throws as `checkHeaders`, and for `Content-Type` */
export function checkStreamHeaders(headers: unknown): Field[] {
  const fields = checkHeaders(headers);
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type');
  if (type !== undefined)
    throw new TypeError(`header ${type[0]} belongs to the server: an event stream is text/event-stream (HTML §9.2.3)`);
  return fields;
}

/** A short answer of the server's own. */
export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): CheckedResponse {
  return {
    status,
    fields: [['Content-Type', 'text/plain; charset=utf-8'], ...Object.entries(headers)],
    body: Buffer.from(`${text}\n`),
  };
}

/** A response without content. */
export function empty(status: number, fields: readonly Field[] = []): CheckedResponse {
  return { status, fields: [...fields], body: NO_BODY };
}

/** What a client gets where a handler failed; the error itself is for the operator. */
export function handlerFailed(): CheckedResponse {
  return plain(500, 'the handler failed');
}

/**
 * What a client gets where the handler of a route has thrown. `onError` is told, but for what `request.json()` throws: that is the
 * client's mistake, which the handler has left to us (RFC 9110 §15.5.1).
 */
export function failureAnswer(error: unknown, onError: ErrorHandler): CheckedResponse {
  if (isInstance(error, ProtocolViolation) && error.code === 'HTTP_BODY_NOT_JSON') return plain(400, error.message);
  onError(error);
  return handlerFailed();
}

/** RFC 9110 §15.6.4: what a client is told where no more are served. */
export function unavailable(retryAfterMs: number): CheckedResponse {
  return empty(503, [['Retry-After', String(Math.ceil(retryAfterMs / 1_000))]]);
}

export function hasField(fields: readonly Field[], lowerCaseName: string): boolean {
  return fields.some(([name]) => name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName);
}

/**
 * Adds fields to a response; a Vary among them joins the one that is there (RFC 9110 §12.5.5). What the handler has said
 * itself about other origins stands: two such fields are none to a browser (Fetch §3.3.3).
 */
export function withFields(response: CheckedResponse, added: readonly Field[]): CheckedResponse {
  if (added.length === 0) return response;
  const fields = [...response.fields];
  for (const [name, value] of added) {
    const at = name === 'Vary' ? fields.findIndex(([each]) => each.toLowerCase() === 'vary') : -1;
    if (name.startsWith('Access-Control-') && hasField(response.fields, name.toLowerCase())) continue;
    if (at < 0) fields.push([name, value]);
    else if (!namesOf(fields[at]![1]).includes(value.toLowerCase()))
      fields[at] = ['Vary', `${fields[at]![1]}, ${value}`];
  }
  return { ...response, fields };
}

function namesOf(vary: string): string[] {
  return vary.split(',').map((name) => name.trim().toLowerCase());
}

const NO_BODY = new Uint8Array(0);

let sharedDateText = '';
let sharedDateSecond = 0;

/** The time as RFC 9110 §5.6.7 writes it; formatted once a second. */
export function httpDate(): string {
  const second = Math.trunc(Date.now() / 1000);
  if (second !== sharedDateSecond) {
    sharedDateSecond = second;
    sharedDateText = new Date(second * 1000).toUTCString();
  }
  return sharedDateText;
}
