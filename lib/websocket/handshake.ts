/**
 * The opening handshake, both sides, as the RFC's numbered steps (RFC 6455 §4.1, §4.2), and how HTTP/2 has it (RFC 8441).
 *
 * Pure but for `node:crypto` (SHA-1 and the client's nonce). Takes and gives heads that `../http` has parsed; what comes
 * out is a decision. Which origin, path or subprotocol is wanted is the caller's business, except that nothing the other
 * side did not offer is ever agreed. Read next: `frame.ts`.
 */

import { createHash, randomBytes } from 'node:crypto';
import { isAuthority } from '../http/authority.ts';
import { isToken, type ParameterizedElement, parseList, parseParameterizedList } from '../http/grammar.ts';
import { encodeRequestHead, encodeResponseHead, type RequestHead, type ResponseHead } from '../http/head.ts';
import type { HeaderFields } from '../http/headers.ts';
import { checkAnswer, type DeflateParameters, type DeflatePolicy } from './extension.ts';

/** §1.3: appended to the key before hashing, so that only an endpoint that knows this protocol can answer. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** §4.2.2 step 5.4: base64 of the SHA-1 of the key and the GUID. */
export function acceptKey(key: string): string {
  return createHash('sha1')
    .update(key + GUID, 'latin1')
    .digest('base64');
}

export type ClientHandshake =
  | {
      readonly kind: 'accept';
      /** Empty over HTTP/2 where there is none: nothing depends on it there (RFC 8441 §5). */
      readonly key: string;
      /** The subprotocols offered, in the client's order. */
      readonly protocols: readonly string[];
      readonly origin: string | undefined;
      /** The extensions offered (Sec-WebSocket-Extensions), in the client's order. */
      readonly extensions: readonly ParameterizedElement[];
    }
  | {
      readonly kind: 'reject';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly code: string;
      readonly detail: string;
      readonly section: string;
    };

/** Server: reads what a client sends to open a connection (§4.2.1). */
export function readClientHandshake(head: RequestHead): ClientHandshake {
  const { headers } = head;
  // 1. "An HTTP/1.1 or higher GET request"
  if (head.method !== 'GET')
    return reject(405, 'WS_METHOD', `method is ${head.method}, must be GET`, '§4.2.1 item 1', { Allow: 'GET' });
  if (head.minor < 1) return reject(400, 'WS_HTTP_VERSION', 'HTTP/1.0 cannot be upgraded', '§4.2.1 item 1');
  // 2. Host: the HTTP layer has seen to it.
  // 3. "An |Upgrade| header field containing the value "websocket", treated as an ASCII case-insensitive value."
  if (!hasElement(headers.get('upgrade'), 'websocket')) {
    return reject(426, 'WS_UPGRADE', 'Upgrade does not contain "websocket"', '§4.2.1 item 3', { Upgrade: 'websocket' });
  }
  // 4. "A |Connection| header field that includes the token "Upgrade", treated as an ASCII case-insensitive value."
  if (!hasElement(headers.get('connection'), 'upgrade'))
    return reject(400, 'WS_CONNECTION', 'Connection does not contain "Upgrade"', '§4.2.1 item 4');
  // 6 before 5: another version may have another kind of key. §4.2.2 step 4: 426 with the versions we speak.
  const version = headers.get('sec-websocket-version');
  if (version !== '13') {
    return reject(
      426,
      'WS_VERSION',
      version === undefined ? 'Sec-WebSocket-Version is missing' : 'Sec-WebSocket-Version is not 13',
      '§4.2.1 item 6, §4.2.2',
      {
        'Sec-WebSocket-Version': '13',
        Upgrade: 'websocket',
      },
    );
  }
  // 5. a key that "when decoded, is 16 bytes in length"; §11.3.1: it "MUST NOT appear more than once".
  const keys = headers.getAll('sec-websocket-key');
  const [key = ''] = keys;
  if (keys.length !== 1 || !isKey(key))
    return reject(400, 'WS_KEY', 'Sec-WebSocket-Key is not one base64 value of 16 bytes', '§4.2.1 item 5');
  return readOffers(headers, key);
}

