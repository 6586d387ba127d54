/**
 * What `barewire chat` says: for people, or as JSON lines for programs (`--log json`).
 *
 * A JSON line is one object with `time`, `event` and what belongs to it. Read next: `chat.ts`.
 */

import { networkInterfaces } from 'node:os';
import type { ObservedEvents, Observer } from '../observe.ts';
import type { Clock } from '../rooms/log.ts';
import { systemClock } from '../rooms/system.ts';
import { oneLine } from './usage.ts';

/** Tells of an event. */
export type Say = (event: string, fields: object) => void;

/** Writes JSON lines to standard output. */
export function jsonLines(): Say {
  return (event, fields) =>
    void process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
}

/** Tells people of trouble alone, on standard error: of each kind the first at once, and what follows in one line a window. */
export function sentences(): Say {
  return limited((event, fields) => void process.stderr.write(`barewire: ${event} ${JSON.stringify(fields)}\n`));
}

/** The least time between two lines about one kind of trouble: a disk that is full refuses every message. */
export const REPEAT_EVERY_MS = 10_000;

/**
 * Tells of the first event of a kind at once; of those within `REPEAT_EVERY_MS` after it the last one alone, when that time is over, with
 * `more`, how many there were. Memory: one object for each kind of event.
 */
export function limited(say: Say, clock: Clock = systemClock): Say {
  const recent = new Map<string, { more: number; fields: object }>();
  const wait = (event: string): void => {
    recent.set(event, { more: 0, fields: {} });
    clock.after(REPEAT_EVERY_MS, () => {
      const { more = 0, fields = {} } = recent.get(event) ?? {};
      recent.delete(event);
      if (more === 0) return;
      say(event, { ...fields, more });
      wait(event);
    });
  };
  return (event, fields) => {
    const before = recent.get(event);
    if (before !== undefined) {
      before.more++;
      before.fields = fields;
      return;
    }
    say(event, fields);
    wait(event);
  };
}

/** An observer that makes a line of what opens, closes, is refused and fails. Messages are counted, not logged. */
export function lineObserver(say: Say): Observer {
  const about = ({ place: { kind, route } }: ObservedEvents['open']): object => ({ kind, route });
  return {
    open: (event) => say('open', about(event)),
    close: (event) => say('close', { ...about(event), code: event.code, durationMs: Math.round(event.durationMs) }),
    refusal: ({ why, status, path, remoteAddress }) => say('refusal', { why, status, path, remoteAddress }),
    error: ({ error }) => say('error', { message: oneLine(error) }),
  };
}

/** Under which URLs a server that listens on `host` can be reached, the best one first. */
export function reachableUrls(host: string, url: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [url];
  const { protocol, port } = new URL(url);
  const addresses = Object.values(networkInterfaces())
    .flat()
    .filter((address) => address !== undefined && (host === '::' || address.family === 'IPv4'))
    // A link-local address needs a zone, which a URL in a browser cannot have.
    .filter((address) => !address!.address.startsWith('fe80:'))
    .sort((a, b) => Number(a!.internal) - Number(b!.internal));
  return addresses.map((found) => {
    const { address, family } = found!;
    const name = family === 'IPv6' ? `[${address}]` : address;
    return `${protocol}//${name}${port === '' ? '' : `:${port}`}`;
  });
}

/** Whether a server that listens on `host` can be reached from other machines. */
export function isExposed(host: string): boolean {
  return !/^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/i.test(host);
}

/** What people read at the start. */
export function greeting(urls: readonly string[], exposed: boolean): string {
  const [url = ''] = urls;
  const others = urls.slice(1).map((other) => `  also at        ${other}/rooms/lobby\n`);
  const warning = exposed
    ? '\nWarning: other machines can reach it, and there is no log-in: whoever does can read and write in every room under any name.\n'
    : '';
  return `Chat is open at ${url}  (Ctrl-C ends it)

  in a browser   ${url}/rooms/lobby
${others.join('')}  listen         curl -N ${url}/rooms/lobby/events
  say            curl -d 'hello' -H 'X-User-Id: ann' ${url}/rooms/lobby/messages
${warning}`;
}
