/**
 * `barewire conformance`: examines any WebSocket server, any WebSocket client, or an event stream, case by case.
 *
 * Exit code 0 only when nothing failed; 1 when something did, or nobody listens; 2 when the command line was wrong.
 * The work is in `lib/conformance`; this file reads options, shows progress and writes files.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
import { placeForFile, placeForFiles } from './places.ts';
import { shownOn } from './standard-streams.ts';
import { hostName, listenError, readArgs, runWith, UsageError, untilInterrupted, wholeNumber } from './usage.ts';

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
  -H, --header LINE  a further request field, 'Name: value'; may be given more than once
  --insecure       do not verify the certificate of a wss: or https: server
  --ca FILE        certificates in PEM to trust, of a wss: or https: server
  --host HOST      with --serve: address to listen on (default 127.0.0.1)
  --cert FILE      with --serve: serve TLS with this certificate in PEM,
  --key FILE       and this key
  --list           print the cases and end
  --help           this text

Exit code: 0 nothing failed, 1 something did or nobody listens; 2 wrong usage.
`;

interface Settings {
  readonly url: string | undefined;
  /** The port to listen on, where clients are examined. */
  readonly port: number | undefined;
  readonly host: string;
  readonly stream: boolean;
  readonly cases: ReturnType<typeof catalogue>;
  readonly listOnly: boolean;
  readonly parallel: number;
  readonly headers: readonly string[];
  readonly insecure: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly jsonFile: string | undefined;
  readonly reportFolder: string | undefined;
  readonly agent: string | undefined;
}

export function run(args: string[]): Promise<number> {
  return runWith(() => readSettings(args), HELP, examine);
}

async function examine(settings: Settings): Promise<number> {
  if (settings.listOnly) {
    for (const { id, description } of settings.cases) process.stdout.write(`${id.padEnd(10)} ${description}\n`);
    return 0;
  }
  const { jsonFile, reportFolder } = settings;
  if (jsonFile !== undefined) placeForFile('json', jsonFile);
  if (reportFolder !== undefined) placeForFiles('report', join(reportFolder, 'cases'));
  return settings.port === undefined ? examineServer(settings, settings.url!) : examineClients(settings, settings.port);
}

/** What the command line asks for; undefined = the help. @throws UsageError */
function readSettings(args: string[]): Settings | undefined {
  const { values, positionals } = readArgs({
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
      header: { type: 'string', short: 'H', multiple: true, default: [] },
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
  if (values.help) return undefined;
  const [url] = positionals;
  if (positionals.length > 1) throw new UsageError(`one URL is enough, got ${positionals.join(' ')}`);
  checkTogether({ url, ...values });
  const parallel = wholeNumber('parallel', values.parallel, 1, 128);
  const stream = url !== undefined && /^http(s|\+unix)?:/i.test(url);
  const all = catalogue(stream ? 'event-stream' : values.serve === undefined ? 'server' : 'client', {
    full: values.full,
  });
  return {
    url,
    port: values.serve === undefined ? undefined : wholeNumber('serve', values.serve, 0, 65_535),
    host: hostName(values.host),
    stream,
    cases: chosenOf(all, values.cases, values.exclude),
    listOnly: values.list,
    parallel,
    headers: values.header,
    insecure: values.insecure,
    caFile: values.ca,
    certFile: values.cert,
    keyFile: values.key,
    jsonFile: values.json,
    reportFolder: values.report,
    agent: values.agent,
  };
}

/** Options that need or exclude each other. @throws UsageError */
function checkTogether(values: {
  readonly url: string | undefined;
  readonly serve?: string | undefined;
  readonly list: boolean;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly header: readonly string[];
}): void {
  if (values.serve !== undefined && values.url !== undefined) throw new UsageError('either a URL or --serve, not both');
  if (values.serve === undefined && values.url === undefined && !values.list)
    throw new UsageError('a URL is missing: barewire conformance ws://host:port');
  if ((values.cert === undefined) !== (values.key === undefined)) throw new UsageError('--cert and --key go together');
  if (values.cert !== undefined && values.serve === undefined) throw new UsageError('--cert and --key are for --serve');
  for (const line of values.header) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*$/.test(line))
      throw new UsageError(`--header ${JSON.stringify(line)} is not of the form 'Name: value'`);
  }
}

