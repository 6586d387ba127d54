/**
 * Groups 1-5 and 10: framing, pings and pongs, reserved bits, reserved opcodes, fragmentation.
 *
 * Tables: a row is what differs, the builder below it what is common. Ids and octets are Autobahn's.
 * Sections: RFC 6455 §5.2, §5.4, §5.5. Read next: `text.ts`.
 */

import {
  CLOSE_ON_MATCH,
  fill,
  hex,
  peerCloses,
  type ScriptCase,
  type Seen,
  type Step,
  seenMessage,
  seenPong,
  seenText,
  utf8,
  type Write,
} from '../case.ts';
import { BINARY, CLOSE, closeBody, octetCount, opcodeName, PING, PONG, TEXT } from '../wire.ts';

const HELLO = utf8('Hello, world!');
const BINARY_8 = hex('00fffefdfcfb00ff');
const UNASKED = utf8('unsolicited pong payload');
const PING_PAYLOAD = utf8('ping payload');
const ORPHAN = utf8('non-continuation payload');
const RESERVED_PAYLOAD = utf8('reserved opcode payload');
const part = (n: number) => utf8(`fragment${n}`);

const VIOLATION = 'The peer fails the connection: it closes with 1002 or drops TCP, and echoes nothing of it.';

/** A list of frames whose exact answers are known; the tester closes when they are there. */
function answered(
  id: string,
  description: string,
  expectation: string,
  steps: () => readonly Step[],
  seen: () => readonly Seen[],
  more: Partial<ScriptCase> = {},
): ScriptCase {
  return {
    id,
    kind: 'script',
    description,
    expectation,
    steps,
    accepts: () => [{ behavior: 'OK', seen: seen() }],
    close: CLOSE_ON_MATCH,
    timeoutMs: 1_000,
    onTimeout: 'close',
    ...more,
  };
}

/** A list of frames of which one breaks a rule; `before` is what a strict peer echoes before it notices. */
function refused(
  id: string,
  description: string,
  steps: () => readonly Step[],
  before: readonly Seen[] = [],
): ScriptCase {
  return {
    id,
    kind: 'script',
    description,
    expectation:
      before.length === 0
        ? VIOLATION
        : `${VIOLATION} What came before is echoed; a peer that loses it passes as NON-STRICT.`,
    steps,
    accepts: () => [
      { behavior: 'OK', seen: before },
      ...(before.length === 0 ? [] : [{ behavior: 'NON-STRICT' as const, seen: [] }]),
    ],
    close: peerCloses(1002),
    timeoutMs: 1_000,
    onTimeout: 'fail',
  };
}

function frame(opcode: number, payload: Uint8Array, more: Partial<Extract<Step, { do: 'frame' }>> = {}): Step {
  return { do: 'frame', opcode, payload, ...more };
}

/** A text frame that is not the last. */
function open(payload: Uint8Array, write: Write = 'joined'): Step {
  return { do: 'frame', opcode: TEXT, fin: false, payload, write };
}

function next(payload: Uint8Array, fin: boolean, write: Write = 'joined'): Step {
  return { do: 'frame', opcode: 0, fin, payload, write };
}

const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536];

function echoes(group: string, opcode: number, octet: number): ScriptCase[] {
  const rows = [...SIZES.map((size) => ({ size, write: 'joined' as Write })), { size: 65_536, write: 997 as Write }];
  return rows.map(({ size, write }, i) =>
    answered(
      `${group}.${i + 1}`,
      `A ${opcodeName(opcode)} message of ${octetCount(size)}${write === 'joined' ? '' : `, written ${write} octets at a time`}.`,
      'The same message comes back.',
      () => [frame(opcode, fill(octet, size), { write })],
      () => [seenMessage(opcode, fill(octet, size))],
      { onTimeout: 'fail', timeoutMs: size > 128 ? 10_000 : 1_000 },
    ),
  );
}

