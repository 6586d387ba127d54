/**
 * Group 6: text must be UTF-8 (RFC 6455 §8.1, RFC 3629), also across fragments, and a strict peer notices early.
 *
 * 6.5-6.23 are one octet sequence each: valid ones come back, invalid ones end the connection with 1007.
 * Read next: `closing.ts`.
 */

import { CLOSE_ON_MATCH, hex, peerCloses, type ScriptCase, type Seen, type Step, seenText, utf8 } from '../case.ts';
import { TEXT } from '../wire.ts';

const KOSME = 'cebae1bdb9cf83cebcceb5';
const MIXED = utf8('Hello-µ@ßöäüàá-UTF-8!!');
const SURROGATE = hex(`${KOSME}eda080656469746564`);

function valid(
  id: string,
  description: string,
  steps: () => readonly Step[],
  text: Uint8Array,
  timeoutMs = 1_000,
): ScriptCase {
  return {
    id,
    kind: 'script',
    description,
    expectation: 'The message comes back.',
    steps,
    accepts: () => [{ behavior: 'OK', seen: [seenText(text)] }],
    close: CLOSE_ON_MATCH,
    timeoutMs,
    onTimeout: timeoutMs === 1_000 ? 'close' : 'fail',
  };
}

function invalid(id: string, description: string, steps: () => readonly Step[], timeoutMs = 1_000): ScriptCase {
  return {
    id,
    kind: 'script',
    description,
    expectation: 'The peer fails the connection: it closes with 1007 or drops TCP, and echoes nothing.',
    steps,
    accepts: () => [{ behavior: 'OK', seen: [] }],
    close: peerCloses(1007),
    timeoutMs,
    onTimeout: 'fail',
    wrongCloserFails: true,
  };
}

const text = (payload: Uint8Array): Step => ({ do: 'frame', opcode: TEXT, payload });
const open = (payload: Uint8Array): Step => ({ do: 'frame', opcode: TEXT, fin: false, payload });
const next = (payload: Uint8Array, fin: boolean): Step => ({ do: 'frame', opcode: 0, fin, payload });
const octetByOctet = (payload: Uint8Array): Step => ({ do: 'fragments', opcode: TEXT, payload, size: 1 });

/** 6.4: invalid in the middle; how soon does the peer notice? The second wait is only reached by one that did not. */
function early(
  id: string,
  description: string,
  first: string,
  second: string,
  third: string,
  oneFrame: boolean,
): ScriptCase {
  const parts = [first, second, third].map(hex);
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const feed = (i: number): Step =>
    oneFrame ? { do: 'octets', payload: parts[i]! } : i === 0 ? open(parts[0]!) : next(parts[i]!, i === 2);
  const opened = (mark: string): Seen => ({ kind: 'open', mark });
  return {
    ...invalid(id, description, () => [
      ...(oneFrame ? [{ do: 'header', opcode: TEXT, fin: false, length: total } as const] : []),
      feed(0),
      { do: 'wait', ms: 1_000, mark: 'A' },
      feed(1),
      { do: 'wait', ms: 1_000, mark: 'B' },
      feed(2),
      ...(oneFrame ? [next(Buffer.alloc(0), true)] : []),
    ]),
    expectation:
      'The peer fails the connection as soon as the invalid octets are there; noticing at the end of the message is NON-STRICT.',
    accepts: () => [
      { behavior: 'OK', seen: [opened('A')] },
      { behavior: 'NON-STRICT', seen: [opened('A'), opened('B')] },
    ],
  };
}

