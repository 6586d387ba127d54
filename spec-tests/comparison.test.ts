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
  type ConformanceEntry,
  fileOf,
  PAGE,
  renderCommitted,
  renderComparison,
} from '../bench/comparison/page.ts';
import { build, pinnedVersion } from '../bench/peers/build.ts';
import { PEERS } from '../bench/peers/peers.ts';
import { END, renderTable, START } from '../bench/wire/readme.ts';
import type { Row } from '../bench/wire/report.ts';
import { RESULTS_FOLDER, type Results, readResults } from '../bench/wire/results.ts';
import { WORKLOADS } from '../bench/wire/workloads.ts';
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

  const row = (peer: string, ours: number, more: Partial<Row> = {}): Row => ({
    peer,
    label: peer === 'barewire' ? 'barewire' : `The ${peer} server`,
    value: 1_000,
    low: 1_000,
    high: 1_000,
    limit: 'server',
    ours: { median: ours, low: ours * 0.99, high: ours * 1.01 },
    ...more,
  });
  /** Rows of runs of so many rounds. */
  const resultsOf = (id: string, found: readonly (readonly [rounds: number, rows: readonly Row[]])[]): Results => {
    const [first] = committed.runs;
    const workload = WORKLOADS.find((each) => each.id === id)!;
    const runs = found.map(([rounds], i) => ({ ...first!, id: `run ${i}`, schedule: { ...first!.schedule, rounds } }));
    const rows = found.flatMap(([, each], i) => each.map((one) => ({ run: `run ${i}`, row: one })));
    return { runs, workloads: [{ workload, rows, leftOut: [] }] };
  };

  it('shows a peer that only the result file knows, and says who is missing from it', () => {
    const [run] = committed.runs;
    const entry = committed.workloads.find(({ workload }) => workload.id === 'echo-20x64')!;
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
    assert.match(page, /\| echo \| rounds \| barewire \| The quick server \| The slow server \|/);
    assert.match(page, /\| echo 20 B, 64 connections \| 3 \| 1,000\/s \| \*\*0\.50 ×\*\* \| 3\.0 × \|/);
    assert.match(
      page,
      /### The quick server\n\n- Speed: of 1 row with more than one round we are ahead in 0, level in 0, behind in 1: .*\(0\.50 ×\)\./,
    );
    assert.match(page, /Left out of a row:\n\n- Hyperlane, echo 20 B, 64 connections: reply 1 differs in FIN\n/);
    assert.match(page, /Not in the result file yet: ws, uWebSockets\.js, /);
  });

  it('compares the same cases: every server has been through as many of each kind, and so has every client', () => {
    const tested = JSON.parse(readFileSync(`${RESULTS_FOLDER}conformance.json`, 'utf8')) as Conformance;
    const sum = (counts: readonly number[]) => counts.reduce((all, each) => all + each, 0);
    const casesOf = ({ autobahn, extra, groups }: ConformanceEntry) => ({
      autobahn: sum(autobahn),
      extra: sum(extra),
      groups: Object.keys(groups),
    });
    for (const role of ['server', 'client'] as const) {
      const [first, ...others] = Object.entries(tested).filter(([, entry]) => entry.role === role);
      assert.ok(others.length > 1, role);
      for (const [id, entry] of others)
        assert.deepEqual(casesOf(entry), casesOf(first![1]), `${id}: run conformance-runs/peers.js ${id} again`);
    }
  });

  it('says so of a result file without barewire', () => {
    const workloads = committed.workloads.map((entry) => ({
      ...entry,
      rows: entry.rows.filter(({ row }) => row.peer !== 'barewire'),
    }));
    assert.throws(() => renderComparison({ ...committed, workloads }, none), /has no row in which barewire stands/);
  });

  it('marks the best server of a row, whoever it is, and nobody by one round alone', () => {
    const own = row('barewire', 1);
    const page = (...found: readonly (readonly [number, readonly Row[]])[]) =>
      renderComparison(resultsOf('echo-20x64', found), none);
    assert.match(page([2, [own, row('a', 1.5), row('b', 3)]]), /\| 2 \| \*\*1,000\/s\*\* \| 1\.50 × \| 3\.0 × \|/);
    assert.match(page([2, [own, row('a', 1)]]), /\| 2 \| 1,000\/s \| \*\*\*1\.00 ×\*\*\* \|/, 'level, and the best');
    const once = page([1, [own, row('a', 0.5), row('b', 3)]]);
    assert.match(once, /\| 1 \| 1,000\/s \| 0\.50 × \| 3\.0 × \|/);
    assert.match(
      once,
      /- Speed: no row has more than one round\. Not counted: 1 row of one round alone, in which we were behind in 1: .*\(0\.50 ×\)\.\n/,
    );
    assert.match(page([1, [own, row('a', 1)]]), /\| 1 \| 1,000\/s \| 1\.00 × \|/, 'not level either');
    const mixed = page([2, [own, row('a', 0.9)]], [1, [own, row('b', 0.5)]]);
    assert.match(mixed, /\| 1 to 2 \| 1,000\/s \| \*\*0\.90 ×\*\* \| 0\.50 × ¹ \|/);
    const twice = page([1, [own, row('a', 0.9)]], [1, [own, row('a', 1.2)]]);
    assert.match(twice, /\| 2 \| \*\*1,000\/s\*\* \| \*1\.05 ×\* \|/, 'two runs of a round are two rounds');
  });

  it('sets octets of a reply beside compressed rows, and says what ws sends at level 1 where that was measured', () => {
    const bytes = (peer: string, ours: number, compressedBytes: number) => row(peer, ours, { compressedBytes });
    const rows = [bytes('barewire', 1, 1_662.4), bytes('ws', 3, 1_426), bytes('uws', 2, 2_428)];
    const without = renderComparison(resultsOf('deflate-chat-4k-takeover', [[2, rows]]), none);
    assert.match(
      without,
      /\| compressed echo, with takeover \| rounds \| barewire \| .* \| octets of a reply: barewire \/ /,
    );
    assert.match(without, /\| 4 KiB of chat JSON \| 2 \| .* \| 1,662 \/ 1,426 \/ 2,428 \|/);
    assert.match(without, /each library has the level that is its default/);
    assert.match(without, /uWebSockets\.js keeps 512 octets/);
    assert.doesNotMatch(without, /[Ll]evel 1,/);
    const level1 = { ...bytes('ws-level-1', 1.9, 1_600), ratio: 1.58 };
    const alike = renderComparison(resultsOf('deflate-chat-4k-takeover', [[2, [...rows, level1]]]), none);
    assert.match(alike, /\| 1,662 \/ 1,426 \/ 1,600 \/ 2,428 \|/);
    assert.match(alike, /\| The ws-level-1 server \(multiple of ws\) \|/);
    const [, ...cells] = /^\| 4 KiB of chat JSON \| 2 \| [^|]+ \| (.*?) \| (.*?) \| (.*?) \|/m.exec(alike)!;
    assert.deepEqual(
      cells,
      ['3.0 ×', '1.58 ×', '2.0 ×'],
      'a setting of ws stands beside ws in the runs that have both',
    );
    assert.match(alike, /At level 1, too, ws sends 1,600 octets where barewire sends 1,662 \(/);
    assert.doesNotMatch(alike, /### The ws-level-1/, 'another setting of ws is no other framework');
    assert.doesNotMatch(
      renderComparison(resultsOf('echo-20x64', [[2, [row('barewire', 1), row('ws', 2)]]]), none),
      /octets of a reply/,
    );
  });

  it('says of a pair what the README says of it', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const shown = readme.slice(readme.indexOf(START) + START.length + 1, readme.indexOf(END) - 1);
    assert.equal(shown, renderTable(committed), 'README.md is out of date: run `npm run bench:readme`');
    const page = renderCommitted();
    let compared = 0;
    for (const [, title, figure] of shown.matchAll(
      /^\| ([^|]+) \| .* \| ([\d.]+) × [^|]+ \([^|]+\)(?:: level)? \|/gm,
    )) {
      const line = page.split('\n').find((each) => each.startsWith(`| ${title} |`));
      if (line === undefined) continue;
      compared++;
      assert.ok(line.replaceAll('*', '').includes(`| ${figure} × |`), `${title}: ${figure}`);
    }
    assert.ok(compared > 10, `${compared} rows`);
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
