/**
 * What a case is: a value that says what is sent, what may come back and how it may close.
 *
 * The same value serves both directions: the connection masks when the tester is the client, and only then. `script`
 * cases (groups 1-7, 9, 10) are lists of steps with exact expectations; `echo` cases (9.7, 9.8, 12, 13, X.9) send one message,
 * wait for its echo and go on; `probe` cases (most of the X catalogue) are small functions, since what they look for is
 * not a list of messages. Types and constructors only. Read next: `verdict.ts`, then `cases/index.ts`.
 */

import type { Probe } from './probe.ts';
import { TEXT } from './wire.ts';

/** How a case ended, in Autobahn's words. */
export type Behavior = 'OK' | 'NON-STRICT' | 'INFORMATIONAL' | 'FAILED' | 'UNIMPLEMENTED';

/** How the connection ended, in Autobahn's words; FAILED BY CLIENT: the tester had to drop TCP itself. */
export type CloseBehavior = 'OK' | 'WRONG CODE' | 'UNCLEAN' | 'FAILED' | 'FAILED BY CLIENT' | 'INFORMATIONAL';

/** Who is under test. */
export type Subject = 'server' | 'client' | 'event-stream';

/**
 * How octets leave: `joined` with their neighbours, `own` in a write of their own from an event-loop turn of their own, or
 * a number of octets per write and turn.
 */
export type Write = 'joined' | 'own' | number;

export type Step =
  | {
      readonly do: 'frame';
      readonly opcode: number;
      readonly fin?: boolean;
      readonly rsv?: number;
      readonly payload?: Uint8Array;
      readonly lengthBits?: 7 | 16 | 64;
      readonly announce?: bigint;
      readonly mask?: boolean;
      readonly write?: Write;
    }
  /** One message in frames of `size` octets; the last is empty when the size divides the length. */
  | { readonly do: 'fragments'; readonly opcode: number; readonly payload: Uint8Array; readonly size: number }
  /** A header alone, then its payload in pieces. */
  | { readonly do: 'header'; readonly opcode: number; readonly fin: boolean; readonly length: number }
  | { readonly do: 'octets'; readonly payload: Uint8Array }
  /** Waits; `mark` records that the connection was still open afterwards, and ends the script when it was not. */
  | { readonly do: 'wait'; readonly ms: number; readonly mark?: string }
  /** Begins the closing handshake with this body. */
  | { readonly do: 'close'; readonly body: Uint8Array };

/** What a peer can be seen to do. */
export type Seen =
  | { readonly kind: 'text' | 'binary' | 'pong'; readonly payload: Uint8Array }
  | { readonly kind: 'open'; readonly mark: string };

export interface Accepted {
  readonly behavior: 'OK' | 'NON-STRICT';
  readonly seen: readonly Seen[];
}

/** How the connection may end. */
export interface CloseRule {
  /** Who must send the first close frame. */
  readonly first: 'tester' | 'peer';
  /** Codes that the peer's close may carry. A close without a code passes always. */
  readonly codes: readonly number[];
  /** Close frames both ways are needed (and, of a server, the end of TCP); else a dropped TCP connection is fine too. */
  readonly clean: boolean;
  /** When the tester closes by itself: once the expected is there, when everything came or went wrong, or in the steps. */
  readonly tester: 'on-match' | 'in-reply' | 'in-steps' | 'when-done';
}

interface CommonCase {
  readonly id: string;
  readonly description: string;
  readonly expectation: string;
  /** Absent = both. */
  readonly subject?: Subject;
  /** Runs with no other case beside it. */
  readonly alone?: boolean;
  /** Heavy in octets: runs in the second, less parallel half. */
  readonly heavy?: boolean;
}

export interface ScriptCase extends CommonCase {
  readonly kind: 'script';
  readonly steps: () => readonly Step[];
  /** Absent = anything goes and the verdict is INFORMATIONAL. */
  readonly accepts?: () => readonly Accepted[];
  readonly close: CloseRule;
  /** From the last step until the tester gives up. */
  readonly timeoutMs: number;
  /** What it does then: closes with 1001 (which fails the case), or closes without a code. */
  readonly onTimeout: 'fail' | 'close';
  /** The wrong side closing also fails the behaviour: invalid UTF-8 must have been noticed. */
  readonly wrongCloserFails?: boolean;
  /** So does a wrong close code: group 7 is about nothing else. */
  readonly wrongCodeFails?: boolean;
}

