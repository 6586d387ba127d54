/**
 * `barewire conformance`: examines any WebSocket server, any WebSocket client, or an event stream, case by case.
 *
 * Exit code 0 only when nothing failed; 1 when something did, or nobody listens; 2 when the command line was wrong.
 * The work is in `lib/conformance`; this file reads options, shows progress and writes files.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type CaseResult,
  catalogue,
  isFailure,
  type Results,
  reportFiles,
  resultsToJson,
  runClient,
  selectIds,
  serve,
  summaryOf,
  type Target,
  targetOf,
  timeOfGroups,
  Unreachable,
  uselessPattern,
} from '../conformance/index.ts';
import { caseFile } from '../conformance/report-html.ts';
import { listenError, UsageError, untilInterrupted, wholeNumber } from './usage.ts';

const HELP = `Usage: barewire conformance ws://host:port[/path] [options]     examines a server
       barewire conformance ws+unix:/path/of/socket[:/path]     examines a server on a Unix socket
       barewire conformance --serve PORT [options]              examines clients
       barewire conformance http://host:port/events [options]   examines an event stream

An event stream is examined as it is; the cases that inject need one that echoes events: asked with the query
parameters event, id, retry, data and comment it sends one event of these first, and with report=last-event-id the
data is the request's Last-Event-ID. \`barewire echo\` has such a stream at /events.
A server must echo messages on that path. A client is driven over the paths of Autobahn's fuzzing server:
/getCaseCount, /getCaseInfo?case=N, /runCase?case=N&agent=A, /getCaseStatus?case=N&agent=A, /updateReports?agent=A.

  --cases LIST     patterns such as '6.*', '12.1.*,X.*' (default: all)
  --exclude LIST   patterns of cases to leave out
  --full           1000 messages in each compression case, also in the large ones (minutes)
  --json FILE      write the results as JSON, in the form of Autobahn's index.json
  --report DIR     write an HTML report, index.html and a page for each case
  --agent NAME     the server's name in results (default: its Server field)
  --parallel N     connections at a time (default 16)
  --header LINE    a further request field, 'Name: value'; may be given more than once
  --insecure       do not verify the certificate of a wss: or https: server
  --ca FILE        certificates in PEM to trust, of a wss: or https: server
  --host HOST      with --serve: address to listen on (default 127.0.0.1)
  --cert FILE      with --serve: serve TLS with this certificate in PEM,
  --key FILE       and this key
  --list           print the cases and end
  --help           this text

Exit code: 0 nothing failed, 1 something did, 2 wrong usage or no connection.
`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      cases: { type: 'string', multiple: true, default: [] },
      exclude: { type: 'string', multiple: true, default: [] },
      full: { type: 'boolean', default: false },
      json: { type: 'string' },
      report: { type: 'string' },
      agent: { type: 'string' },
      parallel: { type: 'string', default: '16' },
      header: { type: 'string', multiple: true, default: [] },
      insecure: { type: 'boolean', default: false },
      ca: { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      serve: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [url] = positionals;
  if (positionals.length > 1) throw new UsageError(`one URL is enough, got ${positionals.join(' ')}`);
  if (values.serve !== undefined && url !== undefined) throw new UsageError('either a URL or --serve, not both');
  if (values.serve === undefined && url === undefined && !values.list)
    throw new UsageError('a URL is missing: barewire conformance ws://host:port');
  if ((values.cert === undefined) !== (values.key === undefined)) throw new UsageError('--cert and --key go together');
  if (values.cert !== undefined && values.serve === undefined) throw new UsageError('--cert and --key are for --serve');
  const parallel = wholeNumber('parallel', values.parallel, 1, 128);
  for (const line of values.header) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*$/.test(line))
      throw new UsageError(`--header ${JSON.stringify(line)} is not of the form 'Name: value'`);
  }
  const subject = values.serve !== undefined ? 'client' : 'server';
  const stream = url !== undefined && /^http(s|\+unix)?:/i.test(url);
  const all = catalogue(stream ? 'event-stream' : subject, { full: values.full });
  const useless = uselessPattern(all, [...values.cases, ...values.exclude]);
  if (useless !== undefined) throw new UsageError(`no case matches ${useless}; --list shows them`);
  const cases = selectIds(all, values.cases, values.exclude);
  if (cases.length === 0) throw new UsageError('no case is left to run');
  if (values.list) {
    for (const { id, description } of cases) process.stdout.write(`${id.padEnd(10)} ${description}\n`);
    return 0;
  }

  const write = (results: Results): void => {
    if (values.json !== undefined) {
      mkdirSync(dirname(values.json) || '.', { recursive: true });
      writeFileSync(values.json, resultsToJson(results, values.report === undefined ? undefined : caseFile));
    }
    if (values.report === undefined) return;
    const what = stream ? 'Event streams' : subject === 'server' ? 'WebSocket servers' : 'WebSocket clients';
    const files = reportFiles(results, { title: `Conformance of ${what}`, date: new Date(), version: ownVersion() });
    mkdirSync(join(values.report, 'cases'), { recursive: true });
    for (const { path, text } of files) writeFileSync(join(values.report, path), text);
  };

  if (values.serve !== undefined) {
    const port = wholeNumber('serve', values.serve, 0, 65_535);
    const tls =
      values.cert === undefined
        ? undefined
        : { cert: readNamed('cert', values.cert), key: readNamed('key', values.key) };
    return examineClients({ cases, port, host: values.host, write, ...(tls === undefined ? {} : { tls }) });
  }

  const ca = values.ca === undefined ? {} : { ca: readNamed('ca', values.ca) };
  let target: Target;
  try {
    target = targetOf(url!, { headers: values.header, insecure: values.insecure, ...ca });
  } catch {
    throw new UsageError(`${JSON.stringify(url)} is not a ws:, wss:, http:, https: or ws+unix: URL`);
  }
  const progress = new Progress(cases.length);
  const started = performance.now();
  try {
    const { results, serverField, broken } = await runClient({
      target,
      cases,
      parallel,
      stream,
      onResult: (result, left) => progress.step(result, left),
    });
    progress.end();
    const agent = values.agent ?? (serverField === '' ? target.name : serverField);
    write(new Map([[agent, results]]));
    if (broken !== undefined) process.stderr.write(`barewire: ${url}: ${broken}\n`);
    else printFailures(results);
    process.stdout.write(groupTable(results));
    process.stdout.write(
      `${agent}: ${summaryOf(results)} in ${((performance.now() - started) / 1_000).toFixed(1)} s\n`,
    );
    if (values.report !== undefined) process.stdout.write(`The report is in ${join(values.report, 'index.html')}\n`);
    return results.some(isFailure) ? 1 : 0;
  } catch (error) {
    progress.end();
    if (!(error instanceof Unreachable)) throw error;
    process.stderr.write(`barewire: ${error.message}; is the server running?\n`);
    return 1;
  }
}

async function examineClients(options: {
  readonly cases: ReturnType<typeof catalogue>;
  readonly port: number;
  readonly host: string;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly write: (results: Results) => void;
}): Promise<number> {
  const { cases, port, host, tls, write } = options;
  const current = (): Results => new Map([...server.results].map(([agent, list]) => [agent, inOrder(list, cases)]));
  const progress = new Progress(cases.length);
  const server = await serve({
    cases,
    host,
    port,
    ...(tls === undefined ? {} : { tls }),
    onResult: (agent, result) => progress.step(result, cases.length - server.results.get(agent)!.size),
    onReports: (agent) => {
      progress.end();
      write(current());
      const results = current().get(agent);
      if (results === undefined) return;
      printFailures(results);
      process.stdout.write(`${groupTable(results)}${agent}: ${summaryOf(results)}\n`);
    },
  }).catch((error: unknown) => {
    throw listenError(error, `${host}:${port}`);
  });
  process.stdout.write(`${cases.length} cases for clients at ${server.url}. Ctrl-C ends it.\n`);
  await Promise.race([server.ended, untilInterrupted()]);
  progress.end();
  server.close();
  write(current());
  return [...current().values()].flat().some(isFailure) ? 1 : 0;
}

/** The file that an option names. */
function readNamed(option: string, file: string | undefined): Buffer {
  if (file === undefined) throw new UsageError(`--${option} FILE is missing`);
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(
      `--${option} ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
    );
  }
}

function inOrder(results: ReadonlyMap<string, CaseResult>, cases: readonly { readonly id: string }[]): CaseResult[] {
  return cases.flatMap(({ id }) => results.get(id) ?? []);
}

function printFailures(results: readonly CaseResult[]): void {
  for (const one of results) {
    if (!isFailure(one) && one.behavior !== 'NON-STRICT') continue;
    const close = one.behaviorClose === 'OK' ? '' : `, closing ${one.behaviorClose}`;
    process.stdout.write(`${one.id.padEnd(10)} ${one.behavior}${close}: ${one.reason}\n`);
  }
}

function groupTable(results: readonly CaseResult[]): string {
  const rows = [...timeOfGroups(results)].map(
    ([group, { cases, wallMs }]) =>
      `${group.padStart(5)} ${String(cases).padStart(4)} cases ${(wallMs / 1_000).toFixed(1).padStart(7)} s`,
  );
  return `${rows.join('\n')}\n`;
}

/** One line that is written over, on a terminal only. */
class Progress {
  readonly #total: number;
  #failed = 0;
  #shown = false;
  #lastAt = 0;

  constructor(total: number) {
    this.#total = total;
  }

  step(result: CaseResult, left: number): void {
    if (isFailure(result)) this.#failed++;
    const now = performance.now();
    if (!process.stderr.isTTY || (left > 0 && now - this.#lastAt < 80)) return;
    this.#lastAt = now;
    this.#shown = true;
    const done = this.#total - left;
    const bar = '#'.repeat(Math.round((30 * done) / this.#total)).padEnd(30, '.');
    process.stderr.write(`\r[${bar}] ${done}/${this.#total}  ${result.id.padEnd(9)} ${this.#failed} failed `);
  }

  end(): void {
    if (this.#shown) process.stderr.write(`\r${' '.repeat(72)}\r`);
    this.#shown = false;
  }
}

function ownVersion(): string {
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // From source and from dist the manifest is not equally far.
    }
  }
  return '';
}
