/**
 * Runs workloads against peers: tables in the terminal, a result file, a page. `node dist/bench/wire/run.js --help`.
 * Read next: `workloads.ts`, `compare.ts`; the method is in `../README.md`.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runAsProgram } from '../main.ts';
import { installPeers, missing, PEERS, type Peer } from '../peers/peers.ts';
import { compare, type Schedule } from './compare.ts';
import { addRun, dropRuns, nodeMajor } from './merge.ts';
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
import { chooseWorkloads, QUICK, WORKLOADS } from './workloads.ts';

const HELP = `Usage: npm run bench -- [options]

Compares servers: server and load in processes of their own, pinned to a core each, rounds interleaved, medians.

  --peers A,B       of: ${PEERS.map((peer) => peer.id).join(' ')}
                    (default: all that can be installed)
  --workloads A,B   ids, beginnings of ids, or groups; --list shows them (default: all)
  --quick           the ${QUICK.length} workloads that say most
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

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      peers: { type: 'string' },
      workloads: { type: 'string' },
      quick: { type: 'boolean', default: false },
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
  const problem = installPeers();
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  const peers = choosePeers(values.peers?.split(','));
  const workloads = values.quick ? chooseWorkloads(QUICK) : chooseWorkloads(values.workloads?.split(',') ?? ['']);
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
