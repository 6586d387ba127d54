/**
 * `barewire bench URL`: load for a WebSocket server or an event stream, and what it bore.
 *
 * The server can be anyone's. Replies are compared octet by octet with what must come; a wrong one ends the run.
 * The work is in `../load`; here are the command line and the words. The comparison with other servers is `npm run bench`.
 */

import { runConnectRate } from '../load/connect-rate.ts';
import { runEcho } from '../load/echo.ts';
import { runEventStreams, runListeners } from '../load/event-stream.ts';
import { runFanOut } from '../load/fan-out.ts';
import type { Measurement } from '../load/measure.ts';
import { runPaced } from '../load/paced.ts';
import { cpuTimes } from '../load/usage.ts';
import { oneLine, readArgs, UsageError, wholeNumber } from './usage.ts';

const HELP = `Usage: barewire bench URL [options]

Puts load on a server and says what it bore. ws:// and wss:// URLs must lead to an echo server (\`barewire echo\` is one), or
with --fan-out to one that sends each message to everybody; http:// and https:// URLs to an event stream. Every reply is
checked; a wrong one ends the run.

What to do
  (nothing)            keep --in-flight messages under way on every connection, as fast as they come back
  --fan-out            the server sends each message to every connection: count deliveries
  --rate N             send N messages a second, and measure latency from when each was due (without --compress)
  --connect            open and close connections, --connections of them at a time
  --publish URL        for an event stream: POST events here; without it they are only counted

How
  --connections N      default 64
  --in-flight N        on each connection; with --fan-out and --publish over all of them (default 1)
  --size N             bytes of a message (default 20)
  --kind KIND          binary, text (ASCII), or utf8 (text beyond ASCII) (default binary; text with --rate and http)
  --compress           agree on permessage-deflate, and require that replies are compressed
  --duration SECONDS   default 5
  --warm-up SECONDS    load before the measurement (default 1)
  --pid N              the server's process, if it runs here: adds its CPU time and memory (Linux)
  --json               print the result as JSON
  --help               this text

Examples
  barewire echo --port 9001 & barewire bench ws://127.0.0.1:9001 --connections 16 --in-flight 64
  barewire bench ws://127.0.0.1:9001 --rate 1000 --duration 10
`;

const MAX_CONNECTIONS = 1_000_000;
const MAX_SIZE_BYTES = 67_108_864;
const MAX_RATE = 1_000_000;
/** What stands ready to be sent on a connection, and so what may wait for a server that is slow. */
const MAX_IN_FLIGHT_BYTES = 268_435_456;
const MIN_PACED_BYTES = 16;

const KINDS = ['binary', 'text', 'utf8'] as const;
type Kind = (typeof KINDS)[number];

/** What the command line asks for. */
interface Request {
  readonly url: URL;
  readonly task: 'echo' | 'fan-out' | 'paced' | 'paced-fan-out' | 'connect' | 'listen' | 'publish';
  readonly publishUrl: URL | undefined;
  readonly connections: number;
  readonly inFlight: number;
  readonly sizeBytes: number;
  readonly kind: Kind;
  readonly compressed: boolean;
  readonly rate: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly serverPid: number | undefined;
}

