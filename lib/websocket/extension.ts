/**
 * Agreeing on permessage-deflate: offers, answers and what they come to (RFC 6455 §9.1, RFC 7692 §5 and §7.1).
 *
 *     client   offerDeflate(policy) ──Sec-WebSocket-Extensions──►  answerOffers(offers, policy)   server
 *              checkAnswer(answer, policy)  ◄──────────────────────  the first offer it can keep
 *
 * Both ends come out with the same `DeflateParameters`. A server declines what it does not understand and goes on to the
 * next offer; a client fails the connection, since the server already acts on its answer. Takes elements that
 * `../http/grammar.ts` has parsed; knows nothing of compression. Read next: `deflate.ts`.
 */

import type { ParameterizedElement } from '../http/grammar.ts';
import { COMPRESSION_DEFAULTS } from '../limits.ts';
import type { Complete } from '../options.ts';

export const PERMESSAGE_DEFLATE = 'permessage-deflate';

/** What an application may say about compression. What it leaves out takes the defaults beside each option. */
export interface PerMessageDeflateOptions {
  /** Shorter messages are sent as they are. Default: `COMPRESSION_DEFAULTS.thresholdBytes`. */
  readonly thresholdBytes?: number | undefined;
  /**
   * 1 (quick) to 9 (small). Default: `COMPRESSION_DEFAULTS.level`. With context takeover a connection that has sent compressed messages holds
   * up to 43 KiB for it at level 1, up to 115 KiB at the others.
   */
  readonly level?: number | undefined;
  /** The server may refer back to its earlier messages. Default: false on a server, true on a client. */
  readonly serverContextTakeover?: boolean | undefined;
  /** The client may refer back to its earlier messages. Default: false on a server, true on a client. */
  readonly clientContextTakeover?: boolean | undefined;
  /** The server looks back over 2^n bytes at most, 8 to 15. Default 15. */
  readonly serverMaxWindowBits?: number | undefined;
  /** The client looks back over 2^n bytes at most, 8 to 15. Default 15. */
  readonly clientMaxWindowBits?: number | undefined;
  /**
   * After messages that compression shortened by less than an eighth, leave the next ones alone: one, two, four and so
   * on, up to 64, until one pays again. For traffic that may be pictures or ciphertext. Default false.
   */
  readonly adaptive?: boolean | undefined;
}

/** The option `perMessageDeflate`: off, on, on and `adaptive`, or in detail. */
export type PerMessageDeflate = boolean | 'auto' | PerMessageDeflateOptions;

/** The options of one endpoint, complete and in range. */
export type DeflatePolicy = Complete<PerMessageDeflateOptions>;

/** What both endpoints agreed on (RFC 7692 §7.1). */
export interface DeflateParameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** 8-15. */
  readonly serverMaxWindowBits: number;
  /** 8-15. */
  readonly clientMaxWindowBits: number;
}

const MIN_WINDOW_BITS = 8; // RFC 7692 §7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15, inclusive"
const MAX_WINDOW_BITS = 15;

/**
 * Options to a policy; `undefined` is "do not compress".
 *
 * Choice: context takeover is off by default on a server and on by default on a client. A server without it compresses a
 * broadcast once for everybody and holds no window for any connection. Measured on Node 20, of what clients send: 0.2 KB a
 * connection without, 36 KB with a window of 15 bits once it is full, 6 KB with 12 bits, 2.6 KB with 10, beside some 4 KB that an
 * idle connection has in all. Some clients overlook `client_no_context_takeover` (tornado 6.2, Mojolicious 9.31), and their second
 * message fails with 1007, which says so; `clientContextTakeover: true` takes them, at that price. A client has one server, and
 * takes what it gives. @throws RangeError for a value out of range; TypeError for one of no such kind
 */
export function deflatePolicy(
  options: PerMessageDeflate | undefined,
  role: 'client' | 'server',
): DeflatePolicy | undefined {
  if (options === undefined || options === false) return undefined;
  const given = options === true ? {} : options === 'auto' ? { adaptive: true } : options;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`perMessageDeflate is ${String(options)}, must be a boolean, 'auto' or an object`);
  const takeover = role === 'client';
  return {
    thresholdBytes: whole(
      'thresholdBytes',
      given.thresholdBytes ?? COMPRESSION_DEFAULTS.thresholdBytes,
      0,
      0xffff_ffff,
    ),
    level: whole('level', given.level ?? COMPRESSION_DEFAULTS.level, 1, 9),
    serverContextTakeover: given.serverContextTakeover ?? takeover,
    clientContextTakeover: given.clientContextTakeover ?? takeover,
    serverMaxWindowBits: windowBits('serverMaxWindowBits', given.serverMaxWindowBits),
    clientMaxWindowBits: windowBits('clientMaxWindowBits', given.clientMaxWindowBits),
    adaptive: given.adaptive ?? false,
  };
}

