/**
 * X.7: permessage-deflate as nobody should negotiate or send it (RFC 7692 §7.1, §7.2).
 *
 * 1-29 offers to a server, 30-49 answers to a client, 50 on what is sent once it is agreed, to either. A peer that does
 * not agree to a plain offer (or makes none) is UNIMPLEMENTED throughout. Read next: `x-stream.ts`.
 */

import { deflateRawSync, constants as flags } from 'node:zlib';
import { fill, hex, type ProbeCase, probe, seenText, utf8 } from '../case.ts';
import { Compressor } from '../deflate.ts';
import { fieldOf, headOctets, newKey, parseExtensions, requestLines, responseLines } from '../handshake.ts';
import {
  expectFailure,
  expectSeen,
  failed,
  nonStrict,
  type Opened,
  ok,
  type ProbeVerdict,
  type Stage,
  unimplemented,
  waitFor,
  watch,
} from '../probe.ts';
import { PING, TEXT } from '../wire.ts';
import { refusesAnswer } from './x-handshake.ts';

const PLAIN = 'permessage-deflate';
const HELLO = utf8('hello');
const ABSENT = unimplemented('the peer does not do permessage-deflate');

/** The extension field of a server's answer to an offer; a number = the status that it refused with. */
async function answerTo(stage: Stage, offer: string): Promise<string | number> {
  const { socket, result } = await stage.exchange(headOctets(requestLines(stage.target!, newKey(), offer)));
  socket.destroy();
  if (!result.ok) return 0;
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(result.head.startLine)?.[1] ?? 0);
  return status === 101 ? fieldOf(result.head, 'sec-websocket-extensions') : status;
}

async function speaksDeflate(stage: Stage): Promise<boolean> {
  const answer = await answerTo(stage, PLAIN);
  return typeof answer === 'string' && parseExtensions(answer)[0]?.name === PLAIN;
}

/** An offer that a server must decline: no extension in the answer, or no connection. */
function declined(id: string, parameters: string): ProbeCase {
  return probe(
    id,
    `The offer "${PLAIN}; ${parameters}", which is invalid.`,
    'The server declines it (RFC 7692 §7.1): no permessage-deflate in its answer.',
    async (stage) => {
      if (!(await speaksDeflate(stage))) return ABSENT;
      const answer = await answerTo(stage, `${PLAIN}; ${parameters}`);
      if (typeof answer === 'number') return ok(`refused with ${answer === 0 ? 'the end of TCP' : answer}`);
      return answer === '' ? ok('declined') : failed(`the server agreed: ${answer}`);
    },
    { subject: 'server', head: true },
  );
}

/** An offer that is fine, and what the answer must hold. */
function agreed(
  id: string,
  offer: string,
  check: (params: ReadonlyMap<string, string | true>) => string | undefined,
): ProbeCase {
  return probe(
    id,
    `The offer "${offer}".`,
    'The server answers it within its terms.',
    async (stage) => {
      if (!(await speaksDeflate(stage))) return ABSENT;
      const answer = await answerTo(stage, offer);
      // A server need not agree to anything, but an offer that it does not like is no reason to refuse the connection.
      if (typeof answer === 'number') return nonStrict(`the server refused the connection with ${answer}`);
      if (answer === '') return nonStrict('the server declined the offer');
      const [extension, ...others] = parseExtensions(answer);
      if (others.length > 0) return failed(`the server agreed twice: ${answer}`);
      const fault = check(extension!.params);
      return fault === undefined ? ok(answer) : failed(`${fault}: ${answer}`);
    },
    { subject: 'server', head: true },
  );
}

const within = (limit: number) => (params: ReadonlyMap<string, string | true>) => {
  const bits = params.get('server_max_window_bits');
  if (bits === undefined) return 'server_max_window_bits is not granted (RFC 7692 §7.1.2.1)';
  return Number(bits) >= 8 && Number(bits) <= limit ? undefined : 'the window is larger than asked';
};

const OFFERS: ProbeCase[] = [
  ...[
    'unknown_parameter',
    'server_no_context_takeover=1',
    'client_no_context_takeover=""',
    'server_no_context_takeover; server_no_context_takeover',
    'server_max_window_bits',
    'server_max_window_bits=7',
    'server_max_window_bits=16',
    'server_max_window_bits=010',
    'server_max_window_bits=10; server_max_window_bits=11',
    'client_max_window_bits=0',
    'client_max_window_bits=16',
    'client_max_window_bits=-9',
    'client_max_window_bits=9x',
  ].map((parameters, i) => declined(`X.7.${i + 1}`, parameters)),
  agreed('X.7.20', `${PLAIN}; server_max_window_bits="10"`, within(10)),
  agreed('X.7.21', `${PLAIN}; server_max_window_bits=16, ${PLAIN}`, () => undefined),
  agreed('X.7.22', `x-unheard-of, ${PLAIN}; server_no_context_takeover`, (params) =>
    params.has('server_no_context_takeover')
      ? undefined
      : 'server_no_context_takeover is not granted (RFC 7692 §7.1.1.1)',
  ),
  agreed('X.7.23', PLAIN, (params) =>
    params.has('client_max_window_bits') ? 'client_max_window_bits was not offered (RFC 7692 §7.1.2.2)' : undefined,
  ),
];