/** What an extended CONNECT has in place of a request line and a Host field (RFC 8441 §4); undefined where it is missing. */
export interface ConnectHead {
  readonly protocol: string | undefined;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly path: string | undefined;
  /** Without pseudo-header fields. */
  readonly headers: HeaderFields;
}

/** Server: reads an extended CONNECT, by which a client opens a WebSocket on a stream of HTTP/2 (RFC 8441 §4, §5). */
export function readConnectHandshake({ protocol, scheme, authority, path, headers }: ConnectHead): ClientHandshake {
  // §5: :protocol "MUST have a value of websocket". Another protocol is one that we do not implement (RFC 9110 §15.6.2).
  if (protocol !== 'websocket') return refuseConnect(501, 'H2_PROTOCOL', ':protocol is not "websocket"', '§5');
  // §4: ":scheme and :path pseudo-header fields of the target URI (see Section 5) MUST also be included".
  if (scheme !== 'http' && scheme !== 'https')
    return refuseConnect(400, 'H2_SCHEME', ':scheme is neither "http" nor "https"', '§4, §5');
  if (path === undefined || !path.startsWith('/'))
    return refuseConnect(400, 'H2_PATH', ':path does not begin with "/"', '§4');
  // §5: :authority "is required on every HTTP/2 transaction".
  if (authority === undefined || !isAuthority(authority))
    return refuseConnect(400, 'H2_AUTHORITY', ':authority is not host, or host:port', '§5');
  // §5: Connection and Upgrade "MUST NOT be included in the CONNECT request".
  if (headers.has('connection') || headers.has('upgrade'))
    return refuseConnect(400, 'H2_UPGRADE', 'Connection or Upgrade is there, which HTTP/2 has not', '§5');
  // §5: the version is used "as defined in [RFC6455]". Choice: 400 and not 426, which must have an Upgrade field (RFC 9110 §15.5.22).
  if (headers.get('sec-websocket-version') !== '13')
    return reject(400, 'WS_VERSION', 'Sec-WebSocket-Version is not 13', '§4.2.1 item 6', {
      'Sec-WebSocket-Version': '13',
    });
  // §5: implementations "do not do the processing of the Sec-WebSocket-Key and Sec-WebSocket-Accept header fields". Choice: a
  // key is not asked for and not checked, but one that is there is answered: undici 7.30 sends it, and fails without an answer.
  const key = headers.get('sec-websocket-key') ?? '';
  return readOffers(headers, isKey(key) ? key : '');
}

/** What a client offers, and where it comes from: the same in every version of HTTP. */
function readOffers(headers: HeaderFields, key: string): ClientHandshake {
  // 8. subprotocols "ordered by preference"; §4.1 item 10: tokens, and "MUST all be unique strings".
  const protocols = parseList(headers.get('sec-websocket-protocol') ?? '');
  if (!protocols.every(isToken) || new Set(protocols).size !== protocols.length) {
    return reject(400, 'WS_PROTOCOL', 'Sec-WebSocket-Protocol is not a list of distinct tokens', '§4.1 item 10');
  }
  // 9. extensions; §9.1: a value "that does not conform to the ABNF" fails the connection.
  const extensions = parseParameterizedList(headers.get('sec-websocket-extensions') ?? '');
  if (extensions === undefined)
    return reject(400, 'WS_EXTENSION_SYNTAX', 'Sec-WebSocket-Extensions is not a list of extensions', '§9.1');
  const origins = headers.getAll('origin');
  if (origins.length > 1) return reject(400, 'WS_ORIGIN', 'more than one Origin', '§4.2.1 item 7');
  return {
    kind: 'accept',
    key,
    protocols,
    origin: origins[0],
    extensions,
  };
}

function reject(
  status: number,
  code: string,
  detail: string,
  section: string,
  headers: Readonly<Record<string, string>> = {},
): ClientHandshake {
  return { kind: 'reject', status, headers, code, detail, section: `RFC 6455 ${section}` };
}

function refuseConnect(status: number, code: string, detail: string, section: string): ClientHandshake {
  return { kind: 'reject', status, headers: {}, code, detail, section: `RFC 8441 ${section}` };
}