/**
 * Client: the value of Sec-WebSocket-Extensions. Where the server is asked for anything, a plain offer follows for servers that
 * decline what they do not know (§5: the order is the preference).
 */
export function offerDeflate(policy: DeflatePolicy): string {
  let offer = PERMESSAGE_DEFLATE;
  if (!policy.serverContextTakeover) offer += '; server_no_context_takeover';
  if (!policy.clientContextTakeover) offer += '; client_no_context_takeover';
  if (policy.serverMaxWindowBits < MAX_WINDOW_BITS) offer += `; server_max_window_bits=${policy.serverMaxWindowBits}`;
  // §7.1.2.2: without a value it says no more than that a server may ask for a smaller window, which ours always may.
  offer += '; client_max_window_bits';
  if (policy.clientMaxWindowBits < MAX_WINDOW_BITS) offer += `=${policy.clientMaxWindowBits}`;
  return isPlain(policy) ? offer : `${offer}, ${PERMESSAGE_DEFLATE}`;
}

/** Nothing is asked of the server. */
function isPlain(policy: DeflatePolicy): boolean {
  const { clientContextTakeover, clientMaxWindowBits, serverContextTakeover, serverMaxWindowBits } = policy;
  const bits = Math.min(clientMaxWindowBits, serverMaxWindowBits);
  return serverContextTakeover && clientContextTakeover && bits === MAX_WINDOW_BITS;
}

/**
 * Server: takes the first offer that it can keep (§5: the order is the client's preference) and answers it.
 * Undefined: none was, and the connection goes on without compression.
 */
export function answerOffers(
  offers: readonly ParameterizedElement[],
  policy: DeflatePolicy,
): { readonly answer: string; readonly parameters: DeflateParameters } | undefined {
  for (const element of offers) {
    if (element.name !== PERMESSAGE_DEFLATE) continue;
    // §7: "A server MUST decline an extension negotiation offer" with a parameter that is unknown, invalid or repeated.
    const offer = readParameters(element, 'offer');
    if (typeof offer === 'string') continue;

    // §7.1.1.1: to accept an offer with it is to answer it; a server MAY also answer it unasked.
    const serverNoContextTakeover = offer.serverNoContextTakeover || !policy.serverContextTakeover;
    let clientNoContextTakeover = offer.clientNoContextTakeover || !policy.clientContextTakeover;
    const serverMaxWindowBits = Math.min(offer.serverMaxWindowBits ?? MAX_WINDOW_BITS, policy.serverMaxWindowBits);
    let clientMaxWindowBits = MAX_WINDOW_BITS;
    if (offer.clientMaxWindowBits !== undefined) {
      // `true`: the client understands the parameter and has no wish of its own.
      const hinted = offer.clientMaxWindowBits === true ? MAX_WINDOW_BITS : offer.clientMaxWindowBits;
      clientMaxWindowBits = Math.min(hinted, policy.clientMaxWindowBits);
    } else if (policy.clientMaxWindowBits < MAX_WINDOW_BITS) {
      // §7.1.2.2: without it in the offer, "the server MUST NOT include" it. Choice: instead of declining, the server
      // forbids takeover, which saves the window altogether.
      clientNoContextTakeover = true;
    }

    let answer = PERMESSAGE_DEFLATE;
    if (serverNoContextTakeover) answer += '; server_no_context_takeover';
    if (clientNoContextTakeover) answer += '; client_no_context_takeover';
    // §7.1.2.1: to accept an offer with it is to answer "the same or smaller value".
    if (offer.serverMaxWindowBits !== undefined || serverMaxWindowBits < MAX_WINDOW_BITS)
      answer += `; server_max_window_bits=${serverMaxWindowBits}`;
    if (clientMaxWindowBits < MAX_WINDOW_BITS) answer += `; client_max_window_bits=${clientMaxWindowBits}`;
    return {
      answer,
      parameters: { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits },
    };
  }
  return undefined;
}

