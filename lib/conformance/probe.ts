/**
 * What a probe case may do: open a connection in either role, bend the opening handshake, and wait with a bound.
 *
 * A probe is a small function that answers a verdict. It throws `HandshakeFailure` where no connection came about, and
 * leaves cleaning up to `run-case.ts`. Read next: `cases/x-handshake.ts`.
 */

import type { Duplex } from 'node:stream';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { Behavior, Seen, Subject } from './case.ts';
import type { Connection } from './connection.ts';
import type { DeflateAgreement } from './deflate.ts';
import type { Head, HeadResult } from './handshake.ts';
import type { Target } from './target.ts';
import { describeSeen, sameSeen } from './verdict.ts';
import type { WireLog } from './wire-log.ts';

export interface ProbeVerdict {
  readonly behavior: Behavior;
  readonly reason: string;
}

export type Probe = (stage: Stage) => Promise<ProbeVerdict>;

/** The opening handshake was not completed, or not rightly. */
export class HandshakeFailure extends Error {}

/** A connection on which HTTP has been spoken and nothing else yet. */
export interface Exchange {
  readonly socket: Duplex;
  readonly result: HeadResult;
}

export interface Stage {
  readonly subject: Subject;
  readonly log: WireLog;
  /** The server under test. Absent when a client is, or where the tester does not write the head itself. */
  readonly target?: Target;
  /** The request of the client under test. Absent when a server is. */
  readonly request?: Head;
  /**
   * Completes a correct opening handshake. A server is offered `offer`; a client that offers permessage-deflate is
   * answered it when `deflate` is set. `behind` goes out in the same write as the tester's head.
   * @throws HandshakeFailure
   */
  open(options?: { offer?: string; deflate?: boolean; behind?: Buffer }): Promise<Opened>;
  /** Sends these octets to a server instead of a correct request, and reads the head of its answer. */
  exchange(octets: Buffer, pieces?: number, timeoutMs?: number): Promise<Exchange>;
  /** Answers a client with these octets instead of a correct head; the connection then watches what it does. */
  answer(octets: Buffer, pieces?: number): Connection;
}

export interface Opened {
  readonly connection: Connection;
  /** What was agreed; absent when the peer did not want permessage-deflate. */
  readonly deflate?: DeflateAgreement;
}

export function ok(reason: string): ProbeVerdict {
  return { behavior: 'OK', reason };
}

export function nonStrict(reason: string): ProbeVerdict {
  return { behavior: 'NON-STRICT', reason };
}

export function failed(reason: string): ProbeVerdict {
  return { behavior: 'FAILED', reason };
}

export function informational(reason: string): ProbeVerdict {
  return { behavior: 'INFORMATIONAL', reason };
}

export function unimplemented(reason: string): ProbeVerdict {
  return { behavior: 'UNIMPLEMENTED', reason };
}

/** Records what the peer sends from now on. */
export function watch(connection: Connection): Seen[] {
  const seen: Seen[] = [];
  connection.onSeen = (one) => seen.push(one);
  return seen;
}

/** Waits until `count` things were seen, closing began, or the time is over. */
export async function waitFor(connection: Connection, seen: readonly Seen[], count: number, ms = 2_000): Promise<void> {
  await connection.until(() => seen.length >= count || connection.state !== 'open', ms);
}

/** The peer must have sent exactly this, after which the tester closes and the peer answers. */
export async function expectSeen(
  connection: Connection,
  seen: readonly Seen[],
  expected: readonly Seen[],
  ms = 2_000,
): Promise<ProbeVerdict> {
  await waitFor(connection, seen, expected.length, ms);
  if (!sameSeen(expected, seen))
    return failed(`expected ${describeSeen(expected)}, got ${describeSeen(seen)}${how(connection)}`);
  return closeCleanly(connection, `as expected: ${describeSeen(seen)}`);
}

/** Closes with 1000 and wants an answer and the end of TCP. */
export async function closeCleanly(connection: Connection, reason: string): Promise<ProbeVerdict> {
  if (connection.state === 'open') connection.sendClose(Buffer.from([0x03, 0xe8]));
  await connection.ended;
  if (connection.closeReceived === undefined) return failed(`${reason}; but the close was not answered`);
  if (connection.droppedByTester) return failed(`${reason}; but TCP was left open after the closing handshake`);
  return ok(reason);
}

/**
 * The peer must fail the connection: close with one of `codes` or drop TCP, and show nothing of what was wrong.
 * `ms` is how long it may take.
 */
export async function expectFailure(
  connection: Connection,
  seen: readonly Seen[],
  codes: readonly number[],
  options: { ms?: number; accepted?: 'FAILED' | 'NON-STRICT'; what?: string } = {},
): Promise<ProbeVerdict> {
  const { ms = 1_000, accepted = 'FAILED', what = 'it' } = options;
  await connection.until(() => connection.state !== 'open' || seen.length > 0, ms);
  if (seen.length > 0) return { behavior: accepted, reason: `the peer took ${what}: it sent ${describeSeen(seen)}` };
  if (connection.state === 'open') return failed(`the peer did nothing within ${ms} ms`);
  if (connection.violation !== undefined) return failed(`the peer ${connection.violation}`);
  if (!(await connection.until(() => connection.ends, 2 * CONFORMANCE_LIMITS.closeTimeoutMs)))
    return failed('the peer left TCP open');
  if (seen.length > 0) return { behavior: accepted, reason: `the peer took ${what}: it sent ${describeSeen(seen)}` };
  const code = connection.closeReceived?.code;
  if (typeof code === 'number' && !codes.includes(code))
    return failed(`the peer closed with ${code}, not ${codes.join(' or ')}`);
  if (connection.droppedByTester) return failed('the peer left TCP open and the tester had to drop it');
  return ok(`the peer ${how(connection).slice(2)}`);
}

/**
 * `; closed with 1002` or `; dropped TCP`, for a sentence's end. A peer that broke a rule is closed by the tester: its
 * answer to that says nothing, and the rule does.
 */
export function how(connection: Connection): string {
  const { closeReceived, ends, violation } = connection;
  if (violation !== undefined) return `; the peer ${violation}`;
  if (closeReceived !== undefined)
    return closeReceived.code === null ? '; closed without a code' : `; closed with ${closeReceived.code}`;
  return ends ? '; dropped TCP' : '';
}
