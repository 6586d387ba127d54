/**
 * Runs workloads against peers and prints a table: `node dist/bench/wire/run.js --help`.
 *
 * For each workload all servers are started, then rounds go A B C A B C, so that whatever the machine does meanwhile
 * happens to all of them; a row is the median of its rounds, with their spread.
 * Read next: `workloads.ts`, `load.ts`; the method is in `../README.md`.
 */

import { parseArgs } from 'node:util';
import { missing, PEERS, type Peer, REFERENCE } from '../peers/peers.ts';
import type { Round } from './load.ts';
import { type RunningServer, runLoad, startServer } from './processes.ts';
import { formatTable, type Row, summarize } from './report.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const HELP = `Usage: node dist/bench/wire/run.js [options]

Compares WebSocket servers: server and load in processes of their own, rounds interleaved, medians.

  --peers A,B        of: ${PEERS.map((peer) => peer.id).join(' ')}
                     (default: all that are installed)
  --workloads A,B    ids, or beginnings of ids (default: the standard ones; --list shows all)
  --seconds N        length of a round's measurement (default 2)
  --warm-up N        seconds of load before it (default 0.7)
  --rounds N         rounds of each pair (default 5)
  --node-args=ARGS   further arguments for Node servers, for example --node-args="--cpu-prof --cpu-prof-dir=profiles"
  --list             shows the workloads
  --help             this text
`;

const { values } = parseArgs({
  options: {
    peers: { type: 'string' },
    workloads: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    'warm-up': { type: 'string', default: '0.7' },
    rounds: { type: 'string', default: '5' },
    'node-args': { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else if (values.list) {
  for (const each of WORKLOADS) process.stdout.write(`${each.id.padEnd(26)} ${each.title}\n`);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const peers = choosePeers(values.peers);
  const workloads = chooseWorkloads(values.workloads);
  const nodeArgs = values['node-args'].split(' ').filter((part) => part !== '');
  for (const workload of workloads) {
    const rows = await runWorkload(workload, peers, nodeArgs);
    process.stdout.write(`\n${formatTable(workload, rows)}`);
  }
  return 0;
}

function choosePeers(ids: string | undefined): Peer[] {
  const wanted = ids?.split(',');
  const unknown = wanted?.find((id) => !PEERS.some((peer) => peer.id === id));
  if (unknown !== undefined) throw new Error(`there is no peer "${unknown}"`);
  return PEERS.filter((peer) => {
    if (wanted !== undefined && !wanted.includes(peer.id)) return false;
    const why = missing(peer);
    if (why !== undefined) process.stdout.write(`${peer.label} is left out: ${why}\n`);
    return why === undefined;
  });
}

function chooseWorkloads(ids: string | undefined): Workload[] {
  const wanted = ids?.split(',');
  const chosen = WORKLOADS.filter(
    (each) =>
      wanted?.some((id) => each.id === id || (each.id.startsWith(id) && !WORKLOADS.some((w) => w.id === id))) ??
      each.standard,
  );
  if (chosen.length === 0) throw new Error(`no workload is called "${ids}"; --list shows them`);
  return chosen;
}

async function runWorkload(workload: Workload, peers: readonly Peer[], nodeArgs: readonly string[]): Promise<Row[]> {
  const able = peers.filter((peer) => workload.needs.every((need) => peer.abilities.includes(need)));
  const servers = new Map<Peer, RunningServer>();
  const rounds = new Map<Peer, Round[]>();
  const args = [`--mode=${workload.type}`, `--size=${workload.sizeBytes}`, `--kind=${workload.kind}`];
  if (workload.compressed) args.push('--deflate');
  try {
    for (const peer of able) {
      try {
        servers.set(peer, await startServer(peer, args, nodeArgs));
      } catch (error) {
        process.stdout.write(`${peer.label} is left out of ${workload.id}: ${(error as Error).message}\n`);
      }
    }
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [peer, server] of servers) {
        try {
          const measured = await runLoad({
            workload,
            port: server.port,
            serverPid: server.pid,
            warmUpMs: Number(values['warm-up']) * 1_000,
            durationMs: Number(values.seconds) * 1_000,
          });
          rounds.set(peer, [...(rounds.get(peer) ?? []), measured]);
        } catch (error) {
          process.stdout.write(`${peer.label} is left out of ${workload.id}: ${(error as Error).message}\n`);
          rounds.delete(peer);
          servers.delete(peer);
          await server.stop();
        }
      }
    }
  } finally {
    for (const server of servers.values()) await server.stop();
  }
  return summarize(rounds, REFERENCE);
}
