/**
 * One comparison: all peers of a workload, their rounds interleaved.
 *
 * For each workload all servers are started, then rounds go A B C A B C, so that whatever the machine does meanwhile
 * happens to all of them. A server that fails, or answers wrongly, is left out from there on.
 * Read next: `report.ts`.
 */

import { type Peer, takesPart } from '../peers/peers.ts';
import { certificateFiles } from './certificate.ts';
import type { Round } from './load.ts';
import { type RunningServer, runLoad, startServer } from './processes.ts';
import { type Measured, type Row, summarize } from './report.ts';
import type { Workload } from './workloads.ts';

export interface Schedule {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Further arguments for servers that run on Node. */
  readonly nodeArgs: readonly string[];
}

export interface Comparison {
  readonly rows: readonly Row[];
  /** What the rows were made of. */
  readonly measured: readonly Measured[];
  /** Who was left out, and why. */
  readonly leftOut: readonly { readonly peer: string; readonly why: string }[];
}

export async function compare(workload: Workload, peers: readonly Peer[], schedule: Schedule): Promise<Comparison> {
  const able = peers.filter((peer) => takesPart(peer, workload));
  const leftOut: { peer: string; why: string }[] = [];
  const servers = new Map<Peer, RunningServer>();
  const rounds = new Map<Peer, Round[]>();
  const args = [`--mode=${workload.mode}`, `--size=${workload.sizeBytes}`, `--kind=${workload.kind}`];
  if (workload.compressed) args.push('--deflate');
  if (workload.compressed === 'takeover') args.push('--takeover');
  if (workload.corpus !== undefined) args.push(`--corpus=${workload.corpus}`);
  const certificate = workload.secure ? certificateFiles() : undefined;
  if (certificate instanceof Error) {
    return { rows: [], measured: [], leftOut: able.map(({ id }) => ({ peer: id, why: certificate.message })) };
  }
  if (certificate !== undefined) args.push(`--key=${certificate.key}`, `--cert=${certificate.cert}`);
  const leaveOut = async (peer: Peer, error: unknown) => {
    leftOut.push({ peer: peer.id, why: error instanceof Error ? error.message : String(error) });
    rounds.delete(peer);
    await servers.get(peer)?.stop();
    servers.delete(peer);
  };
  const runRound = async (peer: Peer): Promise<void> => {
    let server = servers.get(peer);
    try {
      if (server === undefined) {
        server = await startServer(peer, args, schedule.nodeArgs);
        servers.set(peer, server);
      }
      const { warmUpMs, durationMs } = schedule;
      const round = await runLoad(
        { workload, dialect: peer.dialect, port: server.port, serverPid: server.pid, warmUpMs, durationMs },
        certificate?.cert,
      );
      rounds.get(peer)?.push(round);
    } catch (error) {
      await leaveOut(peer, error);
    }
    if (workload.freshServer) {
      await servers.get(peer)?.stop();
      servers.delete(peer);
    }
  };
  for (const peer of able) rounds.set(peer, []);
  try {
    for (let round = 0; round < schedule.rounds; round++) {
      for (const peer of able) if (rounds.has(peer)) await runRound(peer);
    }
  } finally {
    for (const server of servers.values()) await server.stop();
  }
  const measured = [...rounds].map(([peer, each]) => ({ id: peer.id, label: peer.label, rounds: each }));
  return { rows: summarize(workload, measured), measured, leftOut };
}
