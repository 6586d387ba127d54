/** The PROXY protocol (HAProxy, doc/proxy-protocol.txt), both versions, however its bytes are cut. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProxyHeader, ProxyHeaderParser } from '../../lib/http/proxy-protocol.ts';
import { FIELD_LIMITS } from '../../lib/limits.ts';
import { agreed, latin1 } from '../support/cuts.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

type Plain =
  | { readonly source: string | undefined; readonly destination: string | undefined; readonly length: number }
  | { readonly code: string; readonly section: string }
  | 'need-more';

/** Feeds chunks until the parser has decided; `length` counts the header's bytes from the first one on. */
function run(chunks: Iterable<Uint8Array>, limit?: number): Plain {
  const parser = new ProxyHeaderParser(limit);
  let before = 0;
  for (const chunk of chunks) {
    const header: ProxyHeader = parser.receive(chunk);
    if (header.kind === 'failed') return { code: header.code, section: header.section };
    if (header.kind === 'header') {
      const text = (end: typeof header.source): string | undefined => end && `${end.address} ${end.port}`;
      return { source: text(header.source), destination: text(header.destination), length: before + header.rest };
    }
    before += chunk.length;
  }
  return 'need-more';
}

const parse = (bytes: Uint8Array, limit?: number): Plain => agreed(bytes, (chunks) => run(chunks, limit));

const FIXED = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** A header of version 2. */
function binary(versionAndCommand: number, family: number, block: readonly number[]): Uint8Array {
  return Uint8Array.of(...FIXED, versionAndCommand, family, block.length >> 8, block.length & 0xff, ...block);
}

const IPV4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x34, 0x01, 0xbb];
const IPV6 = [
  0x20,
  0x01,
  0x0d,
  0xb8,
  ...new Array(11).fill(0),
  1,
  0x20,
  0x01,
  0x0d,
  0xb8,
  ...new Array(11).fill(0),
  2,
  0x12,
  0x34,
  0x01,
  0xbb,
];
const UNIX: readonly number[] = new Array(216).fill(0x2f);

/** By the definition of RFC 4960 Appendix B, most significant bit first; the check value is that of "123456789". */
function crc32c(bytes: Uint8Array): number {
  const reversed = (value: number, bits: number): number =>
    Number.parseInt([...(value >>> 0).toString(2).padStart(bits, '0')].reverse().join(''), 2);
  let crc = 0xffffffff;
  for (const octet of bytes) {
    crc = (crc ^ (reversed(octet, 8) << 24)) >>> 0;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc >= 0x80000000 ? 0x1edc6f41 : 0)) >>> 0;
  }
  return (reversed(crc, 32) ^ 0xffffffff) >>> 0;
}

describe('PROXY §2.1: version 1', () => {
  const V4 = { source: '192.168.0.1 56324', destination: '192.168.0.11 443' };
  const accepted: readonly (readonly [line: string, source?: string, destination?: string])[] = [
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n', V4.source, V4.destination],
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255 65535', '255.255.255.255 65535'],
    ['PROXY TCP4 0.0.0.0 1.2.3.4 0 1\r\n', '0.0.0.0 0', '1.2.3.4 1'],
    ['PROXY TCP6 2001:DB8::1 ::1 1 2\r\n', '2001:db8::1 1', '::1 2'],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n', '192.0.2.1 1', '::1 2'],
    [
      `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
      `${'ffff:'.repeat(7)}ffff 65535`,
      `${'ffff:'.repeat(7)}ffff 65535`,
    ],
    ['PROXY UNKNOWN\r\n'],
    [`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`],
    ['PROXY UNKNOWN what\rever \0\xff\r\n'],
  ];
  for (const [line, source, destination] of accepted)
    it(`${JSON.stringify(line.slice(0, 60))} (${line.length} bytes)`, () => {
      const expected = { source, destination, length: line.length };
      assert.deepEqual(parse(latin1(line)), expected);
      assert.deepEqual(parse(latin1(`${line}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)), expected);
      for (let end = 0; end < line.length; end++) assert.equal(parse(latin1(line.slice(0, end))), 'need-more');
    });

  const refused: readonly string[] = [
    'PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
    'PROXY TCP4\r\n',
    'PROXY \r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 22\n',
    'PROXY UNKNOWN\n',
    'PROXY UNKNOWN \n',
    'PROXY UNKNOWN2\r\n',
    'PROXY unknown\r\n',
    'PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n',
    'PROXY TCP6 ::1 fe80::1%eth0 1 2\r\n',
    'PROXY TCP6 [::1] ::1 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 02\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2a\r\n',
  ];
  for (const line of refused)
    it(`${JSON.stringify(line)} is refused`, () => {
      assert.deepEqual(parse(latin1(line)), { code: 'PROXY_LINE', section: 'PROXY §2.1' });
    });

  it('a line of 107 bytes passes, one that has no end by then is refused', () => {
    const line = (length: number): string => `PROXY UNKNOWN ${'x'.repeat(length - 16)}\r\n`;
    assert.equal(line(107).length, 107);
    assert.deepEqual(parse(latin1(line(107))), { source: undefined, destination: undefined, length: 107 });
    const withoutEnd = line(107).slice(0, -1).padEnd(500, 'x');
    assert.equal(run([latin1(withoutEnd.slice(0, 106))]), 'need-more');
    for (const text of [line(108), withoutEnd, withoutEnd.slice(0, 107)])
      assert.deepEqual(parse(latin1(text)), { code: 'PROXY_LINE_TOO_LONG', section: 'PROXY §2.1' });
  });
});

