/**
 * The tester's own opening handshake, both sides, and the few lines of HTTP/1.1 that it needs.
 *
 * Not shared with `lib/http` or `lib/websocket/handshake.ts`, which are under test. Requests are text that a case can
 * bend as it likes; heads are read with a bound and a deadline, and what is wrong with one is said in one sentence.
 * Sections: RFC 6455 §4.1, §4.2; RFC 7692 §7.1. Read next: `connection.ts`.
 */

import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { Target } from './target.ts';
import { octetCount, preview } from './wire.ts';
import type { WireLog } from './wire-log.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A head, split into its parts. Field names are lower case; a name that came twice has two values. */
export interface Head {
  readonly startLine: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** What came behind the head in the same chunk. */
  readonly rest: Buffer;
}

export type HeadResult = { readonly ok: true; readonly head: Head } | { readonly ok: false; readonly reason: string };

/** Reads one head, bounded in octets and time. */
export function readHead(
  socket: Duplex,
  log: WireLog,
  timeoutMs: number = CONFORMANCE_LIMITS.handshakeTimeoutMs,
): Promise<HeadResult> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    const settle = (result: HeadResult): void => {
      clearTimeout(timer);
      socket.removeListener('data', onData).removeListener('end', onEnd).removeListener('close', onEnd);
      if (!result.ok) log.note(result.reason);
      resolve(result);
    };
    const fail = (reason: string): void => settle({ ok: false, reason });
    const onData = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n\r\n');
      if (end >= 0) {
        socket.pause();
        log.received(held.subarray(0, end + 4), headText(held.subarray(0, end)), end + 4);
        settle(parseHead(held.subarray(0, end).toString('latin1'), held.subarray(end + 4)));
      } else if (held.length > CONFORMANCE_LIMITS.maxHeadBytes)
        fail(`the head did not end within ${octetCount(CONFORMANCE_LIMITS.maxHeadBytes)}`);
      else if (held.length >= 5 && !/^(HTTP\/|[A-Z]{3,} )/.test(held.toString('latin1', 0, 16)))
        fail(`the peer does not speak HTTP: it sent ${preview(held)}`);
    };
    const onEnd = (): void =>
      fail(
        held.length === 0
          ? 'the peer ended TCP without answering the handshake'
          : `the peer ended TCP within its head: ${preview(held)}`,
      );
    const timer = setTimeout(
      () =>
        fail(
          held.length === 0
            ? `no answer to the opening handshake within ${timeoutMs} ms`
            : `the head did not end within ${timeoutMs} ms: ${preview(held)}`,
        ),
      timeoutMs,
    );
    socket.on('data', onData).once('end', onEnd).once('close', onEnd);
    socket.resume();
  });
}

function parseHead(text: string, rest: Buffer): HeadResult {
  const [startLine = '', ...lines] = text.split('\r\n');
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon < 1 || /[^!-9;-~]/.test(name))
      return { ok: false, reason: `the head has a line that is no field: ${JSON.stringify(line.slice(0, 60))}` };
    const value = line.slice(colon + 1).trim();
    const known = fields.get(name);
    if (known === undefined) fields.set(name, [value]);
    else known.push(value);
  }
  return { ok: true, head: { startLine, fields, rest } };
}

/** A head as text for the report, cut to a screenful. */
export function headText(octets: Buffer): string {
  const text = octets.toString('latin1', 0, Math.min(octets.length, 1_200)).trimEnd().replaceAll('\r\n', '\n');
  return octets.length > 1_200 ? `${text}…` : text;
}

/** All values of a field, joined as RFC 9110 §5.3 says; empty when it is absent. */
export function fieldOf(head: Head, name: string): string {
  return (head.fields.get(name) ?? []).join(', ');
}

export function newKey(): string {
  return randomBytes(16).toString('base64');
}

