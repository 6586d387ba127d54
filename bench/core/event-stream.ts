/**
 * Event streams without sockets: parsing against eventsource-parser, where that is installed, and encoding.
 * `node dist/bench/core/event-stream.js`. Times are for one event.
 *
 * eventsource-parser takes text, so decoding is part of its job: once with a `TextDecoder`, as its own stream and most of
 * its users have it, and once with Node's `StringDecoder`, which is quicker for ASCII. Every event's data is read in one
 * place, so that a text which is not put together before somebody reads it is put together here too.
 */

import { createRequire } from 'node:module';
import { StringDecoder } from 'node:string_decoder';
import { encodeEvent } from '../../lib/event-stream/encoder.ts';
import { EventStreamParser } from '../../lib/event-stream/parser.ts';
import { prepareEvent } from '../../lib/event-stream/prepared-event.ts';
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
/** Events in a stream. */
const COUNT = 16;

const STREAMS: readonly (readonly [string, string])[] = [
  ['20 B', 'data: 0123456789ab\n\n'],
  ['100 B', `data: ${'x'.repeat(92)}\n\n`],
  ['100 B with id and type', `id: 12345\nevent: tick\ndata: ${'x'.repeat(70)}\n\n`],
  ['the same with CR LF', `id: 12345\r\nevent: tick\r\ndata: ${'x'.repeat(66)}\r\n\r\n`],
  ['4 KiB', `data: ${'x'.repeat(4_088)}\n\n`],
  ['20 lines', `${`data: ${'x'.repeat(40)}\n`.repeat(20)}\n`],
  ['beyond ASCII', `data: ${'grüße мир 東京 '.repeat(8)}\n\n`],
];

/** How a stream comes: one chunk, one an event, or cut without regard for events. */
const CHUNKS: readonly (readonly [string, (eventBytes: number) => number])[] = [
  ['whole', () => Number.POSITIVE_INFINITY],
  ['one an event', (eventBytes) => eventBytes],
  ['by 1,460', () => 1_460],
  ['by 64', () => 64],
];

function parsing(name: string, event: string, chunkBytes: number): Job {
  const stream = Buffer.from(event.repeat(COUNT));
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunkBytes) chunks.push(stream.subarray(at, at + chunkBytes));
  const ours = new EventStreamParser();
  const contenders: Contender[] = [
    {
      name: 'EventStreamParser',
      run: () => {
        let sum = 0;
        for (const chunk of chunks)
          for (const incoming of ours.receive(chunk)) if (incoming.kind === 'event') sum += read(incoming.data);
        return sum;
      },
    },
  ];
  if (other !== undefined) {
    const strings = new StringDecoder('utf8');
    const text = new TextDecoder();
    contenders.push(
      theirs(other, 'with StringDecoder', chunks, (chunk) => strings.write(chunk)),
      theirs(other, 'with TextDecoder', chunks, (chunk) => text.decode(chunk, { stream: true })),
    );
  }
  return { name, bytes: stream.length, count: COUNT, contenders };
}

function theirs(from: Peer, name: string, chunks: readonly Buffer[], decode: (chunk: Buffer) => string): Contender {
  let sum = 0;
  const parser = from.createParser({
    onEvent: ({ data }) => {
      sum += read(data);
    },
  });
  return {
    name: `eventsource-parser ${name}`,
    run: () => {
      sum = 0;
      for (const chunk of chunks) parser.feed(decode(chunk));
      return sum;
    },
  };
}

function read(data: string): number {
  return data.length + data.charCodeAt(data.length >> 1);
}

for (const [how, chunkBytes] of CHUNKS) {
  bench(
    `parse, chunks ${how}`,
    STREAMS.map(([name, event]) => parsing(name, event, chunkBytes(Buffer.byteLength(event)))),
  );
}

const line = 'x'.repeat(92);
const lines = Array.from({ length: 20 }, () => 'x'.repeat(40)).join('\n');
const MESSAGES: readonly (readonly [string, Parameters<typeof encodeEvent>[0]])[] = [
  ['100 B', { data: line }],
  ['100 B with id and type', { id: '12345', event: 'tick', data: line }],
  ['4 KiB', { data: 'x'.repeat(4_088) }],
  ['20 lines', { data: lines }],
];
bench(
  'encode',
  MESSAGES.flatMap(([name, message]): Job[] => [
    { name: `encodeEvent ${name}`, bytes: 0, contenders: [{ name, run: () => encodeEvent(message).length }] },
    { name: `prepareEvent ${name}`, bytes: 0, contenders: [{ name, run: () => prepareEvent(message).end & 1 }] },
  ]),
);
