import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventStreamParser } from '../../lib/event-stream/parser.ts';
import { lent, utf8 } from '../support/cuts.ts';
import { type StreamOutcome, streamOutcome } from '../support/event-stream.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

const PIECES = [
  'data',
  'data:',
  'data: ',
  'event:',
  'id:',
  'id',
  'retry:',
  'retry: 12',
  ':',
  ' ',
  '\n',
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\0',
  '\uFEFF',
  'ä',
  '€',
  '𝄞',
  'x',
  '1',
];

/** HTML §9.2.6 word for word, on a whole decoded text: what our parser is held against. */
function byTheBook(bytes: Uint8Array): StreamOutcome {
  const text = new TextDecoder().decode(bytes); // takes off one byte order mark
  const lines = text.split(/\r\n|\r|\n/);
  lines.pop(); // what no line end has ended
  const events: [string, string, string][] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  let data = '';
  let type = '';
  let id = '';
  let lastEventId = '';
  for (const line of lines) {
    if (line === '') {
      lastEventId = id;
      if (data === '') {
        type = '';
        continue;
      }
      events.push([type === '' ? 'message' : type, data.slice(0, -1), lastEventId]);
      data = '';
      type = '';
      continue;
    }
    const match = /^([^:]*)(?::( ?)(.*))?$/s.exec(line)!;
    const [, field = '', , value = ''] = match;
    if (line.startsWith(':')) comments.push(value);
    else if (field === 'data') data += `${value}\n`;
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^[0-9]+$/.test(value)) retries.push(Number(value));
  }
  return { events, retries, comments, failed: [], lastEventId };
}

describe(`HTML §9.2.6: event streams, by property (${SEED_NOTE})`, () => {
  it('any stream, however cut, gives what the standard’s own steps give on the whole of it', () => {
    const random = new Random(30);
    let events = 0;
    for (let i = 0; i < 10_000; i++) {
      const parts = Array.from({ length: random.below(25) }, () => random.pick(PIECES));
      const bytes = utf8(parts.join(''));
      if (random.chance(0.2) && bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
      const expected = byTheBook(bytes);
      assert.deepEqual(streamOutcome(lent([bytes])), expected, JSON.stringify(parts.join('')));
      assert.deepEqual(streamOutcome(lent(random.cut(bytes))), expected, JSON.stringify(parts.join('')));
      events += expected.events.length;
    }
    assert.ok(events > 1_000, `${events} events`);
  });

  it('limits fail at the same place however the stream is cut', () => {
    const random = new Random(31);
    const ends = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const bytes = utf8(
        Array.from({ length: random.below(30) }, () => random.pick([...PIECES, 'data: xxxx\n', 'data\n'])).join(''),
      );
      const limits = { maxLineBytes: 16, maxEventBytes: 12 };
      const whole = streamOutcome(lent([bytes]), limits);
      assert.deepEqual(streamOutcome(lent(random.cut(bytes)), limits), whole);
      assert.ok(whole.failed.length <= 1);
      const end = whole.failed[0] ?? 'fine';
      ends.set(end, (ends.get(end) ?? 0) + 1);
      for (const [type, data] of whole.events) assert.ok(type.length <= 16 && data.length <= 12);
    }
    assert.deepEqual([...ends.keys()].sort(), ['SSE_EVENT_TOO_LONG', 'SSE_LINE_TOO_LONG', 'fine']);
  });

  it('a data line is joined twice at most: once when many are folded into one, once when the event ends', () => {
    const original = Array.prototype.join;
    let joined = 0;
    let folds = 0;
    Array.prototype.join = function (this: unknown[], separator?: string): string {
      const text = original.call(this, separator);
      joined += text.length;
      if (this.length === 1_024) folds++;
      return text;
    };
    try {
      const parser = new EventStreamParser();
      const line = utf8('data: 12345678\n'.repeat(1_024));
      for (let i = 0; i < 400; i++) assert.equal(parser.receive(line).length, 0);
      assert.equal(parser.receive(utf8('\n')).length, 1);
      assert.ok(joined < 2.1 * 400 * 1_024 * 9, `${joined} characters joined`);
      assert.equal(folds, 400);
      // The next event begins anew.
      parser.receive(line);
      assert.equal(folds, 401);
    } finally {
      Array.prototype.join = original;
    }
  });

  it('an octet of a cut line is copied a bounded number of times, not once a chunk', () => {
    const copies = (size: number, chunkBytes: number): number => {
      const original = Uint8Array.prototype.set;
      let copied = 0;
      Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number): void {
        copied += source.length;
        original.call(this, source, at);
      };
      try {
        const parser = new EventStreamParser();
        const chunk = new Uint8Array(chunkBytes).fill(0x78);
        for (let sent = 0; sent < size; sent += chunkBytes) parser.receive(chunk);
      } finally {
        Uint8Array.prototype.set = original;
      }
      return copied / size;
    };
    for (const size of [10_000, 100_000, 1_000_000]) {
      for (const chunkBytes of [1, 100])
        assert.ok(copies(size, chunkBytes) < 3.1, `${copies(size, chunkBytes)} copies at ${size} by ${chunkBytes}`);
    }
  });
});
