import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide, MAX_REDIRECTS, reconnectionDelayMs } from '../../lib/event-stream/reconnect.ts';

const head = (status: number, contentType?: string, location?: string): Parameters<typeof decide>[0] => ({
  status,
  contentType,
  location,
});

describe('HTML §9.2.3: what a response means to an EventSource', () => {
  it('200 with text/event-stream announces the connection, whatever the case and the parameters', () => {
    for (const type of [
      'text/event-stream',
      'TEXT/Event-Stream',
      'text/event-stream; charset=utf-8',
      'text/event-stream;charset=latin1',
      ' text/event-stream ',
    ])
      assert.deepEqual(decide(head(200, type), 0), { kind: 'announce' }, type);
  });

  it('another content type fails the connection', () => {
    for (const type of [
      undefined,
      '',
      'text/plain',
      'text/event-streams',
      'text/event',
      'application/json',
      'text/html; x=text/event-stream',
    ]) {
      const decision = decide(head(200, type), 0);
      assert.equal(decision.kind === 'fail' && decision.code, 'SSE_CONTENT_TYPE', type);
    }
    const decision = decide(head(200), 0);
    assert.equal(
      decision.kind === 'fail' && decision.detail,
      'content type is missing, must be text/event-stream (HTML §9.2.3)',
    );
  });

  it('every status but 200 fails the connection: 204 is how a server says no more (§9.2.1)', () => {
    for (const status of [201, 202, 204, 205, 206, 300, 304, 305, 400, 401, 403, 404, 410, 429, 500, 502, 503, 101]) {
      const decision = decide(head(status, 'text/event-stream', status === 304 ? '/x' : undefined), 0);
      assert.equal(decision.kind === 'fail' && decision.code, 'SSE_STATUS', String(status));
    }
  });

  it('redirects are followed; 301 and 308 for good (§9.2.2)', () => {
    for (const [status, permanent] of [
      [301, true],
      [302, false],
      [303, false],
      [307, false],
      [308, true],
    ] as const)
      assert.deepEqual(decide(head(status, undefined, '/there'), 0), {
        kind: 'redirect',
        location: '/there',
        permanent,
      });
  });

  it('a redirect without a Location fails', () => {
    assert.equal(decide(head(302), 0).kind, 'fail');
  });

  it('twenty redirects in a row are followed, the next one fails (Fetch)', () => {
    assert.equal(decide(head(302, undefined, '/x'), MAX_REDIRECTS - 1).kind, 'redirect');
    const decision = decide(head(302, undefined, '/x'), MAX_REDIRECTS);
    assert.equal(decision.kind === 'fail' && decision.code, 'SSE_TOO_MANY_REDIRECTS');
    assert.equal(MAX_REDIRECTS, 20);
  });
});

describe('HTML §9.2.3: how long to wait before reconnecting', () => {
  const delays = (timeMs: number, count: number, random: number) =>
    Array.from({ length: count }, (_, failures) => reconnectionDelayMs(timeMs, failures, random));

  it('never less than the reconnection time (step 2.2)', () => {
    assert.deepEqual(delays(3_000, 6, 0), [3_000, 3_000, 3_000, 3_000, 3_000, 3_000]);
    for (const random of [0, 0.5, 1])
      for (const failures of [0, 5]) assert.equal(reconnectionDelayMs(120_000, failures, random) >= 120_000, true);
  });

  it('some more, at random, from the first wait on: up to a ceiling that doubles with each failure, to a minute (step 2.3)', () => {
    assert.deepEqual(delays(3_000, 8, 1), [6_000, 12_000, 24_000, 48_000, 60_000, 60_000, 60_000, 60_000]);
    assert.deepEqual(delays(3_000, 3, 0.5), [4_500, 7_500, 13_500]);
    assert.equal(reconnectionDelayMs(3_000, 9, 1, 20_000), 20_000);
  });

  it('retry: 0 reconnects at once after a stream, but not again and again to a server that is down', () => {
    assert.deepEqual(delays(0, 5, 1), [0, 400, 800, 1_600, 3_200]);
    assert.equal(reconnectionDelayMs(0, 1_000, 1), 60_000);
    assert.equal(reconnectionDelayMs(1, 1_000, 1), 60_000);
  });

  it('never more than a timer can count, or it would fire at once', () => {
    for (const time of [2 ** 31 - 1, 2 ** 31, 1e15, Number.POSITIVE_INFINITY])
      for (const failures of [0, 1, 50])
        for (const random of [0, 1]) assert.equal(reconnectionDelayMs(time, failures, random), 2 ** 31 - 1);
  });
});