/** The cases that are left by `--cases` and `--exclude`. @throws UsageError where a pattern fits none, or none is left */
function chosenOf(all: ReturnType<typeof catalogue>, wanted: string[], excluded: string[]): typeof all {
  const useless = uselessPattern(all, [...wanted, ...excluded]);
  if (useless !== undefined) throw new UsageError(`no case matches ${useless}; --list shows them`);
  const cases = selectIds(all, wanted, excluded);
  if (cases.length === 0) throw new UsageError('no case is left to run');
  return cases;
}

/** Writes the files that `--json` and `--report` name. */
function writeFiles({ stream, port, jsonFile, reportFolder }: Settings, results: Results): void {
  if (jsonFile !== undefined)
    writeFileSync(jsonFile, resultsToJson(results, reportFolder === undefined ? undefined : caseFile));
  if (reportFolder === undefined) return;
  const what = stream ? 'Event streams' : port === undefined ? 'WebSocket servers' : 'WebSocket clients';
  const files = reportFiles(results, { title: `Conformance of ${what}`, date: new Date(), version: ownVersion() });
  for (const { path, text } of files) writeFileSync(join(reportFolder, path), text);
}

async function examineServer(settings: Settings, url: string): Promise<number> {
  const { cases, parallel, stream, headers, insecure, caFile, reportFolder } = settings;
  const ca = caFile === undefined ? {} : { ca: readNamed('ca', caFile) };
  let target: Target;
  try {
    target = targetOf(url, { headers, insecure, ...ca });
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
    const agent = settings.agent ?? (serverField === '' ? target.name : serverField);
    writeFiles(settings, new Map([[agent, results]]));
    if (broken !== undefined) process.stderr.write(`barewire: ${url}: ${shownOn(process.stderr, broken)}\n`);
    else printFailures(results);
    process.stdout.write(groupTable(results));
    process.stdout.write(
      `${shown(agent)}: ${summaryOf(results)} in ${((performance.now() - started) / 1_000).toFixed(1)} s\n`,
    );
    if (reportFolder !== undefined) process.stdout.write(`The report is in ${join(reportFolder, 'index.html')}\n`);
    return results.some(isFailure) ? 1 : 0;
  } catch (error) {
    progress.end();
    if (!(error instanceof Unreachable)) throw error;
    process.stderr.write(`barewire: ${error.message}; is the server running?\n`);
    return 1;
  }
}

async function examineClients(settings: Settings, port: number): Promise<number> {
  const { cases, host, certFile, keyFile } = settings;
  const tls =
    certFile === undefined ? undefined : { cert: readNamed('cert', certFile), key: readNamed('key', keyFile) };
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
      writeFiles(settings, current());
      const results = current().get(agent);
      if (results === undefined) return;
      printFailures(results);
      process.stdout.write(`${groupTable(results)}${shown(agent)}: ${summaryOf(results)}\n`);
    },
  }).catch((error: unknown) => {
    throw listenError(error, `${host}:${port}`);
  });
  process.stdout.write(`${cases.length} cases for clients at ${server.url}. Ctrl-C ends it.\n`);
  await Promise.race([server.ended, untilInterrupted()]);
  progress.end();
  server.close();
  writeFiles(settings, current());
  return [...current().values()].flat().some(isFailure) ? 1 : 0;
}

/** The file that an option names. */
function readNamed(option: string, file: string | undefined): Buffer {
  if (file === undefined) throw new UsageError(`--${option} FILE is missing`);
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`--${option} ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

function inOrder(results: ReadonlyMap<string, CaseResult>, cases: readonly { readonly id: string }[]): CaseResult[] {
  return cases.flatMap(({ id }) => results.get(id) ?? []);
}

/** What peers have a part in: their names, and what they did. */
function shown(text: string): string {
  return shownOn(process.stdout, text);
}

function printFailures(results: readonly CaseResult[]): void {
  for (const one of results) {
    if (!isFailure(one) && one.behavior !== 'NON-STRICT') continue;
    const close = one.behaviorClose === 'OK' ? '' : `, closing ${one.behaviorClose}`;
    process.stdout.write(`${one.id.padEnd(10)} ${one.behavior}${close}: ${shown(one.reason)}\n`);
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