export async function run(args: string[]): Promise<number> {
  const asked = readRequest(args);
  if (asked === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const { request, asJson } = asked;
  const stop = untilStopped();
  const hide = showProgress(request.warmUpMs + request.durationMs);
  const measured = await start(request, stop)
    .catch((error: unknown) => {
      throw new Error(`${request.url.href}: ${oneLine(error)}`);
    })
    .finally(hide);
  process.stdout.write(asJson ? `${json(request, measured)}\n` : words(request, measured));
  return 0;
}

const OPTIONS = {
  connections: { type: 'string', default: '64' },
  'in-flight': { type: 'string', default: '1' },
  size: { type: 'string', default: '20' },
  kind: { type: 'string' },
  compress: { type: 'boolean', default: false },
  'fan-out': { type: 'boolean', default: false },
  connect: { type: 'boolean', default: false },
  publish: { type: 'string' },
  rate: { type: 'string' },
  duration: { type: 'string', default: '5' },
  'warm-up': { type: 'string', default: '1' },
  pid: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What the command line asks for; undefined = the help. @throws UsageError */
function readRequest(args: string[]): { readonly request: Request; readonly asJson: boolean } | undefined {
  const { values, positionals } = readArgs({
    args,
    allowPositionals: true,
    options: OPTIONS,
  });
  if (values.help) return undefined;
  if (positionals.length !== 1) {
    throw new UsageError(
      positionals.length === 0 ? 'bench needs a URL' : `one URL at a time, not ${positionals.length}`,
    );
  }
  const url = readUrl(positionals[0]!, ['ws:', 'wss:', 'http:', 'https:']);
  const isStream = url.protocol.startsWith('http');
  const publishUrl = values.publish === undefined ? undefined : readUrl(values.publish, ['http:', 'https:']);
  if (isStream && (values['fan-out'] || values.connect || values.rate !== undefined || values.compress)) {
    throw new UsageError('--fan-out, --connect, --rate and --compress are for ws:// and wss:// URLs');
  }
  if (!isStream && publishUrl !== undefined) throw new UsageError('--publish is for http:// and https:// URLs');
  if (values.connect && (values['fan-out'] || values.rate !== undefined)) {
    throw new UsageError('--connect sends no messages: it goes without --fan-out and --rate');
  }
  const paced = values.rate !== undefined;
  if (paced && values.compress) throw new UsageError('--rate goes without --compress');
  // A paced message begins with its number, and an event is a small JSON document.
  const minimumBytes = paced || isStream ? MIN_PACED_BYTES : 0;
  const request: Request = {
    url,
    task: taskOf(isStream, values, publishUrl),
    publishUrl,
    connections: wholeNumber('connections', values.connections, 1, MAX_CONNECTIONS),
    inFlight: wholeNumber('in-flight', values['in-flight'], 1, 100_000),
    sizeBytes: wholeNumber('size', values.size, minimumBytes, MAX_SIZE_BYTES),
    kind: readKind(values.kind, paced || isStream),
    compressed: values.compress,
    rate: paced ? wholeNumber('rate', values.rate ?? '', 1, MAX_RATE) : 0,
    warmUpMs: milliseconds('warm-up', values['warm-up'], 0),
    durationMs: milliseconds('duration', values.duration, 0.1),
    serverPid: values.pid === undefined ? undefined : wholeNumber('pid', values.pid, 1, 2 ** 31 - 1),
  };
  if (request.inFlight * request.sizeBytes > MAX_IN_FLIGHT_BYTES) {
    throw new UsageError(
      `--in-flight ${request.inFlight} messages of --size ${request.sizeBytes} are more than 256 MiB on each connection`,
    );
  }
  if (request.serverPid !== undefined && cpuTimes(request.serverPid) === undefined) {
    throw new Error(`--pid ${request.serverPid} is no process whose CPU time can be read here`);
  }
  return { request, asJson: values.json };
}

/** @throws UsageError for a kind that is none, and for another than text where text alone is sent */
function readKind(name: string | undefined, textAlone: boolean): Kind {
  const kind = (name ?? (textAlone ? 'text' : 'binary')) as Kind;
  if (!KINDS.includes(kind)) throw new UsageError(`--kind is "${kind}", must be ${KINDS.join(', ')}`);
  if (textAlone && kind !== 'text') throw new UsageError('--rate and event streams send text alone');
  return kind;
}

function taskOf(
  isStream: boolean,
  values: { 'fan-out': boolean; connect: boolean; rate?: string | undefined },
  publishUrl: URL | undefined,
): Request['task'] {
  if (isStream) return publishUrl === undefined ? 'listen' : 'publish';
  if (values.connect) return 'connect';
  if (values.rate !== undefined) return values['fan-out'] ? 'paced-fan-out' : 'paced';
  return values['fan-out'] ? 'fan-out' : 'echo';
}

function readUrl(text: string, protocols: readonly string[]): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // said below
  }
  if (url === undefined || !protocols.includes(url.protocol)) {
    const kinds = protocols.map((protocol) => `${protocol}//`).join(', ');
    throw new UsageError(`${JSON.stringify(text)} is not a URL that begins with ${kinds}`);
  }
  return url;
}

function milliseconds(name: string, text: string, minimum: number): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds < minimum || seconds > 86_400) {
    throw new UsageError(`--${name} is ${JSON.stringify(text)}, must be seconds from ${minimum} to 86400`);
  }
  return seconds * 1_000;
}

/** Resolves at the first Ctrl-C: the run ends, and what it has measured is said. A second one ends the process at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => {
      process.once('SIGINT', () => process.exit(130));
      resolve();
    });
  });
}

/** On a terminal: how far the run is, in a line that goes away. */
function showProgress(totalMs: number): () => void {
  if (process.stderr.isTTY !== true) return () => undefined;
  const startMs = performance.now();
  const timer = setInterval(() => {
    const doneMs = Math.min(totalMs, performance.now() - startMs);
    process.stderr.write(
      `\r${(doneMs / 1_000).toFixed(0)} of ${(totalMs / 1_000).toFixed(0)} s; Ctrl-C ends it and says what was measured`,
    );
  }, 500);
  return () => {
    clearInterval(timer);
    process.stderr.write('\r\x1b[K');
  };
}

