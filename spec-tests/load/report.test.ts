/**
 * From rounds to what people read: medians and ratios, the page, the README's table, the regression guard.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fallOf, guardRatio, verdictOf, wasShared } from '../../bench/guard.ts';
import type { Round } from '../../bench/wire/load.ts';
import { renderPage } from '../../bench/wire/page.ts';
import { bestOf, END, renderTable, replaceTable, START } from '../../bench/wire/readme.ts';
import { formatTable, type Row, summarize } from '../../bench/wire/report.ts';
import type { Results } from '../../bench/wire/results.ts';
import { renderTargets, TARGETS } from '../../bench/wire/targets.ts';
import { chooseWorkloads, QUICK, WORKLOADS } from '../../bench/wire/workloads.ts';

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

function results(): Results {
  const [workload] = chooseWorkloads(['echo-20x64']);
  const [paced] = chooseWorkloads(['paced-echo-64']);
  const curve = [
    [50, 1],
    [99, 5],
    [100, 9],
  ] as const;
  const latency = { count: 9, p50: 1, p90: 2, p99: 5, p999: 8, max: 9, curve };
  return {
    format: 1,
    date: '2030-01-02T03:04:05.678Z',
    commit: '0123456789abcdef0123',
    dirty: false,
    machine: {
      cpu: 'Some <CPU>',
      cpus: 2,
      memoryBytes: 2 ** 33,
      system: 'linux 6',
      node: '20.1.2',
      placement: 'server on core 0, load on core 1',
    },
    versions: { barewire: '0.1.0', ws: '8.0.0' },
    schedule: { rounds: 3, warmUpMs: 700, durationMs: 2_000 },
    workloads: [
      { workload: workload!, rows: summarize(RATE, MEASURED), leftOut: [{ peer: 'deno', why: '<b>no</b>' }] },
      {
        workload: paced!,
        rows: summarize({ figure: 'latency', reference: 'ws' }, [
          { id: 'ws', label: 'ws', rounds: [round(10, 1, { latency })] },
        ]),
        leftOut: [],
      },
    ],
  };
}

describe('a row', () => {
  const [ours, theirs] = summarize(RATE, MEASURED);

  it('is the median of its rounds, with the furthest of them', () => {
    assert.equal(ours?.value, 300);
    assert.equal(ours?.spread, 0.5);
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
    assert.throws(() => chooseWorkloads(['nonsense']), { message: /no workload is called "nonsense"/ });
  });
});

describe('the README table', () => {
  it('is generated from a result file and put between its markers, twice with the same result', () => {
    const table = renderTable(results());
    assert.match(table, /^\| {2}\| ws, a second \| barewire \| kernel \|\n/);
    assert.match(table, /\| echo 20 B, 64 connections \| 100 \| \*\*3\.0 ×\*\* \| – \|/);
    assert.match(table, /medians of 3 interleaved rounds of 2 s/);
    const before = `# Title\n\n${START}\nold\n${END}\n\nThe end.\n`;
    const after = replaceTable(before, table);
    assert.equal(after, `# Title\n\n${START}\n${table}\n${END}\n\nThe end.\n`);
    assert.equal(replaceTable(after, table), after);
  });

  it("has a table for each reference, the kernel's share where it is known, and says where less is better", () => {
    const measured = MEASURED.map((peer) => ({
      ...peer,
      id: peer.id === 'ws' ? 'better-sse' : peer.id,
      rounds: peer.rounds.map((each) => ({ ...each, serverKernelShare: 0.87, connectionBytes: 5_000 })),
    }));
    const entry = (id: string) => {
      const workload = WORKLOADS.find((each) => each.id === id)!;
      return { workload, rows: summarize(workload, measured), leftOut: [] };
    };
    const table = renderTable({ ...results(), workloads: [entry('events-100x1000'), entry('idle-10000')] });
    assert.match(table, /\| {2}\| better-sse, a second \| barewire \| kernel \|\n/);
    assert.match(table, /to 1,000 clients \| 100 \| \*\*3\.0 ×\*\* \| 87% \|/);
    assert.match(table, /\| {2}\| ws, a second \|/);
    assert.match(table, /of 10,000 \(less is better\) \| – \|/);
  });

  it('says when the load was the limit', () => {
    const all = results();
    const [first] = all.workloads;
    const limited = { ...first!, rows: first!.rows.map((row) => ({ ...row, limit: 'generator' as const })) };
    const table = renderTable({ ...all, workloads: [limited] });
    assert.match(table, /\| \*\*3\.0 ×\*\* \\\* \|/);
    assert.match(table, /The load generator, not the server/);
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
    return { workload, rows: summarize(workload, measured), leftOut: [] };
  };

  it('says what was reached, what was wanted where it was not, and what the kernel alone would allow', () => {
    const table = renderTargets({
      ...results(),
      workloads: [
        entry('echo-20x64', { serverKernelShare: 0.75 }),
        entry('echo-20x16x64'),
        entry('idle-10000'),
        entry('events-100x1000'),
      ],
    });
    // Ours takes 2 µs, of which 1.5 are the kernel's, ws 6.
    assert.match(table, /\| echo 20 B, 64 connections \| \*\*3\.0 ×\*\* \| – \| 4\.0 × \| – \| – \| 1\.50 \+ 0\.50 \|/);
    assert.match(table, /\| echo 20 B, 16 connections, 64 in flight \| 3\.0 × \(30\) \| – \|/);
    assert.match(table, /\| memory of an idle connection, of 10,000 \| 0\.90 × \(0\.8\) \| – \|/);
    assert.match(table, /\| event stream, 100 B to 1,000 clients \| \*\*3\.0 ×\*\* \|/);
    assert.doesNotMatch(table, /NaN|undefined|Infinity/);
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
    assert.match(page, /barewire: 300/);
    assert.match(page, /Some &#60;CPU&#62;/);
    assert.match(page, /deno is left out: &#60;b&#62;no/);
    assert.match(page, /<polyline points="/);
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
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

describe('the table of the README', () => {
  it('marks the best server of a row, whoever it is; sockets without a protocol are no server', () => {
    const row = (peer: string, ratio: number): Row => ({ peer, ratio }) as Row;
    const rows = [row('ws', 1), row('barewire', 4), row('bun', 5), row('net', 9)];
    assert.equal(bestOf(rows, false), 'bun');
    assert.equal(bestOf(rows, true), 'ws', 'of memory the least');
  });
});
