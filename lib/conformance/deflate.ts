/**
 * permessage-deflate for the tester, on `node:zlib` so that it owes nothing to `lib/deflate`.
 *
 * What is agreed becomes a `Compressor` and a `Decompressor` with explicit windows: the last octets of plaintext are
 * handed to zlib as its dictionary, so that every message is a synchronous call of its own, and inflating under the agreed
 * window and no larger one finds a peer that refers too far back. Compressed octets are a function of the series and the
 * message's number, so they are kept for the next case that sends the same.
 * Sections: RFC 7692 §7. Read next: `sources.ts`.
 */

import { deflateRawSync, constants as flags, inflateRawSync } from 'node:zlib';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { DeflateTerms } from './case.ts';
import { type Extension, parseExtensions } from './handshake.ts';

/** How one direction compresses. */
export interface DeflateParameters {
  readonly takeover: boolean;
  /** 9-15; 8 is taken as 9, as zlib has no such raw window. */
  readonly windowBits: number;
}

/** What both sides agreed to. */
export interface DeflateAgreement {
  readonly tester: DeflateParameters;
  readonly peer: DeflateParameters;
  /** The value of the answering header. */
  readonly answer: string;
}

const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty stored block with BFINAL set: inflating ends with it and nowhere else, if a block may begin there. */
const LAST_BLOCK = Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff]);

/** Octets of compressed messages, by series; the oldest series go first when the bound is reached. */
const cache = new Map<string, { readonly messages: Buffer[]; octets: number }>();

export class Compressor {
  readonly #parameters: DeflateParameters;
  readonly #series: string;
  #window: Buffer = Buffer.alloc(0);

  constructor(parameters: DeflateParameters, series = '') {
    this.#parameters = parameters;
    this.#series = series === '' ? '' : `${series}/${parameters.windowBits}/${parameters.takeover}`;
  }

  /** Message `k` of the series; messages must come in order, since each is the context of the next. */
  compress(plaintext: Uint8Array, k: number): Buffer {
    const { takeover, windowBits } = this.#parameters;
    const kept = this.#series === '' ? undefined : cache.get(this.#series)?.messages[k];
    const dictionary = this.#window;
    if (takeover) this.#window = slide(this.#window, plaintext, windowBits);
    if (kept !== undefined) return kept;
    const octets = deflateRawSync(plaintext, {
      level: 6,
      memLevel: 8,
      windowBits: Math.max(9, windowBits),
      finishFlush: flags.Z_SYNC_FLUSH,
      ...(takeover && dictionary.length > 0 ? { dictionary } : {}),
    });
    // RFC 7692 §7.2.1: the 00 00 FF FF of the last flush is not sent; of an empty message one octet remains.
    const compressed = octets.length > 4 ? octets.subarray(0, -4) : Buffer.from([0]);
    if (this.#series !== '') remember(this.#series, k, compressed);
    return compressed;
  }
}

function remember(series: string, k: number, octets: Buffer): void {
  let entry = cache.get(series);
  if (entry === undefined) {
    entry = { messages: [], octets: 0 };
    cache.set(series, entry);
  }
  entry.messages[k] = Buffer.from(octets);
  entry.octets += octets.length;
  let total = 0;
  for (const { octets: size } of cache.values()) total += size;
  for (const oldest of cache.keys()) {
    if (total <= CONFORMANCE_LIMITS.maxCompressedCacheBytes || oldest === series) break;
    total -= cache.get(oldest)!.octets;
    cache.delete(oldest);
  }
}

export class Decompressor {
  readonly #parameters: DeflateParameters;
  #window: Buffer = Buffer.alloc(0);
  messages = 0;
  /** Octets of messages before and after, for the ratio in the report. */
  compressedOctets = 0;
  plainOctets = 0;

  constructor(parameters: DeflateParameters) {
    this.#parameters = parameters;
  }

