/**
 * Runs workloads against peers: tables in the terminal, a result file, a page. `node dist/bench/wire/run.js --help`.
 * Read next: `workloads.ts`, `compare.ts`; the method is in `../README.md`.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runAsProgram } from '../main.ts';
import { installPeers, missing, nodeProgram, nodeVariable, PEERS, type Peer } from '../peers/peers.ts';
import { compare, type Schedule } from './compare.ts';
import { addRun, dropRuns, nodeMajor, SHOWN_NODE } from './merge.ts';
import { installNodes } from './nodes.ts';
import { writePage } from './page.ts';
import { formatTable } from './report.ts';
import {
  describeRun,
  type Finding,
  RAW_FOLDER,
  RESULTS_FOLDER,
  type Results,
  type Run,
  readResults,
  writeRaw,
  writeResults,
} from './results.ts';
import { chooseWorkloads, type NamedSet, SETS, WORKLOADS } from './workloads.ts';

/** On versions of Node that are not the first: who is written for Node, and runs on all of them. */
const NODE_PEERS = ['barewire', 'ws', 'better-sse'];
/** Set for the process that does the work, on the version that was asked for. */
const ON_NODE = 'BENCH_ON_NODE';

const HELP = `Usage: npm run bench -- [options]

Compares servers: server and load in processes of their own, pinned to a core each, rounds interleaved, medians.

  --peers A,B       of: ${PEERS.map((peer) => peer.id).join(' ')}
                    (default: all that can be installed)
  --workloads A,B   ids, beginnings of ids, or groups; --list shows them (default: all)
  --set NAME        workloads and peers that answer one question:
${Object.entries(SETS)
  .map(([name, { about }]) => `                    ${name.padEnd(12)}${about}\n`)
  .join('')}  --quick           the same as --set quick
  --node A,B        major versions of Node to run on, one after the other: on the first all peers, on the others
                    ${NODE_PEERS.join(', ')}. Installed from npm where they are not there (default: this one; with --save ${SHOWN_NODE})
  --seconds N       length of a round's measurement (default 2)
  --warm-up N       seconds of load before it (default 0.7)
  --rounds N        rounds of each pair (default 5)
  --json FILE       also write all rounds here
  --save            also add this run to bench/results/latest.json, and write bench/results/index.html
  --replace         with --save: earlier runs on the same version of Node go
  --node-args=ARGS  further arguments for Node servers, such as --node-args="--cpu-prof --cpu-prof-dir=profiles"
  --list            shows the workloads
  --help            this text
`;

const LATEST = `${RESULTS_FOLDER}latest.json`;

/** Longer than a screen: a list of options, their checks, and one loop over the workloads. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      peers: { type: 'string' },
      workloads: { type: 'string' },
      set: { type: 'string' },
      quick: { type: 'boolean', default: false },
      node: { type: 'string' },
      seconds: { type: 'string', default: '2' },
      'warm-up': { type: 'string', default: '0.7' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'string' },
      save: { type: 'boolean', default: false },
      replace: { type: 'boolean', default: false },
      'node-args': { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.list) {
    for (const each of WORKLOADS) {
      process.stdout.write(`${each.id.padEnd(26)}${each.group.padEnd(16)}${each.title}\n`);
    }
    return 0;
  }
  const majors = values.node?.split(',') ?? (values.save ? [SHOWN_NODE] : []);
  if (process.env[ON_NODE] === undefined && majors.length > 0) return runOn(majors, values.node !== undefined);
  const problem = installPeers();
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  const set = chooseSet(values.set ?? (values.quick ? 'quick' : undefined));
  const named = values.peers?.split(',') ?? set?.peers;
  const noAddons = installNodes(addonNodes(named));
  if (noAddons !== undefined) process.stdout.write(`${noAddons}\n`);
  const peers = choosePeers(named);
  const workloads = chooseWorkloads(values.workloads?.split(',') ?? set?.workloads ?? ['']);
  const schedule: Schedule = {
    rounds: Number(values.rounds),
    warmUpMs: Number(values['warm-up']) * 1_000,
    durationMs: Number(values.seconds) * 1_000,
    nodeArgs: values['node-args'].split(' ').filter((part) => part !== ''),
  };
  if (!(schedule.rounds >= 1 && schedule.warmUpMs >= 0 && schedule.durationMs > 0)) {
    throw new Error('--rounds must be at least 1, --seconds more than 0, --warm-up at least 0');
  }
  const run = describeRun(peers, schedule);
  const before = values.save
    ? earlierResults(values.replace ? nodeMajor(run) : undefined)
    : { runs: [], workloads: [] };
  const findings: Finding[] = [];
  for (const workload of workloads) {
    const comparison = await compare(workload, peers, schedule);
    process.stdout.write(`\n${formatTable(workload, comparison.rows)}`);
    for (const { peer, why } of comparison.leftOut) process.stdout.write(`  (${peer} is left out: ${why})\n`);
    findings.push({ workload, ...comparison });
    // After each workload, so that a run that is cut off leaves what it had.
    if (values.json !== undefined) writeRaw(resolve(values.json), run, findings);
    if (values.save) save(addRun(before, run, findings), run, findings);
  }
  return 0;
}

/** What earlier runs have left, without those on one version of Node if that is given. */
function earlierResults(without: string | undefined): Results {
  const results = existsSync(LATEST) ? readResults(LATEST) : { runs: [], workloads: [] };
  return without === undefined ? results : dropRuns(results, without);
}

