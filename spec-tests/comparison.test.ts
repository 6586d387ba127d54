/**
 * docs/comparison.md: that it is what the committed results and facts make, that every fact names where it is from, and that the
 * generator takes whatever peers a result file has. And the pins of the peers that are built.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FEATURE_TABLES, SOURCES, type SourceId, STRENGTHS } from '../bench/comparison/features.ts';
import {
  type Conformance,
  fileOf,
  PAGE,
  renderCommitted,
  renderComparison,
  standingTo,
} from '../bench/comparison/page.ts';
import { build, pinnedVersion } from '../bench/peers/build.ts';
import { PEERS } from '../bench/peers/peers.ts';
import type { MergedRow } from '../bench/wire/merge.ts';
import { RESULTS_FOLDER, type Results, readResults } from '../bench/wire/results.ts';
import { ROOT } from './support/peers.ts';

describe('the page of comparisons', () => {
  it('is what the committed results make', () => {
    assert.equal(
      readFileSync(PAGE, 'utf8'),
      renderCommitted(),
      'docs/comparison.md is out of date: run `npm run bench:readme`',
    );
  });

  it('has a fact for each column of each feature, and a source for each fact', () => {
    const known = new Set(PEERS.map(({ id }) => id));
    for (const { columns, features } of FEATURE_TABLES) {
      for (const peer of Object.keys(columns)) assert.ok(known.has(peer), `${peer} is a peer`);
      for (const { title, facts } of features) {
        assert.deepEqual(Object.keys(facts), Object.keys(columns), title);
        for (const [peer, { mark, sources, note }] of Object.entries(facts)) {
          assert.equal(sources.length > 0, mark !== 'unknown', `${title}: ${peer}`);
          if (mark === 'part') assert.ok(note !== undefined, `${title}: ${peer} says which part`);
        }
      }
    }
    for (const peer of Object.keys(STRENGTHS)) assert.ok(known.has(peer), `${peer} is a peer`);
  });

  it('names files of this repository that exist', () => {
    const files = (Object.keys(SOURCES) as SourceId[]).flatMap((id) => fileOf(id) ?? []);
    assert.ok(files.length > 5);
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), file);
  });

  const committed = readResults(`${RESULTS_FOLDER}latest.json`);
  const none: Conformance = {};

  it('shows a peer that only the result file knows, and says who is missing from it', () => {
    const [run] = committed.runs;
    const entry = committed.workloads.find(({ workload }) => workload.id === 'echo-20x64')!;
    const row = (peer: string, ours: number): MergedRow => ({
      ...(entry.rows[0]!.row as MergedRow),
      peer,
      label: peer === 'barewire' ? 'barewire' : `The ${peer} server`,
      limit: 'server',
      ours: { median: ours, low: ours * 0.99, high: ours * 1.01 },
    });
    const results: Results = {
      runs: [run!],
      workloads: [
        {
          ...entry,
          leftOut: [{ peer: 'hyperlane', why: 'reply 1 differs in FIN' }],
          rows: [
            { run: run!.id, row: row('barewire', 1) },
            { run: run!.id, row: row('quick', 0.5) },
            { run: run!.id, row: row('slow', 3) },
          ],
        },
      ],
    };
    const page = renderComparison(results, none);
    assert.match(page, /\| echo \| The quick server \| The slow server \|/);
    assert.match(page, /\| \*\*0\.50 ×\*\* \| 3\.0 × \|/);
    assert.match(
      page,
      /### The quick server\n\n- Speed: of 1 row we are ahead in 0, level in 0, behind in 1: .*\(0\.50 ×\)\./,
    );
    assert.match(page, /Left out of a row:\n\n- Hyperlane, echo 20 B, 64 connections: reply 1 differs in FIN\n/);
    assert.match(page, /Not in the result file yet: ws, uWebSockets\.js, /);
  });

  it('says so of a result file without barewire', () => {
    const workloads = committed.workloads.map((entry) => ({
      ...entry,
      rows: entry.rows.filter(({ row }) => row.peer !== 'barewire'),
    }));
    assert.throws(() => renderComparison({ ...committed, workloads }, none), /has no row in which barewire stands/);
  });

  it('turns what is better when smaller, and compares CPU time where the load was the limit', () => {
    const row = (limit: MergedRow['limit']): MergedRow => ({
      peer: 'other',
      label: 'Other',
      runs: 1,
      value: 1,
      low: 1,
      high: 1,
      limit,
      ours: { median: 0.5, low: 0.4, high: 0.8 },
      oursCpu: { median: 2, low: 1.6, high: 2.5 },
    });
    const server = row('server');
    assert.deepEqual(standingTo(server, server, 'rate'), { range: server.ours, word: 'behind', byCpu: false });
    assert.deepEqual(standingTo(server, server, 'memory'), {
      range: { median: 2, low: 1.25, high: 2.5 },
      word: 'ahead',
      byCpu: false,
    });
    assert.deepEqual(standingTo(row('generator'), server, 'rate'), {
      range: { median: 0.5, low: 0.4, high: 0.625 },
      word: 'behind',
      byCpu: true,
    });
    const even = { ...server, ours: { median: 1.02, low: 0.99, high: 1.1 } };
    assert.equal(standingTo(even, server, 'rate')?.word, 'level');
  });
});

describe('peers that are built', () => {
  const built = PEERS.flatMap((peer) => {
    const { runtime } = peer;
    return runtime === 'cargo' || runtime === 'go' || runtime === 'python3' ? [{ ...peer, runtime }] : [];
  });

  it('are pinned to one version each', () => {
    assert.ok(built.length >= 4);
    for (const { script, runtime, needs } of built) assert.match(pinnedVersion(runtime, script, needs!), /^\d+\.\d+/);
    const floating = /^\w[\w-]* = (?:\{ version = )?"(?!=)/m;
    for (const { script, runtime } of built) {
      if (runtime !== 'cargo') continue;
      const manifest = readFileSync(join(ROOT, 'bench/peers', script, 'Cargo.toml'), 'utf8');
      assert.doesNotMatch(manifest.slice(manifest.indexOf('[dependencies]'), manifest.indexOf('[profile')), floating);
    }
  });

  it('name no registry in their lock files but the index of crates.io', () => {
    for (const { script } of built) {
      for (const name of ['Cargo.lock', 'go.sum', 'go.mod', 'requirements.txt']) {
        const path = join(ROOT, 'bench/peers', script, name);
        if (!existsSync(path)) continue;
        const text = readFileSync(path, 'utf8');
        const others = text.replaceAll('registry+https://github.com/rust-lang/crates.io-index', '');
        assert.doesNotMatch(others, /https?:/, path);
      }
    }
  });

  it('are left out by the name of the tool that is missing', () => {
    const { PATH } = process.env;
    process.env['PATH'] = '/nonexistent';
    try {
      assert.equal(build('cargo', 'tungstenite'), 'cargo is not installed');
      assert.equal(build('go', 'gorilla'), 'go is not installed');
    } finally {
      process.env['PATH'] = PATH;
    }
  });
});
