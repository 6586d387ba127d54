/**
 * IP addresses as octets, and ranges of them: what a Host, a proxy's header and a list of trusted addresses are made of.
 *
 * Pure, and knows the text forms only: nothing is resolved. In: text (RFC 3986 §3.2.2, RFC 4291 §2.2) or octets. Out: octets,
 * or the one text that RFC 5952 recommends. An IPv4 address written as IPv6 (`::ffff:1.2.3.4`) is the IPv4 address.
 * Time is linear in the text, which is given up on from 46 characters on.
 * Sections: addresses, ranges. Read next: `authority.ts`, `forwarded.ts`.
 */

/** The longest text of an address: six groups of four digits and an IPv4 address. */
const MAX_ADDRESS_LENGTH = 45;

/**
 * Reads an IPv4 or IPv6 address, without brackets, port or zone: 4 or 16 octets, which are the caller's; undefined for
 * anything else. `::ffff:1.2.3.4` gives the 4 octets (RFC 4291 §2.5.5.2).
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  const bytes = parseIpv6(text);
  return bytes !== undefined && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Reads `IPv4address`: decimal octets without leading zeros, which some read as octal (RFC 3986 §3.2.2). */
export function parseIpv4(text: string): Uint8Array | undefined {
  if (text.length > 15) return undefined;
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** Reads `IPv6address` (RFC 3986 §3.2.2): eight groups, `::` for one or more of zero, the last two also as IPv4. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left = '', right] = halves;
  const before = groups(left, right === undefined);
  const after = right === undefined ? [] : groups(right, true);
  if (before === undefined || after === undefined) return undefined;
  const length = before.length + after.length;
  if (right === undefined ? length !== 16 : length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(before);
  bytes.set(after, 16 - after.length);
  return bytes;
}

/** The octets of groups with colons between them; `isLast`: an IPv4 address may be the last of them. */
function groups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = isLast && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}

/** Whether 16 octets are `::ffff:0:0/96`. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((octet) => octet === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/**
 * Writes 4 or 16 octets as text: IPv6 in lower case, its first longest run of two or more zero groups as `::`
 * (RFC 5952 §4), an IPv4 address written as IPv6 as the IPv4 address.
 */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const values = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let start = 0;
  let length = 0;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && values[end] === 0) end++;
    if (end - i > length && end - i >= 2) {
      start = i;
      length = end - i;
    }
    i = Math.max(i, end - 1);
  }
  const hex = values.map((value) => value.toString(16));
  if (length === 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Addresses that begin with the same bits. */
export interface AddressRange {
  /** 4 or 16 octets, zero behind the prefix. */
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

/**
 * Reads `address` or `address/bits` (RFC 4632 §3.1, RFC 4291 §2.3). A range of IPv4 addresses written as IPv6
 * (`::ffff:10.0.0.0/104`) is the range of IPv4.
 * @throws TypeError for what is no range, and for one whose address has bits behind its prefix: `10.0.0.1/8`
 */
export function parseRange(text: string): AddressRange {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const given = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  const digits = slash < 0 ? String((given?.length ?? 0) * 8) : text.slice(slash + 1);
  if (given === undefined || !/^(?:0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > given.length * 8)
    throw new TypeError(`${JSON.stringify(text)} is not an IP address or a range like 10.0.0.0/8 (RFC 4632 §3.1)`);
  const isIpv4 = given.length === 16 && isMapped(given) && Number(digits) >= 96;
  const bytes = isIpv4 ? given.slice(12) : given;
  const prefixBits = isIpv4 ? Number(digits) - 96 : Number(digits);
  for (let bit = prefixBits; bit < bytes.length * 8; bit++)
    if ((bytes[bit >> 3]! & (0x80 >> (bit & 7))) !== 0)
      throw new TypeError(`range ${text} has bits behind its prefix of ${digits} (RFC 4632 §3.1)`);
  return { bytes, prefixBits };
}

/** Whether an address, as `parseAddress` gives it, lies in a range. One of IPv4 never lies in a range of IPv6. */
export function inRange(address: Uint8Array, range: AddressRange): boolean {
  const { bytes, prefixBits } = range;
  if (address.length !== bytes.length) return false;
  const whole = prefixBits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== bytes[i]) return false;
  const mask = 0xff00 >> (prefixBits & 7);
  return (prefixBits & 7) === 0 || (address[whole]! & mask & 0xff) === bytes[whole];
}