function start(request: Request, stopped: Promise<void>): Promise<Measurement> {
  const { url, connections, inFlight, sizeBytes, kind, compressed, rate, warmUpMs, durationMs, serverPid } = request;
  const at = { url, warmUpMs, durationMs, serverPid, stopped };
  const shape = { sizeBytes, kind };
  switch (request.task) {
    case 'echo':
      return runEcho({ ...at, connections, inFlight, shape, compressed });
    case 'fan-out':
      return runFanOut({ ...at, members: connections, inFlight, shape, compressed });
    case 'paced':
      return runPaced({ ...at, connections, rate, sizeBytes, pattern: 'echo' });
    case 'paced-fan-out':
      return runPaced({ ...at, connections, rate, sizeBytes, pattern: 'fan-out' });
    case 'connect':
      return runConnectRate({ ...at, atOnce: connections });
    case 'listen':
      return runListeners({ ...at, clients: connections });
    case 'publish':
      return runEventStreams({
        ...at,
        clients: connections,
        inFlight,
        sizeBytes,
        publishUrl: request.publishUrl ?? url,
      });
  }
}

function json(request: Request, measured: Measurement): string {
  const { url, publishUrl, serverPid, ...rest } = request;
  return JSON.stringify(
    { url: url.href, ...(publishUrl === undefined ? {} : { publishUrl: publishUrl.href }), ...rest, result: measured },
    null,
    2,
  );
}

const COUNTED: Readonly<Record<Request['task'], string>> = {
  echo: 'messages a second',
  'fan-out': 'deliveries a second',
  paced: 'messages a second',
  'paced-fan-out': 'messages a second',
  connect: 'connections a second',
  listen: 'events a second',
  publish: 'deliveries a second',
};

const NOTHING_CAME = 'Nothing came back: does this address answer each message with the same octets?';
/** Why nothing may have been counted. */
const SILENT: Readonly<Record<Request['task'], string>> = {
  echo: NOTHING_CAME,
  'fan-out': 'Nothing came to the others: does this address send each message to everyone (barewire echo --fanout)?',
  paced: NOTHING_CAME,
  'paced-fan-out':
    'Nothing came to the others: does this address send each message to everyone (barewire echo --fanout)?',
  connect: 'No connection was opened.',
  listen: 'No event came: this only listens, and somebody has to publish; --publish URL does it.',
  publish: 'No event came: does what is posted there reach the listeners?',
};

/** What was measured, for people. */
function words(request: Request, measured: Measurement): string {
  const { task } = request;
  const lines: [string, string][] = [[COUNTED[task], number(measured.perSecond)]];
  if (task !== 'connect' && task !== 'listen' && !task.startsWith('paced')) {
    lines.push(['megabytes a second', number((measured.perSecond * request.sizeBytes) / 1e6, 1)]);
  }
  const { latency, lateness } = measured;
  if (latency !== undefined) {
    lines.push(
      ['latency p50', `${latency.p50.toFixed(2)} ms`],
      ['latency p99', `${latency.p99.toFixed(2)} ms`],
      ['latency p99.9', `${latency.p999.toFixed(2)} ms`],
      ['latency max', `${latency.max.toFixed(2)} ms`],
    );
  }
  if (lateness !== undefined) lines.push(['sent late by, p99', `${lateness.p99.toFixed(2)} ms`]);
  const { unanswered } = measured as { unanswered?: number };
  if (unanswered !== undefined && unanswered > 0) lines.push(['never answered', number(unanswered)]);
  if (measured.serverMicroseconds !== undefined) {
    const share = measured.serverKernelShare;
    const kernel = share === undefined ? '' : `, ${Math.round(share * 100)} % of it in the kernel`;
    lines.push(['server CPU for each', `${measured.serverMicroseconds.toFixed(2)} µs${kernel}`]);
  }
  if (measured.serverBytes !== undefined) {
    lines.push(['server memory', `${number(measured.serverBytes / 1e6)} MB`]);
  }
  lines.push(['CPU used', cpuWords(measured)]);
  const width = Math.max(...lines.map(([name]) => name.length));
  const silence = measured.perSecond === 0 ? `${SILENT[task]}\n` : '';
  return `${silence}${lines.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')}${limitWords(measured)}`;
}

function cpuWords({ serverCpu, generatorCpu }: Measurement): string {
  const server = serverCpu === undefined ? '' : `server ${Math.round(serverCpu * 100)} %, `;
  return `${server}this load ${Math.round(generatorCpu * 100)} %`;
}

function limitWords({ limit, lateness }: Measurement): string {
  if (lateness !== undefined) {
    return limit === 'neither'
      ? ''
      : 'Messages were sent late: the latencies include that, and the server may do better.\n';
  }
  switch (limit) {
    case 'server':
      return "The server's CPU was used up: this is what it can do.\n";
    case 'generator':
      return 'This load used up its own CPU: the server may be able to do more.\n';
    case 'machine':
      return 'Other processes used the CPU meanwhile: the figures are lower than they could be.\n';
    case 'neither':
      return 'Neither side used up its CPU: more connections or more in flight would show more.\n';
    case 'unknown':
      return '';
  }
}

function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
