/** The catalogue: its size, its ids, and that the octets of a case do not change unnoticed. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { deflateRawSync, constants as flags } from 'node:zlib';
import { groupOf } from '../../lib/conformance/case.ts';
import { type Case, catalogue, isAutobahn, selectIds, uselessPattern } from '../../lib/conformance/index.ts';
import { pieceOf, sourceOf } from '../../lib/conformance/sources.ts';
import { encodeFrame, encodeHeader } from '../../lib/conformance/wire.ts';

const SERVER = catalogue('server');
const CLIENT = catalogue('client');

describe('the catalogue', () => {
  it('has the 517 cases of Autobahn, group by group, in both directions', () => {
    for (const list of [SERVER, CLIENT]) {
      const counts: Record<string, number> = {};
      for (const { id } of list) if (isAutobahn(id)) counts[groupOf(id)] = (counts[groupOf(id)] ?? 0) + 1;
      assert.deepEqual(counts, { 1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1, 12: 90, 13: 126 });
    }
  });
  it('has no id twice, and says of each case what is done and expected', () => {
    for (const list of [SERVER, CLIENT, catalogue('event-stream')]) {
      assert.equal(new Set(list.map(({ id }) => id)).size, list.length);
      for (const { id, description, expectation } of list)
        assert.match(`${description} ${expectation}`, /\. .+[.?]$/, id);
    }
  });
  it('sends 1000 messages in every compression case of the full run, and at most 4 MiB in a short one', () => {
    for (const one of catalogue('server', { full: true }))
      if (one.kind === 'echo') assert.equal(one.count, 1_000, one.id);
    for (const one of SERVER) {
      if (one.kind !== 'echo' || one.deflate === undefined) continue;
      assert.ok(one.count >= 32 && one.count * one.message(0).length <= 4_200_000, one.id);
    }
  });
  it('sends the octets that it was checked with', () => {
    const digests = new Map<string, ReturnType<typeof createHash>>();
    for (const one of SERVER) {
      if (!isAutobahn(one.id)) continue;
      const group = groupOf(one.id);
      if (!digests.has(group)) digests.set(group, createHash('sha256'));
      digests.get(group)!.update(`${one.id}\n`).update(octetsOf(one));
    }
    const actual = Object.fromEntries([...digests].map(([group, hash]) => [group, hash.digest('hex').slice(0, 16)]));
    assert.deepEqual(actual, DIGESTS);
  });
});

/** First 64 bits of the SHA-256 over ids and unmasked octets. */
const DIGESTS: Readonly<Record<string, string>> = {
  1: 'f1a6755c220d6aee',
  2: 'caff256bde63217d',
  3: '29d6a264d512ca84',
  4: '4aa582bad56c1239',
  5: '43b5c349ae1dda32',
  6: '2cda2aed35b07080',
  7: '063090d36125a0d5',
  9: '45667c2e278755ad',
  10: '29cab9e0c2fd5271',
  12: '8e3898e7fa8ec500',
  13: 'a882cb6cc9aa1acf',
};

function octetsOf(one: Case): Buffer {
  if (one.kind === 'probe') return Buffer.alloc(0);
  if (one.kind === 'echo') return Buffer.from(one.message(1));
  return Buffer.concat(
    one.steps().flatMap((step) => {
      if (step.do === 'frame') return encodeFrame(step);
      if (step.do === 'close') return encodeFrame({ opcode: 8, payload: step.body });
      if (step.do === 'header') return encodeHeader(step, step.length);
      if (step.do === 'octets') return Buffer.from(step.payload);
      if (step.do === 'fragments') return [Buffer.from(`${step.size}`), Buffer.from(step.payload)];
      return Buffer.from(`${step.ms}`);
    }),
  );
}

describe('selection', () => {
  const ids = (patterns: string[], excluded: string[] = []) =>
    selectIds(SERVER, patterns, excluded).map(({ id }) => id);
  it('takes ids, patterns and lists of them', () => {
    assert.deepEqual(ids(['2.1']), ['2.1']);
    assert.equal(ids(['6.4.*']).length, 4);
    assert.equal(ids(['3.*,4.1.*']).length, 12);
    assert.deepEqual(ids(['7.3.*'], ['7.3.1,7.3.2', '7.3.6']), ['7.3.3', '7.3.4', '7.3.5']);
    assert.equal(ids([]).length, SERVER.length);
  });
  it('does not take 10.* for 1.*, nor 2.10 for 2.1', () => {
    assert.ok(ids(['1.*']).every((id) => id.startsWith('1.')));
    assert.deepEqual(ids(['2.1']), ['2.1']);
  });
  it('knows a pattern that matches nothing', () => {
    assert.equal(uselessPattern(SERVER, ['6.*,8.*']), '8.*');
    assert.equal(uselessPattern(SERVER, ['X.*']), undefined);
  });
});

/** Octets, kind, and compressed/plain per message: 16 fresh, 256 fresh, 4096 fresh, 131072 fresh. */
const SOURCES = [
  ['json', 194_056, 'text', [0.99, 0.52, 0.08, 0.04]],
  ['bitmap', 263_222, 'binary', [1.17, 1.01, 0.89, 0.85]],
  ['prose', 222_218, 'binary', [1.12, 0.73, 0.48, 0.39]],
  ['html', 263_647, 'text', [1.05, 0.62, 0.11, 0.06]],
  ['pdf', 1_042_328, 'binary', [1.18, 1.0, 0.86, 0.78]],
] as const;

describe('the data of groups 12 and 13', () => {
  for (const [name, octets, kind, ratios] of SOURCES) {
    it(`${name} has the size, the type and about the compressibility of what it stands for`, () => {
      const source = sourceOf(name);
      assert.equal(source.octets.length, octets);
      assert.equal(source.kind, kind);
      const actual = [16, 256, 4_096, 131_072].map((size) => {
        let plain = 0;
        let compressed = 0;
        for (let k = 0; k < Math.max(3, 60_000 / size); k++) {
          const piece = pieceOf(source, size, k);
          plain += piece.length;
          compressed += deflateRawSync(piece, { level: 6, finishFlush: flags.Z_SYNC_FLUSH }).length - 4;
        }
        return compressed / plain;
      });
      ratios.forEach((ratio, i) => {
        assert.ok(
          Math.abs(actual[i]! - ratio) <= Math.max(0.05, ratio * 0.2),
          `ratios are ${actual.map((one) => one.toFixed(2))}, not ${ratios}`,
        );
      });
    });
  }
  it('text comes in characters: 263,620 of html in 263,647 octets', () => {
    const source = sourceOf('html');
    assert.equal(source.text?.length, 263_620);
    assert.equal(pieceOf(source, 1_000, 0).toString('utf8').length, 1_000);
    assert.equal(pieceOf(source, 1_000, 263).toString('utf8').length, 1_000, 'wraps round');
  });
});
