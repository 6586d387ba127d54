import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { utf8 } from '../support/cuts.ts';
import { type StreamOutcome, streamOutcome } from '../support/event-stream.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { EVENT_STREAMS } from '../vectors/event-streams.ts';

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const PEERS = join(ROOT, 'bench', 'package.json');

interface PeerParser {
  feed(chunk: string): void;
}
type CreateParser = (callbacks: {
  onEvent(event: { readonly id?: string; readonly event?: string; readonly data: string }): void;
  onRetry(milliseconds: number): void;
  onComment(comment: string): void;
}) => PeerParser;

async function loadPeer(): Promise<CreateParser | undefined> {
  if (!existsSync(PEERS)) return undefined;
  try {
    const path = createRequire(PEERS).resolve('eventsource-parser');
    return ((await import(pathToFileURL(path).href)) as { createParser: CreateParser }).createParser;
  } catch {
    return undefined;
  }
}

const createParser = await loadPeer();
const skip =
  createParser === undefined ? 'eventsource-parser is not installed in bench/: npm ci --prefix bench' : false;

/** The peer keeps no last event ID between events, so only what it reports is compared. */
type Comparable = Pick<StreamOutcome, 'retries' | 'comments'> & {
  readonly events: readonly (readonly [string, string, string])[];
};

function peer(bytes: Uint8Array): Comparable {
  const events: [string, string, string][] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  let lastEventId = '';
  const parser = createParser!({
    onEvent: ({ id, event, data }) => {
      if (id !== undefined) lastEventId = id; // what its users do
      events.push([event ?? 'message', data, lastEventId]);
    },
    onRetry: (milliseconds) => retries.push(milliseconds),
    onComment: (comment) => comments.push(comment),
  });
  parser.feed(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  return { events, retries, comments };
}

function ours(bytes: Uint8Array): Comparable {
  const { events, retries, comments } = streamOutcome([bytes]);
  return { events, retries, comments };
}

/** Where the peer and the standard part, by the standard's words. Each has an input that shows it, and must go on showing it. */
const DIVERGENCES: readonly {
  readonly what: string;
  readonly why: string;
  readonly input: string;
  readonly applies: (text: string) => boolean;
}[] = [
  {
    what: 'an ID in a block without data is lost',
    why: '§9.2.6 dispatch step 1 sets the last event ID before step 2 looks at the data; the peer reports IDs with events only.',
    input: 'id: 1\n\ndata: a\n\n',
    applies: (text) => blocks(text).some((block) => /^id/m.test(block) && !/^data(:|$)/m.test(block)),
  },
  {
    what: 'the CR that ends a stream ends no line',
    why: '§9.2.5: a line ends with a CR that no LF follows; the peer waits for the next character, and at the end none comes.',
    input: 'data: a\r\r',
    applies: (text) => text.endsWith('\r'),
  },
  {
    what: 'a byte order mark that was decoded is not taken off',
    why: '§9.2.5 takes it off in the UTF-8 decode algorithm; the peer looks for the three octets as characters U+00EF U+00BB U+00BF.',
    input: '\uFEFFdata: a\n\n',
    applies: (text) => text.startsWith('\uFEFF'),
  },
  {
    what: 'three characters at the start are taken for a byte order mark',
    why: 'The other side of the above: a stream that begins with "ï»¿" as text keeps it by the standard.',
    input: 'ï»¿data: a\n\n',
    applies: (text) => text.startsWith('ï»¿'),
  },
];

function blocks(text: string): string[] {
  return text.replace(/\r\n|\r/g, '\n').split('\n\n');
}

describe('eventsource-parser and our parser on the same bytes', { skip }, () => {
  for (const vector of EVENT_STREAMS) {
    if (vector.text === undefined) continue; // octets that are not UTF-8: the peer takes decoded text
    const { text } = vector;
    const argued = DIVERGENCES.filter(({ applies }) => applies(text));
    it(`${vector.title}: ${argued.length === 0 ? 'the same' : `argued: ${argued.map(({ what }) => what).join('; ')}`}`, () => {
      if (argued.length === 0) assert.deepEqual(ours(utf8(text)), peer(utf8(text)));
      else assert.deepEqual(ours(utf8(text)).events, vector.events);
    });
  }

  for (const { what, why, input } of DIVERGENCES) {
    it(`differs: ${what}`, () => {
      assert.notDeepEqual(ours(utf8(input)), peer(utf8(input)), `no longer differs, so the entry must go: ${why}`);
    });
  }

  it(`random streams give the same where nothing argued applies (${SEED_NOTE})`, () => {
    const random = new Random(40);
    const pieces = [
      'data',
      'data:',
      'data: ',
      'event:',
      'id:',
      'retry: 7',
      'retry:',
      ':',
      ' ',
      '\n',
      '\n',
      '\n\n',
      '\r',
      '\r\n',
      '\0',
      'ä',
      'x',
      'foo: bar',
    ];
    let compared = 0;
    for (let i = 0; i < 10_000; i++) {
      const text = Array.from({ length: random.below(20) }, () => random.pick(pieces)).join('');
      if (DIVERGENCES.some(({ applies }) => applies(text))) continue;
      compared++;
      assert.deepEqual(ours(utf8(text)), peer(utf8(text)), JSON.stringify(text));
    }
    assert.ok(compared > 5_000, `${compared} compared`);
  });
});
