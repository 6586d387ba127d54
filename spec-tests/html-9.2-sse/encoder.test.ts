import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EventStreamMessage, encodeComment, encodeEvent } from '../../lib/event-stream/encoder.ts';
import { EventStreamParser } from '../../lib/event-stream/parser.ts';
import { prepareEvent } from '../../lib/event-stream/prepared-event.ts';
import { utf8 } from '../support/cuts.ts';
import { streamOutcome } from '../support/event-stream.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

describe('HTML §9.2.5: encoding events', () => {
  const cases: readonly [title: string, message: EventStreamMessage, text: string][] = [
    ['data alone', { data: 'a' }, 'data: a\n\n'],
    ['empty data', { data: '' }, 'data: \n\n'],
    [
      'all fields',
      { comment: 'c', event: 'e', id: '1', retry: 5, data: 'd' },
      ': c\nevent: e\nid: 1\nretry: 5\ndata: d\n\n',
    ],
    ['data of several lines, whatever ends them', { data: 'a\nb\rc\r\nd' }, 'data: a\ndata: b\ndata: c\ndata: d\n\n'],
    ['data that ends with a line end', { data: 'a\n' }, 'data: a\ndata: \n\n'],
    ['line ends alone', { data: '\n\r\n\r' }, 'data: \ndata: \ndata: \ndata: \n\n'],
    ['an ID alone', { id: '7' }, 'id: 7\n\n'],
    ['an empty ID resets', { id: '', data: 'x' }, 'id: \ndata: x\n\n'],
    ['retry of 0', { retry: 0 }, 'retry: 0\n\n'],
    [
      'a leading space survives the one that a client takes off',
      { event: ' e', id: ' 1', data: ' d' },
      'event:  e\nid:  1\ndata:  d\n\n',
    ],
    ['NUL is allowed in data', { data: 'a\0b' }, 'data: a\0b\n\n'],
    ['a comment of several lines', { comment: 'a\r\nb\rc' }, ': a\n: b\n: c\n\n'],
  ];
  for (const [title, message, text] of cases) it(title, () => assert.equal(encodeEvent(message), text));

  it('a comment alone keeps a stream alive (§9.2.7)', () => {
    assert.equal(encodeComment(''), ': \n\n');
    assert.equal(encodeComment('a\ndata: b'), ': a\n: data: b\n\n');
  });

  for (const field of ['event', 'id'] as const) {
    for (const [name, char] of [
      ['CR', '\r'],
      ['LF', '\n'],
      ['NUL', '\0'],
    ] as const) {
      it(`${name} in ${field} is a TypeError and never an injection`, () => {
        for (const [i, value] of [`${char}x`, `x${char}data: y`, `xx${char}`].entries()) {
          assert.throws(() => encodeEvent({ [field]: value, data: 'a' }), {
            name: 'TypeError',
            message: `${field} has ${name} at ${i}, which a field cannot carry (HTML §9.2.5)`,
          });
        }
        assert.throws(() => prepareEvent({ [field]: char, data: 'a' }), TypeError);
      });
    }
  }

  it('a retry that is no whole number of milliseconds is a RangeError', () => {
    for (const retry of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '5\ndata: x' as unknown as number])
      assert.throws(() => encodeEvent({ retry }), { name: 'RangeError', message: /retry is .*HTML §9\.2\.6/s });
    assert.equal(encodeEvent({ retry: Number.MAX_SAFE_INTEGER }), 'retry: 9007199254740991\n\n');
  });

  it('nothing to send is a TypeError', () => {
    assert.throws(() => encodeEvent({}), TypeError);
  });

  it('a prepared event is the encoded one, alone and as an HTTP chunk (RFC 9112 §7.1), at every place in memory', () => {
    const random = new Random(1);
    let previous: ReturnType<typeof prepareEvent> | undefined;
    let adjoining = 0;
    for (let i = 0; i < 2_000; i++) {
      const length = i % 100 === 0 ? random.between(10_000, 70_000) : random.below(200);
      const message = { id: String(i), data: random.pick(['x', 'é', '€', '𝄞', '\uD800', 'a\n']).repeat(length) };
      const prepared = prepareEvent(message);
      const text = Buffer.from(encodeEvent(message));
      assert.ok(Buffer.from(prepared.bytes.subarray(prepared.eventStart, prepared.eventEnd)).equals(text));
      const chunk = Buffer.concat([Buffer.from(`${text.length.toString(16)}\r\n`), text, Buffer.from('\r\n')]);
      assert.ok(Buffer.from(prepared.bytes.subarray(prepared.start, prepared.end)).equals(chunk));
      if (previous?.bytes === prepared.bytes && previous.end === prepared.start) adjoining++;
      previous = prepared;
    }
    assert.ok(adjoining > 1_000, 'events made in a row adjoin in memory, so that they leave in one write');
  });
});

