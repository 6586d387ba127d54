/**
 * Event streams without sockets: parsing against eventsource-parser, where that is installed, and encoding.
 * `node dist/bench/core/event-stream.js`. Times are for one event.
 */

import { createRequire } from 'node:module';
import { encodeEvent } from '../../lib/event-stream/encoder.ts';
import { EventStreamParser } from '../../lib/event-stream/parser.ts';
import { bench, type Contender, type Job } from './harness.ts';

type Peer = { createParser(callbacks: { onEvent(event: { data: string }): void }): { feed(text: string): void } };

function peer(): Peer | undefined {
  try {
    return createRequire(new URL('../../../bench/package.json', import.meta.url))('eventsource-parser') as Peer;
  } catch {
    process.stdout.write('eventsource-parser is left out: it is not installed (npm ci --prefix bench)\n');
    return undefined;
  }
}

const other = peer();
/** Events in a chunk. */
const COUNT = 16;

const STREAMS: readonly (readonly [string, string])[] = [
  ['100 B', `data: ${'x'.repeat(92)}\n\n`],
  ['100 B with id and type', `id: 12345\nevent: tick\ndata: ${'x'.repeat(70)}\n\n`],
  ['4 KiB', `data: ${'x'.repeat(4_088)}\n\n`],
  ['20 lines', `${`data: ${'x'.repeat(40)}\n`.repeat(20)}\n`],
  ['beyond ASCII', `data: ${'grüße мир 東京 '.repeat(8)}\n\n`],
];

function parsing(name: string, event: string): Job {
  const chunk = Buffer.from(event.repeat(COUNT));
  const ours = new EventStreamParser();
  const contenders: Contender[] = [
    {
      name: 'EventStreamParser',
      run: () => {
        let length = 0;
        for (const incoming of ours.receive(chunk)) if (incoming.kind === 'event') length += incoming.data.length;
        return length;
      },
    },
  ];
  if (other !== undefined) {
    let length = 0;
    const theirs = other.createParser({
      onEvent: ({ data }) => {
        length += data.length;
      },
    });
    // It takes text: decoding is part of the job.
    const decoder = new TextDecoder();
    contenders.push({
      name: 'eventsource-parser',
      run: () => {
        length = 0;
        theirs.feed(decoder.decode(chunk, { stream: true }));
        return length;
      },
    });
  }
  return { name, bytes: chunk.length, count: COUNT, contenders };
}

bench(
  'parse',
  STREAMS.map(([name, event]) => parsing(name, event)),
);

const line = 'x'.repeat(92);
const lines = Array.from({ length: 20 }, () => 'x'.repeat(40)).join('\n');
bench('encode', [
  { name: '100 B', bytes: 0, contenders: [{ name: 'encodeEvent', run: () => encodeEvent({ data: line }).length }] },
  {
    name: '100 B with id and type',
    bytes: 0,
    contenders: [{ name: 'encodeEvent', run: () => encodeEvent({ id: '12345', event: 'tick', data: line }).length }],
  },
  { name: '20 lines', bytes: 0, contenders: [{ name: 'encodeEvent', run: () => encodeEvent({ data: lines }).length }] },
]);
