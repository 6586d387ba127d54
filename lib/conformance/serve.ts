/**
 * The fuzzing server: examines clients that drive themselves, with Autobahn's paths, so that a driver written for it works.
 *
 *     /getCaseCount                    one text message: the number of cases, then a close
 *     /getCaseInfo?case=N              one text message: {"id", "description"}; N counts from 1
 *     /runCase?case=N&agent=A          runs the case; the client echoes messages until the connection ends
 *     /getCaseStatus?case=N&agent=A    one text message: {"behavior"}, once the result is there
 *     /updateReports?agent=A           writes the reports once running cases are over, then closes; &shutdownOnComplete=true also ends the server
 *     /stopServer                      ends the server
 *
 * `casetuple=1.2.3` may stand for `case`. Wrong parameters are answered 500 as the suite does; other paths 404.
 * Read next: `run-case.ts`, `drive.ts` for a client's side.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { Case } from './case.ts';
import { Connection } from './connection.ts';
import { faultOfRequest, fieldOf, type Head, headOctets, readHead, responseLines } from './handshake.ts';
import { runOnClient } from './run-case.ts';
import { endStream } from './target.ts';
import type { CaseResult } from './verdict.ts';
import { closeBody, TEXT } from './wire.ts';
import { WireLog } from './wire-log.ts';

export interface ServeOptions {
  readonly cases: readonly Case[];
  readonly host: string;
  readonly port: number;
  /** Serve TLS with this certificate and its key, in PEM. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  readonly onResult?: (agent: string, result: CaseResult) => void;
  /** `/updateReports` was asked for: write what is there. */
  readonly onReports?: (agent: string) => void | Promise<void>;
}

export interface FuzzingServer {
  /** `ws://127.0.0.1:9002`, `wss:` over TLS. */
  readonly url: string;
  /** Results of every client so far, by its `agent`, then by case id. */
  readonly results: ReadonlyMap<string, ReadonlyMap<string, CaseResult>>;
  /** Resolves when the server was told to end, by a client or by `close`. */
  readonly ended: Promise<void>;
  close(): void;
}

/** How long `/getCaseStatus` and `/updateReports` wait for results that are not there yet. */
const RESULT_TIMEOUT_MS = 30_000;

/**
 * Starts the server. Longer than a screen: its paths share the results and the cases under way, and each is a few lines.
 * @throws the error of `listen`
 */