/** What hostile strings are made of: everything that means something in a stream. */
const PIECES: readonly string[] = [
  '\n',
  '\r',
  '\r\n',
  '\0',
  ':',
  ' ',
  '  ',
  '\t',
  'data',
  'data:',
  'event: x',
  'id:',
  'id: 9',
  'retry: 1',
  '\uFEFF',
  '\u2028',
  '\u0085',
  'a',
  'ä',
  '€',
  '𝄞',
  '\u{10FFFF}',
  '\uFFFD',
  '__proto__',
  '<script>',
  '"',
  '\\',
  '\x7f',
  '',
];

describe(`HTML §9.2: hostile strings come through as they are (${SEED_NOTE})`, () => {
  const random = new Random(2);
  const hostile = (): string => Array.from({ length: random.below(8) }, () => random.pick(PIECES)).join('');

  it('encode then parse is identity, one event a message, however it is cut', () => {
    for (let i = 0; i < 5_000; i++) {
      const event = hostile().replace(/[\r\n\0]/g, '');
      const id = hostile().replace(/[\r\n\0]/g, '');
      const data = hostile();
      const comment = hostile();
      const text = encodeEvent({ event, id, data, comment });
      const outcome = streamOutcome(random.cut(utf8(text)));
      const lines = (value: string): string => value.replace(/\r\n|\r/g, '\n');
      assert.deepEqual(outcome.events, [[event === '' ? 'message' : event, lines(data), id]], JSON.stringify(text));
      assert.deepEqual(outcome.comments, lines(comment).split('\n'), JSON.stringify(text));
      assert.deepEqual([outcome.retries, outcome.failed], [[], []]);
    }
  });

  it('every string either comes through or is refused: nothing is repaired and nothing injected (CVE-2026-33128)', () => {
    let refused = 0;
    for (let i = 0; i < 5_000; i++) {
      const message = { event: hostile(), id: hostile(), data: hostile() };
      let text: string;
      try {
        text = encodeEvent(message);
      } catch (error) {
        assert.ok(error instanceof TypeError);
        assert.match(message.event + message.id, /[\r\n\0]/);
        refused++;
        continue;
      }
      assert.doesNotMatch(message.event + message.id, /[\r\n\0]/);
      assert.equal(streamOutcome([utf8(text)]).events.length, 1);
    }
    assert.ok(refused > 500 && refused < 4_500, `${refused} of 5000 refused`);
  });

  it('lone surrogates become U+FFFD, as in every text that is encoded', () => {
    const parser = new EventStreamParser();
    const prepared = prepareEvent({ event: 'a\uD800', id: '\uDC00', data: 'x\uD800y' });
    assert.deepEqual(parser.receive(prepared.bytes.subarray(prepared.eventStart, prepared.eventEnd)), [
      { kind: 'event', type: 'a\uFFFD', data: 'x\uFFFDy', lastEventId: '\uFFFD' },
    ]);
  });
});
