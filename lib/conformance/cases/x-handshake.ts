/**
 * X.1: the opening handshake, which Autobahn never got to (RFC 6455 §4, RFC 9112 §2-5).
 *
 * Requests that a server must accept however they are cut and spelt, and requests that it must refuse; answers that a
 * client must take, and answers that it must not. Numbers below 50 are for servers, from 50 on for clients.
 * Read next: `x-frames.ts`.
 */

import type { Case, ProbeCase } from '../case.ts';
import { seenText, utf8 } from '../case.ts';
import type { Connection } from '../connection.ts';
import {
  acceptOf,
  faultOfResponse,
  fieldOf,
  headOctets,
  newKey,
  requestLines,
  responseLines,
  tokensOf,
} from '../handshake.ts';
import { expectSeen, failed, HandshakeFailure, nonStrict, ok, type ProbeVerdict, type Stage, watch } from '../probe.ts';
import { closeBody, encodeFrame, KeySource, TEXT } from '../wire.ts';

const HELLO = utf8('hello');

function forServers(
  id: string,
  description: string,
  expectation: string,
  probe: ProbeCase['probe'],
  more: Partial<ProbeCase> = {},
): ProbeCase {
  return { id, kind: 'probe', subject: 'server', head: true, description, expectation, probe, ...more };
}

function forClients(id: string, description: string, expectation: string, probe: ProbeCase['probe']): ProbeCase {
  return { id, kind: 'probe', subject: 'client', description, expectation, probe };
}

type Edit = (lines: string[], key: string) => readonly string[];

const ACCEPTED = 'The server answers 101 with the right Sec-WebSocket-Accept.';
const REFUSED = 'The server does not answer 101: it refuses with an HTTP error or ends TCP.';

/** A request that must lead to an open connection. */
function accepted(id: string, description: string, edit: Edit, pieces?: number, protocol?: string): ProbeCase {
  return forServers(id, description, ACCEPTED, async (stage) => {
    const key = newKey();
    const lines = edit(requestLines(stage.target!, key), key);
    const { result } = await stage.exchange(headOctets(lines), pieces);
    if (!result.ok) return failed(result.reason);
    const fault = faultOfResponse(result.head, key, false, protocol);
    return fault === undefined ? ok('101, as it should be') : failed(fault);
  });
}

/** A request that must not. `check` looks at the refusal. */
function refused(
  id: string,
  description: string,
  edit: Edit,
  check?: (status: number, field: (name: string) => string) => ProbeVerdict | undefined,
): ProbeCase {
  return forServers(id, description, REFUSED, async (stage) => {
    const key = newKey();
    return refusal(stage, headOctets(edit(requestLines(stage.target!, key), key)), check);
  });
}

async function refusal(
  stage: Stage,
  octets: Buffer,
  check?: (status: number, field: (name: string) => string) => ProbeVerdict | undefined,
): Promise<ProbeVerdict> {
  const { result } = await stage.exchange(octets, undefined, 3_000);
  if (!result.ok) {
    if (result.reason.includes('ended TCP')) return ok('the server ended TCP without an answer');
    // It was not accepted, which is what matters; a server that lets the client wait is none to learn from.
    return result.reason.startsWith('no answer') ? nonStrict(result.reason) : failed(result.reason);
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(result.head.startLine)?.[1] ?? 0);
  if (status === 101) return failed('the server answered 101');
  const { head } = result;
  return check?.(status, (name) => fieldOf(head, name)) ?? ok(`refused: ${result.head.startLine.slice(9)}`);
}

const without =
  (name: string): Edit =>
  (lines) =>
    lines.filter((line) => !line.toLowerCase().startsWith(name));
const replace =
  (name: string, value: string): Edit =>
  (lines) =>
    lines.map((line) => (line.toLowerCase().startsWith(`${name}:`) ? `${line.slice(0, name.length)}: ${value}` : line));
const plus =
  (...more: string[]): Edit =>
  (lines) => [...lines, ...more];