export type CheckedAnswer =
  /** `parameters` is undefined when the server declined, which is its right. */
  | { readonly kind: 'agreed'; readonly parameters: DeflateParameters | undefined }
  | { readonly kind: 'refused'; readonly detail: string; readonly section: string };

/**
 * Client: reads the server's answer to the offer that `policy` made. `refused` means _Fail the WebSocket Connection_ (§7).
 */
export function checkAnswer(answer: readonly ParameterizedElement[], policy: DeflatePolicy | undefined): CheckedAnswer {
  const [element, second] = answer;
  if (element === undefined) return { kind: 'agreed', parameters: undefined };
  // RFC 6455 §4.1 step 5: an extension "that was not present in the client's handshake".
  const foreign = answer.find(({ name }) => policy === undefined || name !== PERMESSAGE_DEFLATE);
  if (policy === undefined || foreign !== undefined)
    return refused(`server uses extension ${foreign?.name}, which was not offered`, 'RFC 6455 §4.1 step 5');
  if (second !== undefined)
    return refused('server accepted more than the one extension that was offered', 'RFC 7692 §5');
  const read = readParameters(element, 'answer');
  if (typeof read === 'string') return refused(read, 'RFC 7692 §7');

  // What the answer lacks of the first offer, it need not have for the plain one; which of them was taken it does not say (§5).
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits } = read;
  // §7.1.2.2: an answer's value is "equal to or smaller than" the offer's; without one the offer stands as our own limit.
  const clientMaxWindowBits =
    read.clientMaxWindowBits === undefined ? policy.clientMaxWindowBits : Number(read.clientMaxWindowBits);
  if (clientMaxWindowBits > policy.clientMaxWindowBits) {
    return refused(
      `answer has client_max_window_bits ${clientMaxWindowBits}, offered ${policy.clientMaxWindowBits}`,
      'RFC 7692 §7.1.2.2',
    );
  }
  return {
    kind: 'agreed',
    parameters: {
      serverNoContextTakeover,
      // §7.1.1.2: what the client offered was that it would not use takeover, whatever the answer.
      clientNoContextTakeover: clientNoContextTakeover || !policy.clientContextTakeover,
      serverMaxWindowBits: serverMaxWindowBits ?? MAX_WINDOW_BITS,
      clientMaxWindowBits,
    },
  };
}

interface ReadParameters {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  serverMaxWindowBits: number | undefined;
  /** `true`: present without a value. */
  clientMaxWindowBits: number | true | undefined;
}

/** The four parameters of §7.1, or why they cannot be accepted. */
function readParameters(element: ParameterizedElement, from: 'offer' | 'answer'): ReadParameters | string {
  const read: ReadParameters = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  const seen: string[] = [];
  for (const { name, value } of element.parameters) {
    if (seen.includes(name)) return `parameter ${name} is given twice`;
    switch (name) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        if (value !== undefined) return `parameter ${name} has a value, which it cannot (§7.1.1)`;
        if (name === 'server_no_context_takeover') read.serverNoContextTakeover = true;
        else read.clientNoContextTakeover = true;
        break;
      case 'server_max_window_bits':
      case 'client_max_window_bits': {
        const isClient = name === 'client_max_window_bits';
        // §7.1.2.2: in an offer "this parameter can also have no value"; in an answer, and for the server's, it cannot.
        const bits = value === undefined && isClient && from === 'offer' ? true : parseWindowBits(value);
        if (bits === undefined) return `parameter ${name} is not a number from 8 to 15 (§7.1.2)`;
        if (isClient) read.clientMaxWindowBits = bits;
        else read.serverMaxWindowBits = Number(bits);
        break;
      }
      default:
        return 'parameter is not one of permessage-deflate';
    }
    seen.push(name);
  }
  return read;
}

/** §7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive". */
function parseWindowBits(value: string | undefined): number | undefined {
  return value !== undefined && /^([89]|1[0-5])$/.test(value) ? Number(value) : undefined;
}

function refused(detail: string, section: string): CheckedAnswer {
  return { kind: 'refused', detail, section };
}

function windowBits(name: string, value: number | undefined): number {
  return whole(name, value ?? MAX_WINDOW_BITS, MIN_WINDOW_BITS, MAX_WINDOW_BITS);
}

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${name} is ${value}, must be a whole number from ${min} to ${max}`);
  return value;
}
