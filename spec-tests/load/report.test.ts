/**
 * From rounds to what people read: medians and ratios, the page, the README's table, the regression guard.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderComparison } from '../../bench/comparison/page.ts';
import { fallOf, guardRatio, verdictOf, wasShared } from '../../bench/guard.ts';
import { PEERS } from '../../bench/peers/peers.ts';
import type { Round } from '../../bench/wire/load.ts';
import {
  addRun,
  bestOf,
  dropRuns,
  MAX_RUNS,
  type MergedRow,
  mergeRows,
  standingOf,
  standingTo,
  viewOf,
} from '../../bench/wire/merge.ts';
import { fittedExponent, renderPage } from '../../bench/wire/page.ts';
import { END, renderTable, replaceTable, START } from '../../bench/wire/readme.ts';
import { formatTable, type Measured, type Row, spreadOf, summarize } from '../../bench/wire/report.ts';
import { type Finding, formatResults, parseResults, type Results, type Run } from '../../bench/wire/results.ts';
import { LENT_PEERS, renderLent, renderNodes, renderTargets, renderWays, TARGETS } from '../../bench/wire/targets.ts';
import { runsWords, versionsOf } from '../../bench/wire/words.ts';
import { chooseWorkloads, GROWTH_SERIES, QUICK, README_ROWS, SETS, WORKLOADS } from '../../bench/wire/workloads.ts';

function round(perSecond: number, serverMicroseconds: number, extra: Partial<Round> = {}): Round {
  return {
    count: perSecond,
    seconds: 1,
    perSecond,
    serverMicroseconds,
    generatorCpu: 0.5,
    generatorWaited: 0,
    limit: 'server',
    ...extra,
  };
}

const RATE = { figure: 'rate', reference: 'ws' } as const;

/** Two peers in three rounds; the machine was half as fast in the second. */
const MEASURED = [
  { id: 'barewire', label: 'barewire', rounds: [round(300, 2), round(150, 4), round(330, 2)] },
  { id: 'ws', label: 'ws', rounds: [round(100, 6), round(50, 12), round(100, 6)] },
];

const LATENCY = {
  count: 9,
  p50: 1,
  p90: 2,
  p99: 5,
  p999: 8,
  max: 9,
  curve: [
    [50, 1],
    [99, 5],
    [100, 9],
  ],
} as const;

function run(id: string, node = '24.1.2'): Run {
  return {
    id,
    date: '2030-01-02T03:04:05.678Z',
    commit: '0123456789abcdef0123',
    dirty: false,
    machine: {
      cpu: 'Some <CPU>',
      cpus: 2,
      memoryBytes: 2 ** 33,
      system: 'linux 6',
      node,
      placement: 'server on core 0, load on core 1',
    },
    versions: { barewire: '0.1.0', ws: '8.0.0' },
    schedule: { rounds: 3, warmUpMs: 700, durationMs: 2_000 },
  };
}

function finding(id: string, measured: readonly Measured[], leftOut: Finding['leftOut'] = []): Finding {
  const workload = WORKLOADS.find((each) => each.id === id)!;
  return { workload, rows: summarize(workload, measured), measured, leftOut };
}

const NOTHING: Results = { runs: [], workloads: [] };

function results(...findings: readonly Finding[]): Results {
  const paced = [{ id: 'ws', label: 'ws', rounds: [round(10, 1, { latency: LATENCY })] }];
  const usual = [
    finding('echo-20x64', MEASURED, [{ peer: 'deno', why: '<b>no</b>' }]),
    finding('paced-echo-64', paced),
  ];
  return addRun(NOTHING, run('first'), findings.length === 0 ? usual : findings);
}

