/**
 * What `upgrade` and `accept` handlers may answer, checked: nothing, a refusal, or an acceptance.
 *
 * A wrong answer is the handler's mistake, which the client sees as a 500 and the operator as an error.
 * Knows no connection. Read next: `upgrade.ts` and `stream-response.ts`, which act on it.
 */

import { describe, suggest } from '../options.ts';
import type { Upgrade } from './api.ts';
import { ask } from './guard.ts';
import type { Request } from './request.ts';
import { type CheckedResponse, checkHeaders, checkResponse, checkStreamHeaders, type Field } from './responses.ts';

export interface CheckedAcceptance {
  readonly kind: 'accept';
  readonly data: unknown;
  readonly fields: readonly Field[];
  readonly protocol: string | undefined;
}

export type CheckedDecision =
  | { readonly kind: 'refuse'; readonly why: 'handler' | 'request' | 'error'; readonly response: CheckedResponse }
  | CheckedAcceptance;

const ACCEPTANCE = ['data', 'headers', 'protocol'];
/** What no answer means, and what a route without a handler for it says. */
export const ACCEPTED: CheckedAcceptance = { kind: 'accept', data: undefined, fields: [], protocol: undefined };

/**
 * Checks what `name`, a handler, answered.
 * @throws TypeError or RangeError that says what is wrong with it
 */
export function checkDecision(name: string, decision: unknown): CheckedDecision {
  if (decision === undefined) return ACCEPTED;
  if (typeof decision !== 'object' || decision === null || Array.isArray(decision))
    throw new TypeError(
      `${name} answered ${describe(decision)}, must be nothing, a refusal { status } or an acceptance { data }`,
    );
  if ('status' in decision && decision.status !== undefined)
    return { kind: 'refuse', why: 'handler', response: checkResponse(name, decision) };
  for (const key of Object.keys(decision)) {
    if (!ACCEPTANCE.includes(key) && key !== 'status')
      throw new TypeError(
        `${name} answered with ${key}, must be { status, … } or { data, headers, protocol }${suggest(key, ACCEPTANCE)}`,
      );
  }
  const { data, headers = {}, protocol } = decision as { data?: unknown; headers?: object; protocol?: unknown };
  if (protocol !== undefined && typeof protocol !== 'string')
    throw new TypeError(`${name} answered protocol ${describe(protocol)}, must be a string`);
  return {
    kind: 'accept',
    data,
    fields: name === 'accept' ? checkStreamHeaders(headers) : checkHeaders(headers),
    protocol,
  };
}

/**
 * Asks a handler, now or later, and hands its checked answer on; one that fails has refused, with what `failure` makes of its error.
 * `waiting` is called where the answer comes later.
 */
export function decide(
  name: string,
  handler: Upgrade<unknown> | undefined,
  request: Request,
  failure: (error: unknown) => CheckedResponse,
  on: { waiting?(): void; decided(decision: CheckedDecision): void },
): void {
  const failed = (error: unknown): void => {
    const response = failure(error);
    on.decided({ kind: 'refuse', why: response.status < 500 ? 'request' : 'error', response });
  };
  const answered = (answer: unknown): void => {
    let decision: CheckedDecision;
    try {
      decision = checkDecision(name, answer);
    } catch (error) {
      failed(error);
      return;
    }
    on.decided(decision);
  };
  ask(() => handler?.(request), { answered, failed, waiting: () => on.waiting?.() });
}
