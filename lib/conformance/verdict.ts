/**
 * From what was seen in a case to its two verdicts. Pure: values in, values out.
 *
 * The rules are Autobahn's, in its order, with one addition: a peer that breaks a rule of framing itself has failed the
 * case whatever else it did. The behaviour and the closing are judged apart, and a case passes only by both.
 * Read next: `run-case.ts`.
 */

import { type Accepted, type Behavior, type CloseBehavior, compareIds, groupOf, type Seen } from './case.ts';
import { octetCount, preview } from './wire.ts';
import type { WireRow } from './wire-log.ts';

/** Everything about a connection that a verdict can depend on. */
export interface Observation {
  /** Why there was no connection; absent when the opening handshake was completed. */
  readonly handshakeFailure?: string;
  readonly seen: readonly Seen[];
  readonly firstClose?: 'tester' | 'peer';
  readonly closeSent: boolean;
  /** The code of the peer's close frame; null when it had none, absent when there was no close frame. */
  readonly remoteCode?: number | null;
  readonly droppedByTester: boolean;
  readonly violation?: string;
}

export interface Judgement {
  readonly behavior: Behavior;
  readonly behaviorClose: CloseBehavior;
  /** Why, in a sentence or two. */
  readonly reason: string;
}

/** One case, run. */
export interface CaseResult extends Judgement {
  readonly id: string;
  readonly description: string;
  readonly expectation: string;
  /** From open to the end of TCP. */
  readonly durationMs: number;
  readonly startedAt: number;
  readonly remoteCloseCode: number | null;
  /** What was accepted and what was seen, as sentences; absent where a probe decides by itself. */
  readonly accepted?: readonly string[];
  readonly seen: readonly string[];
  readonly wire: readonly WireRow[];
  /** Compressed and plain octets of the peer's messages. */
  readonly compression?: { readonly compressed: number; readonly plain: number };
  /** It failed beside others by a deadline, and was run again alone: this is the second result. */
  readonly repeated?: boolean;
}

/** Judges a script case. `accepts` absent = anything goes. */
export function judgeScript(
  rules: {
    readonly close: {
      readonly first: 'tester' | 'peer';
      readonly codes: readonly number[];
      readonly clean: boolean;
    };
    readonly wrongCloserFails?: boolean;
    readonly wrongCodeFails?: boolean;
  },
  accepts: readonly Accepted[] | undefined,
  observation: Observation,
): Judgement {
  const { handshakeFailure, seen, violation } = observation;
  if (handshakeFailure !== undefined) return { behavior: 'FAILED', behaviorClose: 'FAILED', reason: handshakeFailure };
  const closing = judgeClose(rules.close, observation);
  if (accepts === undefined)
    return {
      behavior: 'INFORMATIONAL',
      behaviorClose: closing.behaviorClose,
      reason: [describeSeen(seen), closing.reason].join('; '),
    };
  const match = accepts.find((accepted) => sameSeen(accepted.seen, seen));
  let behavior: Behavior = match?.behavior ?? 'FAILED';
  const reasons: string[] = [];
  if (match === undefined) reasons.push(mismatch(accepts[0]!.seen, seen));
  else if (match.behavior === 'NON-STRICT') reasons.push(`not the strict outcome: ${describeSeen(seen)}`);
  if (violation !== undefined) {
    behavior = 'FAILED';
    reasons.push(`the peer ${violation}`);
  }
  if (rules.wrongCloserFails && closing.wrongCloser) behavior = 'FAILED';
  if (rules.wrongCodeFails && closing.behaviorClose === 'WRONG CODE') behavior = 'FAILED';
  if (closing.behaviorClose !== 'OK') reasons.push(closing.reason);
  return {
    behavior,
    behaviorClose: closing.behaviorClose,
    reason: reasons.length === 0 ? `as expected: ${describeSeen(seen)}; ${closing.reason}` : reasons.join('; '),
  };
}

