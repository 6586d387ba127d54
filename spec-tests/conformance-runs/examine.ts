/**
 * Starts an endpoint in a process of its own and runs the catalogue through it, in either direction.
 *
 * The endpoint's process is ended by closing its standard input, and killed should that not do.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type CaseResult, catalogue, runClient, selectIds, serve, targetOf } from '../../lib/conformance/index.ts';
import type { Certificate } from '../support/certificate.ts';

export interface Examination {
  readonly results: CaseResult[];
  readonly seconds: number;
}

const START_TIMEOUT_MS = 15_000;

/** Runs cases against the server that this command starts; it says `listening PORT` or prints a ws: URL. */
export async function examineServer(
  command: readonly [string, readonly string[]],
  options: {
    cases?: readonly string[];
    exclude?: readonly string[];
    full?: boolean;
    env?: Readonly<Record<string, string>>;
  },
): Promise<Examination> {
  const child = spawn(command[0], command[1], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...options.env },
  });
  try {
    const port = await portOf(child);
    const cases = selectIds(
      catalogue('server', { full: options.full ?? false }),
      options.cases ?? [],
      options.exclude ?? [],
    );
    const started = performance.now();
    const { results, broken } = await runClient({ target: targetOf(`ws://127.0.0.1:${port}/`), cases, parallel: 16 });
    if (broken !== undefined) process.stderr.write(`${broken}\n`);
    return { results, seconds: (performance.now() - started) / 1_000 };
  } finally {
    child.stdin?.end();
    child.kill();
  }
}

/** Serves cases to the client of that name in `client.ts`, with `tls` over TLS. */
export async function examineClient(
  name: string,
  options: { cases?: readonly string[]; exclude?: readonly string[]; full?: boolean; tls?: Certificate },
): Promise<Examination> {
  const cases = selectIds(
    catalogue('client', { full: options.full ?? false }),
    options.cases ?? [],
    options.exclude ?? [],
  );
  const { tls } = options;
  const server = await serve({ cases, host: '127.0.0.1', port: 0, ...(tls && { tls }) });
  const started = performance.now();
  const script = fileURLToPath(new URL('client.js', import.meta.url));
  const child = spawn(process.execPath, [script, name, server.url], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(tls && { CONFORMANCE_CA: tls.cert }) },
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await Promise.race([server.ended, gone]);
  const seconds = (performance.now() - started) / 1_000;
  child.kill();
  server.close();
  const of = server.results.get(name) ?? new Map<string, CaseResult>();
  return { results: cases.flatMap(({ id }) => of.get(id) ?? []), seconds };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error('the server did not say where it listens')), START_TIMEOUT_MS);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}`));
    });
    child.once('error', reject);
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = /listening (\d+)|127\.0\.0\.1:(\d+)/.exec(text);
      if (port === null) return;
      clearTimeout(timer);
      resolve(Number(port[1] ?? port[2]));
    });
  });
}