const GROUP_2: ScriptCase[] = [
  ...[Buffer.alloc(0), HELLO, BINARY_8, fill(0xfe, 125)].map((payload, i) =>
    answered(
      `2.${i + 1}`,
      `A ping of ${octetCount(payload.length)}.`,
      'A pong with the same payload comes back (RFC 6455 §5.5.3).',
      () => [frame(PING, payload)],
      () => [seenPong(payload)],
    ),
  ),
  refused('2.5', 'A ping of 126 octets, one more than a control frame may have.', () => [frame(PING, fill(0xfe, 126))]),
  answered(
    '2.6',
    'A ping of 125 octets, one octet per write.',
    'A pong with the same payload comes back.',
    () => [frame(PING, fill(0xfe, 125), { write: 1 })],
    () => [seenPong(fill(0xfe, 125))],
    { timeoutMs: 2_000 },
  ),
  ...[Buffer.alloc(0), UNASKED].map((payload, i) =>
    answered(
      `2.${i + 7}`,
      `A pong that nobody asked for, of ${octetCount(payload.length)}, then a close.`,
      'The pong is ignored (RFC 6455 §5.5.3) and the close answered.',
      () => [frame(PONG, payload), { do: 'close', body: closeBody(1000) }],
      () => [],
      { close: { ...CLOSE_ON_MATCH, tester: 'in-steps' } },
    ),
  ),
  answered(
    '2.9',
    'A pong that nobody asked for, then a ping.',
    'The pong is ignored, the ping answered.',
    () => [frame(PONG, UNASKED), frame(PING, PING_PAYLOAD)],
    () => [seenPong(PING_PAYLOAD)],
  ),
  ...(['joined', 1] as const).map((write, i) =>
    answered(
      `2.${i + 10}`,
      `Ten pings in a row${write === 1 ? ', one octet per write' : ''}.`,
      'Ten pongs in the same order. RFC 6455 §5.5.3 lets a peer answer only the latest; the suite does not.',
      () => pings().map((payload) => frame(PING, payload, { write })),
      () => pings().map(seenPong),
      { timeoutMs: 3_000 },
    ),
  ),
];

function pings(): Buffer[] {
  return Array.from({ length: 10 }, (_, i) => utf8(`payload-${i}`));
}

/** A good text, the offending frame, a ping: what comes before is answered, what comes after is not. */
function sandwiched(
  id: string,
  description: string,
  opcode: number,
  rsv: number,
  payload: Uint8Array,
  write: Write,
): ScriptCase {
  return refused(
    id,
    description,
    () => [
      frame(TEXT, HELLO, { write }),
      frame(opcode, payload, { rsv, write }),
      frame(PING, Buffer.alloc(0), { write }),
    ],
    [seenText(HELLO)],
  );
}

const GROUP_3: ScriptCase[] = [
  refused('3.1', 'A text with RSV3 set and no extension agreed.', () => [frame(TEXT, HELLO, { rsv: 1 })]),
  sandwiched('3.2', 'A text, a text with RSV2 set, a ping.', TEXT, 2, HELLO, 'joined'),
  sandwiched('3.3', 'A text, a text with RSV2 and RSV3 set, a ping; each in its own write.', TEXT, 3, HELLO, 'own'),
  sandwiched('3.4', 'A text, a text with RSV1 set, a ping; one octet per write.', TEXT, 4, HELLO, 1),
  refused('3.5', 'A binary message with RSV1 and RSV3 set.', () => [frame(BINARY, BINARY_8, { rsv: 5 })]),
  refused('3.6', 'A binary message with RSV1 and RSV2 set.', () => [frame(BINARY, HELLO, { rsv: 6 })]),
  refused('3.7', 'A close with all reserved bits set.', () => [frame(CLOSE, Buffer.alloc(0), { rsv: 7 })]),
];

function reserved(group: string, first: number): ScriptCase[] {
  const name = (opcode: number) => `opcode ${opcode}, which is reserved`;
  const nothing = Buffer.alloc(0);
  return [
    refused(`${group}.1`, `A frame with ${name(first)}, empty.`, () => [frame(first, nothing)]),
    refused(`${group}.2`, `A frame with ${name(first + 1)}, with a payload.`, () => [
      frame(first + 1, RESERVED_PAYLOAD),
    ]),
    sandwiched(
      `${group}.3`,
      `A text, an empty frame with ${name(first + 2)}, a ping.`,
      first + 2,
      0,
      nothing,
      'joined',
    ),
    sandwiched(`${group}.4`, `A text, a frame with ${name(first + 3)}, a ping.`, first + 3, 0, HELLO, 'joined'),
    sandwiched(
      `${group}.5`,
      `A text, a frame with ${name(first + 4)}, a ping; one octet per write.`,
      first + 4,
      0,
      HELLO,
      1,
    ),
  ];
}