/** The first rule that applies, in Autobahn's order. */
export function judgeClose(
  rule: { readonly first: 'tester' | 'peer'; readonly codes: readonly number[]; readonly clean: boolean },
  observation: Observation,
): { readonly behaviorClose: CloseBehavior; readonly reason: string; readonly wrongCloser: boolean } {
  const { firstClose, closeSent, remoteCode, droppedByTester } = observation;
  const clean = closeSent && remoteCode !== undefined && !droppedByTester;
  const closedByTester = firstClose === 'tester';
  if (closedByTester !== (rule.first === 'tester')) {
    return {
      behaviorClose: 'FAILED',
      wrongCloser: true,
      reason: closedByTester
        ? 'the peer did not close: the tester had to'
        : firstClose === 'peer'
          ? `the peer closed first${remoteCode === null ? '' : `, with ${remoteCode}`}`
          : 'the peer ended TCP before any close frame',
    };
  }
  const verdict = (behaviorClose: CloseBehavior, reason: string) => ({ behaviorClose, reason, wrongCloser: false });
  if (rule.clean && !clean) {
    return verdict(
      'UNCLEAN',
      remoteCode === undefined
        ? 'no close frame came back'
        : 'TCP was not ended by the server after the closing handshake (RFC 6455 §7.1.1)',
    );
  }
  if (typeof remoteCode === 'number' && !rule.codes.includes(remoteCode))
    return verdict('WRONG CODE', `close code ${remoteCode}, not ${rule.codes.join(' or ')}`);
  if (droppedByTester) return verdict('FAILED BY CLIENT', 'the peer left TCP open and the tester had to drop it');
  return verdict(
    'OK',
    remoteCode === undefined
      ? 'the peer dropped TCP'
      : `closed cleanly${remoteCode === null ? ' without a code' : ` with ${remoteCode}`}`,
  );
}

/** Does a result count as passed? Informational and unimplemented ones are not failures. */
export function isFailure(result: Judgement): boolean {
  if (result.behavior === 'FAILED') return true;
  if (result.behavior === 'INFORMATIONAL') return false;
  return result.behaviorClose !== 'OK' && result.behaviorClose !== 'INFORMATIONAL';
}

export function sameSeen(expected: readonly Seen[], seen: readonly Seen[]): boolean {
  return expected.length === seen.length && isPrefix(seen, expected);
}

/** Could what was seen so far still become what is expected? */
export function isPrefix(seen: readonly Seen[], expected: readonly Seen[]): boolean {
  return (
    seen.length <= expected.length &&
    seen.every((one, i) => {
      const other = expected[i]!;
      if (one.kind === 'open' || other.kind === 'open')
        return one.kind === 'open' && other.kind === 'open' && one.mark === other.mark;
      return one.kind === other.kind && Buffer.compare(one.payload, other.payload) === 0;
    })
  );
}

function mismatch(expected: readonly Seen[], seen: readonly Seen[]): string {
  return `expected ${describeSeen(expected)}, got ${describeSeen(seen)}`;
}

/** `a text message of 13 octets "Hello, world!", then a pong of 0 octets`. */
export function describeSeen(list: readonly Seen[]): string {
  if (list.length === 0) return 'nothing';
  return list.map(sayOne).join(', then ');
}

export function sayOne(seen: Seen): string {
  if (seen.kind === 'open') return `still open after wait ${seen.mark}`;
  const what = seen.kind === 'pong' ? 'a pong' : `a ${seen.kind} message`;
  return `${what} of ${octetCount(seen.payload.length)}${seen.payload.length > 0 ? ` ${preview(seen.payload)}` : ''}`;
}

/** How many results of each behaviour there are. */
export function countBehaviors(results: Iterable<Judgement>): Record<Behavior, number> {
  const counts: Record<Behavior, number> = { OK: 0, 'NON-STRICT': 0, INFORMATIONAL: 0, FAILED: 0, UNIMPLEMENTED: 0 };
  for (const { behavior } of results) counts[behavior]++;
  return counts;
}

/** How long cases of each group were running: the union of their times, since several run at once. */
export function timeOfGroups(results: readonly CaseResult[]): Map<string, { cases: number; wallMs: number }> {
  const groups = new Map<string, { cases: number; wallMs: number; until: number }>();
  for (const { id, startedAt, durationMs } of [...results].sort((a, b) => a.startedAt - b.startedAt)) {
    const group = groups.get(groupOf(id)) ?? { cases: 0, wallMs: 0, until: 0 };
    const end = startedAt + durationMs;
    group.cases++;
    group.wallMs += Math.max(0, end - Math.max(startedAt, group.until));
    group.until = Math.max(group.until, end);
    groups.set(groupOf(id), group);
  }
  return new Map(
    [...groups]
      .sort(([a], [b]) => compareIds(a, b))
      .map(([group, { cases, wallMs }]) => [group, { cases, wallMs: Math.round(wallMs) }]),
  );
}