/** What the tester asks of permessage-deflate, and answers to it (RFC 7692 §7.1). */
export interface DeflateTerms {
  /** The `Sec-WebSocket-Extensions` value that a server under test is offered. */
  readonly offer: string;
  /** Demands on a client under test. A client that does not allow them makes the case UNIMPLEMENTED, or falls back. */
  readonly clientNoContextTakeover?: boolean;
  readonly clientMaxWindowBits?: number;
  readonly fallback?: boolean;
}

export interface EchoCase extends CommonCase {
  readonly kind: 'echo';
  readonly opcode: number;
  readonly count: number;
  /** Message k; `key` names the series, so that compressed octets can be used again. */
  readonly message: (k: number) => Uint8Array;
  readonly deflate?: DeflateTerms & { readonly series: string };
  /** Cuts the (compressed) payload into frames of this many octets. */
  readonly fragment?: number;
  /** The tester's messages must be allowed to refer to earlier ones; else the case is UNIMPLEMENTED. */
  readonly takeover?: boolean;
  /** The case looks at compressed echoes; where none is, it is INFORMATIONAL. */
  readonly wantsCompressed?: boolean;
  readonly timeoutMs: number;
}

export interface ProbeCase extends CommonCase {
  readonly kind: 'probe';
  readonly probe: Probe;
  /** The case writes the head of the opening handshake itself: it needs a door where there is one. */
  readonly head?: boolean;
}

export type Case = ScriptCase | EchoCase | ProbeCase;

/** A case that is a procedure of its own. */
export function probe(
  id: string,
  description: string,
  expectation: string,
  run: ProbeCase['probe'],
  more: Partial<ProbeCase> = {},
): ProbeCase {
  return { id, kind: 'probe', description, expectation, probe: run, ...more };
}

/** The group a case is counted in: `6.4`, or `2` where the group has no subgroups. */
export function groupOf(id: string): string {
  const parts = id.split('.');
  return parts[0] === 'X' ? `X.${parts[1]}` : parts[0]!;
}

/** Is this one of Autobahn's 517? */
export function isAutobahn(id: string): boolean {
  return !id.startsWith('X.');
}

/** Orders ids as the suite does: numerically, the X catalogue last. */
export function compareIds(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const x = left[i] === 'X' ? 1e9 : Number(left[i] ?? -1);
    const y = right[i] === 'X' ? 1e9 : Number(right[i] ?? -1);
    if (x !== y) return x - y;
  }
  return 0;
}

export function utf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

export function fill(octet: number, length: number): Buffer {
  return Buffer.alloc(length, octet);
}

/** `pattern` again and again, cut to `length`. */
export function cycle(pattern: Uint8Array, length: number): Buffer {
  return Buffer.alloc(length, pattern);
}

export function seenText(payload: Uint8Array): Seen {
  return { kind: 'text', payload };
}

export function seenMessage(opcode: number, payload: Uint8Array): Seen {
  return { kind: opcode === TEXT ? 'text' : 'binary', payload };
}

export function seenPong(payload: Uint8Array): Seen {
  return { kind: 'pong', payload };
}

/** The peer need not say anything, must not go on, and may close with `codes` or just drop TCP. */
export function peerCloses(...codes: number[]): CloseRule {
  return { first: 'peer', codes, clean: false, tester: 'in-reply' };
}

/** The tester closes with 1000 as soon as everything expected is there. */
export const CLOSE_ON_MATCH: CloseRule = { first: 'tester', codes: [1000], clean: true, tester: 'on-match' };

/** The tester closes with 1000 once as much came as was sent, right or wrong. */
export const CLOSE_WHEN_DONE: CloseRule = { first: 'tester', codes: [1000], clean: true, tester: 'when-done' };