  /**
   * The plaintext of one message.
   *
   * All messages of one direction are one DEFLATE stream (RFC 7692 §7.2.2), and here each is a call of its own. That is
   * the same because two things are carried over or checked: the window, and that the message with its tail ends
   * between two blocks, where the next one goes on.
   * @throws Error for what is no DEFLATE, refers beyond the window, ends within a block, or passes a bound
   */
  inflate(octets: Uint8Array): Buffer {
    const input = Buffer.concat([octets, TAIL, LAST_BLOCK]);
    let window = this.#window;
    const parts: Buffer[] = [];
    let size = 0;
    let at = 0;
    try {
      // One turn a block with BFINAL set: the last one is ours, any other is the peer's (RFC 7692 §7.2.3.4).
      while (at < input.length) {
        if (parts.length > CONFORMANCE_LIMITS.maxFinalBlocks)
          throw new RangeError(`it has more than ${CONFORMANCE_LIMITS.maxFinalBlocks} blocks with BFINAL set`);
        const { plaintext, taken } = inflateToFinalBlock(input.subarray(at), size, window, this.#parameters.windowBits);
        at += taken;
        size += plaintext.length;
        parts.push(plaintext);
        window = slide(window, plaintext, this.#parameters.windowBits);
      }
    } catch (error) {
      if (!TAIL.equals(octets.subarray(-4))) throw error;
      throw new Error('it kept the 00 00 ff ff of its flush, which is not sent (RFC 7692 §7.2.1)', { cause: error });
    }
    if (this.#parameters.takeover) this.#window = window;
    this.messages++;
    this.compressedOctets += octets.length;
    this.plainOctets += size;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

/** Inflates up to and with the first block that has BFINAL set. `before` is how much the message has grown to. */
function inflateToFinalBlock(
  input: Buffer,
  before: number,
  dictionary: Buffer,
  windowBits: number,
): { readonly plaintext: Buffer; readonly taken: number } {
  const result: unknown = inflateRawSync(input, {
    info: true,
    windowBits: Math.max(9, windowBits),
    maxOutputLength: Math.max(1, CONFORMANCE_LIMITS.maxFrameBytes - before),
    chunkSize: input.length > 4_096 ? 262_144 : 16_384,
    ...(dictionary.length > 0 ? { dictionary } : {}),
  });
  // `info` makes it an object with the engine, which knows how much it has read; the types do not know that.
  const { buffer, engine } = result as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  return { plaintext: buffer, taken: engine.bytesWritten };
}

/** The last 2^bits octets of what went before and what came now. */
function slide(window: Buffer, plaintext: Uint8Array, bits: number): Buffer {
  const size = 1 << Math.max(9, bits);
  if (plaintext.length >= size) return Buffer.from(plaintext.subarray(plaintext.length - size));
  const keep = window.subarray(Math.max(0, window.length + plaintext.length - size));
  return Buffer.concat([keep, plaintext]);
}

/**
 * The agreement that a server's answer makes of our offer, `undefined` for none, or what is wrong with the answer.
 * Autobahn takes any answer that is well-formed; `compare` asks whether it also fits the offer.
 */
export function agreementFromAnswer(
  answer: string,
  offer: string,
  options: { readonly compare: boolean },
): DeflateAgreement | undefined | string {
  const extensions = parseExtensions(answer);
  if (extensions.length === 0) return undefined;
  const [extension] = extensions;
  if (extensions.length > 1 || extension!.name !== 'permessage-deflate')
    return `answered extensions that were not offered: ${answer} (RFC 6455 §9.1)`;
  const fault = faultOfParameters(extension!, 'answer');
  if (fault !== undefined) return `answered ${answer}: ${fault}`;
  const fits = !options.compare || parseExtensions(offer).some((offered) => answers(offered, extension!));
  if (!fits) return `answered ${answer}, which fits no offer in ${offer} (RFC 7692 §7.1)`;
  const { params } = extension!;
  return {
    answer,
    tester: {
      takeover: !params.has('client_no_context_takeover'),
      windowBits: Number(params.get('client_max_window_bits') ?? 15),
    },
    peer: {
      takeover: !params.has('server_no_context_takeover'),
      windowBits: Number(params.get('server_max_window_bits') ?? 15),
    },
  };
}

/** RFC 7692 §7.1.1.1-7.1.2.2: does the answer grant what this offer asks, and nothing it does not allow? */
function answers(offered: Extension, answer: Extension): boolean {
  if (offered.params.has('server_no_context_takeover') && !answer.params.has('server_no_context_takeover'))
    return false;
  if (answer.params.has('client_max_window_bits') && !offered.params.has('client_max_window_bits')) return false;
  const asked = offered.params.get('server_max_window_bits');
  if (asked === undefined) return true;
  const granted = answer.params.get('server_max_window_bits');
  return granted !== undefined && Number(granted) <= Number(asked);
}

/** What is wrong with the parameters of one offer or answer by themselves (RFC 7692 §7.1). */
export function faultOfParameters(extension: Extension, side: 'offer' | 'answer'): string | undefined {
  if (extension.repeated) return 'a parameter stands there twice';
  for (const [name, value] of extension.params) {
    if (name === 'server_no_context_takeover' || name === 'client_no_context_takeover') {
      if (value !== true) return `${name} has a value`;
    } else if (name === 'server_max_window_bits' || name === 'client_max_window_bits') {
      if (value === true && name === 'client_max_window_bits' && side === 'offer') continue;
      if (value === true || !/^([89]|1[0-5])$/.test(value)) return `${name} is ${String(value)}, not 8 to 15`;
    } else return `${JSON.stringify(name)} is no parameter of permessage-deflate`;
  }
  return undefined;
}

/**
 * What the fuzzing server answers a client's offers in a case: it grants what the taken offer asks of the server, and
 * demands of the client what the case is about. `undefined` = no extension, and the case is UNIMPLEMENTED.
 */
export function agreementForOffer(offers: string, terms: DeflateTerms): DeflateAgreement | undefined {
  const usable = parseExtensions(offers).filter(
    (offer) => offer.name === 'permessage-deflate' && faultOfParameters(offer, 'offer') === undefined,
  );
  const wantsBits = terms.clientMaxWindowBits !== undefined;
  const strict = usable.find((offer) => !wantsBits || offer.params.has('client_max_window_bits'));
  const taken = strict ?? (terms.fallback ? usable[0] : undefined);
  if (taken === undefined) return undefined;
  const serverBits = taken.params.get('server_max_window_bits');
  const parts = ['permessage-deflate'];
  if (taken.params.has('server_no_context_takeover')) parts.push('server_no_context_takeover');
  if (serverBits !== undefined) parts.push(`server_max_window_bits=${serverBits}`);
  if (terms.clientNoContextTakeover) parts.push('client_no_context_takeover');
  const clientBits = strict !== undefined && wantsBits ? terms.clientMaxWindowBits! : undefined;
  if (clientBits !== undefined) parts.push(`client_max_window_bits=${clientBits}`);
  return {
    answer: parts.join('; '),
    tester: {
      takeover: !taken.params.has('server_no_context_takeover'),
      windowBits: Number(serverBits ?? 15),
    },
    peer: { takeover: terms.clientNoContextTakeover !== true, windowBits: clientBits ?? 15 },
  };
}
