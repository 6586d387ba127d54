/**
 * `barewire chat`: the chat server with its web page. What `npm start` runs.
 *
 * Reads the command line, opens what it names, and stays until a signal: SIGINT closes at once, SIGTERM drains, SIGHUP reads
 * the certificate again. Read next: `chat-logs.ts`, `chat-output.ts`.
 */

import { createSecureContext } from 'node:tls';
import { type Chat, mountChat } from '../chat/server.ts';
import { trustedAddresses } from '../http/forwarded.ts';
import { createServer, type Server } from '../server.ts';
import { type ChatLog, openLog } from './chat-logs.ts';
import { greeting, isExposed, jsonLines, lineObserver, reachableUrls, type Say, sentences } from './chat-output.ts';
import {
  hostName,
  listenError,
  oneLine,
  readArgs,
  readFile,
  runWith,
  UsageError,
  untilInterrupted,
  wholeNumber,
} from './usage.ts';

const HELP = `Usage: barewire chat [options]

Serves chat rooms: a web page, WebSockets, event streams and plain HTTP.

  --port N         port to listen on (default 8080; 0 = any free one)
  --host HOST      address to listen on (default 127.0.0.1: this machine only; 0.0.0.0: all)
  --base PATH      a path in front of everything, such as /chat
  --history N      messages a room keeps for those who join later (default 100)
  --data DIR       keep the messages in this directory, over restarts
  --redis URL      keep them in Redis, shared with other processes; needs the package redis or ioredis
  --tls-cert FILE  serve https and wss: certificate and key in PEM, read again on SIGHUP
  --tls-key FILE
  --origin ORIGIN  another origin that may join, such as https://app.example; may be given several times
  --trust-proxy A  believe X-Forwarded-For, -Proto and -Host of proxies at this address or range, or of 'loopback'; may be
                   given several times
  --drain-ms N     on SIGTERM, time over which members are sent away (default 5000)
  --log json       one JSON object a line for what happens
  --help           this text

In a terminal:
  curl -N http://127.0.0.1:8080/rooms/lobby/events
  curl -d 'hello' -H 'X-User-Id: ann' http://127.0.0.1:8080/rooms/lobby/messages
`;

interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Settings {
  readonly port: number;
  readonly host: string;
  readonly base: string;
  readonly history: number;
  readonly data: string | undefined;
  readonly redis: string | undefined;
  /** Reads the files, which may have changed. */
  readonly tls: (() => Tls) | undefined;
  readonly origins: readonly string[];
  readonly proxies: readonly string[];
  readonly drainMs: number;
  readonly isJson: boolean;
}

export function run(args: string[]): Promise<number> {
  return runWith(() => readSettings(args), HELP, chat);
}

async function chat(settings: Settings): Promise<number> {
  const say = settings.isJson ? jsonLines() : sentences();
  const tls = settings.tls?.();
  const log = await openLog({ ...settings, maxHistoryRecords: settings.history }, say);
  const server = createServer({
    ...(tls === undefined ? {} : { tls }),
    ...(settings.proxies.length === 0 ? {} : { trustProxy: { from: settings.proxies, headers: 'x-forwarded' } }),
    ...(settings.isJson ? { observer: lineObserver(say) } : {}),
  });
  try {
    return await serve(server, log, settings, say);
  } finally {
    await log?.close();
  }
}

async function serve(server: Server, log: ChatLog | undefined, settings: Settings, say: Say): Promise<number> {
  const { base, history, host, port, isJson, drainMs } = settings;
  const chat = mountChat(server, {
    base,
    allowedOrigins: settings.origins,
    maxHistoryMessages: history,
    onError: (error, where) => say('room-error', { where, message: oneLine(error) }),
    ...(log === undefined ? {} : { log: log.log }),
  });
  await server.listen({ port, host }).catch((error: unknown) => {
    throw listenError(error, `${host}:${port}`);
  });
  const interrupted = untilInterrupted(); // before anybody knows that there is something to interrupt
  const renew = (): void => renewTls(server, settings, say);
  if (settings.tls !== undefined) process.on('SIGHUP', renew); // without one it ends the process, as when a terminal is closed
  const urls = reachableUrls(host, server.url).map((url) => url + base);
  if (isJson) say('listening', { urls, exposed: isExposed(host) });
  else process.stdout.write(greeting(urls, isExposed(host)));
  const signal = await interrupted;
  process.off('SIGHUP', renew);
  if (isJson) say('closing', { signal, members: chat.members });
  else process.stdout.write(farewell(chat));
  await (signal === 'SIGTERM' ? server.drain({ overMs: drainMs }) : server.close());
  return 0;
}

function farewell({ members }: Chat): string {
  return `\nClosing: ${members} ${members === 1 ? 'member is' : 'members are'} told to come back later.\n`;
}

/** A certificate that is wrong is told, and the one before stays. */
function renewTls(server: Server, { tls }: Settings, say: Say): void {
  if (tls === undefined) return;
  try {
    server.renewTls(tls());
    say('certificate-renewed', {});
  } catch (error) {
    say('certificate-wrong', { message: oneLine(error) });
  }
}

function readSettings(args: string[]): Settings | undefined {
  const { values } = readArgs({
    args,
    options: {
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      base: { type: 'string', default: '' },
      history: { type: 'string', default: '100' },
      data: { type: 'string' },
      redis: { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      origin: { type: 'string', multiple: true, default: [] },
      'trust-proxy': { type: 'string', multiple: true, default: [] },
      'drain-ms': { type: 'string', default: '5000' },
      log: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  for (const origin of values.origin) checkOrigin(origin);
  for (const proxy of values['trust-proxy']) checkProxy(proxy);
  const { base, log } = values;
  if (!/^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$/.test(base))
    throw new UsageError(`--base is ${JSON.stringify(base)}, must be like /chat`);
  if (log !== undefined && log !== 'json') throw new UsageError(`--log is ${JSON.stringify(log)}, must be json`);
  return {
    port: wholeNumber('port', values.port, 0, 65_535),
    host: hostName(values.host),
    base,
    history: wholeNumber('history', values.history, 0, 100_000),
    data: values.data,
    redis: values.redis,
    tls: tlsFiles(values['tls-cert'], values['tls-key']),
    origins: values.origin,
    proxies: values['trust-proxy'],
    drainMs: wholeNumber('drain-ms', values['drain-ms'], 0, 600_000),
    isJson: log === 'json',
  };
}

/** Compared with what browsers send, which is this form and no other (RFC 6454 §6.2). */
function checkOrigin(origin: string): void {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin)
    throw new UsageError(
      `--origin is ${JSON.stringify(origin)}, must be like https://app.example or http://127.0.0.1:3000`,
    );
}

function checkProxy(from: string): void {
  try {
    trustedAddresses(from);
  } catch {
    throw new UsageError(`--trust-proxy is ${JSON.stringify(from)}, must be like 10.0.0.1, 10.0.0.0/8 or loopback`);
  }
}

function tlsFiles(cert: string | undefined, key: string | undefined): (() => Tls) | undefined {
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key: both, or neither');
  if (cert === undefined || key === undefined) return undefined;
  return () => {
    const tls = { cert: readFile('--tls-cert', cert), key: readFile('--tls-key', key) };
    try {
      createSecureContext(tls);
    } catch (error) {
      throw new Error(`--tls-cert ${cert} and --tls-key ${key} are no certificate with its key: ${oneLine(error)}`);
    }
    return tls;
  };
}
