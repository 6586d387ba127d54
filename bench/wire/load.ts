/**
 * The load process: one JSON task on the command line, one JSON answer on standard output.
 *
 * A process of its own, so that it can be pinned to a core and so that no run inherits what another has compiled or kept.
 */

import { runConnectRate } from '../../lib/load/connect-rate.ts';
import { runEcho } from '../../lib/load/echo.ts';
import { runEventStreams } from '../../lib/load/event-stream.ts';
import { runFanOut } from '../../lib/load/fan-out.ts';
import { runIdle } from '../../lib/load/idle.ts';
import type { Measurement } from '../../lib/load/measure.ts';
import { runPaced } from '../../lib/load/paced.ts';
import { runRoving } from '../../lib/load/roving.ts';
import { joinSocketIo, SOCKET_IO_PATH, socketIoShape } from '../peers/socket-io-client.ts';
import { corpusShape } from './corpus.ts';
import { runHttp } from './http.ts';
import { runHttp2Echo } from './http2.ts';
import type { Workload } from './workloads.ts';

export interface LoadTask {
  readonly workload: Workload;
  /** The protocol that the peer speaks on top of WebSocket. */
  readonly dialect?: 'socket.io' | undefined;
  readonly port: number;
  readonly serverPid: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** What a round of any workload answers; what it does not measure is absent. */
export type Round = Measurement & { readonly unanswered?: number };

export type LoadAnswer = { readonly round: Round } | { readonly error: string };

function runTask(task: LoadTask): Promise<Round> {
  const { workload, port, serverPid, warmUpMs, durationMs } = task;
  const { sizeBytes, kind, compressed, corpus, secure } = workload;
  const url = new URL(secure ? `wss://localhost:${port}/` : `ws://127.0.0.1:${port}/`);
  const at = { url, serverPid, warmUpMs, durationMs };
  const http = (path: string) => new URL(`http://127.0.0.1:${port}${path}`);
  const shape = corpus === undefined ? { sizeBytes, kind } : corpusShape(corpus, sizeBytes);
  switch (workload.type) {
    case 'echo':
      return runEcho({ ...at, shape, compressed, connections: workload.connections, inFlight: workload.inFlight });
    case 'fan-out': {
      const { members, inFlight, slowMembers } = workload;
      const load = { ...at, shape, compressed, members, inFlight, slowMembers };
      if (task.dialect === undefined) return runFanOut(load);
      const url = new URL(SOCKET_IO_PATH, at.url);
      return runFanOut({ ...load, url, shape: socketIoShape(shape), join: joinSocketIo });
    }
    case 'roving': {
      const { connections, inFlight, ownPaths } = workload;
      return runRoving({ ...at, shape, connections, inFlight, ownPaths });
    }
    case 'connect':
      return runConnectRate({ ...at, atOnce: workload.atOnce });
    case 'idle':
      return runIdle({ ...at, connections: workload.connections, collect: () => process.kill(serverPid, 'SIGUSR2') });
    case 'events': {
      const { clients, inFlight } = workload;
      return runEventStreams({
        ...at,
        url: http('/events'),
        publishUrl: http('/publish'),
        clients,
        inFlight,
        sizeBytes,
      });
    }
    case 'http': {
      const { connections, pipelining, streams } = workload;
      return runHttp({ ...at, origin: http('/'), connections, pipelining, streams, sizeBytes });
    }
    case 'http2': {
      const { sessions, streams, inFlight } = workload;
      return runHttp2Echo({ ...at, origin: http('/'), sessions, streams, inFlight, shape });
    }
    case 'paced': {
      const { pattern, connections, rate, chat } = workload;
      if (!chat) return runPaced({ ...at, pattern, connections, rate, sizeBytes });
      // A room of this run alone: another round's history would be replayed. One name, so that nobody is announced.
      const room = `/rooms/bench-${process.pid}-${Date.now().toString(36)}`;
      const url = new URL(`${room}?user=bench`, at.url);
      const post = { url: http(`${room}/messages?user=bench`), type: 'text/plain', body: (text: string) => text };
      return runPaced({ ...at, url, pattern, connections, rate, sizeBytes, post });
    }
  }
}

let answer: LoadAnswer;
try {
  answer = { round: await runTask(JSON.parse(process.argv[2] ?? '') as LoadTask) };
} catch (error) {
  answer = { error: error instanceof Error ? error.message : String(error) };
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
