/**
 * Which content coding a client takes (RFC 9110 §12.5.3, §8.4.1).
 *
 * Pure. Knows names and weights, not how anything is compressed. Read next: `../event-stream/stream-encoder.ts`.
 */

import { parseParameterizedList } from './grammar.ts';

export type ContentCoding = 'gzip' | 'deflate';

/**
 * The coding of `ours` (best first) that the client weighs most; undefined: send it as it is.
 * Choice: a client that sends no Accept-Encoding would accept anything (§12.5.3), and gets it plain; so does one whose
 * field is malformed.
 */
export function chooseContentCoding(
  acceptEncoding: string | undefined,
  ours: readonly ContentCoding[],
): ContentCoding | undefined {
  const elements = parseParameterizedList(acceptEncoding ?? '');
  if (elements === undefined) return undefined;
  /** The weights of the codings we know, of `identity` and of `*`; undefined: not mentioned. */
  const weights = new Map<string, number>();
  for (const { name, parameters } of elements) {
    const weight = weightOf(parameters);
    if (weight === undefined) return undefined;
    const coding = name.toLowerCase(); // §8.4.1: "All content codings are case-insensitive"
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, weight); // §8.4.1.3
  }
  // "*" is every coding that is not mentioned. The plain form is always acceptable, and worth what is said of it.
  const others = weights.get('*') ?? 0;
  let best: ContentCoding | undefined;
  let bestWeight = weights.get('identity') ?? 0;
  for (const coding of ours) {
    const weight = weights.get(coding) ?? others;
    if (weight > bestWeight || (best === undefined && weight > 0 && weight === bestWeight)) {
      best = coding;
      bestWeight = weight;
    }
  }
  return best;
}

/** §12.4.2: `weight = OWS ";" OWS "q=" qvalue`, 0 to 1 with at most three digits; 1 when there is none. */
function weightOf(
  parameters: readonly { readonly name: string; readonly value: string | undefined }[],
): number | undefined {
  for (const { name, value } of parameters) {
    if (name.toLowerCase() !== 'q') continue;
    return value !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(value) ? Number(value) : undefined;
  }
  return 1;
}