describe('a row', () => {
  const [ours, theirs] = summarize(RATE, MEASURED);

  it('is the median of its rounds, with the furthest of them', () => {
    assert.equal(ours?.value, 300);
    assert.equal(spreadOf(ours!), 0.5);
    assert.deepEqual([ours?.low, ours?.high], [150, 330]);
    assert.equal(theirs?.value, 100);
  });

  it('takes ratios round by round, so that a slow moment of the machine falls on both', () => {
    assert.equal(ours?.ratio, 3);
    assert.equal(ours?.cpuRatio, 1 / 3);
    assert.equal(theirs?.ratio, 1);
  });

  it('says how much of the CPU time was the kernel, where the system tells', () => {
    const [row, other] = summarize(RATE, [
      {
        id: 'barewire',
        label: '',
        rounds: [0.8, 0.9, 0.7].map((serverKernelShare) => round(1, 1, { serverKernelShare })),
      },
      { id: 'ws', label: '', rounds: [round(1, 1)] },
    ]);
    assert.equal(row?.kernelShare, 0.8);
    assert.equal(other?.kernelShare, undefined);
  });

  it('compares each round with the one that ran beside it, not with the first', () => {
    const [fast] = summarize(RATE, [
      { id: 'barewire', label: '', rounds: [round(300, 1), round(160, 1), round(360, 1)] },
      { id: 'ws', label: '', rounds: [round(100, 1), round(40, 1), round(100, 1)] },
    ]);
    assert.equal(fast?.ratio, 3.6);
  });

  it('sets ours beside it, round by round, with the furthest rounds', () => {
    const [, other] = summarize(RATE, [
      { id: 'barewire', label: '', rounds: [round(300, 2), round(150, 4), round(330, 1)] },
      { id: 'bun', label: '', rounds: [round(100, 4), round(100, 4), round(100, 4)] },
    ]);
    assert.deepEqual(other?.ours, { median: 3, low: 1.5, high: 3.3 });
    assert.deepEqual(other?.oursCpu, { median: 0.5, low: 0.25, high: 1 });
    assert.equal(ours?.ours, undefined, 'ours is not set beside itself');
  });

  it('has no ratio when the reference was not measured', () => {
    const [alone] = summarize(RATE, [MEASURED[0]!]);
    assert.equal(alone?.ratio, undefined);
  });

  it('stands in a table with its limit', () => {
    const [workload] = chooseWorkloads(['echo-20x64']);
    const lines = formatTable(workload!, [ours!, theirs!]).split('\n');
    assert.match(lines[2]!, /^ {2}barewire +300 +50% +3\.00x +2\.00 +0\.33x +server$/);
  });
});

describe('the workloads', () => {
  it('have ids of their own, and are chosen by id, beginning or group', () => {
    assert.equal(new Set(WORKLOADS.map((each) => each.id)).size, WORKLOADS.length);
    assert.deepEqual(
      chooseWorkloads(['echo-20x1']).map((each) => each.id),
      ['echo-20x1'],
    );
    assert.ok(chooseWorkloads(['echo-20x1', 'growth']).length > 8);
    assert.equal(chooseWorkloads(QUICK).length, QUICK.length);
    for (const [name, { workloads, peers }] of Object.entries(SETS)) {
      assert.ok(chooseWorkloads(workloads).length > 5, name);
      for (const peer of peers ?? [])
        assert.ok(
          PEERS.some(({ id }) => id === peer),
          `${name}: ${peer}`,
        );
    }
    assert.equal(chooseWorkloads(SETS['compressed']!.workloads).length, 80);
    assert.throws(() => chooseWorkloads(['nonsense']), { message: /no workload is called "nonsense"/ });
  });
});

