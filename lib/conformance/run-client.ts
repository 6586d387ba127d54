/**
 * The fuzzing client: runs cases against a server under test and answers their results.
 *
 * Light cases run many at a time, since most of their time is waiting; heavy ones (groups 9, 12, 13) a few at a time and
 * after them; what is marked `alone` last and by itself. A case that missed a deadline while others ran is run again
 * alone, and that result counts. A server that cannot be spoken to fails every case at once instead of one by one.
 * Read next: `serve.ts` for the other direction.
 */

import type { Case } from './case.ts';
import { compareIds } from './case.ts';
import { faultOfResponse, headOctets, newKey, readHead, requestLines } from './handshake.ts';
import { runOnServer } from './run-case.ts';
import { type Entrance, inTime, type Target } from './target.ts';
import { type CaseResult, isFailure } from './verdict.ts';
import { WireLog } from './wire-log.ts';

export interface RunOptions {
  readonly target: Target | Entrance;
  readonly cases: readonly Case[];
  /** Connections at a time; heavy cases use at most `HEAVY_LANES` of them. */
  readonly parallel: number;
  /** An event stream is examined and not a WebSocket server: no WebSocket handshake comes first. */
  readonly stream?: boolean;
  /** Called after each case; `left` is how many are to come. */
  readonly onResult?: (result: CaseResult, left: number) => void;
}

export interface RunOutcome {
  readonly results: CaseResult[];
  /** The server's `Server` field, for a name. */
  readonly serverField: string;
  /** Cases that cannot be run through this door. They have no result. */
  readonly excluded: readonly Excluded[];
  /** Why nothing was run, or why the run was cut short. */
  readonly broken?: string;
}

export interface Excluded {
  readonly id: string;
  readonly reason: string;
}

/** Heavy cases at a time: two cores have no use for more. */
const HEAVY_LANES = 3;
/** After so many failed connections in a row the server is taken for gone. */
const GONE_AFTER = 5;

/** The server cannot be connected to at all: nothing was examined. */
export class Unreachable extends Error {}

/** Runs the cases. @throws Unreachable when nobody listens */
export async function runClient(options: RunOptions): Promise<RunOutcome> {
  const { target, parallel, onResult } = options;
  const excluded = excludedFrom(target, options.cases);
  const out = new Set(excluded.map(({ id }) => id));
  const cases = options.cases.filter(({ id }) => !out.has(id));
  const first = await greet(target, options.stream ?? false);
  if (first.kind === 'unreachable') throw new Unreachable(first.reason);
  if (first.kind === 'fault') {
    const results = cases.map((one) => notRun(one, `not run, as the opening handshake failed: ${first.reason}`));
    return { results, excluded, serverField: '', broken: first.reason };
  }

  const results: CaseResult[] = [];
  let done = 0;
  let gone = 0;
  let broken: string | undefined;
  const phases = [
    { lanes: parallel, list: cases.filter((one) => !one.heavy && !one.alone) },
    { lanes: Math.min(parallel, HEAVY_LANES), list: cases.filter((one) => one.heavy && !one.alone) },
    { lanes: 1, list: cases.filter((one) => one.alone) },
  ];
  for (const { lanes, list } of phases) {
    let next = 0;
    const again: Case[] = [];
    const finish = (result: CaseResult): void => {
      results.push(result);
      onResult?.(result, cases.length - ++done);
    };
    const lane = async (): Promise<void> => {
      while (next < list.length && broken === undefined) {
        const one = list[next++]!;
        const result = await runOnServer(one, target);
        const unconnected = result.wire.length === 0;
        gone = unconnected ? gone + 1 : 0;
        if (gone >= GONE_AFTER) broken = `the server stopped accepting connections: ${result.reason}`;
        if (lanes > 1 && isFailure(result) && maybeTiming(result)) again.push(one);
        else finish(result);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (const one of again) finish({ ...(await runOnServer(one, target)), repeated: true });
  }
  const known = new Set(results.map(({ id }) => id));
  for (const one of cases) if (!known.has(one.id)) results.push(notRun(one, `not run: ${broken}`));
  results.sort((a, b) => compareIds(a.id, b.id));
  return { results, excluded, serverField: first.serverField, ...(broken === undefined ? {} : { broken }) };
}

/** The cases that write a head of HTTP/1.1, where the door has none. */
export function excludedFrom(target: Target | Entrance, cases: readonly Case[]): Excluded[] {
  if (!('enter' in target)) return [];
  const reason = `the case writes an opening handshake of HTTP/1.1, and ${target.name} has none`;
  return cases.filter((one) => one.kind === 'probe' && one.head === true).map(({ id }) => ({ id, reason }));
}

/** Could the failure be a missed deadline of a peer that was busy with other cases? */
function maybeTiming(result: CaseResult): boolean {
  return result.durationMs >= 400 && result.durationMs < 9_000;
}

/** One opening handshake before all others: is there a WebSocket server? */
async function greet(
  target: Target | Entrance,
  stream: boolean,
): Promise<
  { kind: 'fine'; serverField: string } | { kind: 'fault'; reason: string } | { kind: 'unreachable'; reason: string }
> {
  if ('enter' in target) {
    const entered = await inTime(target.name, target.enter(undefined), ({ stream }) => stream);
    if (typeof entered === 'string') return { kind: 'fault', reason: entered };
    entered.stream.destroy();
    return { kind: 'fine', serverField: '' };
  }
  const socket = await inTime(target.name, target.connect(), (stream) => stream);
  if (typeof socket === 'string') return { kind: 'unreachable', reason: socket };
  const key = newKey();
  const lines = requestLines(target, key);
  socket.write(headOctets(stream ? [...lines.slice(0, 3), 'Accept: text/event-stream', ...target.headers] : lines));
  const result = await readHead(socket, new WireLog());
  socket.destroy();
  if (!result.ok) return { kind: 'fault', reason: result.reason };
  const fault = stream ? undefined : faultOfResponse(result.head, key, false);
  if (fault !== undefined) return { kind: 'fault', reason: fault };
  return { kind: 'fine', serverField: result.head.fields.get('server')?.[0] ?? '' };
}

function notRun(one: Case, reason: string): CaseResult {
  return {
    id: one.id,
    description: one.description,
    expectation: one.expectation,
    behavior: 'FAILED',
    behaviorClose: 'FAILED',
    reason,
    startedAt: performance.now(),
    durationMs: 0,
    remoteCloseCode: null,
    seen: [],
    wire: [],
  };
}