/** The first of our protocols, in our order of preference, that the client offered (§4.2.2 step 5.5: never another). */
export function chooseSubprotocol(preferred: readonly string[], offered: readonly string[]): string | undefined {
  return preferred.find((protocol) => offered.includes(protocol));
}

/** Server: the 101 (§4.2.2 step 5). @throws TypeError for further header fields that may not be sent */
export function encodeServerHandshake(answer: {
  readonly key: string;
  readonly protocol?: string;
  readonly extensions?: string;
  readonly headers?: Iterable<readonly [string, string]>;
}): string {
  const { key, protocol = '', extensions = '', headers } = answer;
  const fields: [string, string][] = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Accept', acceptKey(key)],
  ];
  if (protocol !== '') fields.push(['Sec-WebSocket-Protocol', protocol]);
  if (extensions !== '') fields.push(['Sec-WebSocket-Extensions', extensions]);
  for (const [name, value] of headers ?? []) {
    checkOwnField(name);
    fields.push([name, value]);
  }
  return encodeResponseHead(101, fields);
}

/** Server: the fields of the 200 by which an extended CONNECT is accepted (RFC 8441 §5). @throws TypeError likewise */
export function connectAnswerFields(answer: {
  readonly key: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly fields: Iterable<readonly [string, string]>;
}): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [];
  if (answer.key !== '') fields.push(['sec-websocket-accept', acceptKey(answer.key)]);
  if (answer.protocol !== '') fields.push(['sec-websocket-protocol', answer.protocol]);
  if (answer.extensions !== '') fields.push(['sec-websocket-extensions', answer.extensions]);
  for (const field of answer.fields) {
    checkOwnField(field[0]);
    fields.push(field);
  }
  return fields;
}

/** @throws TypeError for a field of the application's that is the handshake's to set */
function checkOwnField(name: string): void {
  if (belongsToHandshake(name)) throw new TypeError(`header ${name} belongs to the handshake (RFC 6455 §4.2.2)`);
}

/** Fields that only the handshake itself may set, and those that would announce a body, which neither side sends. */
function belongsToHandshake(name: string): boolean {
  return /^(upgrade|connection|host|content-length|transfer-encoding|sec-websocket-.*)$/i.test(name);
}

/** Client: the request (§4.1, second list), and the key that its answer must match. @throws TypeError for what may not be sent */
export function createClientHandshake(request: {
  /** host, or host:port where the port is not the scheme's default (item 4). */
  readonly host: string;
  readonly target: string;
  readonly protocols: readonly string[];
  readonly extensions?: string;
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
}): { readonly key: string; readonly bytes: Uint8Array } {
  const { host, target, protocols, extensions = '', origin, headers = {} } = request;
  // Item 10: the elements "MUST be non-empty strings with characters in the range U+0021 to U+007E" without separators,
  // "and MUST all be unique strings".
  if (!protocols.every(isToken) || new Set(protocols).size !== protocols.length)
    throw new TypeError('subprotocols are not distinct tokens (RFC 6455 §4.1 item 10)');
  // WebSockets §2.2: steps 3 and 4 are Upgrade and Connection, steps 5 and 6 the key, step 7 the version, step 8 the subprotocols, step 10 the extensions.
  // Item 7: "a nonce consisting of a randomly selected 16-byte value that has been base64-encoded".
  const key = randomBytes(16).toString('base64');
  const fields: [string, string][] = [
    ['Host', host],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', key],
    ['Sec-WebSocket-Version', '13'],
  ];
  if (protocols.length > 0) fields.push(['Sec-WebSocket-Protocol', protocols.join(', ')]);
  if (extensions !== '') fields.push(['Sec-WebSocket-Extensions', extensions]);
  if (origin !== undefined) fields.push(['Origin', origin]);
  for (const [name, value] of Object.entries(headers)) {
    if (belongsToHandshake(name) || (origin !== undefined && name.toLowerCase() === 'origin'))
      throw new TypeError(`header ${name} belongs to the handshake (RFC 6455 §4.1)`);
    fields.push([name, value]);
  }
  return { key, bytes: Buffer.from(encodeRequestHead('GET', target, fields), 'latin1') };
}

