/**
 * The PROXY protocol, versions 1 and 2: what a proxy sends in front of everything else, to say whose connection it passes on
 * (HAProxy, "The PROXY protocol", doc/proxy-protocol.txt; its sections are cited as PROXY §).
 *
 * Pure. In: the bytes of a connection from its very first on, in any pieces. Out: that more is needed, or whose connection it is and
 * where the next protocol begins, or what was wrong. §2: a receiver must not guess whether there is a header; who is configured
 * to get one, and from whom one is believed, is for the caller to say.
 * Bounded: 107 octets in version 1 (§2.1), `FIELD_LIMITS.maxProxyHeaderBytes` in version 2; nothing else is kept.
 * Sections: the parser, version 1, version 2. Read next: `address.ts`.
 */

import { FIELD_LIMITS } from '../limits.ts';
import { formatAddress, parseIpv4, parseIpv6 } from './address.ts';

/** One end of the connection that the proxy passes on. */
export interface ProxyEndpoint {
  /** As `formatAddress` writes it. */
  readonly address: string;
  readonly port: number;
}

/** What the bytes so far say. */
export type ProxyHeader =
  | { readonly kind: 'need-more' }
  | {
      readonly kind: 'header';
      /**
       * The client, and where it had connected to. Undefined: the proxy speaks for itself (LOCAL, a health check) or names nobody
       * (UNKNOWN, UNSPEC, Unix sockets): the connection's own addresses count.
       */
      readonly source: ProxyEndpoint | undefined;
      readonly destination: ProxyEndpoint | undefined;
      /** Where in the chunk given last the next protocol begins. */
      readonly rest: number;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly detail: string; readonly section: string };

const NEED_MORE: ProxyHeader = { kind: 'need-more' };

/** §2.2: of version 2, and begins like nothing else. */
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
/** §2.1: "PROXY ". */
const WORD = Uint8Array.of(0x50, 0x52, 0x4f, 0x58, 0x59, 0x20);
/** §2.1: the longest line, CR LF included. */
const MAX_LINE_BYTES = 107;
const FIXED_BYTES = 16;
const LF = 0x0a;
const CR = 0x0d;

/** Takes one header apart. Memory: a copy of what has come, when it comes in pieces. */
export class ProxyHeaderParser {
  readonly #maxBytes: number;
  #kept: Uint8Array = new Uint8Array(0);

  /** @throws RangeError for a limit that is below 232, the length of a header with Unix addresses, or above 65,551 */
  constructor(maxProxyHeaderBytes: number = FIELD_LIMITS.maxProxyHeaderBytes) {
    if (!Number.isInteger(maxProxyHeaderBytes) || maxProxyHeaderBytes < 232 || maxProxyHeaderBytes > 65_551)
      throw new RangeError(`maxProxyHeaderBytes is ${maxProxyHeaderBytes}, must be 232 to 65551 (PROXY §2.2)`);
    this.#maxBytes = maxProxyHeaderBytes;
  }

