/**
 * What `barewire connect` and `barewire listen` have in common: headers, certificates, proxies, and files with `@`.
 *
 * In: what `parseArgs` found. Out: options of the clients. Every mistake is a UsageError of one sentence.
 * Read next: `connect.ts`.
 */

import type { DialOptions } from '../client/index.ts';
import { ConnectFailed, proxyFromEnvironment } from '../client/index.ts';
import { checkField } from '../http/headers.ts';
import { oneLine, readFile, UsageError } from './usage.ts';

/** The options for `parseArgs`. */
export const CLIENT_OPTIONS = {
  header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean', short: 'k', default: false },
  proxy: { type: 'string' },
  'unix-socket': { type: 'string' },
  timeout: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Their help. */
export const CLIENT_HELP = `  -H, --header "NAME: VALUE"  a request header; may be given several times
  --ca FILE            trust this certificate (PEM) too
  --cert FILE          present this certificate (PEM), with --key FILE
  -k, --insecure       do not check the server's certificate
  --proxy URL          go through this HTTP proxy (default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY)
  --unix-socket PATH   connect to this Unix socket instead of the URL's host
  --timeout SECONDS    give up an attempt to connect after this long (default 10)
  --json               print one JSON object a line`;

interface Given {
  readonly header: readonly string[];
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure: boolean;
  readonly proxy?: string | undefined;
  readonly 'unix-socket'?: string | undefined;
  readonly timeout: string;
}

/** The clients' options that both commands have. @throws UsageError */
export function clientOptions(
  given: Given,
  url: URL,
): DialOptions & { readonly headers: readonly (readonly [string, string])[]; readonly handshakeTimeoutMs: number } {
  if ((given.cert === undefined) !== (given.key === undefined)) throw new UsageError('--cert and --key go together');
  const tls = {
    ...(given.ca === undefined ? {} : { ca: readFile('--ca', given.ca) }),
    ...(given.cert === undefined ? {} : { cert: readFile('--cert', given.cert) }),
    ...(given.key === undefined ? {} : { key: readFile('--key', given.key) }),
    ...(given.insecure ? { rejectUnauthorized: false } : {}),
  };
  const proxy = given.proxy ?? proxyFromEnvironment(url);
  const socketPath = given['unix-socket'];
  return {
    headers: given.header.map(readHeader),
    handshakeTimeoutMs: seconds('timeout', given.timeout),
    tls,
    ...(proxy === undefined || socketPath !== undefined ? {} : { proxy }),
    ...(socketPath === undefined ? {} : { socketPath }),
  };
}

function readHeader(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new UsageError(`--header is ${JSON.stringify(text)}, must be "NAME: VALUE"`);
  const field = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()] as const;
  try {
    checkField(...field);
  } catch (error) {
    throw new UsageError(`--header: ${oneLine(error)}`);
  }
  return field;
}

/** Reads the one URL that a command takes, whose scheme is one of those. @throws UsageError */
export function readUrl(positionals: readonly string[], command: string, schemes: readonly string[]): URL {
  const [text] = positionals;
  if (positionals.length > 1) throw new UsageError(`one URL at a time, not ${positionals.length}`);
  if (text === undefined) throw new UsageError(`${command} needs a URL`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !schemes.includes(url.protocol)) {
    const kinds = schemes.map((scheme) => `${scheme}//`).join(', ');
    throw new UsageError(`${JSON.stringify(text)} is not a URL that begins with ${kinds}`);
  }
  return url;
}

/** Reads a number of seconds above 0, as milliseconds. @throws UsageError */
export function seconds(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 86_400)
    throw new UsageError(`--${name} is ${JSON.stringify(text)}, must be seconds above 0, at most 86400`);
  return value * 1_000;
}

/** What a failed connection means, in one sentence. */
export function failure(error: unknown): string {
  if (error instanceof ConnectFailed && error.code === 'TLS_CERTIFICATE')
    return `${oneLine(error)} (--ca FILE trusts a certificate, --insecure trusts any)`;
  return oneLine(error);
}