/** RFC 6455 §4.2.2 step 5.4. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/** The lines of a correct opening request; a case may drop, change or add some. */
export function requestLines(target: Target, key: string, offer?: string): string[] {
  return [
    `GET ${target.resource} HTTP/1.1`,
    `Host: ${target.authority}`,
    'User-Agent: barewire-conformance',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...(offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`]),
    ...target.headers,
  ];
}

/** The lines of a correct answer. */
export function responseLines(key: string, extension?: string): string[] {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Server: barewire-conformance',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...(extension === undefined ? [] : [`Sec-WebSocket-Extensions: ${extension}`]),
  ];
}

export function headOctets(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** What is wrong with a server's answer (RFC 6455 §4.1, items 1-6); undefined = nothing. `protocol` = what was offered. */
export function faultOfResponse(head: Head, key: string, offered: boolean, protocol: string = ''): string | undefined {
  const status = /^HTTP\/1\.1 (\d{3})( |$)/.exec(head.startLine)?.[1];
  if (status === undefined) return `the answer is not HTTP/1.1: ${JSON.stringify(head.startLine.slice(0, 60))}`;
  if (status !== '101') return `the server answered ${head.startLine.slice(9, 80)} instead of 101`;
  if (fieldOf(head, 'upgrade').toLowerCase() !== 'websocket')
    return 'the answer has no "Upgrade: websocket" (RFC 6455 §4.1)';
  if (!tokensOf(fieldOf(head, 'connection')).includes('upgrade'))
    return 'the answer has no "Connection: Upgrade" (RFC 6455 §4.1)';
  if (fieldOf(head, 'sec-websocket-accept') !== acceptOf(key))
    return `Sec-WebSocket-Accept is ${JSON.stringify(fieldOf(head, 'sec-websocket-accept'))}, not ${acceptOf(key)} (RFC 6455 §4.1)`;
  if (!offered && fieldOf(head, 'sec-websocket-extensions') !== '')
    return 'the answer has an extension that was not offered (RFC 6455 §4.1)';
  if (!['', protocol].includes(fieldOf(head, 'sec-websocket-protocol')))
    return 'the answer has a subprotocol that was not offered (RFC 6455 §4.1)';
  return undefined;
}

/** What is wrong with a client's request (RFC 6455 §4.2.1); undefined = nothing. */
export function faultOfRequest(head: Head): string | undefined {
  const keys = head.fields.get('sec-websocket-key') ?? [];
  if (!/^GET \S+ HTTP\/1\.1$/.test(head.startLine))
    return `the request line is ${JSON.stringify(head.startLine.slice(0, 60))}, not a GET of HTTP/1.1`;
  if ((head.fields.get('host') ?? []).length !== 1) return 'the request has not exactly one Host field';
  if (!tokensOf(fieldOf(head, 'upgrade')).includes('websocket')) return 'the request has no "Upgrade: websocket"';
  if (!tokensOf(fieldOf(head, 'connection')).includes('upgrade')) return 'the request has no "Connection: Upgrade"';
  if (keys.length !== 1 || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(keys[0]!))
    return 'Sec-WebSocket-Key is not 16 octets in base64';
  if (fieldOf(head, 'sec-websocket-version') !== '13') return 'Sec-WebSocket-Version is not 13';
  return undefined;
}

export function tokensOf(list: string): string[] {
  return list.split(',').map((token) => token.trim().toLowerCase());
}

/** One element of `Sec-WebSocket-Extensions`: a name and its parameters; a parameter without a value has `true`. */
export interface Extension {
  readonly name: string;
  readonly params: ReadonlyMap<string, string | true>;
  /** A parameter stood there twice. */
  readonly repeated: boolean;
}

/** Splits the header (RFC 6455 §9.1). Lenient: what is no parameter becomes one that nobody knows. */
export function parseExtensions(value: string): Extension[] {
  if (value === '') return [];
  return value.split(',').map((element) => {
    const [name = '', ...rest] = element.split(';').map((part) => part.trim());
    const params = new Map<string, string | true>();
    let repeated = false;
    for (const part of rest) {
      const [key = '', ...values] = part.split('=');
      if (params.has(key.trim())) repeated = true;
      params.set(
        key.trim(),
        values.length === 0
          ? true
          : values
              .join('=')
              .trim()
              .replace(/^"(.*)"$/, '$1'),
      );
    }
    return { name, params, repeated };
  });
}
