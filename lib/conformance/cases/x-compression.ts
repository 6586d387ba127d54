/**
 * X.9: permessage-deflate in long series, where Autobahn's groups 12 and 13 do not look (RFC 7692 §7.1.1, §7.2).
 *
 * 1-19 let the client's messages refer to earlier ones: Autobahn always offers `client_no_context_takeover`, which most
 * servers then agree to. 20-29 are about messages below the size from which a peer compresses: whether it inflates them,
 * compresses them rightly where it does, and keeps its context where compressed messages and others take turns.
 * Read next: `../run-case.ts`.
 */

import type { DeflateTerms, EchoCase } from '../case.ts';
import { pieceOf, type SourceName, sourceOf } from '../sources.ts';
import { BINARY, octetCount, TEXT } from '../wire.ts';
import { messageCount } from './compression.ts';

const PLAIN = 'permessage-deflate';

interface Series {
  readonly source: SourceName;
  /** Octets of a message. */
  readonly size: number;
  /** Octets of a frame; absent = one frame a message. */
  readonly fragment?: number;
  readonly offer?: string;
}

const TAKEOVER: readonly Series[] = [
  { source: 'json', size: 16 },
  { source: 'json', size: 64 },
  { source: 'json', size: 256 },
  { source: 'json', size: 1_024 },
  { source: 'json', size: 4_096 },
  { source: 'json', size: 131_072 },
  { source: 'prose', size: 16_384 },
  { source: 'pdf', size: 4_096 },
  { source: 'html', size: 32_768, fragment: 256 },
  { source: 'json', size: 4_096, offer: `${PLAIN}; client_max_window_bits` },
  { source: 'json', size: 4_096, offer: `${PLAIN}; server_no_context_takeover` },
];

/** The cases; `full` = 1000 messages whatever their size. */
export function longCompressionCases(full: boolean): EchoCase[] {
  return [
    ...TAKEOVER.map(({ source, size, fragment, offer = PLAIN }, i): EchoCase => {
      const count = messageCount(size, full);
      const frames = fragment === undefined ? '' : `, in frames of ${octetCount(fragment)}`;
      return {
        ...series(i + 1, source, count, (k) => pieceOf(sourceOf(source), size, k), { offer }, `${source}/${size}`),
        subject: 'server',
        description: `${count} compressed messages of ${octetCount(size)} of ${source} data${frames}, each referring to earlier ones; the offer is "${offer}".`,
        expectation:
          'Each comes back before the next is sent. A server that answers client_no_context_takeover is UNIMPLEMENTED.',
        takeover: true,
        ...(fragment === undefined ? {} : { fragment }),
      };
    }),
    short(20, 'json', '0 to 127 characters', (k) => k % 128),
    short(21, 'pdf', '0 to 127 octets', (k) => k % 128),
    short(22, 'json', '20 and 600 characters in turn', (k) => (k % 2 === 0 ? 20 : 600)),
  ];
}

function short(number: number, source: SourceName, sizes: string, sizeOf: (k: number) => number): EchoCase {
  const message = (k: number): Buffer => pieceOf(sourceOf(source), sizeOf(k), k);
  return {
    ...series(number, source, 1_000, message, { offer: PLAIN }, `${source}/${sizes}`),
    description: `1000 compressed messages of ${source} data of ${sizes}.`,
    expectation:
      'Each comes back before the next is sent. A peer that compresses none of its echoes is INFORMATIONAL, as it may choose.',
    wantsCompressed: true,
  };
}

function series(
  number: number,
  source: SourceName,
  count: number,
  message: (k: number) => Uint8Array,
  terms: DeflateTerms,
  name: string,
): Omit<EchoCase, 'description' | 'expectation'> {
  return {
    id: `X.9.${number}`,
    kind: 'echo',
    heavy: true,
    opcode: sourceOf(source).kind === 'text' ? TEXT : BINARY,
    count,
    message,
    deflate: { ...terms, series: name },
    timeoutMs: 120_000,
  };
}
