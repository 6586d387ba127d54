/**
 * X.2 lengths and masking, X.3 splits, X.4 messages without end: frames as Autobahn does not send them.
 *
 * Sections: RFC 6455 §5.1-5.4, §10.4. Read next: `x-pressure.ts`.
 */

import {
  fill,
  type ProbeCase,
  probe,
  type Seen,
  type Step,
  type Subject,
  seenMessage,
  seenPong,
  seenText,
  utf8,
} from '../case.ts';
import type { Connection } from '../connection.ts';
import { closeCleanly, expectFailure, expectSeen, failed, how, nonStrict, ok, waitFor, watch } from '../probe.ts';
import { sameSeen } from '../verdict.ts';
import {
  BINARY,
  CLOSE,
  closeBody,
  encodeFrame,
  encodeHeader,
  KeySource,
  octetCount,
  opcodeName,
  PING,
  PONG,
  TEXT,
} from '../wire.ts';

const HELLO = utf8('hello');
const MINIMAL =
  'The peer fails the connection. RFC 6455 §5.2 demands the shortest form of who sends it; a peer that takes another is NON-STRICT.';

type Frame = Omit<Extract<Step, { do: 'frame' }>, 'do'>;

/** One frame that must not be taken. */
function rejected(
  id: string,
  description: string,
  expectation: string,
  frame: Frame,
  options: { codes?: number[]; accepted?: 'NON-STRICT'; ms?: number; subject?: Subject } = {},
): ProbeCase {
  const { codes = [1002], subject, ...rest } = options;
  return probe(
    id,
    description,
    expectation,
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      connection.send(frame);
      return expectFailure(connection, seen, codes, { what: 'the frame', ...rest });
    },
    subject === undefined ? {} : { subject },
  );
}

const TOO_BIG = [1009, 1002, 1008];

const LENGTHS: ProbeCase[] = [
  rejected(
    'X.2.1',
    'A text of 5 octets whose length takes 16 bits.',
    MINIMAL,
    { opcode: TEXT, payload: HELLO, lengthBits: 16 },
    { accepted: 'NON-STRICT' },
  ),
  rejected(
    'X.2.2',
    'A text of 5 octets whose length takes 64 bits.',
    MINIMAL,
    { opcode: TEXT, payload: HELLO, lengthBits: 64 },
    { accepted: 'NON-STRICT' },
  ),
  rejected(
    'X.2.3',
    'A binary message of 125 octets whose length takes 16 bits.',
    MINIMAL,
    { opcode: BINARY, payload: fill(1, 125), lengthBits: 16 },
    { accepted: 'NON-STRICT' },
  ),
  rejected(
    'X.2.4',
    'A binary message of 65,535 octets whose length takes 64 bits.',
    MINIMAL,
    { opcode: BINARY, payload: fill(1, 65_535), lengthBits: 64 },
    { accepted: 'NON-STRICT' },
  ),
  rejected(
    'X.2.5',
    'A ping of 5 octets whose length takes 16 bits.',
    MINIMAL,
    { opcode: PING, payload: HELLO, lengthBits: 16 },
    { accepted: 'NON-STRICT' },
  ),
  rejected(
    'X.2.6',
    'A length with its highest bit set (RFC 6455 §5.2: it must be 0).',
    'The peer fails the connection at once.',
    { opcode: BINARY, payload: HELLO, announce: 1n << 63n },
    { codes: TOO_BIG },
  ),
  rejected(
    'X.2.7',
    'A length of 2^63 - 1.',
    'The peer refuses: nobody can hold that.',
    { opcode: BINARY, payload: HELLO, announce: (1n << 63n) - 1n },
    { codes: TOO_BIG },
  ),
  rejected(
    'X.2.8',
    'A length of 2^53 + 1, which a double cannot hold.',
    'The peer refuses.',
    { opcode: BINARY, payload: HELLO, announce: (1n << 53n) + 1n },
    { codes: TOO_BIG },
  ),
  probe(
    'X.2.9',
    'A length of 2^32 + 5 with 5 octets behind it.',
    'No echo: the message has not ended. A peer that keeps 32 bits of the length would take it for whole.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      connection.send({ opcode: TEXT, payload: HELLO, announce: (1n << 32n) + 5n });
      await connection.until(() => seen.length > 0 || connection.state !== 'open', 300);
      if (seen.length > 0) return failed('the peer cut the length to 32 bits and echoed');
      const code = connection.closeReceived?.code;
      if (typeof code === 'number' && !TOO_BIG.includes(code)) return failed(`the peer closed with ${code}`);
      return ok(connection.state === 'open' ? 'the peer waits for the rest' : `the peer refused it${how(connection)}`);
    },
  ),
  rejected(
    'X.2.10',
    'A message that is not masked (RFC 6455 §5.1).',
    'The server fails the connection.',
    { opcode: TEXT, payload: HELLO, mask: false },
    { subject: 'server' },
  ),
  rejected(
    'X.2.11',
    'A message that is masked (RFC 6455 §5.1).',
    'The client fails the connection.',
    { opcode: TEXT, payload: HELLO, mask: true },
    { subject: 'client' },
  ),
  rejected(
    'X.2.12',
    'An unmasked ping.',
    'The server fails the connection.',
    { opcode: PING, payload: HELLO, mask: false },
    { subject: 'server' },
  ),
  probe(
    'X.2.13',
    'A message masked with the key 0, which leaves it as it is.',
    'The message is echoed.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      connection.write(encodeFrame({ opcode: TEXT, payload: HELLO }, Buffer.alloc(4)));
      return expectSeen(connection, seen, [seenText(HELLO)]);
    },
    { subject: 'server' },
  ),
  rejected('X.2.14', 'RSV1 on a continuation, with no extension agreed.', 'The peer fails the connection.', {
    opcode: 0,
    payload: HELLO,
    rsv: 4,
  }),
];