/** An answer that a client must not take. */
function untaken(id: string, answer: string): ProbeCase {
  return probe(
    id,
    `The answer "${answer}" to a client that offered permessage-deflate.`,
    'The client fails the connection (RFC 7692 §7.1).',
    async (stage) => {
      const offers = fieldOf(stage.request!, 'sec-websocket-extensions');
      const key = fieldOf(stage.request!, 'sec-websocket-key');
      if (!parseExtensions(offers).some(({ name }) => name === PLAIN)) {
        const { connection } = await stage.open();
        connection.sendClose(hex('03e8'));
        await connection.ended;
        return ABSENT;
      }
      return refusesAnswer(stage, headOctets(responseLines(key, answer)));
    },
    { subject: 'client' },
  );
}

const ANSWERS: ProbeCase[] = [
  `${PLAIN}; unknown_parameter`,
  `${PLAIN}; server_no_context_takeover=1`,
  `${PLAIN}; server_no_context_takeover; server_no_context_takeover`,
  `${PLAIN}; server_max_window_bits=7`,
  `${PLAIN}; server_max_window_bits=16`,
  `${PLAIN}; client_max_window_bits=7`,
  `${PLAIN}; client_max_window_bits`,
  `${PLAIN}, ${PLAIN}`,
].map((answer, i) => untaken(`X.7.${30 + i}`, answer));

/** Opens with permessage-deflate in either direction. */
async function compressed(
  stage: Stage,
  run: (opened: Opened & { compress: (plaintext: Uint8Array) => Buffer }) => Promise<ProbeVerdict>,
): Promise<ProbeVerdict> {
  const opened = await stage.open({ offer: PLAIN, deflate: true });
  const { connection, deflate } = opened;
  if (deflate === undefined) {
    connection.sendClose(hex('03e8'));
    await connection.ended;
    return ABSENT;
  }
  const compressor = new Compressor(deflate.tester);
  let k = 0;
  return run({ ...opened, compress: (plaintext) => compressor.compress(plaintext, k++) });
}

/** Octets of a compressed message that must come back as this text. */
function inflates(id: string, description: string, payload: () => Buffer, text: string): ProbeCase {
  return probe(id, description, 'The message is inflated and comes back.', (stage) =>
    compressed(stage, async ({ connection }) => {
      const seen = watch(connection);
      connection.send({ opcode: TEXT, rsv: 4, payload: payload() });
      return expectSeen(connection, seen, [seenText(utf8(text))]);
    }),
  );
}

/** What no DEFLATE is, or not allowed: the connection must be failed. */
function notInflated(
  id: string,
  description: string,
  payload: (compress: (plaintext: Uint8Array) => Buffer) => Buffer,
  codes: number[],
  accepted: 'FAILED' | 'NON-STRICT' = 'FAILED',
): ProbeCase {
  return probe(id, description, 'The peer fails the connection and echoes nothing.', (stage) =>
    compressed(stage, async ({ connection, compress }) => {
      const seen = watch(connection);
      connection.send({ opcode: TEXT, rsv: 4, payload: payload(compress) });
      return expectFailure(connection, seen, codes, { what: 'the message', accepted });
    }),
  );
}

const BROKEN = [1002, 1003, 1007, 1009, 1011];

