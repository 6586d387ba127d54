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

  it('streams longer than what is decoded together, whole and cut, give what the standard’s own steps give', () => {
    const random = new Random(32);
    const alphabets = [
      ['x', 'y', '0'],
      ['x', 'ä', 'é'],
      ['x', '€', '東京', '𝄞', '\uFFFD'],
    ];
    let longest = 0;
    for (let i = 0; i < 60; i++) {
      const letters = random.pick(alphabets);
      const lineEnd = random.pick(['\n', '\r\n', '\r', '\n']);
      const lines: string[] = [];
      for (let units = 0; units < 60_000; ) {
        const size = random.chance(0.02) ? random.between(10_000, 40_000) : random.below(random.pick([8, 100, 1_000]));
        const line =
          random.pick(['data: ', 'data:', 'data: ', 'id: ', 'event:', ': ']) + random.pick(letters).repeat(size);
        lines.push(line, ...(random.chance(0.5) ? [''] : []));
        units += line.length;
        longest = Math.max(longest, line.length);
      }
      const bytes = utf8(`${lines.join(lineEnd)}${lineEnd}${lineEnd}`);
      // Octets that no UTF-8 has where they stand, some of them where something is cut.
      if (random.chance(0.3))
        for (let n = 0; n < 20; n++) bytes[random.below(bytes.length)] = random.between(0x80, 0xff);
      const expected = byTheBook(bytes);
      for (const size of [bytes.length, 16_384, 16_385, random.between(100, 5_000), random.between(5_000, 40_000)]) {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
        assert.deepEqual(streamOutcome(lent(chunks)), expected, `stream ${i} in chunks of ${size}`);
        // Node's sockets give Buffers.
        assert.deepEqual(streamOutcome(chunks.map((chunk) => Buffer.from(chunk))), expected);
      }
    }
    assert.ok(longest > 30_000);
  });

  it('the limits are octets on either side of what is decoded together, whatever the characters', () => {
    for (const maxLineBytes of [100, 16_383, 16_384, 16_385, 16_386, 40_000]) {
      for (const letter of ['x', 'ä', '€', '𝄞']) {
        const octets = utf8(letter).length;
        const letters = Math.floor((maxLineBytes - 6) / octets);
        const value = letter.repeat(letters) + 'y'.repeat(maxLineBytes - 6 - letters * octets);
        for (const [more, failed] of [
          ['', []],
          ['z', ['SSE_LINE_TOO_LONG']],
        ] as const) {
          for (const lead of ['', 'data: a\n\n', ': ä\n', `${'x'.repeat(90)}\n`.repeat(200)]) {
            const bytes = utf8(`${lead}data: ${value}${more}\n\n`);
            for (const size of [bytes.length, 1_460, 7]) {
              const chunks: Uint8Array[] = [];
              for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
              assert.deepEqual(
                streamOutcome(lent(chunks), { maxLineBytes }).failed,
                failed,
                `${maxLineBytes} ${letter} ${size}`,
              );
            }
          }
        }
      }
    }
  });

  it('a data line is copied twice at most: once when many are folded into one, once when the event ends', () => {
    const parser = new EventStreamParser();
    const line = utf8('data: 12345678\n'.repeat(1_024));
    const folding = copies(() => {
      for (let i = 0; i < 400; i++) assert.equal(parser.receive(line).length, 0);
    });
    assert.deepEqual(
      folding,
      { characters: 400 * (1_024 * 9 + 1), slices: 400 },
      'folded once, whatever there was before',
    );
    // Joined, and then a slice of the flat text, which copies nothing but counts here.
    const ending = copies(() => assert.equal(parser.receive(utf8('\n')).length, 1));
    assert.ok(ending.characters <= 2 * 400 * 1_024 * 9, `${ending.characters} characters`);
    // The next event begins anew.
    parser.receive(utf8('data: a\ndata: b\n\n'));
    assert.equal(copies(() => parser.receive(line)).characters, 1_024 * 9 + 1);
  });

  it('an octet of a cut line is copied a bounded number of times, not once a chunk', () => {
    for (const size of [10_000, 100_000, 1_000_000]) {
      for (const chunkBytes of [1, 3, 100]) {
        const parser = new EventStreamParser();
        const chunk = new Uint8Array(chunkBytes).fill(0x78);
        const { characters } = copies(() => {
          for (let sent = 0; sent < size; sent += chunkBytes) parser.receive(chunk);
          parser.receive(utf8('\n'));
        });
        assert.ok(characters <= 2.1 * size, `${characters / size} copies at ${size} by ${chunkBytes}`);
        if (size / chunkBytes > 1_024) assert.ok(characters >= size, 'the copies are seen');
      }
    }
  });
});

/** What the parser has the engine copy: texts that are joined, and ropes that are made flat to slice their last character off. */
function copies(run: () => void): { readonly characters: number; readonly slices: number } {
  const { join } = Array.prototype;
  const { slice } = String.prototype;
  let characters = 0;
  let slices = 0;
  Array.prototype.join = function (this: unknown[], separator?: string): string {
    const text = join.call(this, separator);
    characters += text.length;
    return text;
  };
  String.prototype.slice = function (this: string, start?: number, end?: number): string {
    if (start === 0 && end === -1) {
      characters += this.length;
      slices++;
    }
    return slice.call(this, start, end);
  };
  try {
    run();
  } finally {
    Array.prototype.join = join;
    String.prototype.slice = slice;
  }
  return { characters, slices };
}
