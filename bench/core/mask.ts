/** Unmasking while copying (RFC 6455 §5.3) against a copy and a loop over octets: `node dist/bench/core/mask.js`. */

import { copyMasked } from '../../lib/websocket/mask.ts';
import { bench, type Job } from './harness.ts';

const KEY = 0x1234_abcd;
/** Payloads stand behind a header of so many octets. */
const FIRST = 14;

function jobOf(size: number): Job {
  const source = Buffer.alloc(FIRST + size, 0x61);
  const target = Buffer.alloc(size);
  const sourceView = new DataView(source.buffer, source.byteOffset, source.length);
  const targetView = new DataView(target.buffer, target.byteOffset, target.length);
  return {
    name: `${size} B`,
    bytes: size,
    contenders: [
      {
        name: 'copyMasked',
        run: () => {
          copyMasked(sourceView, FIRST, FIRST + size, targetView, 0, KEY);
          return target[size - 1]!;
        },
      },
      {
        name: 'octet by octet',
        run: () => {
          for (let i = 0; i < size; i++) target[i] = source[FIRST + i]! ^ ((KEY >>> ((i & 3) << 3)) & 0xff);
          return target[size - 1]!;
        },
      },
    ],
  };
}

bench('unmask', [7, 20, 48, 125, 1_024, 16_384, 1_048_576].map(jobOf));
