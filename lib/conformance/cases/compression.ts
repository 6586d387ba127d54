/**
 * Groups 12 and 13: permessage-deflate (RFC 7692), by data and by parameters.
 *
 * 18 sizes a subgroup, 1000 messages a case, one in flight. Choice: unless `full` is asked for, a case sends no more than
 * 4 MiB of plaintext, so that those of 8 KiB and above send 512, 256, 128, 64 or 32 messages and not 1000. The window
 * has been passed more than a hundred times by then, and the eleven gigabytes each way of the full run take a peer minutes.
 * Read next: `index.ts`.
 */

import type { DeflateTerms, EchoCase } from '../case.ts';
import { pieceOf, type SourceName, sourceOf } from '../sources.ts';
import { BINARY, octetCount, TEXT } from '../wire.ts';

/** Plaintext that a case sends at most, unless the full run is asked for. */
const SHORT_RUN_BYTES = 4_194_304;

const SIZES = [16, 64, 256, 1_024, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072];

/** Units per message, and octets per frame where the compressed message is cut. */
const ROWS: readonly (readonly [number, number?])[] = [
  ...SIZES.map((size) => [size] as const),
  ...SIZES.slice(5).map((size) => [size, 256] as const),
  [131_072, 1_024],
  [131_072, 4_096],
  [131_072, 32_768],
];

const PLAIN = 'permessage-deflate; client_no_context_takeover; client_max_window_bits';

interface Subgroup {
  readonly id: string;
  readonly source: SourceName;
  readonly terms: DeflateTerms;
  readonly title: string;
}

const SUBGROUPS: readonly Subgroup[] = [
  ...(['json', 'bitmap', 'prose', 'html', 'pdf'] as const).map((source, i) => ({
    id: `12.${i + 1}`,
    source,
    terms: { offer: PLAIN },
    title: 'a plain offer',
  })),
  ...[
    { title: 'no limits', terms: { offer: PLAIN } },
    {
      title: 'no context takeover',
      terms: { offer: `${PLAIN}; server_no_context_takeover`, clientNoContextTakeover: true },
    },
    { title: 'a window of 512 octets', terms: { offer: `${PLAIN}; server_max_window_bits=9`, clientMaxWindowBits: 9 } },
    { title: 'a window of 32 KiB', terms: { offer: `${PLAIN}; server_max_window_bits=15`, clientMaxWindowBits: 15 } },
    {
      title: 'no context takeover and a window of 512 octets',
      terms: {
        offer: `${PLAIN}; server_no_context_takeover; server_max_window_bits=9`,
        clientNoContextTakeover: true,
        clientMaxWindowBits: 9,
      },
    },
    {
      title: 'no context takeover and a window of 32 KiB',
      terms: {
        offer: `${PLAIN}; server_no_context_takeover; server_max_window_bits=15`,
        clientNoContextTakeover: true,
        clientMaxWindowBits: 15,
      },
    },
    {
      title: 'three offers, the strictest first',
      terms: {
        offer: `${PLAIN}; server_no_context_takeover; server_max_window_bits=9, ${PLAIN}; server_no_context_takeover, ${PLAIN}`,
        clientNoContextTakeover: true,
        clientMaxWindowBits: 9,
        fallback: true,
      },
    },
  ].map((one, i) => ({ id: `13.${i + 1}`, source: 'json' as const, ...one })),
];

/** How many messages of this size a case sends. */
export function messageCount(size: number, full: boolean): number {
  return full ? 1_000 : Math.min(1_000, SHORT_RUN_BYTES / size);
}

/** The cases; `full` = 1000 messages whatever their size. */
export function compressionCases(full: boolean): EchoCase[] {
  return SUBGROUPS.flatMap(({ id, source, terms, title }) =>
    ROWS.map(([size, fragment], i): EchoCase => {
      const binary = source !== 'json' && source !== 'html';
      const count = messageCount(size, full);
      return {
        id: `${id}.${i + 1}`,
        kind: 'echo',
        heavy: true,
        description: `${count} compressed ${binary ? 'binary' : 'text'} messages of ${octetCount(size).replace('octet', binary ? 'octet' : 'character')} of ${source} data, ${title}${fragment === undefined ? '' : `, in frames of ${octetCount(fragment)}`}.`,
        expectation: 'Each comes back, compressed or not, before the next is sent.',
        opcode: binary ? BINARY : TEXT,
        count,
        message: (k) => pieceOf(sourceOf(source), size, k),
        deflate: { ...terms, series: `${source}/${size}` },
        ...(fragment === undefined ? {} : { fragment }),
        timeoutMs: size <= 64 ? 60_000 : size === 256 ? 120_000 : size === 1_024 ? 240_000 : 480_000,
      };
    }),
  );
}
