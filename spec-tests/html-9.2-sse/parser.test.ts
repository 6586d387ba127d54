import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventStreamParser } from '../../lib/event-stream/parser.ts';
import { EVENT_STREAM_LIMITS } from '../../lib/limits.ts';
import { agreed, latin1, utf8 } from '../support/cuts.ts';
import { type StreamOutcome, streamOutcome } from '../support/event-stream.ts';
import { collectGarbage } from '../support/gc.ts';
import { EVENT_STREAMS } from '../vectors/event-streams.ts';

function parse(text: string, limits: Parameters<typeof streamOutcome>[1] = {}): StreamOutcome {
  return agreed(utf8(text), (chunks) => streamOutcome(chunks, limits));
}

describe('HTML §9.2.6: interpreting an event stream', () => {
  for (const vector of EVENT_STREAMS) {
    it(vector.title, () => {
      const bytes = vector.octets === undefined ? utf8(vector.text ?? '') : latin1(vector.octets);
      const outcome = agreed(bytes, (chunks) => streamOutcome(chunks));
      assert.deepEqual(outcome.events, vector.events);
      assert.deepEqual(outcome.retries, vector.retries ?? []);
      if (vector.comments !== undefined) assert.deepEqual(outcome.comments, vector.comments);
      assert.equal(outcome.lastEventId, vector.lastEventId ?? vector.events.at(-1)?.[2] ?? '');
      assert.deepEqual(outcome.failed, []);
    });
  }

  it('a CR at the end of a chunk ends its line at once, and an LF in the next chunk belongs to it', () => {
    const parser = new EventStreamParser();
    assert.deepEqual(parser.receive(utf8('data: a\r')), []);
    assert.deepEqual(parser.receive(utf8('\n')), []);
    assert.equal(parser.receive(utf8('\r'))[0]?.kind, 'event');
    assert.deepEqual(parser.receive(new Uint8Array(0)), []);
    assert.deepEqual(parser.receive(utf8('\ndata: b\r\n')), []);
    assert.equal(parser.receive(utf8('\n')).length, 1);
  });

  it('begins with the last event ID that a reconnection brings along (§9.2.3)', () => {
    const parser = new EventStreamParser({}, '41');
    assert.equal(parser.lastEventId, '41');
    assert.deepEqual(parser.receive(utf8('data: a\n\n')), [
      { kind: 'event', type: 'message', data: 'a', lastEventId: '41' },
    ]);
    parser.receive(utf8('id: 42\n'));
    assert.equal(parser.lastEventId, '41', 'it moves at the blank line');
    parser.receive(utf8('\n'));
    assert.equal(parser.lastEventId, '42');
  });

  it('a retry of any number of digits is a number', () => {
    assert.deepEqual(parse(`retry: ${'9'.repeat(400)}\n`).retries, [Number.POSITIVE_INFINITY]);
  });

  it('comments are told without their colon and one space, for those who watch liveness (§9.2.7)', () => {
    assert.deepEqual(parse(':a\n: b\n:  c\n:\n').comments, ['a', 'b', ' c', '']);
  });
});