const WRITES: readonly Write[] = ['joined', 'own', 1];
const HOW = ['', ', each in its own write', ', one octet per write'];
const BOTH = Buffer.concat([part(1), part(2)]);
const ALL_FIVE = Buffer.concat([1, 2, 3, 4, 5].map(part));

const GROUP_5: ScriptCase[] = [
  refused('5.1', 'A ping in two fragments.', () => [frame(PING, part(1), { fin: false }), next(part(2), true)]),
  refused('5.2', 'A pong in two fragments.', () => [frame(PONG, part(1), { fin: false }), next(part(2), true)]),
  ...WRITES.map((write, i) =>
    answered(
      `5.${3 + i}`,
      `A text in two fragments${HOW[i]}.`,
      'The message comes back whole.',
      () => [open(part(1), write), next(part(2), true, write)],
      () => [seenText(BOTH)],
    ),
  ),
  ...WRITES.map((write, i) =>
    answered(
      `5.${6 + i}`,
      `A text in two fragments with a ping between them${HOW[i]}.`,
      'The pong comes first, then the message (RFC 6455 §5.4).',
      () => [open(part(1), write), frame(PING, PING_PAYLOAD, { write }), next(part(2), true, write)],
      () => [seenPong(PING_PAYLOAD), seenText(BOTH)],
    ),
  ),
  ...[true, false].flatMap((fin, j) =>
    WRITES.map((write, i) =>
      refused(
        `5.${9 + j * 3 + i}`,
        `A continuation${fin ? ' with FIN' : ' without FIN'} of no message, then a text${HOW[i]}.`,
        () => [next(ORPHAN, fin, write), frame(TEXT, HELLO, { write })],
      ),
    ),
  ),
  refused(
    '5.15',
    'A text in two fragments, then a continuation of no message and a text.',
    () => [open(part(1)), next(part(2), true), next(part(3), false), frame(TEXT, part(4))],
    [seenText(BOTH)],
  ),
  ...[false, true].map((fin, i) =>
    refused(
      `5.${16 + i}`,
      `Twice: a continuation ${fin ? 'with' : 'without'} FIN of no message, then a text in two fragments.`,
      () => [1, 2].flatMap(() => [next(part(1), fin), open(part(2)), next(part(3), true)]),
    ),
  ),
  refused('5.18', 'A text that begins before the one before it has ended.', () => [
    open(part(1)),
    frame(TEXT, part(2)),
  ]),
  ...(['joined', 'own'] as const).map((write, i) =>
    answered(
      `5.${19 + i}`,
      `A text in five fragments with a ping after the second, a second of silence, and a ping after the fourth${HOW[i]}.`,
      'Both pongs come before the message.',
      () => [
        open(part(1), write),
        next(part(2), false, write),
        frame(PING, utf8('pongme 1!'), { write }),
        { do: 'wait', ms: 1_000 },
        next(part(3), false, write),
        next(part(4), false, write),
        frame(PING, utf8('pongme 2!'), { write }),
        next(part(5), true, write),
      ],
      () => [seenPong(utf8('pongme 1!')), seenPong(utf8('pongme 2!')), seenText(ALL_FIVE)],
    ),
  ),
];

export const FRAMING_CASES: readonly ScriptCase[] = [
  ...echoes('1.1', TEXT, 0x2a),
  ...echoes('1.2', BINARY, 0xfe),
  ...GROUP_2,
  ...GROUP_3,
  ...reserved('4.1', 3),
  ...reserved('4.2', 11),
  ...GROUP_5,
  answered(
    '10.1.1',
    'A text of 64 KiB in fragments of 1300 octets.',
    'The message comes back whole.',
    () => [{ do: 'fragments', opcode: TEXT, payload: fill(0x2a, 65_536), size: 1_300 }],
    () => [seenText(fill(0x2a, 65_536))],
    { timeoutMs: 10_000, onTimeout: 'fail' },
  ),
];