describe('PROXY §2.2: version 2', () => {
  const tlv = (type: number, ...value: readonly number[]): number[] => [
    type,
    value.length >> 8,
    value.length & 0xff,
    ...value,
  ];
  const TLVS = [...tlv(0x02, 0x61, 0x62), ...tlv(0x04), ...tlv(0xee, ...new Array(300).fill(7))];
  const FOUR = ['192.0.2.1 4660', '192.0.2.2 443'] as const;
  const SIX = ['2001:db8::1 4660', '2001:db8::2 443'] as const;
  const NOBODY = [undefined, undefined] as const;

  const accepted: readonly (readonly [
    title: string,
    bytes: Uint8Array,
    ends: readonly [string | undefined, string | undefined],
  ])[] = [
    ['TCP over IPv4', binary(0x21, 0x11, IPV4), FOUR],
    ['TCP over IPv6', binary(0x21, 0x21, IPV6), SIX],
    ['TLVs are ignored', binary(0x21, 0x11, [...IPV4, ...TLVS]), FOUR],
    ['TLVs are ignored behind IPv6 too', binary(0x21, 0x21, [...IPV6, ...TLVS]), SIX],
    [
      'IPv4 written as IPv6',
      binary(0x21, 0x21, [...new Array(10).fill(0), 0xff, 0xff, 192, 0, 2, 1, ...IPV6.slice(16)]),
      [FOUR[0], SIX[1]],
    ],
    ['LOCAL', binary(0x20, 0x00, []), NOBODY],
    ['LOCAL with addresses, which are skipped', binary(0x20, 0x11, IPV4), NOBODY],
    ['LOCAL of any family, which is ignored', binary(0x20, 0xff, [1, 2, 3]), NOBODY],
    ['UNSPEC', binary(0x21, 0x00, []), NOBODY],
    ['UNSPEC with anything behind it', binary(0x21, 0x00, [9, 9, 9]), NOBODY],
    ['IPv4 without a protocol', binary(0x21, 0x10, [1]), NOBODY],
    ['a family without its protocol', binary(0x21, 0x01, []), NOBODY],
    ['UDP over IPv4', binary(0x21, 0x12, IPV4), NOBODY],
    ['UDP over IPv6', binary(0x21, 0x22, IPV6), NOBODY],
    ['Unix stream', binary(0x21, 0x31, UNIX), NOBODY],
    ['Unix datagram', binary(0x21, 0x32, UNIX), NOBODY],
  ];
  for (const [title, bytes, [source, destination]] of accepted)
    it(title, () => {
      const expected = { source, destination, length: bytes.length };
      assert.deepEqual(parse(bytes), expected);
      assert.deepEqual(parse(Uint8Array.of(...bytes, ...latin1('GET / HTTP/1.1\r\n'))), expected);
      for (let end = 0; end < bytes.length; end++) assert.equal(run([bytes.subarray(0, end)]), 'need-more');
    });

  const refused: readonly (readonly [title: string, bytes: Uint8Array, code: string])[] = [
    ['version 1 in binary', binary(0x11, 0x11, IPV4), 'PROXY_VERSION'],
    ['version 3', binary(0x31, 0x11, IPV4), 'PROXY_VERSION'],
    ['another command', binary(0x22, 0x11, IPV4), 'PROXY_COMMAND'],
    ['another family', binary(0x21, 0x41, IPV4), 'PROXY_FAMILY'],
    ['another protocol', binary(0x21, 0x13, IPV4), 'PROXY_FAMILY'],
    ['too little for IPv4', binary(0x21, 0x11, IPV4.slice(1)), 'PROXY_ADDRESSES'],
    ['too little for IPv6', binary(0x21, 0x21, IPV6.slice(1)), 'PROXY_ADDRESSES'],
    ['too little for Unix', binary(0x21, 0x31, UNIX.slice(1)), 'PROXY_ADDRESSES'],
    ['no addresses at all', binary(0x21, 0x11, []), 'PROXY_ADDRESSES'],
    ['half of a TLV', binary(0x21, 0x11, [...IPV4, 4, 0]), 'PROXY_TLV'],
    ['a TLV longer than the header', binary(0x21, 0x11, [...IPV4, 4, 0, 2, 1]), 'PROXY_TLV'],
    ['a checksum of 3 bytes', binary(0x21, 0x11, [...IPV4, ...tlv(3, 0, 0, 0)]), 'PROXY_TLV'],
    ['another checksum', binary(0x21, 0x11, [...IPV4, ...tlv(3, 0, 0, 0, 0)]), 'PROXY_CHECKSUM'],
  ];
  for (const [title, bytes, code] of refused)
    it(`${title} is refused`, () => {
      assert.equal((parse(bytes) as { code: string }).code, code);
    });

  it('a checksum is verified over the whole header, wherever it stands (§2.2.3)', () => {
    assert.equal(crc32c(latin1('123456789')), 0xe3069283);
    for (const [family, block, ends] of [
      [0x11, IPV4, FOUR],
      [0x21, IPV6, SIX],
    ] as const)
      for (const [before, after] of [
        [[], []],
        [tlv(4, 1, 2), []],
        [[], TLVS],
      ] as const) {
        const bytes = binary(0x21, family, [...block, ...before, ...tlv(3, 0, 0, 0, 0), ...after]);
        const at = 16 + block.length + before.length + 3;
        new DataView(bytes.buffer).setUint32(at, crc32c(bytes));
        assert.deepEqual(parse(bytes), { source: ends[0], destination: ends[1], length: bytes.length });
        for (const wrong of [16, at - 1 - before.length, at, at + 3]) {
          const changed = bytes.slice();
          changed[wrong]! ^= 1;
          assert.ok('code' in (run([changed]) as object), `octet ${wrong}`);
        }
      }
  });

  it('a header of maxProxyHeaderBytes passes, one octet more is refused before it has come', () => {
    for (const limit of [232, FIELD_LIMITS.maxProxyHeaderBytes, 65_551]) {
      const fits = binary(0x21, 0x11, [...IPV4, ...tlv(4, ...new Array(limit - 16 - 12 - 3).fill(0))]);
      assert.equal(fits.length, limit);
      assert.deepEqual(run([fits], limit), { source: FOUR[0], destination: FOUR[1], length: limit });
      if (limit === 65_551) continue;
      const longer = binary(0x21, 0x11, [...IPV4, ...tlv(4, ...new Array(limit - 16 - 12 - 2).fill(0))]);
      assert.deepEqual(run([longer.subarray(0, 16)], limit), { code: 'PROXY_TOO_LONG', section: 'PROXY §2.2' });
    }
    assert.deepEqual(run([binary(0x20, 0x00, new Array(5_000).fill(0))]), {
      code: 'PROXY_TOO_LONG',
      section: 'PROXY §2.2',
    });
    for (const limit of [231, 65_552, 1_000.5, Number.NaN, '999' as unknown as number])
      assert.throws(() => new ProxyHeaderParser(limit), { name: 'RangeError', message: /^maxProxyHeaderBytes is / });
  });
});

