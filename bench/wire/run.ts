/**
 * Runs workloads against peers: tables in the terminal, a result file, a page. `node dist/bench/wire/run.js --help`.
 * Read next: `command.ts`, `workloads.ts`, `compare.ts`; the method is in `../README.md`.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { runAsProgram } from '../main.ts';
import { installPeers, missing, nodeProgram, nodeVariable, PEERS, type Peer, takesPart } from '../peers/peers.ts';
import { type Command, estimateWords, HELP, NODE_PEERS, readCommand, workloadList } from './command.ts';
import { compare } from './compare.ts';
import { addRun, dropRuns, nodeMajor } from './merge.ts';
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
import type { Workload } from './workloads.ts';

/** Set for the process that does the work, on the version that was asked for. */
const ON_NODE = 'BENCH_ON_NODE';

const LATEST = `${RESULTS_FOLDER}latest.json`;

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  if (command.do !== 'run') {
    process.stdout.write(command.do === 'help' ? HELP : workloadList(command.workloads));
    return 0;
  }
  if (process.env[ON_NODE] === undefined && command.majors.length > 0) return runOn(command);
  return measure(command);
}

type RunCommand = Extract<Command, { do: 'run' }>;

async function measure({ workloads, peers: named, schedule, ...rest }: RunCommand): Promise<number> {
  const problem = installPeers();
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  const noAddons = installNodes(addonNodes(named));
  if (noAddons !== undefined) process.stdout.write(`${noAddons}\n`);
  const peers = choosePeers(named, workloads);
  process.stdout.write(
    `${workloads.length} workloads, ${peers.length} servers: ${estimateWords(workloads, peers, schedule)}\n`,
  );
  const run = describeRun(peers, schedule);
  const before = rest.save ? earlierResults(rest.replace ? nodeMajor(run) : undefined) : { runs: [], workloads: [] };
  const findings: Finding[] = [];
  for (const workload of workloads) {
    const comparison = await compare(workload, peers, schedule);
    process.stdout.write(`\n${formatTable(workload, comparison.rows)}`);
    for (const { peer, why } of comparison.leftOut) process.stdout.write(`  (${peer} is left out: ${why})\n`);
    findings.push({ workload, ...comparison });
    // After each workload, so that a run that is cut off leaves what it had.
    if (rest.json !== undefined) writeRaw(resolve(rest.json), run, findings);
    if (rest.save) save(addRun(before, run, findings), run, findings);
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
async function runOn({ majors, majorsNamed, peersNamed }: RunCommand): Promise<number> {
  const problem = installNodes([...majors, ...addonNodes()]);
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  const own = process.versions.node.split('.')[0] ?? '';
  process.once('SIGINT', () => {}); // the child is told too: its end is awaited, so that the folder of Nodes goes
  for (const [i, major] of majors.entries()) {
    const program = nodeProgram(major) ?? (majorsNamed ? undefined : process.execPath);
    if (program === undefined) throw new Error(`there is no Node ${major}`);
    const peers = i === 0 || peersNamed ? [] : [`--peers=${NODE_PEERS.join(',')}`];
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

/** Those that were asked for, can be started here and take part in a workload: nobody else is built. */
function choosePeers(wanted: readonly string[] | undefined, workloads: readonly Workload[]): Peer[] {
  return PEERS.filter((peer) => {
    if (wanted !== undefined && !wanted.includes(peer.id)) return false;
    if (!workloads.some((workload) => takesPart(peer, workload))) return false;
    const why = missing(peer);
    if (why !== undefined) process.stdout.write(`${peer.label} is left out: ${why}\n`);
    return why === undefined;
  });
}

runAsProgram(import.meta.url, main);