const MESSAGES: ProbeCase[] = [
  probe(
    'X.7.50',
    'The same compressed text three times; each refers to the one before where that is agreed.',
    'All three come back.',
    (stage) =>
      compressed(stage, async ({ connection, compress }) => {
        const seen = watch(connection);
        const text = utf8('to and fro, to and fro, to and fro');
        for (let i = 0; i < 3; i++) connection.send({ opcode: TEXT, rsv: 4, payload: compress(text) });
        return expectSeen(connection, seen, [text, text, text].map(seenText));
      }),
  ),
  probe(
    'X.7.51',
    'A compressed text, an uncompressed one, a compressed one.',
    'All three come back: compressing is chosen message by message (RFC 7692 §6).',
    (stage) =>
      compressed(stage, async ({ connection, compress }) => {
        const seen = watch(connection);
        const text = utf8('now and then');
        connection.send({ opcode: TEXT, rsv: 4, payload: compress(text) });
        connection.send({ opcode: TEXT, payload: HELLO });
        connection.send({ opcode: TEXT, rsv: 4, payload: compress(text) });
        return expectSeen(connection, seen, [text, HELLO, text].map(seenText));
      }),
  ),
  probe(
    'X.7.52',
    'A compressed text, a frame for each octet, empty frames and a ping among them.',
    'The pong, then the message.',
    (stage) =>
      compressed(stage, async ({ connection, compress }) => {
        const seen = watch(connection);
        const octets = compress(utf8('piece by piece by piece'));
        connection.send({ opcode: TEXT, rsv: 4, fin: false });
        for (let i = 0; i < octets.length; i++) {
          connection.send({ opcode: 0, fin: false, payload: octets.subarray(i, i + 1) });
          if (i === 3) connection.send({ opcode: PING, payload: HELLO });
        }
        connection.send({ opcode: 0 });
        return expectSeen(connection, seen, [
          { kind: 'pong', payload: HELLO },
          seenText(utf8('piece by piece by piece')),
        ]);
      }),
  ),
  inflates('X.7.53', 'An empty message as the one octet 00 (RFC 7692 §7.2.3.6).', () => hex('00'), ''),
  inflates(
    'X.7.54',
    'A message in a stored block (RFC 7692 §7.2.3.3).',
    () => hex('00 0500 faff 68656c6c6f 00'),
    'hello',
  ),
  inflates(
    'X.7.55',
    'A message in a block with BFINAL set (RFC 7692 §7.2.3.4).',
    () => Buffer.concat([deflateRawSync(HELLO), Buffer.from([0])]),
    'hello',
  ),
  inflates(
    'X.7.56',
    'A message in two blocks (RFC 7692 §7.2.3.5).',
    () => hex('f248050000 00ffff cac9c90700'),
    'Hello',
  ),
  notInflated('X.7.60', 'Octets that are no DEFLATE.', () => hex('ffffffffffffffff'), BROKEN),
  notInflated('X.7.61', 'A reference back beyond the beginning.', () => hex('4b040a00'), BROKEN),
  notInflated(
    'X.7.62',
    'The first half of a compressed message, as if it were whole.',
    (compress) => {
      const octets = compress(Buffer.from(Array.from({ length: 600 }, (_, i) => 97 + ((i * i * 7) % 26))));
      return octets.subarray(0, octets.length >> 1);
    },
    BROKEN,
    'NON-STRICT',
  ),
  notInflated('X.7.63', 'A compressed text that is not UTF-8.', (compress) => compress(hex('c3286869')), [1007]),
  probe('X.7.64', 'RSV1 on a continuation (RFC 7692 §6.1).', 'The peer fails the connection.', (stage) =>
    compressed(stage, async ({ connection, compress }) => {
      const seen = watch(connection);
      const octets = compress(utf8('in two parts, in two parts'));
      connection.send({ opcode: TEXT, rsv: 4, fin: false, payload: octets.subarray(0, 5) });
      connection.send({ opcode: 0, rsv: 4, payload: octets.subarray(5) });
      return expectFailure(connection, seen, [1002], { what: 'the message' });
    }),
  ),
  probe('X.7.65', 'RSV1 on a ping (RFC 7692 §6.1).', 'The peer fails the connection.', (stage) =>
    compressed(stage, async ({ connection }) => {
      const seen = watch(connection);
      connection.send({ opcode: PING, rsv: 4, payload: HELLO });
      return expectFailure(connection, seen, [1002], { what: 'the ping' });
    }),
  ),
  probe(
    'X.7.66',
    'A message of 260 KiB that inflates to 256 MiB.',
    'The peer refuses it, best with 1009. One that inflates it all is NON-STRICT.',
    (stage) =>
      compressed(stage, async ({ connection }) => {
        const seen = watch(connection);
        connection.inflate = () => HELLO;
        const part = deflateRawSync(fill(0, 67_108_864), { finishFlush: flags.Z_SYNC_FLUSH });
        const payload = Buffer.concat([part, part, part, part.subarray(0, -4)]);
        connection.send({ opcode: 2, rsv: 4, payload });
        await waitFor(connection, seen, 1, 20_000);
        if (seen.length > 0) return nonStrict('the peer inflated 256 MiB and echoed them');
        return expectFailure(connection, seen, [1009, 1008, 1002, 1007, 1011], { ms: 1 });
      }),
    { alone: true },
  ),
];

export const DEFLATE_CASES: readonly ProbeCase[] = [...OFFERS, ...ANSWERS, ...MESSAGES];