describe('PROXY §2: what is no header', () => {
  it('is refused at the first octet that does not belong to one', () => {
    for (const text of [
      'G',
      'GET / HTTP/1.1\r\n',
      'PROXX',
      'PROXYTCP4',
      'proxy ',
      '\r\n\r\nX',
      '\r\n\r\n\0\r\nQUIX',
      '\x16\x03\x01',
      '\n',
      ' PROXY',
    ])
      assert.deepEqual(parse(latin1(text)), { code: 'PROXY_SIGNATURE', section: 'PROXY §2' }, JSON.stringify(text));
    assert.equal(run([latin1('GET'.slice(0, 0)), new Uint8Array(0)]), 'need-more');
  });

  it(`arbitrary bytes behind a beginning never throw, and are cut anywhere with one outcome (${SEED_NOTE})`, () => {
    const random = new Random(44);
    for (let i = 0; i < 3_000; i++) {
      const start = random.pick([
        [],
        FIXED,
        [...FIXED, 0x21, 0x11, 0, random.below(40)],
        [...FIXED, 0x20, 0],
        [...latin1('PROXY TCP4 ')],
      ]);
      const bytes = Uint8Array.of(...start, ...random.bytes(random.below(150)));
      assert.deepEqual(run(random.cut(bytes)), run([bytes]));
    }
  });
});
