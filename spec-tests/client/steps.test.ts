/**
 * Every numbered step of the two standards' algorithms has a line that names it: this table says in which function, and the test looks.
 *
 * WebSockets (https://websockets.spec.whatwg.org/) §2.2, §3.1, §4; HTML §9.2.2, §9.2.3 and §9.2.6.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../support/peers.ts';

/** A function: its file in lib, and text that stands at its beginning. Its comment, above it, belongs to it. */
type Place = readonly [file: string, text: string];

interface Algorithm {
  readonly name: string;
  /** The numbers of its steps, as the standard has them. */
  readonly steps: readonly string[];
  readonly places: readonly Place[];
}

const numbers = (last: number): string[] => Array.from({ length: last }, (_, i) => String(i + 1));

const CONSTRUCTOR: Place = ['client/websocket.ts', '  constructor('];
const ESTABLISHED: Place = ['client/websocket-session.ts', '  #established('];

const ALGORITHMS: readonly Algorithm[] = [
  {
    name: 'WebSockets §2.2, establish a WebSocket connection',
    steps: [...numbers(11), '11.1', '11.2', '11.3'],
    places: [
      ['client/websocket-handshake.ts', 'function encode('],
      ['client/websocket-handshake.ts', 'export function openHandshake('],
      ['websocket/handshake.ts', 'export function createClientHandshake('],
      ['websocket/handshake.ts', 'export function checkServerHandshake('],
    ],
  },
  {
    name: 'WebSockets §3.1, the constructor',
    steps: numbers(12),
    places: [
      CONSTRUCTOR,
      ['client/websocket-options.ts', 'export function parseWebSocketUrl('],
      ['client/websocket-options.ts', 'export function parseProtocols('],
    ],
  },
  {
    name: 'WebSockets §3.1, close(code, reason)',
    steps: ['1', '2.1', '2.2', '3'],
    places: [
      ['client/websocket.ts', '  close('],
      ['client/websocket-session.ts', '  close('],
    ],
  },
  {
    name: 'WebSockets §3.1, send(data)',
    steps: numbers(2),
    places: [
      ['client/websocket.ts', '  send('],
      ['client/websocket-session.ts', '  send('],
    ],
  },
  { name: 'WebSockets §4, the connection is established', steps: numbers(4), places: [ESTABLISHED] },
  {
    name: 'WebSockets §4, a message has been received',
    steps: numbers(3),
    places: [
      ['client/websocket-session.ts', '  #receive('],
      ['client/websocket.ts', '  #receive('],
    ],
  },
  {
    name: 'WebSockets §4, the connection is closed',
    steps: numbers(3),
    places: [
      ['client/websocket-session.ts', '  #closed('],
      ['client/websocket.ts', '  #closed('],
    ],
  },
  {
    name: 'HTML §9.2.2, the constructor',
    steps: [...numbers(16), '15.1', '15.2', '15.3', '15.4'],
    places: [
      ['client/event-source.ts', '  constructor('],
      ['client/event-source-options.ts', 'export function parseEventSourceUrl('],
      ['client/event-source-options.ts', 'export function encodeEventSourceRequest('],
      ['client/event-source.ts', 'function floorAfter('],
      ['client/event-source.ts', '  #streamEnded('],
      ['client/event-source.ts', 'function judge('],
    ],
  },
  {
    name: 'HTML §9.2.3, reestablish the connection',
    steps: ['1.1', '1.2', '1.3', '2', '3', '4', '5', '5.1', '5.3'],
    places: [
      ['client/event-source.ts', '  #reestablish('],
      ['event-stream/reconnect.ts', 'export function reconnectionDelayMs('],
      ['client/event-source-options.ts', 'export function encodeEventSourceRequest('],
    ],
  },
  {
    name: 'HTML §9.2.6, dispatch the event',
    steps: numbers(8),
    places: [
      ['event-stream/parser.ts', '  #dispatch('],
      ['event-stream/parser.ts', '  #deliver('],
      ['client/event-source.ts', '  #incoming('],
    ],
  },
];

/** A function with the comment above it, to its closing brace. */
function textOf([file, start]: Place): string {
  const lines = readFileSync(join(ROOT, 'lib', file), 'utf8').split('\n');
  const first = lines.findIndex((line) => line.startsWith(start));
  assert.ok(first >= 0, `${start} is not in ${file}`);
  const indent = /^ */.exec(start)![0];
  const last = lines.findIndex((line, i) => i > first && line.startsWith(`${indent}}`) && !/^\s*\}[):]/.test(line));
  let from = first;
  while (/^\s*(\*|\/\*\*|\/\/)/.test(lines[from - 1] ?? '')) from--;
  return lines.slice(from, last + 1).join('\n');
}

/** The steps that a text names: `step 3`, `steps 1 to 7`, `steps 4, 5 and 8`, `(15.1)`. */
function namedSteps(text: string): Set<string> {
  const named = new Set<string>();
  const plain = text.replace(/\n\s*(\*|\/\/)?\s*/g, ' ');
  for (const [, list = ''] of plain.matchAll(/\bsteps? (\d[\d.]*(?:(?:,? and |, | to |-)\d[\d.]*)*)/gi)) {
    const parts = list.match(/\d+(?:\.\d+)*|to|-/g) ?? [];
    parts.forEach((part, i) => {
      if (part !== 'to' && part !== '-') named.add(part);
      else for (const step of between(parts[i - 1]!, parts[i + 1]!)) named.add(step);
    });
  }
  for (const [, step = ''] of plain.matchAll(/\((\d+\.\d+)\)/g)) named.add(step);
  return named;
}

/** The steps from one to another of the same depth. */
function between(from: string, to: string): string[] {
  const [outer, first] = from.includes('.') ? from.split('.') : ['', from];
  const last = Number(to.split('.').at(-1));
  const steps: string[] = [];
  for (let step = Number(first); step <= last; step++) steps.push(outer === '' ? String(step) : `${outer}.${step}`);
  return steps;
}

describe('the steps of the standards’ algorithms', () => {
  for (const { name, steps, places } of ALGORITHMS)
    it(`${name}: each of ${steps.length} is named where it is done`, () => {
      const named = new Set(places.flatMap((place) => [...namedSteps(textOf(place))]));
      assert.deepEqual(
        steps.filter((step) => !named.has(step)),
        [],
      );
    });
});