describe('the README table', () => {
  it('tells of several runs in one sentence, and names the versions of all of them', () => {
    const [first, second] = [run('first'), run('second')];
    const later: Run = {
      ...second,
      date: '2030-01-03T00:00:00.000Z',
      schedule: { ...second.schedule, rounds: 1 },
      versions: { later: '2' },
    };
    assert.match(
      runsWords([first, second, later], []),
      /^2 runs on 2030-01-02, 1 run on 2030-01-03; commits 0123456789; Some <CPU>, 2 CPUs, .*; 1 to 3 interleaved rounds of 2 s$/,
    );
    assert.deepEqual(versionsOf([first, later]), { ...first.versions, later: '2' });
    const elsewhere = { ...second, machine: { ...second.machine, system: 'other 2', memoryBytes: 1 } };
    assert.match(
      runsWords([first, second, elsewhere], []),
      /; 2 machines \([^()]+, other 2\), Some <CPU>, 2 CPUs, [^;]*; 3 interleaved/,
    );
  });

  it('is generated from a result file and put between its markers, twice with the same result', () => {
    const table = renderTable(results());
    assert.match(table, /^\| {2}\| ws \| barewire \| barewire to the best other \|\n/);
    assert.match(table, /\| echo 20 B, 64 connections \| 100\/s \| \*\*3\.0 ×\*\* \| 3\.0 × ws \(3\.0–3\.3\) \|/);
    assert.match(table, /Medians of the rounds on Node 24\.1\.2, with their range in brackets/);
    assert.match(table, /Run first: 2030-01-02, commit 0123456789, Some <CPU>, 2 CPUs, .* 3 interleaved rounds of 2 s/);
    const before = `# Title\n\n${START}\nold\n${END}\n\nThe end.\n`;
    const after = replaceTable(before, table);
    assert.equal(after, `# Title\n\n${START}\n${table}\n${END}\n\nThe end.\n`);
    assert.equal(replaceTable(after, table), after);
  });

  it('has a table for each reference, and says where less is better', () => {
    const measured = MEASURED.map((peer) => ({
      ...peer,
      id: peer.id === 'ws' ? 'better-sse' : peer.id,
      rounds: peer.rounds.map((each) => ({ ...each, connectionBytes: 5_000 })),
    }));
    const table = renderTable(results(finding('events-100x1000', measured), finding('idle-10000', measured)));
    assert.match(table, /\| {2}\| better-sse \| barewire \| barewire to the best other \|\n/);
    assert.match(table, /to 1,000 clients \| 100\/s \| \*\*3\.0 ×\*\* \| 3\.0 × better-sse /);
    assert.match(table, /\| {2}\| ws \|/);
    assert.match(table, /of 10,000 \| – \|/);
  });

  it('compares CPU time, in a row where the load was the limit of a server', () => {
    const limited = MEASURED.map((peer) => ({
      ...peer,
      rounds: peer.rounds.map((each) => ({ ...each, limit: peer.id === 'ws' ? each.limit : ('generator' as const) })),
    }));
    const halfTheRate = limited.map((peer) =>
      peer.id === 'ws' ? peer : { ...peer, rounds: peer.rounds.map((each) => ({ ...each, perSecond: 50 })) },
    );
    const table = renderTable(results(finding('echo-20x64', halfTheRate)));
    assert.match(
      table,
      /\| echo 20 B, 64 connections \\\* \| 6\.00 µs \| \*\*3\.0 ×\*\* \| 3\.0 × ws \(3\.0–3\.0\) \|/,
    );
    assert.match(table, /the row compares the server's CPU time/);
    assert.doesNotMatch(renderTable(results(finding('echo-20x64', MEASURED))), /\\\*/);
  });

  it('counts the runs of its own rows, and names no others', () => {
    const all = addRun(results(), run('second'), [finding('echo-20x64', MEASURED)]);
    const more = addRun(all, { ...run('third'), commit: 'ffffffffffff' }, [finding('echo-20x1', MEASURED)]);
    const table = renderTable(more);
    assert.match(table, /Medians of the runs on [\s\S]*; for each multiple 2 of these runs, 6 rounds in all\./);
    assert.match(table, /2 runs on 2030-01-02; commits 0123456789;/);
    const ways = MEASURED.map((peer) => ({ ...peer, id: peer.id === 'ws' ? 'barewire-lent' : peer.id }));
    const beside = renderTable(addRun(all, run('third'), [finding('echo-20x64', ways)]));
    assert.match(
      beside,
      /\n2 runs on 2030-01-02;.*; for each multiple 2 of these runs, 6 rounds in all\./,
      'a run of barewire alone is in no multiple',
    );
  });

  it('marks what one round alone says, without a range and without bold', () => {
    const once = { ...run('once'), schedule: { rounds: 1, warmUpMs: 1, durationMs: 1 } };
    const table = renderTable(addRun(NOTHING, once, [finding('echo-20x64', MEASURED)]));
    assert.match(table, /\| 100\/s \| 3\.0 × ¹ \| 3\.0 × ws ¹ \|/);
    assert.match(table, /\n¹ One round alone: it cannot say \*level\*/);
    assert.doesNotMatch(renderTable(results()), /¹/);
  });

  it('says which rows are not ahead on other versions of Node', () => {
    const times = (factor: number, id = 'echo-20x64') =>
      finding(id, [
        { id: 'barewire', label: 'barewire', rounds: [round(100 * factor, 1)] },
        { id: 'ws', label: 'ws', rounds: [round(100, 1)] },
      ]);
    const on = (node: string, ...found: readonly Finding[]) => renderTable(addRun(results(), run('b', node), found));
    assert.match(
      on('26.1.0', times(0.9), times(1.04, 'echo-20x1000'), times(2, 'echo-1mx4')),
      /On Node 26 \(3 rounds\) against ws and better-sse: ahead in 1 of 3 rows, level or less than 5 % ahead in echo 20 B, 1,000 connections \(1\.04 ×\), behind in echo 20 B, 64 connections \(0\.90 ×\)\./,
    );
    const once = { ...run('b', '26.1.0'), schedule: { ...run('b').schedule, rounds: 1 } };
    assert.doesNotMatch(renderTable(addRun(results(), once, [times(0.9)])), /On Node/, 'one round alone');
    assert.match(on('20.1.0', times(2)), /On Node 20 \(3 rounds\) against ws and better-sse: ahead in 1 of 1 rows\./);
    assert.doesNotMatch(renderTable(results()), /On Node/);
    assert.doesNotMatch(on('26.1.0', times(0.9, 'echo-20x1')), /On Node/, 'a row that is not in the tables');
  });

  it('has compressed rows in a table of their own, with the octets of a reply', () => {
    const measured = MEASURED.map((peer, i) => ({
      ...peer,
      rounds: peer.rounds.map((each) => ({ ...each, compressedBytes: 1_000 + i })),
    }));
    const table = renderTable(results(finding('echo-20x64', MEASURED), finding('deflate-chat-4k', measured)));
    assert.match(table, /\| {2}\| ws \| barewire \| barewire to the best other \|\n/);
    assert.match(table, /\| barewire to the best other \| octets of a reply: barewire \/ ws \|\n/);
    assert.match(table, /\| compressed echo, 4 KiB of chat JSON \| .* \| 1,000 \/ 1,001 \|/);
  });

  it('names workloads that there are', () => {
    for (const id of README_ROWS) assert.equal(chooseWorkloads([id])[0]!.id, id);
  });

  it('is refused a file without its markers', () => {
    assert.throws(() => replaceTable('# Title\n', 'x'), { message: /there is no <!-- bench:start -->/ });
  });
});

describe('the table of targets', () => {
  const entry = (id: string, ours: Partial<Round> = {}) => {
    const workload = WORKLOADS.find((each) => each.id === id)!;
    const measured = MEASURED.map((peer) => ({
      ...peer,
      id: peer.id === 'ws' ? workload.reference : peer.id,
      rounds: peer.rounds.map((each) => ({
        ...each,
        connectionBytes: peer.id === 'ws' ? 5_000 : 4_500,
        ...(peer.id === 'barewire' ? ours : {}),
      })),
    }));
    return finding(id, measured);
  };

  it('says what was reached, what was wanted where it was not, and what the kernel alone would allow', () => {
    const table = renderTargets(
      results(
        entry('echo-20x64', { serverKernelShare: 0.75 }),
        entry('echo-20x16x64'),
        entry('idle-10000'),
        entry('events-100x1000'),
      ),
    );
    // Ours takes 2 µs, of which 1.5 are the kernel's, ws 6.
    assert.match(table, /\| echo 20 B, 64 connections \| 3\.0 × ≥ 1\.5 \| – \| 4\.0 × \| – \| – \| 1\.50 \+ 0\.50 \|/);
    assert.match(table, /\| echo 20 B, 16 connections, 64 in flight \| 3\.0 × < 30 \| – \|/);
    assert.match(table, /\| memory of an idle connection, of 10,000 \| 1\.11 × < 1\.25 \| – \|/);
    assert.match(table, /\| event stream, 100 B to 1,000 clients \| 3\.0 × ≥ 3 \|/);
    assert.doesNotMatch(table, /NaN|undefined|Infinity/);
  });

  it('has the other ways to use barewire beside it, as multiples of the plain one', () => {
    const measured = [
      ...MEASURED,
      { id: 'barewire-attached', label: '', rounds: [round(270, 2), round(135, 4), round(330, 2)] },
    ];
    const [ways] = renderWays(results(finding('echo-20x64', measured), finding('echo-20x1000', MEASURED)));
    assert.match(
      ways!,
      /^\| multiples of barewire as it is \| `server\.attach` \|\n.*\n\| echo 20 B, 64 connections \| 0\.90 × \|$/,
    );
    assert.deepEqual(renderWays(results()), []);
  });

  it('sets lent messages beside the native servers, from runs that have all of them', () => {
    const peer = (id: string, perSecond: number) => ({
      id,
      label: '',
      rounds: [round(perSecond, 2), round(perSecond, 2), round(perSecond, 2)],
    });
    const both = [peer('barewire', 200), peer('barewire-lent', 300), peer('uws', 100), peer('bun', 240)];
    const [lent] = renderLent(results(finding('echo-20x16x64', both), finding('echo-1mx4', both.slice(0, 3))));
    assert.match(lent!, /\| echo 20 B, 16 connections, 64 in flight \| 3\.0 × < 3\.5 \| 1\.25 × < 1\.5 \| 3 \|$/);
    assert.deepEqual(renderLent(results()), []);
    assert.deepEqual(SETS['lent']?.peers, LENT_PEERS);
  });

  it('names workloads that there are, and peers that they have', () => {
    for (const { id, wanted } of TARGETS) {
      const [workload] = chooseWorkloads([id]);
      assert.equal(workload!.id, id);
      assert.ok(wanted[workload!.reference] !== undefined, id);
    }
  });
});

describe('the page', () => {
  const page = renderPage(results());

  it('loads nothing and runs nothing', () => {
    assert.doesNotMatch(page, /<script|<link|<img|@import|url\(|https?:/);
  });

  it('shows every peer of every workload, who was left out, and escapes what it was given', () => {
    assert.match(page, /aria-label="barewire: 1\.00×"/);
    assert.match(page, /Some &#60;CPU&#62;/);
    assert.match(page, /deno is left out: &#60;b&#62;no/);
    assert.match(page, /<polyline points="/);
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
  });
});

describe('a card of the page', () => {
  const peer = (id: string, each: readonly Round[]) => ({ id, label: id, rounds: each });
  const three = (...args: Parameters<typeof round>) => [round(...args), round(...args), round(...args)];

  it('compares within runs: a picture does not say the contrary of the tables', () => {
    const quiet = finding('echo-20x64', [peer('barewire', three(200, 1)), peer('barewire-attached', three(160, 2))]);
    const loud = finding('echo-20x64', [peer('barewire', three(50, 4)), peer('ws', three(40, 5))]);
    const again = finding('echo-20x64', [peer('barewire', three(60, 4)), peer('ws', three(48, 5))]);
    const all = addRun(addRun(results(quiet), run('b'), [loud]), run('c'), [again]);
    const page = renderPage(all);
    assert.match(page, /<b>60\/s<\/b> · 4\.00 µs CPU/);
    assert.match(page, /aria-label="barewire-attached: 0\.80×">\n.*width="80\.00%" height="14" rx="3" class="bar"/);
    assert.match(page, /<b>0\.80×<\/b> · CPU time 2\.00×/);
    assert.doesNotMatch(page, /160/, 'an absolute figure of another run');
  });

  it('marks that CPU time is compared, and its bars are of it', () => {
    const limited = (perSecond: number, cpu: number) => three(perSecond, cpu, { limit: 'generator' });
    const measured = [peer('barewire', limited(100, 2)), peer('ws', limited(90, 4))];
    const page = renderPage(results(finding('echo-20x64', measured)));
    assert.match(page, /<figcaption>echo 20 B, 64 connections\u00a0\*<small>CPU time of the server for its messages/);
    assert.match(page, /<b>2\.00 µs CPU<\/b> · 100\/s/);
    assert.match(page, /<b>0\.50×<\/b> · rate 0\.90×/);
    assert.match(page, /aria-label="ws: 0\.50×">\n.*width="50\.00%" height="14" rx="3" class="bar"/);
  });

  it('sets another setting of ws beside ws, not beside barewire in other runs', () => {
    const before = finding('deflate-chat-4k', [peer('barewire', three(400, 2)), peer('ws', three(100, 4))]);
    const both = finding('deflate-chat-4k', [
      peer('barewire', three(600, 2)),
      peer('ws', three(100, 4)),
      peer('ws-level-1', three(98, 4)),
    ]);
    const page = renderPage(addRun(results(before), run('b'), [both]));
    assert.match(page, /aria-label="ws: 0\.20×"/);
    assert.match(page, /<b>0\.98×<\/b> · multiple of ws/);
    assert.doesNotMatch(page, /aria-label="ws-level-1/, 'no bar');
  });

  it('has figures in each row and column of the table of all rates, also in runs without ws', () => {
    const native = [peer('barewire', three(100, 2)), peer('bun', three(50, 4))];
    const memory = finding('idle-10000', [
      peer('barewire', three(1, 1, { connectionBytes: 1 })),
      peer('deno', three(1, 1, { connectionBytes: 2 })),
    ]);
    const alone = finding('echo-20x64', [peer('barewire', three(100, 2))]);
    const page = renderPage(
      results(finding('echo-100tx16x64', native), finding('echo-16ktx32x2', native), alone, memory),
    );
    const table = page.slice(page.indexOf('<table>'), page.indexOf('</table>'));
    assert.match(table, /<th scope="col">barewire<\/th><th scope="col">bun<\/th><\/tr>/, 'nobody who has no rate');
    assert.match(table, /<td>ahead of Bun<\/td><td class="best">100\/s<\/td><td>0\.50×<\/td>/);
    assert.doesNotMatch(table, /–|64 connections/);
  });
});

describe('growth', () => {
  it('has the exponent that fits best', () => {
    assert.ok(
      Math.abs(
        fittedExponent([
          [1, 5],
          [10, 50],
          [100, 500],
        ])! - 1,
      ) < 1e-9,
    );
    assert.ok(
      Math.abs(
        fittedExponent([
          [10, 7],
          [100, 7],
          [1_000, 7],
        ])!,
      ) < 1e-9,
    );
    assert.ok(
      Math.abs(
        fittedExponent([
          [1, 1],
          [10, 3],
          [100, 9],
        ])! - Math.log10(3),
      ) < 1e-9,
    );
    assert.equal(fittedExponent([[10, 7]]), undefined);
  });

  it('is a picture of CPU time and one of memory for each series, with the exponents', () => {
    const at = (count: number) =>
      finding(`growth-connections-${count}`, [
        { id: 'ws', label: 'ws', rounds: [round(10, count / 100, { serverBytes: 1e7 })] },
      ]);
    const page = renderPage(results(at(10), at(100), at(1_000)));
    assert.match(page, /id="growth-connections">[\s\S]*?<\/i>ws 1\.00</);
    assert.match(page, /id="growth-connections-memory">[\s\S]*?<\/i>ws 0\.00</);
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
  });

  it('has a series of everything, in an order that grows', () => {
    for (const series of GROWTH_SERIES) {
      const at = WORKLOADS.flatMap(({ growth }) => (growth?.of === series ? growth.at : []));
      assert.ok(at.length >= 4, series);
      assert.ok(at.at(-1)! >= 1_000 * at[0]!, series);
    }
  });
});

describe('the guard', () => {
  const committed = { rate: 3, cpu: 3 };

  it('compares ours with ws in the same run, by rate and by CPU time', () => {
    assert.deepEqual(guardRatio(summarize(RATE, MEASURED)), { rate: 3, cpu: 3 });
    assert.equal(guardRatio(summarize(RATE, [MEASURED[0]!])), undefined);
  });

  it('calls it a fall only when both fell: a shared machine disturbs them differently', () => {
    assert.ok(fallOf({ rate: 2.6, cpu: 2.6 }, committed) > 0.1);
    assert.ok(fallOf({ rate: 2, cpu: 2.9 }, committed) < 0.1);
    assert.ok(fallOf({ rate: 2.9, cpu: 2 }, committed) < 0.1);
    assert.ok(fallOf({ rate: 4, cpu: 4 }, committed) < 0);
  });

  it('does not decide on a fall while other processes used the CPU', () => {
    const low = { rate: 2, cpu: 2 };
    assert.equal(verdictOf(low, committed, false), 'fell');
    assert.equal(verdictOf(low, committed, true), 'undecided');
    assert.equal(verdictOf(committed, committed, true), 'holds');
    assert.equal(verdictOf(low, undefined, false), 'new');
    const shared = { id: 'ws', label: 'ws', rounds: [round(1, 1, { limit: 'machine' })] };
    assert.equal(wasShared(summarize(RATE, MEASURED)), false);
    assert.equal(wasShared(summarize(RATE, [MEASURED[0]!, shared])), true);
  });
});

describe('the best of a row', () => {
  const [workload] = chooseWorkloads(['echo-20x64']);
  const row = (peer: string, ours: number, more: Partial<Row> = {}, rounds = 2): MergedRow => {
    const found: Row = {
      peer,
      label: peer,
      value: 1,
      low: 1,
      high: 1,
      serverMicroseconds: 1,
      limit: 'server',
      ...(peer === 'barewire' ? {} : { ours: { median: ours, low: ours, high: ours } }),
      ...more,
    };
    return mergeRows([{ run: { id: 'a', schedule: { rounds, warmUpMs: 1, durationMs: 1 } }, row: found }]);
  };

  it('is a server, whoever it is; sockets without a protocol are none', () => {
    const rows = [row('ws', 4), row('barewire', 1), row('bun', 0.8), row('net', 0.4)];
    assert.equal(bestOf({ workload: workload!, basis: 'figure', rows }), 'bun');
    assert.equal(bestOf({ workload: workload!, basis: 'figure', rows: rows.slice(0, 2) }), 'barewire');
    const [memory] = chooseWorkloads(['idle-10000']);
    assert.equal(bestOf({ workload: memory!, basis: 'figure', rows }), 'ws', 'of memory the least');
  });

  it('is nobody by one round alone', () => {
    const rows = [row('ws', 1.5), row('barewire', 1), row('bun', 0.5, {}, 1)];
    assert.equal(bestOf({ workload: workload!, basis: 'figure', rows }), 'barewire');
    assert.equal(standingOf({ workload: workload!, basis: 'figure', rows })?.peer, 'ws');
    assert.equal(bestOf({ workload: workload!, basis: 'figure', rows: rows.slice(1) }), undefined);
  });

  it('is found by CPU time in all cells of a row where the load was the limit of one server', () => {
    const oursCpu = { median: 2, low: 1.6, high: 2.5 };
    const rows = [
      row('barewire', 1),
      row('ws', 1.5, { oursCpu }),
      row('bun', 1.2, { limit: 'generator', oursCpu: { median: 1.25, low: 1.25, high: 1.25 } }),
    ];
    const all: Results = {
      runs: [run('a')],
      workloads: [{ workload: workload!, leftOut: [], rows: rows.map((each) => ({ run: 'a', row: each })) }],
    };
    const [entry] = viewOf(all).workloads;
    assert.equal(entry?.basis, 'cpu');
    const { range, word } = standingTo(entry!, 'ws')!;
    assert.deepEqual([range, word], [{ median: 0.5, low: 0.4, high: 0.625 }, 'behind'], 'ws was no limit itself');
    assert.equal(standingTo(entry!, 'bun')?.range.median, 0.8);
    assert.equal(bestOf(entry!), 'ws');
    assert.match(renderTargets(all), /\| echo 20 B, 64 connections \\\* \| 0\.50 × < 1\.5 \| .* \| 0\.80 × < 0\.95 \|/);
    assert.match(
      renderComparison(all, {}),
      /\| echo 20 B, 64 connections \\\* \| 3 \| 1\.00 µs \| \*\*0\.50 ×\*\* \| 0\.80 × \|/,
    );
  });

  it('turns what is better when smaller', () => {
    const [memory] = chooseWorkloads(['idle-10000']);
    const half = row('ws', 1, { ours: { median: 0.5, low: 0.4, high: 0.8 } });
    const { range, word } = standingTo({ workload: memory!, basis: 'figure', rows: [half] }, 'ws')!;
    assert.deepEqual([range, word], [{ median: 2, low: 1.25, high: 2.5 }, 'ahead']);
  });
});

describe('runs that are merged', () => {
  /** Ours and two others; ours is so many times Bun. */
  const measuredAs = (timesBun: number): Measured[] => [
    { id: 'barewire', label: 'barewire', rounds: [round(300 * timesBun, 1)] },
    { id: 'ws', label: 'ws', rounds: [round(100, 3)] },
    { id: 'bun', label: 'Bun', rounds: [round(300, 1)] },
  ];
  const add = (before: Results, id: string, timesBun: number, node?: string) =>
    addRun(before, run(id, node), [finding('echo-20x64', measuredAs(timesBun))]);
  const entryOf = (all: Results, major?: string) => viewOf(all, major).workloads[0]!;

  it('show the median and the furthest of them', () => {
    const all = add(add(add(NOTHING, 'a', 1.2), 'b', 1.1), 'c', 1.4);
    const ours = entryOf(all).rows.find(({ peer }) => peer === 'barewire')!;
    assert.equal(ours.runs, 3);
    assert.deepEqual([ours.value, ours.low, ours.high].map(Math.round), [360, 330, 420]);
    assert.match(renderTable(all), /\| \*\*3\.6 ×\*\* \(3\.3–4\.2\) \| .* 1\.20 × Bun \(1\.10–1\.40\) \|/);
    assert.match(renderTable(all), /Medians of the runs on Node 24\.1\.2, with their range/);
  });

  it('are level with the best other where the range has 1 in it, and only there', () => {
    const word = (...each: readonly number[]) =>
      standingOf(entryOf(each.reduce((all, value, i) => add(all, `run ${i}`, value), NOTHING)))!;
    assert.equal(word(1.1, 1.2, 0.99).word, 'level');
    assert.equal(word(0.8, 0.9, 1.01).word, 'level');
    assert.equal(word(1.1, 1.2, 1.01).word, 'ahead');
    assert.equal(word(0.9, 0.99, 0.8).word, 'behind');
    assert.equal(word(1.1).peer, 'bun');
    const level = add(add(NOTHING, 'a', 1.1), 'b', 0.9);
    assert.match(renderTable(level), /1\.00 × Bun \(0\.90–1\.10\): level \|/);
    assert.doesNotMatch(renderTable(add(NOTHING, 'a', 1.1)), /: level/);
  });

  it('have their rounds for a range where there is one alone', () => {
    const rounds = (...values: readonly number[]) => values.map((value) => round(value, 1));
    const measured = [
      { id: 'barewire', label: 'barewire', rounds: rounds(110, 95, 120) },
      { id: 'ws', label: 'ws', rounds: rounds(100, 100, 100) },
    ];
    const standing = standingOf(entryOf(results(finding('echo-20x64', measured))))!;
    assert.deepEqual(standing.range, { median: 1.1, low: 0.95, high: 1.2 });
    assert.equal(standing.word, 'level');
  });

  it('are better with less memory', () => {
    const memory = (bytes: number) => [round(1, 1, { connectionBytes: bytes })];
    const measured = [
      { id: 'barewire', label: 'barewire', rounds: memory(4_000) },
      { id: 'ws', label: 'ws', rounds: memory(5_000) },
    ];
    const standing = standingOf(entryOf(results(finding('idle-10000', measured))))!;
    assert.deepEqual([standing.word, standing.range.median], ['ahead', 1.25]);
    assert.match(
      renderTable(results(finding('idle-10000', measured))),
      /\| \*\*1\.25 ×\*\* \| 1\.25 × ws \(1\.25–1\.25\) \|/,
    );
  });

  it('are kept apart by version of Node; the table is that of 24', () => {
    const all = add(add(add(NOTHING, 'a', 1.2, '20.19.0'), 'b', 1.5, '24.1.2'), 'c', 0.5, '26.0.0');
    assert.equal(standingOf(entryOf(all))!.range.median, 1.5);
    assert.equal(standingOf(entryOf(all, '20'))!.range.median, 1.2);
    assert.match(renderTable(all), /Node 24\.1\.2/);
    assert.match(renderTable(add(NOTHING, 'a', 1.2, '20.19.0')), /Node 20\.19\.0/, 'what there is, where 24 is not');
    const [nodes] = renderNodes(all);
    assert.match(nodes!, /barewire on Node \| 20: .* \| 24: .* \| 26: /);
    assert.match(nodes!, /\| echo 20 B, 64 connections \| 3\.6 ×, 1\.00 \| 4\.5 ×, 1\.00 \| 1\.50 ×, 1\.00 \|/);
    assert.deepEqual(
      dropRuns(all, '24').runs.map(({ id }) => id),
      ['a', 'c'],
    );
  });

  it('replace what the same run had found before, and nothing else', () => {
    const all = add(add(NOTHING, 'a', 1.2), 'b', 1.3);
    const again = add(all, 'b', 1.6);
    assert.equal(entryOf(again).rows.find(({ peer }) => peer === 'bun')!.runs, 2);
    assert.equal(standingOf(entryOf(again))!.range.high, 1.6);
    const more = addRun(again, run('b'), [finding('echo-20x1000', measuredAs(2))]);
    assert.equal(more.workloads.length, 2, 'a run of other workloads leaves these');
    assert.equal(more.workloads[0]!.rows.length, again.workloads[0]!.rows.length);
  });

  it(`are at most ${MAX_RUNS} of a server for a version of Node: the oldest goes, but not one that has what no later one has`, () => {
    let all = add(NOTHING, 'of 20', 1, '20.19.0');
    const deno = { id: 'deno', label: 'Deno', rounds: [round(200, 1)] };
    all = addRun(all, run('with Deno'), [finding('echo-20x64', [...measuredAs(1), deno])]);
    all = addRun(all, run('other'), [finding('echo-20x1000', measuredAs(1))]);
    for (let i = 0; i < MAX_RUNS + 2; i++) all = add(all, `run ${i}`, 1);
    const ids = all.runs.map(({ id }) => id);
    const last = Array.from({ length: MAX_RUNS }, (_, i) => `run ${i + 2}`);
    assert.deepEqual(ids, ['of 20', 'with Deno', 'other', ...last]);
    assert.equal(entryOf(all, '24').rows.find(({ peer }) => peer === 'ws')!.runs, MAX_RUNS + 1);
  });

  it('come back from the file as they went into it, a peer a line', () => {
    const paced = [{ id: 'ws', label: 'ws', rounds: [round(10, 1, { latency: LATENCY, unanswered: 3 })] }];
    const wire = [
      { id: 'ws', label: 'ws', rounds: [round(10, 1, { compressedBytes: 77.5, serverKernelShare: 0.25 })] },
    ];
    let all = addRun(NOTHING, run('a'), [finding('paced-echo-64', paced), finding('deflate-200x16x4', wire)]);
    all = addRun(all, run('b'), [finding('paced-echo-64', paced, [{ peer: 'bun', why: 'no' }])]);
    const text = formatResults(all);
    const { count, p90, ...kept } = LATENCY;
    assert.ok(count > 0 && p90 > 0);
    const back = parseResults(text, 'x');
    assert.deepEqual(back.workloads[1]!.rows[0]!.row.latency, { ...kept });
    assert.equal(formatResults(back), text);
    assert.deepEqual(viewOf(back), viewOf(all));
    assert.equal(text.split('\n').filter((line) => line.startsWith('   ["ws",')).length, 2);
    assert.equal(formatResults(parseResults(formatResults(NOTHING), 'x')), formatResults(NOTHING));
    assert.throws(() => parseResults('{"format":1,"workloads":[]}', 'old.json'), {
      message: /old\.json is not a result/,
    });
  });
});
