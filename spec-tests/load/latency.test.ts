/**
 * Latency counts from when a message was due, percentiles are as exact as they say, and a row names the right limit.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LatencyHistogram } from '../../lib/load/latency.ts';
import { limitOf } from '../../lib/load/measure.ts';
import { PacedBooks, pacedNumber, pacedText } from '../../lib/load/paced.ts';
import { WrongReply } from '../../lib/load/replies.ts';

describe('a paced run', () => {
  const books = (receivers = 1, measuredFromMs = 1_000) =>
    new PacedBooks({ startMs: 1_000, rate: 100, measuredFromMs, receivers });

  it('owes one message for each interval that has begun, whatever was sent before', () => {
    const each = books();
    assert.equal(each.owed(999), 0);
    assert.equal(each.owed(1_000), 1);
    each.send(1_000);
    assert.equal(each.owed(1_009), 0);
    assert.equal(each.owed(1_035), 3);
  });

  it('measures from when a message was due: a generator that was held up adds to the latency', () => {
    const each = books();
    each.send(1_000);
    each.receive(0, 1_002);
    each.send(1_500); // due at 1,010
    each.receive(1, 1_503);
    assert.equal(each.latency.count, 2);
    assert.ok(Math.abs(each.latency.percentile(50) - 2) < 0.02);
    assert.equal(each.latency.summary().max, 493);
    assert.equal(each.lateness.summary().max, 490);
  });

  it('measures a server that stood still for a second in every message that was due meanwhile', () => {
    const each = books();
    for (let n = 0; n < 100; n++) each.send(1_000 + n * 10);
    for (let n = 0; n < 100; n++) each.receive(n, 2_000);
    assert.equal(each.latency.count, 100);
    const { p50, max } = each.latency.summary();
    assert.equal(max, 1_000);
    assert.ok(p50 > 495 && p50 < 515, `half of them waited half a second or more, not ${p50} ms`);
  });

  it('ends a message with the last of its receivers', () => {
    const each = books(3);
    each.send(1_000);
    each.receive(0, 1_001);
    each.receive(0, 1_002);
    assert.equal(each.complete, 0);
    each.receive(0, 1_040);
    assert.equal(each.complete, 1);
    assert.equal(each.latency.summary().max, 40);
  });

  it('counts what never came, with the time it has waited', () => {
    const each = books(2);
    each.send(1_000);
    each.receive(0, 1_001);
    each.send(1_010);
    assert.equal(each.giveUp(3_000), 2);
    assert.equal(each.latency.count, 2);
    assert.equal(each.latency.summary().max, 2_000);
  });

  it('leaves out messages of the warm-up', () => {
    const each = books(1, 1_010);
    each.send(1_000);
    each.receive(0, 1_500);
    each.send(1_010);
    each.receive(1, 1_011);
    assert.equal(each.latency.count, 1);
    assert.equal(each.latency.summary().max, 1);
  });

  it('is void when a message comes more often than it should, or was never sent', () => {
    const each = books();
    each.send(1_000);
    each.receive(0, 1_001);
    assert.throws(() => each.receive(0, 1_002), WrongReply);
    assert.throws(() => each.receive(9, 1_002), WrongReply);
  });

  it('finds the number of a message in whatever a server wraps around it', () => {
    const text = pacedText(1_234, 40);
    assert.equal(text.length, 40);
    assert.equal(pacedNumber(Buffer.from(JSON.stringify({ type: 'message', sequence: 77, text }))), 1_234);
    assert.equal(pacedNumber(Buffer.from('{"type":"joined"}')), -1);
    assert.equal(pacedNumber(Buffer.from('bench#12')), -1);
  });
});

describe('a latency histogram', () => {
  it('answers percentiles that are never too low and at most 0.8 % too high, over nine powers of ten', () => {
    let state = 12_345;
    const values = Array.from({ length: 20_000 }, (_, i) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor(10 ** ((i % 9) + state / 2 ** 32));
    });
    const histogram = new LatencyHistogram();
    for (const value of values) histogram.record(value);
    const sorted = values.toSorted((a, b) => a - b);
    for (const percent of [0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100]) {
      const exact = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]! / 1_000;
      const answer = histogram.percentile(percent);
      assert.ok(answer >= exact && answer <= exact * 1.0079, `p${percent}: ${answer} for ${exact}`);
    }
  });

  it('answers 0 when nothing was recorded', () => {
    assert.equal(new LatencyHistogram().summary().p99, 0);
  });
});

describe('who was the limit', () => {
  const idle = { used: 0.3, waited: 0 };
  it('is the server when its CPU was used up', () => {
    assert.equal(limitOf({ used: 0.97, waited: 0.01 }, idle), 'server');
    assert.equal(limitOf({ used: 0.97, waited: 0.01 }, { used: 0.93, waited: 0 }), 'server');
  });
  it('is the server too when its own threads waited for each other on the one core', () => {
    assert.equal(limitOf({ used: 0.98, waited: 1.4 }, idle), 'server');
  });
  it('is the generator when the server had time left and it had none', () => {
    assert.equal(limitOf({ used: 0.7, waited: 0.02 }, { used: 0.98, waited: 0.01 }), 'generator');
    assert.equal(limitOf({ used: 0.7, waited: 0.02 }, { used: 0.98, waited: 0.9 }), 'generator');
    // It had all of its CPU: what the server waited for were its own threads.
    assert.equal(limitOf({ used: 0.85, waited: 0.3 }, { used: 0.93, waited: 0.1 }), 'generator');
  });
  it('is the machine when a side waited for a CPU that others used', () => {
    assert.equal(limitOf({ used: 0.5, waited: 0.5 }, idle), 'machine');
    assert.equal(limitOf({ used: 0.5, waited: 0 }, { used: 0.5, waited: 0.4 }), 'machine');
  });
  it('is neither when both had time left, and unknown when the server is elsewhere', () => {
    assert.equal(limitOf({ used: 0.5, waited: 0.01 }, idle), 'neither');
    assert.equal(limitOf(undefined, idle), 'unknown');
  });
});