function save(results: Results, run: Run, findings: readonly Finding[]): void {
  writeResults(LATEST, results);
  writePage(`${RESULTS_FOLDER}index.html`, results);
  writeRaw(`${RAW_FOLDER}${run.id}.json`, run, findings);
}

/** The same command on other versions of Node, one after the other. */
async function runOn(majors: readonly string[], asked: boolean): Promise<number> {
  const wrong = majors.find((major) => !/^\d{2}$/.test(major));
  if (wrong !== undefined) throw new Error(`--node is "${wrong}", must be major versions such as 24,20,26`);
  const problem = installNodes([...majors, ...addonNodes()]);
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  const own = process.versions.node.split('.')[0] ?? '';
  process.once('SIGINT', () => {}); // the child is told too: its end is awaited, so that the folder of Nodes goes
  for (const [i, major] of majors.entries()) {
    const program = nodeProgram(major) ?? (asked ? undefined : process.execPath);
    if (program === undefined) throw new Error(`there is no Node ${major}`);
    const peers =
      i === 0 || process.argv.some((arg) => arg.startsWith('--peers')) ? [] : [`--peers=${NODE_PEERS.join(',')}`];
    process.stdout.write(`\nNode ${program === process.execPath ? process.versions.node : major}\n`);
    const child = spawn(program, [...process.argv.slice(1), ...peers], {
      stdio: 'inherit',
      env: { ...process.env, [ON_NODE]: major, [nodeVariable(own)]: process.execPath },
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status) => resolve(status ?? 1));
    });
    if (code !== 0) return code;
  }
  return 0;
}

/** Versions that peers with an addon need. */
function addonNodes(wanted?: readonly string[]): string[] {
  const peers = PEERS.filter(({ id }) => wanted === undefined || wanted.includes(id));
  return [...new Set(peers.flatMap((peer) => peer.nodeMajor ?? []))];
}

function chooseSet(name: string | undefined): NamedSet | undefined {
  if (name === undefined) return undefined;
  const set = SETS[name];
  if (set === undefined) throw new Error(`there is no set "${name}"; there are ${Object.keys(SETS).join(', ')}`);
  return set;
}

function choosePeers(wanted: readonly string[] | undefined): Peer[] {
  const unknown = wanted?.find((id) => !PEERS.some((peer) => peer.id === id));
  if (unknown !== undefined) throw new Error(`there is no peer "${unknown}"; --help lists them`);
  return PEERS.filter((peer) => {
    if (wanted !== undefined && !wanted.includes(peer.id)) return false;
    const why = missing(peer);
    if (why !== undefined) process.stdout.write(`${peer.label} is left out: ${why}\n`);
    return why === undefined;
  });
}

runAsProgram(import.meta.url, main);