const SERVER_CASES: ProbeCase[] = [
  accepted('X.1.1', 'The request, one octet per write.', (lines) => lines, 1),
  accepted('X.1.2', 'Field names in lower case.', ([start = '', ...lines]) => [
    start,
    ...lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())),
  ]),
  accepted(
    'X.1.3',
    'Upgrade: WebSocket and Connection: keep-alive, UPGRADE, with no space after colons and two behind values.',
    (lines) =>
      lines
        .map((line) =>
          line.startsWith('Upgrade')
            ? 'Upgrade: WebSocket'
            : line.startsWith('Connection')
              ? 'Connection: keep-alive, UPGRADE'
              : line,
        )
        .map((line, i) => (i === 0 ? line : `${line.replace(': ', ':')}  `)),
  ),
  accepted(
    'X.1.4',
    'An extension that nobody knows is offered.',
    plus('Sec-WebSocket-Extensions: x-unheard-of; level="9"'),
  ),
  accepted(
    'X.1.5',
    'A subprotocol that the server can hardly know.',
    plus('Sec-WebSocket-Protocol: x-unheard-of.example'),
    undefined,
    'x-unheard-of.example',
  ),
  accepted(
    'X.1.6',
    'Forty further fields, as a browser behind proxies sends.',
    plus(...Array.from({ length: 40 }, (_, i) => `X-Field-${i}: ${'v'.repeat(40)}`)),
  ),
  forServers(
    'X.1.7',
    'The first message in the same segment as the request.',
    'The message is echoed. A server that refuses is NON-STRICT: RFC 6455 §4.1 has a client wait for the answer.',
    async (stage) => {
      const behind = encodeFrame({ opcode: TEXT, payload: HELLO }, new KeySource(7).next());
      let connection: Connection;
      try {
        ({ connection } = await stage.open({ behind }));
      } catch (error) {
        if (error instanceof HandshakeFailure) return nonStrict(error.message);
        throw error;
      }
      return expectSeen(connection, watch(connection), [seenText(HELLO)]);
    },
  ),
  forServers(
    'X.1.8',
    'A request whose key is the one of RFC 6455 §1.3.',
    'Sec-WebSocket-Accept is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.',
    async (stage) => {
      const lines = requestLines(stage.target!, 'dGhlIHNhbXBsZSBub25jZQ==');
      const { result } = await stage.exchange(headOctets(lines));
      if (!result.ok) return failed(result.reason);
      const accept = fieldOf(result.head, 'sec-websocket-accept');
      return accept === 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
        ? ok(accept)
        : failed(`Sec-WebSocket-Accept is ${JSON.stringify(accept)}`);
    },
  ),
  refused('X.1.10', 'Version 99 (RFC 6455 §4.4).', replace('sec-websocket-version', '99'), (status, field) =>
    tokensOf(field('sec-websocket-version')).includes('13')
      ? undefined
      : nonStrict(`refused with ${status}, but without the Sec-WebSocket-Version: 13 that §4.2.2 asks for`),
  ),
  refused('X.1.11', 'No Sec-WebSocket-Version.', without('sec-websocket-version')),
  refused('X.1.12', 'No Sec-WebSocket-Key.', without('sec-websocket-key')),
  refused('X.1.13', 'A key of 15 octets.', replace('sec-websocket-key', Buffer.alloc(15, 1).toString('base64'))),
  refused('X.1.14', 'A key that is no base64.', replace('sec-websocket-key', '!!!!!!!!!!!!!!!!!!!!!!==')),
  refused('X.1.15', 'Two keys (RFC 6455 §11.3.1).', (lines, key) => [...lines, `Sec-WebSocket-Key: ${key}`]),
  refused('X.1.16', 'No Upgrade field.', without('upgrade')),
  refused('X.1.17', 'Upgrade: h2c.', replace('upgrade', 'h2c')),
  refused('X.1.18', 'Connection: keep-alive.', replace('connection', 'keep-alive')),
  refused('X.1.19', 'A POST.', ([start = '', ...lines]) => [
    start.replace('GET', 'POST'),
    ...lines,
    'Content-Length: 0',
  ]),
  refused('X.1.20', 'HTTP/1.0.', ([start = '', ...lines]) => [start.replace('HTTP/1.1', 'HTTP/1.0'), ...lines]),
  refused('X.1.21', 'No Host field (RFC 9112 §3.2).', without('host')),
  refused('X.1.22', 'A space before a colon (RFC 9112 §5.1).', (lines) =>
    lines.map((line) => line.replace('Host:', 'Host :')),
  ),
  refused(
    'X.1.23',
    'Content-Length and Transfer-Encoding together (RFC 9112 §6.1).',
    plus('Content-Length: 4', 'Transfer-Encoding: chunked'),
  ),
  forServers('X.1.24', 'A field of 1 MiB.', `${REFUSED} A server without a bound is NON-STRICT.`, (stage) =>
    flood(stage, plus(`X-Long: ${'a'.repeat(1_048_576)}`)),
  ),
  forServers('X.1.25', '20,000 fields.', `${REFUSED} A server without a bound is NON-STRICT.`, (stage) =>
    flood(stage, plus(...Array.from({ length: 20_000 }, (_, i) => `X-${i}: 1`))),
  ),
  forServers('X.1.26', 'Octets that are no HTTP.', REFUSED, (stage) =>
    refusal(stage, Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello\r\n\r\n', 'latin1')),
  ),
];

async function flood(stage: Stage, edit: Edit): Promise<ProbeVerdict> {
  const key = newKey();
  const { result } = await stage.exchange(headOctets(edit(requestLines(stage.target!, key), key)), undefined, 4_000);
  if (!result.ok) return /ended TCP/.test(result.reason) ? ok('the server ended TCP') : failed(result.reason);
  const { startLine } = result.head;
  return startLine.includes(' 101')
    ? nonStrict('the server took it all and answered 101')
    : ok(`refused: ${startLine.slice(9)}`);
}

const TAKEN = 'The client opens the connection and echoes.';
const NOT_TAKEN = 'The client fails the connection: it ends TCP and sends no frame.';

