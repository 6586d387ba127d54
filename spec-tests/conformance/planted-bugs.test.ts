/** The runner finds what is wrong: each bug is planted alone in an endpoint that is otherwise right. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import {
  type CaseResult,
  catalogue,
  isFailure,
  runClient,
  selectIds,
  serve,
  targetOf,
} from '../../lib/conformance/index.ts';
import { type Bug, runFakeClient, startFakeServer } from './fake-endpoint.ts';

/** All but the heavy groups and what takes its time by nature. */
const LIGHT = ['1.*', '2.*', '3.*', '4.*', '5.1', '5.3', '5.6', '5.9', '6.*', '7.*', '10.*'];

async function examineServer(bug: Bug | undefined, patterns: readonly string[]): Promise<Map<string, CaseResult>> {
  const server = await startFakeServer(bug);
  try {
    const cases = selectIds(catalogue('server'), patterns, []);
    assert.ok(cases.length > 0);
    const { results } = await runClient({ target: targetOf(server.url), cases, parallel: 16 });
    return new Map(results.map((one) => [one.id, one]));
  } finally {
    server.close();
  }
}

async function examineClient(bug: Bug | undefined, patterns: readonly string[]): Promise<Map<string, CaseResult>> {
  const cases = selectIds(catalogue('client'), patterns, []);
  const server = await serve({ cases, host: '127.0.0.1', port: 0 });
  try {
    await Promise.all(
      cases.map((_, i) =>
        runFakeClient(`${server.url}/runCase?case=${i + 1}&agent=fake`, bug, (port) =>
          connect({ port, host: '127.0.0.1', allowHalfOpen: true }),
        ),
      ),
    );
    // A client may be gone before the tester has noticed everything.
    for (let i = 0; i < 500 && (server.results.get('fake')?.size ?? 0) < cases.length; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    return new Map(server.results.get('fake'));
  } finally {
    server.close();
  }
}

function verdict(results: ReadonlyMap<string, CaseResult>, id: string): string {
  const one = results.get(id);
  assert.ok(one !== undefined, `case ${id} was not run`);
  return one.behaviorClose === 'OK' ? one.behavior : `${one.behavior}, ${one.behaviorClose}`;
}

describe('an endpoint without a planted bug passes strictly', () => {
  it('as a server', async () => {
    const results = await examineServer(undefined, [
      ...LIGHT,
      '12.1.2',
      '13.3.2',
      'X.2.*',
      'X.6.3',
      'X.1.10',
      'X.7.50',
      'X.9.*',
    ]);
    const notOk = [...results.values()].filter(
      (one) => !['OK', 'INFORMATIONAL'].includes(one.behavior) || isFailure(one),
    );
    assert.deepEqual(
      notOk.map(({ id, reason }) => `${id}: ${reason}`),
      [],
    );
  });
  it('as a client', async () => {
    const results = await examineClient(undefined, [...LIGHT, 'X.2.*', 'X.1.60']);
    const notOk = [...results.values()].filter(
      (one) => !['OK', 'INFORMATIONAL'].includes(one.behavior) || isFailure(one),
    );
    assert.deepEqual(
      notOk.map(({ id, reason }) => `${id}: ${reason}`),
      [],
    );
  });
});

/** Bug, case that must find it, verdict that it must give. */
const IN_SERVERS: readonly (readonly [Bug, string, string])[] = [
  ['pong missing', '2.2', 'FAILED'],
  ['pong without payload', '2.4', 'FAILED'],
  ['close answered with 1001', '7.3.3', 'FAILED, WRONG CODE'],
  ['close not answered', '7.1.1', 'OK, UNCLEAN'],
  ['second close frame', 'X.6.3', 'FAILED'],
  ['TCP left open', '7.3.3', 'OK, UNCLEAN'],
  ['invalid close code accepted', '7.9.5', 'FAILED, WRONG CODE'],
  ['UTF-8 checked late', '6.4.1', 'NON-STRICT'],
  ['UTF-8 checked late', '6.4.4', 'NON-STRICT'],
  ['UTF-8 not checked', '6.3.1', 'FAILED, FAILED'],
  ['reserved bits accepted', '3.1', 'FAILED, FAILED'],
  ['reserved opcode accepted', '4.1.1', 'OK, FAILED'],
  ['non-minimal length accepted', 'X.2.1', 'NON-STRICT'],
  ['length kept in 32 bits', 'X.2.9', 'FAILED'],
  ['fragmented ping accepted', '5.1', 'FAILED, FAILED'],
  ['orphan continuation accepted', '5.9', 'FAILED, FAILED'],
  ['fragments in wrong order', '5.3', 'FAILED'],
  ['last octet of large messages changed', '9.1.1', 'FAILED'],
  ['mask bit wrong', '1.1.2', 'FAILED, UNCLEAN'],
  ['wrong masking accepted', 'X.2.10', 'FAILED'],
  ['wrong masking of pings accepted', 'X.2.12', 'FAILED'],
  ['wrong masking of pongs accepted', 'X.2.15', 'FAILED'],
  ['wrong masking of closes accepted', 'X.2.16', 'FAILED'],
  ['wrong masking of continuations accepted', 'X.2.17', 'FAILED'],
  ['text echoed as binary', '1.1.2', 'FAILED'],
  ['closes by itself', '9.7.2', 'FAILED, FAILED'],
  ['sends lengths in 64 bits', '2.2', 'FAILED'],
  ['sends RSV2', '7.3.3', 'FAILED'],
  ['sends text that is not UTF-8', '1.1.2', 'FAILED'],
  ['sends a close code that is forbidden', '7.7.3', 'FAILED, WRONG CODE'],
  ['context forgotten when inflating', 'X.7.50', 'FAILED'],
  ['context forgotten when inflating', 'X.9.1', 'FAILED, FAILED'],
  ['window too small when inflating', 'X.9.5', 'FAILED, FAILED'],
  ['messages sent uncompressed enter the context', 'X.9.22', 'FAILED'],
  ['window larger than agreed', '13.3.10', 'FAILED'],
  ['end of the flush kept', '12.1.1', 'FAILED'],
  ['end of the flush kept', '12.1.2', 'FAILED'],
  ['end of the flush kept', '13.3.2', 'FAILED'],
  ['wrong Sec-WebSocket-Accept', '1.1.1', 'FAILED, FAILED'],
  ['any version accepted', 'X.1.10', 'FAILED'],
];

const IN_CLIENTS: readonly (readonly [Bug, string, string])[] = [
  ['mask bit wrong', '1.1.2', 'FAILED'],
  ['mask not applied', '1.1.2', 'FAILED'],
  ['wrong masking accepted', 'X.2.11', 'FAILED'],
  ['wrong masking of pings accepted', 'X.2.19', 'FAILED'],
  ['wrong masking of pongs accepted', 'X.2.20', 'FAILED'],
  ['wrong masking of closes accepted', 'X.2.21', 'FAILED'],
  ['wrong masking of continuations accepted', 'X.2.22', 'FAILED'],
  ['Sec-WebSocket-Accept not checked', 'X.1.60', 'FAILED'],
  ['pong missing', '2.2', 'FAILED'],
  ['close not answered', '7.1.1', 'OK, UNCLEAN'],
  ['close answered with 1001', '7.3.3', 'FAILED, WRONG CODE'],
  ['invalid close code accepted', '7.9.5', 'FAILED, WRONG CODE'],
  ['UTF-8 checked late', '6.4.2', 'NON-STRICT'],
  ['reserved bits accepted', '3.5', 'FAILED, FAILED'],
  ['non-minimal length accepted', 'X.2.2', 'NON-STRICT'],
  ['fragments in wrong order', '5.4', 'FAILED'],
];

describe('a planted bug is found', { concurrency: 8 }, () => {
  for (const [bug, id, expected] of IN_SERVERS) {
    it(`in a server: ${bug} (${id}: ${expected})`, async () => {
      const results = await examineServer(bug, [id]);
      const actual = verdict(results, id);
      assert.ok(actual.startsWith(expected), `${actual}: ${results.get(id)!.reason}`);
    });
  }
  for (const [bug, id, expected] of IN_CLIENTS) {
    it(`in a client: ${bug} (${id}: ${expected})`, async () => {
      const results = await examineClient(bug, [id]);
      const actual = verdict(results, id);
      assert.ok(actual.startsWith(expected), `${actual}: ${results.get(id)!.reason}`);
    });
  }
});

describe('faults that the other cases of compression do not see', () => {
  for (const [bug, ids] of [
    ['context forgotten when inflating', ['12.1.2', '13.3.10']],
    ['window too small when inflating', ['12.1.2', '13.4.5', 'X.7.50']],
    ['messages sent uncompressed enter the context', ['12.1.1', '12.1.4', 'X.7.51']],
  ] as const) {
    it(`${bug} (${ids.join(', ')}: OK)`, async () => {
      const results = await examineServer(bug, ids);
      assert.deepEqual(
        ids.map((id) => verdict(results, id)),
        ids.map(() => 'OK'),
      );
    });
  }
});

/** Bug, case of the X catalogue, the whole reason of its verdict. */
const REASONS: readonly (readonly [Bug, string, string])[] = [
  ['UTF-8 not checked', 'X.7.63', 'the peer sent a text message that is not UTF-8 (RFC 6455 §8.1)'],
  [
    'sends RSV2',
    'X.3.3',
    'cut after octet 1 of 48: the answers are wrong; the peer set reserved bits 010 (RFC 6455 §5.2)',
  ],
];

describe('the reason says what the peer did, not how it answered the close that this led to', () => {
  for (const [bug, id, reason] of REASONS) {
    it(`${bug} (${id})`, async () => {
      const results = await examineServer(bug, [id]);
      assert.equal(results.get(id)!.reason, reason);
    });
  }
});