export async function serve(options: ServeOptions): Promise<FuzzingServer> {
  const results = new Map<string, Map<string, CaseResult>>();
  const sockets = new Set<Socket>();
  const settled = new Set<() => void>();
  /** Cases that have begun and have no result yet. */
  const running = new Set<{ readonly agent: string }>();
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  const { tls } = options;
  const welcome = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    if (sockets.size >= CONFORMANCE_LIMITS.maxConnections) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    accept(socket).catch((error: unknown) => {
      process.emitWarning(`conformance: ${error instanceof Error ? error.stack : String(error)}`);
      socket.destroy();
    });
  };
  const general = { allowHalfOpen: true, noDelay: true };
  const server: Server =
    tls === undefined
      ? createServer(general, welcome)
      : createTlsServer({ ...general, ...tls, handshakeTimeout: CONFORMANCE_LIMITS.handshakeTimeoutMs }, welcome);
  server.on('tlsClientError', () => {}); // a client that does not speak TLS, or does not trust the certificate

  const close = (): void => {
    server.close();
    for (const socket of sockets) endStream(socket);
    setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, CONFORMANCE_LIMITS.closeTimeoutMs).unref();
    end();
  };

  /** Longer than a screen by a line: the paths that a client may ask for, one by one. */
  async function accept(socket: Socket): Promise<void> {
    const log = new WireLog();
    const read = await readHead(socket, log);
    if (!read.ok) {
      socket.destroy();
      return;
    }
    const { head } = read;
    const { pathname, searchParams } = new URL(head.startLine.split(' ')[1] ?? '/', 'http://tester');
    const agent = searchParams.get('agent') ?? '';
    const index = caseIndex(searchParams, options.cases);
    const one = options.cases[index];
    const paths: Record<string, () => void | Promise<void>> = {
      '/getCaseCount': () => tell(socket, head, options.cases.length),
      '/getCaseInfo': () => {
        if (one === undefined) refuse(socket, 500, `there is no case ${searchParams.get('case') ?? ''}`);
        else tell(socket, head, { id: one.id, description: one.description });
      },
      '/runCase': async () => {
        if (one === undefined || agent === '') {
          refuse(socket, 500, one === undefined ? 'there is no such case' : 'the parameter agent is missing');
          return;
        }
        const run = { agent };
        running.add(run);
        const result = await runOnClient(one, socket, head, log).finally(() => running.delete(run));
        let ofAgent = results.get(agent);
        if (ofAgent === undefined) {
          ofAgent = new Map();
          results.set(agent, ofAgent);
        }
        ofAgent.set(one.id, result);
        for (const check of [...settled]) check();
        options.onResult?.(agent, result);
      },
      '/getCaseStatus': async () => {
        if (one === undefined || agent === '') {
          refuse(socket, 500, 'case or agent is missing');
          return;
        }
        await waitFor(() => results.get(agent)?.has(one.id) === true);
        const result = results.get(agent)?.get(one.id);
        if (result === undefined) refuse(socket, 500, `case ${one.id} has no result for ${agent}`);
        else tell(socket, head, { behavior: result.behavior });
      },
      '/updateReports': async () => {
        // To the client a case may be over while TCP is still open, which the case is about.
        await waitFor(() => [...running].every((run) => run.agent !== agent));
        await options.onReports?.(agent);
        tell(socket, head, undefined);
        if (searchParams.get('shutdownOnComplete') === 'true') setTimeout(close, 50);
      },
      '/stopServer': () => {
        tell(socket, head, undefined);
        setTimeout(close, 50);
      },
    };
    const handler = Object.hasOwn(paths, pathname) ? paths[pathname] : undefined;
    if (handler === undefined) refuse(socket, 404, `the fuzzing server has ${Object.keys(paths).join(', ')}`);
    else await handler();
  }

  /** Waits until the condition holds, looking again whenever a case has a result. */
  function waitFor(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        settled.delete(check);
        resolve();
      };
      const check = (): void => {
        if (condition()) settle();
      };
      const timer = setTimeout(settle, RESULT_TIMEOUT_MS);
      settled.add(check);
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address() as { port: number; family: string; address: string };
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `${tls === undefined ? 'ws' : 'wss'}://${host}:${address.port}`, results, ended, close };
}

function caseIndex(params: URLSearchParams, cases: readonly Case[]): number {
  const tuple = params.get('casetuple');
  if (tuple !== null) return cases.findIndex(({ id }) => id === tuple);
  const number = params.get('case') ?? '';
  return /^\d+$/.test(number) ? Number(number) - 1 : -1;
}

/** Completes the handshake, sends one JSON text message (or none) and closes without a code. */
function tell(socket: Socket, head: Head, value: unknown): void {
  const fault = faultOfRequest(head);
  if (fault !== undefined) {
    refuse(socket, 400, fault);
    return;
  }
  socket.write(headOctets(responseLines(fieldOf(head, 'sec-websocket-key'))));
  const connection = new Connection(socket, 'client', new WireLog(), head.rest);
  socket.resume();
  if (value !== undefined) connection.send({ opcode: TEXT, payload: Buffer.from(JSON.stringify(value)) });
  connection.sendClose(value === undefined ? closeBody(1000) : undefined);
}

function refuse(socket: Socket, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`);
  const reason = status === 404 ? 'Not Found' : status === 400 ? 'Bad Request' : 'Internal Server Error';
  socket.end(
    Buffer.concat([
      headOctets([
        `HTTP/1.1 ${status} ${reason}`,
        'Content-Type: text/plain; charset=utf-8',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ]),
      body,
    ]),
  );
  socket.resume();
  setTimeout(() => socket.destroy(), CONFORMANCE_LIMITS.closeTimeoutMs).unref();
}