/** Everything a frame can have: all three length forms, fragments, a control frame between them. */
function mixed(): { frames: Frame[]; seen: Seen[] } {
  const long = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 0xff));
  const text = utf8('Grüße, κόσμε, 🎈');
  return {
    frames: [
      { opcode: TEXT, payload: text },
      { opcode: TEXT, fin: false, payload: text.subarray(0, 3) },
      { opcode: PING, payload: HELLO },
      { opcode: 0, fin: true, payload: text.subarray(3) },
      { opcode: BINARY, payload: long.subarray(0, 300) },
      { opcode: BINARY, payload: Buffer.alloc(0) },
    ],
    seen: [
      seenText(text),
      seenPong(HELLO),
      seenText(text),
      seenMessage(BINARY, long.subarray(0, 300)),
      seenMessage(BINARY, Buffer.alloc(0)),
    ],
  };
}

function wireOf(connection: Connection, frames: readonly Frame[]): Buffer {
  const keys = new KeySource(99);
  return Buffer.concat(
    frames.map((frame) => encodeFrame(frame, connection.subject === 'server' ? keys.next() : undefined)),
  );
}

/** Every other kind of frame with the masking of the wrong side: a peer may look at it in one branch and not in another. */
const MASKING: ProbeCase[] = (['server', 'client'] as const).flatMap((subject) => {
  const mask = subject === 'client';
  const how = mask ? 'masked' : 'unmasked';
  const first = mask ? 20 : 15;
  const expectation = `The ${subject} fails the connection (RFC 6455 §5.1).`;
  const wrong = (number: number, opcode: number, payload: Buffer): ProbeCase =>
    rejected(
      `X.2.${number}`,
      `A${mask ? '' : 'n'} ${how} ${opcodeName(opcode)}.`,
      expectation,
      { opcode, payload, mask },
      { subject },
    );
  return [
    ...(mask ? [wrong(first - 1, PING, HELLO)] : []),
    wrong(first, PONG, HELLO),
    wrong(first + 1, CLOSE, closeBody(1000)),
    probe(
      `X.2.${first + 2}`,
      `A message in two frames, the second of which is ${how}.`,
      expectation,
      async (stage) => {
        const { connection } = await stage.open();
        const seen = watch(connection);
        connection.send({ opcode: TEXT, fin: false, payload: HELLO });
        connection.send({ opcode: 0, payload: HELLO, mask });
        return expectFailure(connection, seen, [1002], { what: 'the message' });
      },
      { subject },
    ),
  ];
});