/** An answer that must open the connection; the client then echoes. */
function taken(id: string, description: string, edit: Edit, pieces?: number): ProbeCase {
  return forClients(id, description, TAKEN, async (stage) => {
    const key = fieldOf(stage.request!, 'sec-websocket-key');
    const connection = stage.answer(headOctets(edit(responseLines(key), key)), pieces);
    const seen = watch(connection);
    connection.send({ opcode: TEXT, payload: HELLO });
    return expectSeen(connection, seen, [seenText(HELLO)]);
  });
}

/** An answer that must not; a message right behind it must not be echoed. */
function notTaken(id: string, description: string, edit: Edit): ProbeCase {
  return forClients(id, description, NOT_TAKEN, async (stage) => {
    const key = fieldOf(stage.request!, 'sec-websocket-key');
    return refusesAnswer(stage, headOctets(edit(responseLines(key), key)));
  });
}

export async function refusesAnswer(stage: Stage, head: Buffer): Promise<ProbeVerdict> {
  const connection = stage.answer(head);
  const seen = watch(connection);
  connection.send({ opcode: TEXT, payload: HELLO });
  await connection.until(() => seen.length > 0 || connection.state !== 'open', 2_000);
  if (seen.length > 0) return failed('the client took the answer and echoed a message');
  if (connection.closeReceived !== undefined) {
    // A close frame as the first thing: the client opened before it looked again. It did fail the connection.
    return nonStrict('the client failed the connection with a close frame, as if it had been open');
  }
  if (connection.state === 'open') {
    connection.sendClose(closeBody(1000));
    return failed('the client neither used nor ended the connection within 2 s');
  }
  return connection.violation === undefined ? ok('the client ended TCP') : failed(`the client ${connection.violation}`);
}

const CLIENT_CASES: ProbeCase[] = [
  taken('X.1.50', 'A correct answer, one octet per write.', (lines) => lines, 1),
  taken('X.1.51', 'Values in other case: Upgrade: WebSocket, Connection: upgrade.', (lines) =>
    replace('connection', 'upgrade')([...replace('upgrade', 'WebSocket')(lines, '')], ''),
  ),
  taken('X.1.52', 'Field names in lower case, a reason phrase of its own.', ([, ...lines]) => [
    'HTTP/1.1 101 Off We Go',
    ...lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())),
  ]),
  taken(
    'X.1.53',
    'Forty further fields.',
    plus(...Array.from({ length: 40 }, (_, i) => `X-Field-${i}: ${'v'.repeat(40)}`)),
  ),
  forClients(
    'X.1.54',
    'The first message in the same segment as the answer.',
    'The message is echoed.',
    async (stage) => {
      const { connection } = await stage.open({ behind: encodeFrame({ opcode: TEXT, payload: HELLO }) });
      return expectSeen(connection, watch(connection), [seenText(HELLO)]);
    },
  ),
  notTaken('X.1.60', 'A wrong Sec-WebSocket-Accept.', replace('sec-websocket-accept', acceptOf('another key'))),
  notTaken('X.1.61', 'No Sec-WebSocket-Accept.', without('sec-websocket-accept')),
  notTaken('X.1.62', 'Status 200.', ([, ...lines]) => ['HTTP/1.1 200 OK', ...lines]),
  notTaken('X.1.63', 'Status 404.', () => ['HTTP/1.1 404 Not Found', 'Content-Length: 0']),
  notTaken('X.1.64', 'No Upgrade field.', without('upgrade')),
  notTaken('X.1.65', 'Upgrade: h2c.', replace('upgrade', 'h2c')),
  notTaken('X.1.66', 'No Connection field.', without('connection')),
  notTaken('X.1.67', 'Connection: close.', replace('connection', 'close')),
  notTaken('X.1.68', 'An extension that was not offered.', plus('Sec-WebSocket-Extensions: x-unheard-of')),
  notTaken('X.1.69', 'A subprotocol that was not offered.', plus('Sec-WebSocket-Protocol: x-unheard-of.example')),
  notTaken('X.1.70', 'The Sec-WebSocket-Accept in lower case: base64 has two cases.', (lines) =>
    lines.map((line) => (line.startsWith('Sec-WebSocket-Accept') ? line.toLowerCase() : line)),
  ),
  notTaken('X.1.71', 'Octets that are no HTTP.', () => ['\x16\x03\x01\x02\x00\x01\x00']),
  forClients(
    'X.1.72',
    'A head that does not end: 4 MiB of fields.',
    'The client gives up and ends TCP. A client that reads it all is NON-STRICT.',
    async (stage) => {
      const connection = stage.answer(Buffer.from('HTTP/1.1 101 Switching Protocols\r\n'));
      const field = Buffer.from(`X-Field: ${'v'.repeat(1_013)}\r\n`);
      for (let i = 0; i < 4_096 && connection.state === 'open'; i++) {
        connection.write(Buffer.from(field));
        if (i % 64 === 63) await connection.drained(200);
      }
      await connection.until(() => connection.state !== 'open', 500);
      return connection.state === 'open' ? nonStrict('the client read 4 MiB and went on') : ok('the client ended TCP');
    },
  ),
];

export const HANDSHAKE_CASES: readonly Case[] = [...SERVER_CASES, ...CLIENT_CASES];
