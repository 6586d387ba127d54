/** UTF-8: validating, decoding and encoding against Node's own: `node dist/bench/core/utf8.js`. */

import { isUtf8 } from 'node:buffer';
import { decodeAscii, encodeUtf8Into, isValidUtf8 } from '../../lib/bytes/utf8.ts';
import { payloadOf } from '../../lib/load/messages.ts';
import { bench } from './harness.ts';

const SIZES = [20, 125, 1_024, 16_384];

bench(
  'validate',
  SIZES.flatMap((sizeBytes) =>
    (['text', 'utf8'] as const).map((kind) => {
      const bytes = payloadOf({ sizeBytes, kind }, 1);
      return {
        name: `${sizeBytes} B ${kind === 'text' ? 'ASCII' : 'beyond ASCII'}`,
        bytes: sizeBytes,
        contenders: [
          { name: 'isValidUtf8', run: () => Number(isValidUtf8(bytes, 0, bytes.length)) },
          { name: 'buffer.isUtf8', run: () => Number(isUtf8(bytes)) },
        ],
      };
    }),
  ),
);

bench(
  'decode ASCII',
  SIZES.map((sizeBytes) => {
    const bytes = payloadOf({ sizeBytes, kind: 'text' }, 1);
    return {
      name: `${sizeBytes} B`,
      bytes: sizeBytes,
      contenders: [
        { name: 'decodeAscii', run: () => decodeAscii(bytes, 0, bytes.length).charCodeAt(sizeBytes - 1) },
        { name: 'Buffer.toString', run: () => bytes.toString('utf8', 0, bytes.length).charCodeAt(sizeBytes - 1) },
      ],
    };
  }),
);

bench(
  'encode',
  SIZES.map((sizeBytes) => {
    const text = payloadOf({ sizeBytes, kind: 'text' }, 1).toString();
    const target = Buffer.alloc(sizeBytes);
    const encoder = new TextEncoder();
    return {
      name: `${sizeBytes} B`,
      bytes: sizeBytes,
      contenders: [
        { name: 'encodeUtf8Into', run: () => encodeUtf8Into(text, target, 0) },
        { name: 'TextEncoder.encodeInto', run: () => encoder.encodeInto(text, target).written },
      ],
    };
  }),
);