describe('limits of the event-stream parser (ours: the standard has none)', () => {
  it('a line of maxLineBytes passes, one octet more fails, whether its end has come or not', () => {
    const limits = { maxLineBytes: 20 };
    assert.deepEqual(parse(`data: ${'x'.repeat(14)}\n\n`, limits).events, [['message', 'x'.repeat(14), '']]);
    assert.deepEqual(parse(`data: ${'x'.repeat(15)}\n\n`, limits).failed, ['SSE_LINE_TOO_LONG']);
    assert.deepEqual(parse(`data: ${'x'.repeat(15)}`, limits).failed, ['SSE_LINE_TOO_LONG']);
    assert.deepEqual(parse(`:${'x'.repeat(20)}`, limits).failed, ['SSE_LINE_TOO_LONG']);
    assert.deepEqual(parse('data: äöüäöüäö\n', limits).failed, ['SSE_LINE_TOO_LONG'], 'octets count, not characters');
    assert.equal(parse(`data: ${'x'.repeat(14)}\n`.repeat(50), limits).failed.length, 0);
  });

  it('data of maxEventBytes passes, one more fails, line ends included', () => {
    const limits = { maxEventBytes: 20 };
    assert.equal(parse(`data:${'x'.repeat(19)}\n\n`, limits).events.length, 1);
    assert.deepEqual(parse(`data:${'x'.repeat(20)}\n\n`, limits).failed, ['SSE_EVENT_TOO_LONG']);
    assert.equal(parse(`${'data\n'.repeat(20)}\n`, limits).events.length, 1);
    assert.deepEqual(parse(`${'data\n'.repeat(21)}\n`, limits).failed, ['SSE_EVENT_TOO_LONG']);
    assert.equal(
      parse(`data:${'x'.repeat(15)}\n\n`.repeat(3), limits).events.length,
      3,
      'each event has the whole limit',
    );
  });

  it('what came in front of the failure is delivered, and nothing after it, for good', () => {
    const outcome = parse(`data: a\n\nid: 1\n${'x'.repeat(30)}\ndata: b\n\n`, { maxLineBytes: 20 });
    assert.deepEqual(outcome.events, [['message', 'a', '']]);
    assert.deepEqual(outcome.failed, ['SSE_LINE_TOO_LONG']);
    assert.equal(outcome.lastEventId, '');
  });

  it('a failure names fact, bound and clause', () => {
    const [failed] = new EventStreamParser({ maxLineBytes: 20 }).receive(utf8('x'.repeat(21)));
    assert.deepEqual(failed, {
      kind: 'failed',
      code: 'SSE_LINE_TOO_LONG',
      detail: 'line exceeds 20 bytes',
      section: 'HTML §9.2.6',
    });
  });

  it('the defaults are those of limits.ts', () => {
    const { maxLineBytes, maxEventBytes } = EVENT_STREAM_LIMITS;
    const whole = (text: string): StreamOutcome => streamOutcome([utf8(text)]);
    assert.deepEqual(whole(':'.padEnd(maxLineBytes, 'x')).failed, []);
    assert.deepEqual(whole(':'.padEnd(maxLineBytes + 1, 'x')).failed, ['SSE_LINE_TOO_LONG']);
    const line = `data:${'x'.repeat(524_287)}\n`;
    assert.equal(maxEventBytes, 8 * 524_288);
    assert.deepEqual(whole(`${line.repeat(8)}\n`).failed, []);
    assert.deepEqual(whole(`${line.repeat(8)}data\n\n`).failed, ['SSE_EVENT_TOO_LONG']);
  });

  it('a line that comes octet by octet holds at most twice what came (CVE-2026-109924)', async () => {
    const parser = new EventStreamParser();
    await collectGarbage();
    const before = memoryInUse();
    const octet = utf8('x');
    for (let i = 0; i < 1_000_000; i++) assert.equal(parser.receive(octet).length, 0);
    await collectGarbage();
    const held = memoryInUse() - before;
    assert.ok(held < 2_000_000, `${held} octets held`);
    assert.equal(parser.receive(utf8('\ndata: a\n\n')).length, 1);
  });

  it('a long line that was cut is let go once it has ended', async () => {
    const parsers = Array.from({ length: 30 }, () => new EventStreamParser());
    await collectGarbage();
    const before = memoryInUse();
    const half = new Uint8Array(400_000).fill(0x78);
    for (const parser of parsers) {
      parser.receive(half);
      parser.receive(half);
      parser.receive(utf8('\n'));
    }
    await collectGarbage();
    const held = memoryInUse() - before;
    assert.ok(held < 3_000_000, `${held} octets held`);
    assert.equal(parsers.length, 30);
  });

  it('an event that is kept keeps little more than 16 KiB of the stream around it', async () => {
    const comments = `: ${'x'.repeat(1_000)}\n`.repeat(500);
    const chunk = utf8(`${comments}data: an event to be kept\n\n${comments}`);
    const parser = new EventStreamParser();
    await collectGarbage();
    const before = memoryInUse();
    const kept = Array.from({ length: 100 }, () => parser.receive(chunk).find(({ kind }) => kind === 'event'));
    await collectGarbage();
    const held = memoryInUse() - before;
    assert.ok(held < 100 * 20_000, `${held} octets held`);
    assert.equal(kept.filter((event) => event?.kind === 'event' && event.data === 'an event to be kept').length, 100);
  });

  it('data lines that wait for the end of their event do not keep what stood between them', async () => {
    const chunk = utf8(`: ${'x'.repeat(16_000)}\ndata: a line of some length\n`);
    const parser = new EventStreamParser();
    await collectGarbage();
    const before = memoryInUse();
    for (let i = 0; i < 1_000; i++) parser.receive(chunk);
    await collectGarbage();
    const held = memoryInUse() - before;
    assert.ok(held < 1_000_000, `${held} octets held`);
    const [event] = parser.receive(utf8('\n'));
    assert.ok(event?.kind === 'event');
    assert.equal(event.data, Array(1_000).fill('a line of some length').join('\n'));
  });

  it('a million empty data lines take an octet each (CVE-2026-109924)', async () => {
    const parser = new EventStreamParser();
    const lines = utf8('data\n'.repeat(1_000));
    parser.receive(lines);
    await collectGarbage();
    const before = memoryInUse();
    for (let i = 0; i < 1_000; i++) parser.receive(lines);
    await collectGarbage();
    const held = memoryInUse() - before;
    assert.ok(held < 2_000_000, `${held} octets held`);
    assert.equal(parser.receive(utf8('\n')).length, 1);
  });

  it('a million empty data lines are kept folded, and come out as they went in (CVE-2026-109924)', () => {
    for (const count of [1_022, 1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 1_000_000]) {
      const parser = new EventStreamParser();
      const [event, next] = parser.receive(utf8(`data: a\n${'data\n'.repeat(count)}data: b\n\ndata: next\ndata\n\n`));
      assert.ok(event?.kind === 'event');
      assert.ok(event.data === `a${'\n'.repeat(count + 1)}b`);
      assert.ok(next?.kind === 'event' && next.data === 'next\n');
    }
  });
});

/** Buffers, and whatever V8 keeps. */
function memoryInUse(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}