/** 6.5-6.23: title, then octet sequences in hex; `!` marks an invalid one. */
const SEQUENCES: readonly (readonly [string, readonly string[]])[] = [
  [
    'Ordinary characters',
    [
      '68656c6c6f24776f726c64',
      '68656c6c6fc2a2776f726c64',
      '68656c6c6fe282ac776f726c64',
      '68656c6c6ff0a4ada2776f726c64',
      KOSME,
    ],
  ],
  ['A beginning of a Greek word', prefixes()],
  ['The lowest character of its length', ['00', 'c280', 'e0a080', 'f0908080']],
  ['The lowest of a length that UTF-8 gave up', ['!f888808080', '!fc8480808080']],
  ['The highest character of its length', ['7f', 'dfbf', 'efbfbf', 'f48fbfbf']],
  ['A sequence beyond U+10FFFF', ['!f7bfbfbf', '!fbbfbfbfbf', '!fdbfbfbfbfbf']],
  ['A boundary: surrogates, U+FFFD, U+10FFFF', ['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf', '!f4908080']],
  [
    'Continuation octets of nothing',
    ['!80', '!bf', '!80bf', '!80bf80', '!80bf80bf', '!80bf80bf80', '!80bf80bf80bf', `!${range(0x80, 0xbe)}`],
  ],
  [
    'Lead octets, a space after each',
    [
      `!${range(0xc0, 0xde, '20')}`,
      `!${range(0xe0, 0xee, '20')}`,
      `!${range(0xf0, 0xf6, '20')}`,
      `!${range(0xf8, 0xfa, '20')}`,
      '!fc20',
    ],
  ],
  ['A sequence without its last octet', truncated().map((one) => `!${one}`)],
  ['Ten truncated sequences in a row', [`!${truncated().join('')}`]],
  ['Octets that UTF-8 never has', ['!fe', '!ff', '!fefeffff']],
  ['A slash in more octets than it needs', ['!c0af', '!e080af', '!f08080af', '!f8808080af', '!fc80808080af']],
  ['The highest character that is too long by one', ['!c1bf', '!e09fbf', '!f08fbfbf', '!f887bfbfbf', '!fc83bfbfbfbf']],
  ['NUL in more octets than it needs', ['!c080', '!e08080', '!f0808080', '!f880808080', '!fc8080808080']],
  ['Half of a surrogate pair', ['!eda080', '!edadbf', '!edae80', '!edafbf', '!edb080', '!edbe80', '!edbfbf']],
  [
    'A surrogate pair, each half encoded',
    [
      '!eda080edb080',
      '!eda080edbfbf',
      '!edadbfedb080',
      '!edadbfedbfbf',
      '!edae80edb080',
      '!edae80edbfbf',
      '!edafbfedb080',
      '!edafbfedbfbf',
    ],
  ],
  ['A noncharacter', ['efbfbe', 'efbfbf', ...planes()]],
  ['The last characters of the basic plane', ['efbfb9', 'efbfba', 'efbfbb', 'efbfbc', 'efbfbd', 'efbfbe', 'efbfbf']],
];

function prefixes(): string[] {
  const whole = new Set([2, 5, 7, 9, 11]);
  return Array.from({ length: 11 }, (_, i) => `${whole.has(i + 1) ? '' : '!'}${KOSME.slice(0, 2 * (i + 1))}`);
}

function truncated(): string[] {
  return ['c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'];
}

function range(from: number, to: number, after = ''): string {
  return Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16) + after).join('');
}

/** U+nFFFE and U+nFFFF of planes 1 to 16, in the suite's order. */
function planes(): string[] {
  return Array.from({ length: 16 }, (_, i) =>
    [0xfffe, 0xffff].map((low) => utf8(String.fromCodePoint((i + 1) * 0x10000 + low)).toString('hex')),
  ).flat();
}

const sequences = SEQUENCES.flatMap(([title, list], i) =>
  list.map((entry, j) => {
    const id = `6.${5 + i}.${j + 1}`;
    const octets = hex(entry.replace('!', ''));
    const description = `${title}: ${octets.length > 16 ? `${octets.toString('hex', 0, 16)}…` : octets.toString('hex')}.`;
    return entry.startsWith('!')
      ? invalid(id, description, () => [text(octets)], 500)
      : valid(id, description, () => [text(octets)], octets, 500);
  }),
);

const MIDDLE = utf8('middle frame payload');

export const TEXT_CASES: readonly ScriptCase[] = [
  valid('6.1.1', 'An empty text.', () => [text(Buffer.alloc(0))], Buffer.alloc(0)),
  valid(
    '6.1.2',
    'An empty text in three empty fragments.',
    () => [open(Buffer.alloc(0)), next(Buffer.alloc(0), false), next(Buffer.alloc(0), true)],
    Buffer.alloc(0),
  ),
  valid(
    '6.1.3',
    'A text in three fragments of which only the middle one has a payload.',
    () => [open(Buffer.alloc(0)), next(MIDDLE, false), next(Buffer.alloc(0), true)],
    MIDDLE,
  ),
  valid('6.2.1', 'Valid UTF-8 in one frame.', () => [text(MIXED)], MIXED),
  valid(
    '6.2.2',
    'Valid UTF-8 in two fragments, cut between characters.',
    () => [open(MIXED.subarray(0, 15)), next(MIXED.subarray(15), true)],
    MIXED,
  ),
  valid('6.2.3', 'Valid UTF-8, a fragment for each octet.', () => [octetByOctet(MIXED)], MIXED),
  valid('6.2.4', 'A Greek word, a fragment for each octet.', () => [octetByOctet(hex(KOSME))], hex(KOSME)),
  invalid('6.3.1', 'A lone surrogate in the middle of a text.', () => [text(SURROGATE)]),
  invalid('6.3.2', 'The same, a fragment for each octet.', () => [octetByOctet(SURROGATE)]),
  early('6.4.1', 'Three fragments, the second of them invalid as a whole.', KOSME, 'f4908080', '656469746564', false),
  early(
    '6.4.2',
    'Three fragments; with the first octet of the second a character passes U+10FFFF.',
    `${KOSME}f4`,
    '90',
    '8080656469746564',
    false,
  ),
  early('6.4.3', 'As 6.4.1, within one frame that arrives in three pieces.', KOSME, 'f4908080', '656469746564', true),
  early(
    '6.4.4',
    'As 6.4.2, within one frame that arrives in three pieces.',
    `${KOSME}f4`,
    '90',
    '8080656469746564',
    true,
  ),
  ...sequences,
];
