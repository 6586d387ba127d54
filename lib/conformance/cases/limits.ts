/**
 * Group 9: large messages, many fragments, small writes, and 1000 round trips.
 *
 * Autobahn compares types and lengths here; this runner compares the content as well.
 * Read next: `compression.ts`.
 */

import {
  CLOSE_WHEN_DONE,
  cycle,
  type EchoCase,
  fill,
  hex,
  type ScriptCase,
  type Step,
  seenMessage,
  utf8,
} from '../case.ts';
import { BINARY, octetCount, opcodeName, TEXT } from '../wire.ts';

const KIB = 1_024;
const MIB = 1_048_576;
const TEXT_PATTERN = utf8('BAsd7&jh23');
const BINARY_PATTERN = hex('00fe23faf0');

function big(
  id: string,
  opcode: number,
  how: string,
  payload: () => Uint8Array,
  steps: (payload: Uint8Array) => readonly Step[],
  timeoutMs: number,
): ScriptCase {
  return {
    id,
    kind: 'script',
    description: `A ${opcodeName(opcode)} message of ${how}.`,
    expectation: 'The same message comes back.',
    heavy: true,
    steps: () => steps(payload()),
    accepts: () => [{ behavior: 'OK', seen: [seenMessage(opcode, payload())] }],
    close: CLOSE_WHEN_DONE,
    timeoutMs,
    onTimeout: 'close',
  };
}

const kinds = [
  { opcode: TEXT, pattern: TEXT_PATTERN, octet: 0x2a },
  { opcode: BINARY, pattern: BINARY_PATTERN, octet: 0xfe },
] as const;

const bySize = kinds.flatMap(({ opcode, pattern }, kind) =>
  [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].map((size, i) =>
    big(
      `9.${kind + 1}.${i + 1}`,
      opcode,
      octetCount(size),
      () => cycle(pattern, size),
      (payload) => [{ do: 'frame', opcode, payload }],
      size <= (opcode === TEXT ? 256 * KIB : 4 * MIB) ? 10_000 : 100_000,
    ),
  ),
);

const byFragment = kinds.flatMap(({ opcode }, kind) =>
  [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].map((size, i) =>
    big(
      `9.${kind + 3}.${i + 1}`,
      opcode,
      size === 4 * MIB ? '4 MiB in one frame' : `4 MiB in fragments of ${octetCount(size)}`,
      // The suite fills 9.4.1 with FE and all others with 2A.
      () => fill(opcode === BINARY && i === 0 ? 0xfe : 0x2a, 4 * MIB),
      (payload) =>
        size === 4 * MIB ? [{ do: 'frame', opcode, payload }] : [{ do: 'fragments', opcode, payload, size }],
      100_000,
    ),
  ),
);

const byWrite = kinds.flatMap(({ opcode, pattern }, kind) =>
  [64, 128, 256, 512, 1_024, 2_048].map((write, i) =>
    big(
      `9.${kind + 5}.${i + 1}`,
      opcode,
      `1 MiB, written ${octetCount(write)} at a time`,
      () => cycle(pattern, MIB),
      (payload) => [{ do: 'frame', opcode, payload, write }],
      1_000_000,
    ),
  ),
);

const roundTrips = kinds.flatMap(({ opcode, octet }, kind) =>
  [0, 16, 64, 256, 1_024, 4_096].map((size, i): EchoCase => {
    const payload = fill(octet, size);
    return {
      id: `9.${kind + 7}.${i + 1}`,
      kind: 'echo',
      description: `1000 ${opcodeName(opcode)} messages of ${octetCount(size)}, one at a time.`,
      expectation: 'Each comes back before the next is sent.',
      heavy: true,
      opcode,
      count: 1_000,
      message: () => payload,
      timeoutMs: size <= 64 ? 60_000 : size === 256 ? 120_000 : size === 1_024 ? 240_000 : 480_000,
    };
  }),
);

export const LIMIT_CASES: readonly (ScriptCase | EchoCase)[] = [...bySize, ...byFragment, ...byWrite, ...roundTrips];
