/**
 * What every peer is started with, and how it says that it listens.
 *
 * Runs under Node, Bun and Deno, so it uses nothing but what all three have.
 */

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';

/**
 * `echo`: back to the sender. `answer`: a text comes back as `answerText` makes it. `fan-out`: to every connection on the same path. `events`: streams at GET /events, each
 * body of a POST to /publish is an event of all of them, GET /plain answers "ok". `chat`: barewire's chat.
 * Send buffers are raised for `echo` and `answer` alone, whose load is bounded; the others keep each library's own bounds.
 */
export type PeerMode = 'echo' | 'answer' | 'fan-out' | 'events' | 'chat';

export interface PeerArguments {
  readonly mode: PeerMode;
  /** Agree to permessage-deflate and compress every message. */
  readonly deflate: boolean;
  /** With context takeover in both directions. */
  readonly takeover: boolean;
  /** For the bare `net` peers alone, which cannot read frames: what they will receive. */
  readonly sizeBytes: number;
  readonly kind: 'text' | 'utf8' | 'binary';
  readonly corpus: string | undefined;
  /** Serve TLS with these. */
  readonly tls:
    | { readonly key: string; readonly cert: string; readonly keyFile: string; readonly certFile: string }
    | undefined;
}

/** Messages larger than any of the workloads. */
export const MAX_MESSAGE_BYTES = 67_108_864;

export function peerArguments(): PeerArguments {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      mode: { type: 'string', default: 'echo' },
      deflate: { type: 'boolean', default: false },
      takeover: { type: 'boolean', default: false },
      size: { type: 'string', default: '20' },
      kind: { type: 'string', default: 'binary' },
      corpus: { type: 'string' },
      key: { type: 'string' },
      cert: { type: 'string' },
    },
  });
  return {
    mode: values.mode as PeerMode,
    deflate: values.deflate,
    takeover: values.takeover,
    sizeBytes: Number(values.size),
    kind: values.kind as PeerArguments['kind'],
    corpus: values.corpus,
    tls: tlsOf(values.key, values.cert),
  };
}

function tlsOf(keyFile: string | undefined, certFile: string | undefined): PeerArguments['tls'] {
  if (keyFile === undefined || certFile === undefined) return undefined;
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), keyFile, certFile };
}

/** What `answer` makes of a document: one field changed ("sent" to "seen"), the length the same. */
export function answerText(text: string): string {
  const document = JSON.parse(text) as { state: string };
  document.state = 'seen';
  return JSON.stringify(document);
}

/** Tells the one who started this process where to connect. */
export function announce(port: number): void {
  process.stdout.write(`listening ${port}\n`);
  // SIGUSR2 asks for a garbage collection before memory is read; Node is started with --expose-gc.
  process.on('SIGUSR2', () => {
    (globalThis as { gc?: () => void }).gc?.();
    (globalThis as { Bun?: { gc(full: boolean): void } }).Bun?.gc(true);
  });
  // A run that is cut off must not leave servers behind.
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
  process.stdin.resume();
}

/** Modes in which a connection is answered what it has sent. */
export function isEcho(mode: PeerMode): boolean {
  return mode === 'echo' || mode === 'answer';
}

/** Members by path, for `fan-out`: `/` is the one room of most workloads. */
export class Rooms<Member> {
  readonly #rooms = new Map<string, Set<Member>>();

  join(path: string, member: Member): Set<Member> {
    let room = this.#rooms.get(path);
    if (room === undefined) {
      room = new Set();
      this.#rooms.set(path, room);
    }
    room.add(member);
    return room;
  }

  leave(path: string, member: Member): void {
    const room = this.#rooms.get(path);
    room?.delete(member);
    if (room?.size === 0) this.#rooms.delete(path);
  }
}