  /** Takes the next bytes; they are only lent. Not to be called again once it has answered anything but `need-more`. */
  receive(chunk: Uint8Array): ProxyHeader {
    const before = this.#kept.length;
    // A header ends within the limit or fails there: nothing beyond it is copied.
    const bytes = before === 0 ? chunk : joined(this.#kept, chunk.subarray(0, this.#maxBytes - before));
    const header = this.#read(bytes);
    if (header.kind === 'header') return { ...header, rest: header.rest - before };
    if (header.kind === 'need-more') this.#kept = before === 0 ? chunk.slice() : bytes;
    return header;
  }

  #read(bytes: Uint8Array): ProxyHeader {
    if (bytes.length === 0) return NEED_MORE;
    if (beginsAlike(bytes, WORD)) return bytes.length < WORD.length ? NEED_MORE : readLine(bytes);
    if (beginsAlike(bytes, SIGNATURE)) return readBinary(bytes, this.#maxBytes);
    return failed('PROXY_SIGNATURE', 'connection does not begin with a PROXY header', '§2');
  }
}

/** Whether one of the two is the beginning of the other. */
function beginsAlike(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

function failed(code: string, detail: string, section: string): ProxyHeader {
  return { kind: 'failed', code, detail, section: `PROXY ${section}` };
}

/** §2.1: `"PROXY" SP protocol SP source SP destination SP source port SP destination port CR LF`, with single spaces. */
function readLine(bytes: Uint8Array): ProxyHeader {
  const end = bytes.subarray(0, MAX_LINE_BYTES).indexOf(LF);
  if (end < 0) {
    if (bytes.length < MAX_LINE_BYTES) return NEED_MORE;
    return failed('PROXY_LINE_TOO_LONG', `line exceeds ${MAX_LINE_BYTES} bytes`, '§2.1');
  }
  // "The receiver must not tolerate a single CR or LF character to end the line".
  if (bytes[end - 1] !== CR) return failed('PROXY_LINE', 'line feed without a carriage return', '§2.1');
  const line = String.fromCharCode(...bytes.subarray(WORD.length, end - 1));
  const [protocol, ...parts] = line.split(' ');
  const nobody: ProxyHeader = { kind: 'header', source: undefined, destination: undefined, rest: end + 1 };
  // "the receiver must ignore anything presented before the CRLF is found".
  if (protocol === 'UNKNOWN') return nobody;
  const parse = protocol === 'TCP4' ? parseIpv4 : protocol === 'TCP6' ? parseIpv6 : undefined;
  if (parse === undefined) return failed('PROXY_LINE', 'protocol is not TCP4, TCP6 or UNKNOWN', '§2.1');
  const [from = '', to = '', fromPort = '', toPort = ''] = parts;
  const source = endpoint(parse(from), fromPort);
  const destination = endpoint(parse(to), toPort);
  if (parts.length !== 4 || source === undefined || destination === undefined)
    return failed('PROXY_LINE', `line is not "PROXY ${protocol} address address port port"`, '§2.1');
  return { ...nobody, source, destination };
}

/** §2.1: a port is a decimal number from 0 to 65,535 without leading zeros. */
function endpoint(address: Uint8Array | undefined, port: string): ProxyEndpoint | undefined {
  if (address === undefined || !/^(?:0|[1-9][0-9]{0,4})$/.test(port) || Number(port) > 65_535) return undefined;
  return { address: formatAddress(address), port: Number(port) };
}

/** §2.2: signature, version and command, family and protocol, length, addresses, TLVs. */
function readBinary(bytes: Uint8Array, maxBytes: number): ProxyHeader {
  const [versionAndCommand, familyAndProtocol, high, low] = bytes.subarray(SIGNATURE.length);
  // Each octet is checked as soon as it is there: "It is recommended to abort the connection as soon as possible" (§2.1).
  if (versionAndCommand === undefined) return NEED_MORE;
  if (versionAndCommand >> 4 !== 2)
    return failed('PROXY_VERSION', `version is ${versionAndCommand >> 4}, must be 2`, '§2.2');
  const command = versionAndCommand & 0x0f;
  // "Receivers must drop connections presenting unexpected values here."
  if (command > 1) return failed('PROXY_COMMAND', `command is ${command}, must be 0 or 1`, '§2.2');
  if (familyAndProtocol === undefined) return NEED_MORE;
  const family = familyAndProtocol >> 4;
  const protocol = familyAndProtocol & 0x0f;
  // LOCAL: the receiver must "discard the protocol block including the family which is ignored".
  if (command === 1 && (family > 3 || protocol > 2))
    return failed('PROXY_FAMILY', `family ${family} with protocol ${protocol} is not specified`, '§2.2');
  if (high === undefined || low === undefined) return NEED_MORE;
  const length = FIXED_BYTES + (high << 8) + low;
  if (length > maxBytes) return failed('PROXY_TOO_LONG', `header is ${length} bytes, limit ${maxBytes}`, '§2.2');
  const isProxy = command === 1 && protocol !== 0;
  const addressBytes = isProxy ? (ADDRESS_BYTES[family] ?? 0) : 0;
  if (length < FIXED_BYTES + addressBytes)
    return failed('PROXY_ADDRESSES', `addresses have ${length - FIXED_BYTES} bytes, must be ${addressBytes}`, '§2.2');
  if (bytes.length < length) return NEED_MORE;
  const header = bytes.subarray(0, length);
  // LOCAL and UNSPEC: how much of the block is addresses is unknown, so that TLVs cannot be told from them.
  const fault = isProxy && family !== 0 ? checkTlvs(header, FIXED_BYTES + addressBytes) : undefined;
  if (fault !== undefined) return fault;
  const { source, destination } = isProxy ? endpoints(header, family, protocol) : NOBODY;
  return { kind: 'header', source, destination, rest: length };
}

/** By family: UNSPEC, IPv4, IPv6, Unix. */
const ADDRESS_BYTES: readonly number[] = [0, 12, 36, 216];
const NOBODY = { source: undefined, destination: undefined };

/** §2.2: both addresses, then both ports, in network byte order. */
function endpoints(
  header: Uint8Array,
  family: number,
  protocol: number,
): { readonly source: ProxyEndpoint | undefined; readonly destination: ProxyEndpoint | undefined } {
  // Unix sockets have no address that anybody could use, and no HTTP comes in datagrams: a receiver "automatically falls back
  // to the UNSPEC mode for the valid combinations above that it does not support".
  if ((family !== 1 && family !== 2) || protocol !== 1) return NOBODY;
  const size = family === 1 ? 4 : 16;
  const ports = FIXED_BYTES + 2 * size;
  const at = (i: number): ProxyEndpoint => ({
    address: formatAddress(header.slice(FIXED_BYTES + i * size, FIXED_BYTES + (i + 1) * size)),
    port: (header[ports + 2 * i]! << 8) | header[ports + 2 * i + 1]!,
  });
  return { source: at(0), destination: at(1) };
}

const CRC32C_TYPE = 0x03;

/**
 * §2.2: TLVs fill what is left of the header. They are ignored, but for the checksum (§2.2.3): "If it is not [the same], the
 * receiver MUST treat the TCP connection providing the header as invalid".
 */
function checkTlvs(header: Uint8Array, start: number): ProxyHeader | undefined {
  for (let i = start; i < header.length; ) {
    const valueStart = i + 3;
    const end = valueStart + ((header[i + 1] ?? 0) << 8) + (header[i + 2] ?? 0);
    if (end > header.length) return failed('PROXY_TLV', 'TLV is longer than the header', '§2.2');
    if (header[i] === CRC32C_TYPE) {
      if (end - valueStart !== 4) return failed('PROXY_TLV', 'checksum is not 4 bytes', '§2.2.3');
      const [a = 0, b = 0, c = 0, d = 0] = header.subarray(valueStart, end);
      if (((a << 24) | (b << 16) | (c << 8) | d) >>> 0 !== crc32c(header, valueStart))
        return failed('PROXY_CHECKSUM', 'checksum does not match the header', '§2.2.3');
    }
    i = end;
  }
  return undefined;
}

/**
 * CRC-32C (RFC 4960 Appendix B; reflected polynomial 82F63B78) of a header, its 4 octets of checksum at `checksumStart` taken
 * for zero. Bit by bit, since it is computed once a connection at most.
 */
function crc32c(header: Uint8Array, checksumStart: number): number {
  let crc = 0xffffffff;
  for (let i = 0; i < header.length; i++) {
    crc ^= i >= checksumStart && i < checksumStart + 4 ? 0 : header[i]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