const SPLITS: ProbeCase[] = [
  ...([1, 'joined'] as const).map((write, i) =>
    probe(
      `X.3.${i + 1}`,
      `Six frames of all sorts, ${write === 1 ? 'one octet per write' : 'in one write'}.`,
      'The messages come back in order; the pong may overtake them.',
      async (stage) => {
        const { connection } = await stage.open();
        const seen = watch(connection);
        const { frames, seen: expected } = mixed();
        connection.write(wireOf(connection, frames), write);
        await waitFor(connection, seen, expected.length, 5_000);
        const apart = (list: readonly Seen[]): Seen[] => [
          ...list.filter(({ kind }) => kind === 'pong'),
          ...list.filter(({ kind }) => kind !== 'pong'),
        ];
        return expectSeen(connection, apart(seen), apart(expected), 0);
      },
    ),
  ),
  probe(
    'X.3.3',
    'Three small frames again and again, cut in two at every octet.',
    'All are answered, wherever the cut is.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      const { frames, seen: answers } = mixed();
      const three = frames.slice(1, 4);
      const expected = answers.slice(1, 3);
      const length = wireOf(connection, three).length;
      for (let at = 1; at < length && connection.state === 'open'; at++) {
        seen.length = 0;
        const octets = wireOf(connection, three);
        connection.write(octets.subarray(0, at), 'own');
        connection.write(octets.subarray(at), 'own');
        await connection.until(() => seen.length >= expected.length, 2_000);
        if (!sameSeen(expected, seen))
          return failed(`cut after octet ${at} of ${length}: the answers are wrong${how(connection)}`);
      }
      return closeCleanly(connection, `right at all ${length - 1} cuts`);
    },
  ),
  probe(
    'X.3.4',
    'A header with a 64-bit length, cut at each of its octets.',
    'The message of 64 KiB is echoed each time.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      const payload = fill(0x61, 65_536);
      const headerLength = connection.subject === 'server' ? 14 : 10;
      for (let at = 1; at <= headerLength && connection.state === 'open'; at++) {
        seen.length = 0;
        const octets = wireOf(connection, [{ opcode: TEXT, payload }]);
        connection.write(octets.subarray(0, at), 'own');
        connection.write(octets.subarray(at), 'own');
        await connection.until(() => seen.length > 0, 2_000);
        if (!sameSeen([seenText(payload)], seen))
          return failed(`cut after octet ${at}: the echo is wrong${how(connection)}`);
      }
      return closeCleanly(connection, `right at all ${headerLength} cuts`);
    },
  ),
  probe('X.3.5', '2000 messages in one write.', 'All come back, in order.', async (stage) => {
    const { connection } = await stage.open();
    const seen = watch(connection);
    const texts = Array.from({ length: 2_000 }, (_, i) => utf8(`message ${i}`));
    connection.write(
      wireOf(
        connection,
        texts.map((payload) => ({ opcode: TEXT, payload })),
      ),
    );
    return expectSeen(connection, seen, texts.map(seenText), 10_000);
  }),
];

const ENDLESS: ProbeCase[] = [
  probe(
    'X.4.1',
    'A message of empty fragments that does not end, up to 200,000 of them.',
    'The peer fails the connection at some bound. One that goes on without is NON-STRICT.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      connection.send({ opcode: TEXT, fin: false, payload: HELLO });
      const many = Buffer.concat(
        Array.from({ length: 2_000 }, (_, i) =>
          encodeFrame(
            { opcode: 0, fin: false },
            connection.subject === 'server' ? new KeySource(i + 1).next() : undefined,
          ),
        ),
      );
      for (let i = 0; i < 100 && connection.state === 'open'; i++) {
        connection.write(many);
        await connection.drained(1_000);
      }
      connection.send({ opcode: PING, payload: HELLO });
      await connection.until(() => seen.length > 0 || connection.state !== 'open', 3_000);
      if (connection.state !== 'open') return ok(`the peer refused to go on${how(connection)}`);
      return nonStrict('the peer took 200,000 fragments');
    },
    { heavy: true },
  ),
  probe(
    'X.4.2',
    'A binary message in fragments of 256 KiB that does not end, up to 160 MiB.',
    'The peer fails the connection at some bound, best with 1009. One that goes on without is NON-STRICT.',
    async (stage) => {
      const { connection } = await stage.open();
      watch(connection);
      const part = fill(0x2e, 262_144);
      connection.send({ opcode: BINARY, fin: false, payload: part });
      for (let i = 1; i < 640 && connection.state === 'open'; i++) {
        const key = connection.subject === 'server' ? Buffer.alloc(4) : undefined;
        connection.write(encodeHeader({ opcode: 0, fin: false }, part.length, key));
        connection.write(part);
        if (!(await connection.drained(5_000))) return failed('the peer stopped reading in the middle of a message');
      }
      await connection.until(() => connection.state !== 'open', 3_000);
      if (connection.state !== 'open') return ok(`the peer refused to go on${how(connection)}`);
      return nonStrict(`the peer took ${octetCount(640 * part.length)}`);
    },
    { alone: true },
  ),
];

export const FRAME_CASES: readonly ProbeCase[] = [...LENGTHS, ...MASKING, ...SPLITS, ...ENDLESS];
