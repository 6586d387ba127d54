/** The command lines of the benchmarks: what they take, and that a mistake is told before anything is installed, built or started. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as floods from '../../bench/chat-floods.ts';
import { PEERS, takesPart } from '../../bench/peers/peers.ts';
import * as rooms from '../../bench/rooms/run.ts';
import { SCENARIOS } from '../../bench/rooms/scenarios.ts';
import { estimateWords, readCommand, workloadList } from '../../bench/wire/command.ts';
import { chooseWorkloads, README_ROWS, SETS, WORKLOADS } from '../../bench/wire/workloads.ts';

const program = (name: string): string => fileURLToPath(new URL(`../../bench/${name}.js`, import.meta.url));

describe('the command line of the benchmark', () => {
  const read = (...args: readonly string[]) => {
    const command = readCommand(args);
    assert.equal(command.do, 'run');
    return command as Extract<typeof command, { do: 'run' }>;
  };

  it('names workloads and peers, by themselves or by a set', () => {
    assert.equal(read().workloads.length, WORKLOADS.length);
    assert.equal(read().peers, undefined);
    const quick = read('--quick');
    assert.deepEqual(quick, read('--set', 'quick'));
    assert.equal(quick.workloads.length, SETS['quick']!.workloads.length);
    const mixed = read('--set', 'readme', '--workloads', 'echo-20x1', '--rounds', '3', '--seconds', '0.5');
    assert.deepEqual(
      mixed.workloads.map(({ id }) => id),
      ['echo-20x1'],
    );
    assert.deepEqual(mixed.peers, SETS['readme']!.peers);
    assert.deepEqual([mixed.schedule.rounds, mixed.schedule.durationMs], [3, 500]);
    assert.deepEqual([read('--save').majors, read('--save', '--node', '20,26').majors], [['24'], ['20', '26']]);
  });

  const mistakes: readonly [args: readonly string[], message: RegExp][] = [
    [['--workloads', 'nope'], /^no workload is called "nope"; --list shows them$/],
    [['--peers', 'ws,nope'], /^there is no peer "nope"; --help lists them$/],
    [['--set', 'nope'], /^there is no set "nope"; there are readme, /],
    [['--set', 'constructor'], /^there is no set "constructor"/],
    [['--quick', '--set', 'lent'], /^--quick is --set quick: give one of the two$/],
    [['--replace'], /^--replace is for --save$/],
    [['--node', '24,2'], /^--node is "2", must be major versions such as 24,20,26$/],
    [['--rounds', '0'], /^--rounds is "0", must be a whole number of at least 1$/],
    [['--rounds', '1.5'], /^--rounds is "1\.5", must be a whole number/],
    [['--seconds', '0'], /^--seconds is "0", must be a number of at least 0\.001$/],
    [['--seconds', '0.0001'], /^--seconds is "0\.0001", must be a number of at least 0\.001$/],
    [['--seconds', ''], /^--seconds is "", must be a number of at least 0\.001$/],
    [['--seconds', 'Infinity'], /^--seconds is "Infinity"/],
    [['--warm-up', '-1'], /^Option '--warm-up' argument is ambiguous/],
    [['--warm-up=-1'], /^--warm-up is "-1", must be a number of at least 0$/],
    [['--nope'], /nope/],
  ];
  for (const [args, message] of mistakes) {
    it(`is refused: ${args.join(' ')}`, () => assert.throws(() => readCommand(args), { message }));
  }

  it('tells a mistake before anything is built: the program ends at once', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program('wire/run'), '--workloads', 'nope'], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout, stderr], [1, '', 'no workload is called "nope"; --list shows them\n']);
  });

  it('lists ids apart from their groups', () => {
    const lines = workloadList(WORKLOADS).trimEnd().split('\n');
    assert.equal(lines.length, WORKLOADS.length);
    for (const [i, { id, group, title }] of WORKLOADS.entries())
      assert.deepEqual(lines[i]!.split(/ {2,}/), [id, group, title]);
  });

  it('lists the workloads of a set, or those that are named', () => {
    const listed = (...args: readonly string[]) => {
      const command = readCommand([...args, '--list']);
      assert.equal(command.do, 'list');
      return (command as Extract<typeof command, { do: 'list' }>).workloads.map(({ id }) => id);
    };
    assert.deepEqual(listed('--set', 'quick').toSorted(), SETS['quick']!.workloads.toSorted());
    assert.deepEqual(listed('--set', 'readme').toSorted(), [...README_ROWS].toSorted());
    assert.deepEqual(listed('--workloads', 'echo-20x1'), ['echo-20x1']);
    assert.equal(listed().length, WORKLOADS.length);
    assert.throws(() => listed('--set', 'nope'), /there is no set/);
  });

  it('says how long a run takes, and bench/README.md says the same', () => {
    const words = (...args: readonly string[]) => {
      const { workloads, peers, schedule } = read(...args);
      const chosen = PEERS.filter(({ id }) => peers?.includes(id) ?? true);
      return estimateWords(workloads, chosen, schedule);
    };
    assert.equal(words('--peers', 'ws', '--workloads', 'echo-20x1'), 'about 1 min');
    assert.equal(
      words('--peers', 'ws', '--workloads', 'echo-20x1', '--rounds', '1000', '--seconds', '58.6'),
      'about 16.5 h',
    );
    const readme = readFileSync(new URL('../../../bench/README.md', import.meta.url), 'utf8');
    const commands = [...readme.matchAll(/^npm run bench -- (.*?) +# .*(about [\d.]+ (?:h|min))/gm)];
    assert.equal(commands.length, 3);
    for (const [, args, told] of commands) assert.equal(told, words(...args!.split(' ')), args);
  });

  it('ends quietly when whoever reads has what it wanted', async () => {
    const child = spawn(process.execPath, [program('wire/run'), '--list'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk;
    });
    const [code] = await once(child, 'close');
    assert.deepEqual([code, errors], [0, '']);
  });
});

describe('ws at level 1', () => {
  const peer = PEERS.find(({ id }) => id === 'ws-level-1')!;

  it('takes part in compressed workloads alone', () => {
    for (const workload of WORKLOADS) {
      const ws = takesPart(PEERS.find(({ id }) => id === 'ws')!, workload);
      assert.equal(takesPart(peer, workload), ws && workload.compressed !== false, workload.id);
    }
    assert.ok(chooseWorkloads(README_ROWS).some((workload) => takesPart(peer, workload)));
  });
});

describe('the command line of the rooms’ benchmark', () => {
  it('has help that names each scenario and how long it takes', () => {
    for (const { id, title } of SCENARIOS) {
      const line = rooms.HELP.split('\n').find((each) => each.startsWith(`  ${id} `));
      assert.match(line ?? '', /^ {2}\S+ {2,}[\d.]+ min {2,}\S/, id);
      assert.ok(line?.endsWith(title), id);
    }
    assert.equal(rooms.readCommand(['--help']).help, true);
  });

  it('takes scenarios, and refuses what is none', () => {
    assert.equal(rooms.readCommand([]).scenarios.length, SCENARIOS.length);
    assert.deepEqual(
      rooms.readCommand(['ticker', '--rounds', '1']).scenarios.map(({ id }) => id),
      ['ticker'],
    );
    assert.throws(() => rooms.readCommand(['nope']), { message: /^nope is none of the scenarios: chat-400, / });
    assert.throws(() => rooms.readCommand(['--rounds', '0']), { message: /^--rounds is "0"/ });
    assert.throws(() => rooms.readCommand(['--node', 'x']), { message: /^--node is "x"/ });
  });
});

describe('the command line of the floods', () => {
  it('made the table of bench/README.md, whose ratios are those of its columns', () => {
    const readme = readFileSync(new URL('../../../bench/README.md', import.meta.url), 'utf8');
    const rows = [...readme.matchAll(/^\| (.+) \| ([\d.]+) ms \| ([\d.]+) ms \| ([\d.]+) \| /gm)];
    assert.equal(rows.length, 8);
    for (const [, what, calm, flood, ratio] of rows)
      assert.ok(Math.abs(Number(flood) / Number(calm) - Number(ratio)) < 0.06, what);
  });

  it('has help, and refuses what it does not know before a server is started', () => {
    assert.match(floods.HELP, /--kinds A,B[\s\S]+ {2}joins +joins, each on a connection of its own\n/);
    assert.equal(floods.readCommand(['--help']).help, true);
    assert.deepEqual(floods.readCommand(['--kinds', 'joins,pings']).kinds, ['joins', 'pings']);
    assert.throws(() => floods.readCommand(['--kinds', 'nope']), {
      message: /^there is no flood "nope"; there are messages, /,
    });
    assert.throws(() => floods.readCommand(['--rounds', '0']), { message: /^--rounds is "0"/ });
    const { status, stderr } = spawnSync(process.execPath, [program('chat-floods'), '--nope'], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /^Unknown option '--nope'[^\n]*\n$/);
  });
});