export type ServerHandshake =
  | {
      readonly kind: 'accept';
      readonly protocol: string;
      /** Sec-WebSocket-Extensions as it was answered; empty when there is none. */
      readonly extensions: string;
      /** What was agreed about permessage-deflate; undefined when it was not offered or not accepted. */
      readonly deflate: DeflateParameters | undefined;
    }
  | {
      readonly kind: 'reject';
      readonly code: string;
      readonly detail: string;
      readonly section: string;
      readonly status: number;
    };

/** Client: checks a server's answer, step by step (§4.1, third list). */
export function checkServerHandshake(
  head: ResponseHead,
  sent: {
    readonly key: string;
    readonly protocols: readonly string[];
    /** What `offerDeflate` was given; undefined when nothing was offered. */
    readonly deflate?: DeflatePolicy | undefined;
  },
): ServerHandshake {
  const { headers, status } = head;
  const refuse = (code: string, detail: string, step: number): ServerHandshake => ({
    kind: 'reject',
    code,
    detail,
    section: `RFC 6455 §4.1 step ${step}`,
    status,
  });
  // WebSockets §2.2 step 11.1, and here 1. "If the status code received from the server is not 101, the client handles the response per HTTP procedures."
  if (status !== 101)
    return refuse('WS_STATUS', `server answered ${status}${head.reason === '' ? '' : ` ${head.reason}`}`, 1);
  // §4.2.2 step 5.1: "HTTP/1.1 101"; RFC 9110 §15.2: there is no 1xx in HTTP/1.0, nor an Upgrade (§7.8).
  if (head.minor < 1) return refuse('WS_HTTP_VERSION', 'server switched protocols in HTTP/1.0', 1);
  // 2. Upgrade (WebSockets §2.2 step 11.3: "step 2 to step 6, inclusive")
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket')
    return refuse('WS_UPGRADE', 'Upgrade in the answer is not "websocket"', 2);
  // 3. Connection
  if (!hasElement(headers.get('connection'), 'upgrade'))
    return refuse('WS_CONNECTION', 'Connection in the answer does not contain "Upgrade"', 3);
  // 4. the accept value; §11.3.3: it "MUST NOT appear more than once"
  const accepts = headers.getAll('sec-websocket-accept');
  if (accepts.length !== 1 || accepts[0] !== acceptKey(sent.key))
    return refuse('WS_ACCEPT', 'Sec-WebSocket-Accept does not match the key', 4);
  // 5. "an extension that was not present in the client's handshake"; §9.1: a malformed value fails the connection.
  const extensions = headers.get('sec-websocket-extensions') ?? '';
  const elements = parseParameterizedList(extensions);
  if (elements === undefined)
    return refuse('WS_EXTENSION_SYNTAX', 'Sec-WebSocket-Extensions in the answer is not a list of extensions', 5);
  const agreed = checkAnswer(elements, sent.deflate);
  if (agreed.kind === 'refused')
    return { kind: 'reject', code: 'WS_EXTENSION', detail: agreed.detail, section: agreed.section, status };
  // 6. a subprotocol "that was not present in the client's handshake"; §11.3.4: not more than once in a response
  const protocols = headers.getAll('sec-websocket-protocol');
  const [protocol = ''] = protocols;
  if (protocols.length > 1 || (protocols.length === 1 && !sent.protocols.includes(protocol))) {
    return refuse('WS_PROTOCOL', 'server chose a subprotocol that was not requested', 6);
  }
  // WebSockets §2.2 step 11.2: a client that asked for subprotocols fails a server that chose none.
  if (sent.protocols.length > 0 && protocols.length === 0)
    return refuse('WS_PROTOCOL_MISSING', 'server chose none of the subprotocols requested', 6);
  return { kind: 'accept', protocol, extensions, deflate: agreed.parameters };
}

function hasElement(value: string | undefined, wanted: string): boolean {
  return value !== undefined && parseList(value).some((element) => element.toLowerCase() === wanted);
}

/** 16 bytes in base64 are 22 characters of which the last carries 2 bits, and "==". */
function isKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key);
}
