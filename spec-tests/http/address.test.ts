/** Addresses and ranges of them, as text and as octets. */

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { formatAddress, inRange, parseAddress, parseIpv6, parseRange } from '../../lib/http/address.ts';
import { isAuthority, parseAuthority } from '../../lib/http/authority.ts';
import { Random, SEED } from '../support/random.ts';

describe('RFC 3986 §3.2.2, RFC 5952: addresses', () => {
  const addresses: readonly (readonly [text: string, written: string | undefined])[] = [
    ['1.2.3.4', '1.2.3.4'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['256.0.0.1', undefined],
    ['01.2.3.4', undefined],
    ['0x7f.0.0.1', undefined],
    ['1.2.3', undefined],
    ['1.2.3.4.5', undefined],
    ['1.2.3.', undefined],
    ['+1.2.3.4', undefined],
    [' 1.2.3.4', undefined],
    ['', undefined],
    ['2130706433', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0001:0002:0003:0004:0005:0006:0007:0008', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7:8::', undefined],
    ['::1:2:3:4:5:6:7:8', undefined],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['::1.2.3.4', '::102:304'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['1.2.3.4::', undefined],
    ['::1.2.3.4:5', undefined],
    [':1', undefined],
    ['1:', undefined],
    [':::', undefined],
    ['1::2::3', undefined],
    ['[::1]', undefined],
    ['fe80::1%eth0', undefined],
    ['::1/64', undefined],
    [`::${'0'.repeat(50)}`, undefined],
  ];
  for (const [text, written] of addresses)
    it(`${JSON.stringify(text)} is ${written ?? 'no address'}`, () => {
      const bytes = parseAddress(text);
      assert.equal(bytes && formatAddress(bytes), written);
    });

  it(`what is written is read again, and agrees with Node about what an address is (seed ${SEED})`, () => {
    const random = new Random(41);
    for (let i = 0; i < 5_000; i++) {
      const bytes = random.bytes(16).map((octet) => (random.below(3) === 0 ? octet : 0));
      const text = formatAddress(bytes);
      assert.notEqual(isIP(text), 0, text);
      if (text.includes(':')) assert.deepEqual(parseIpv6(text), bytes, text);
      const noise = Array.from({ length: 1 + random.below(12) }, () =>
        random.pick([':', '::', '1', 'f', '0', '.', '255', '256', '00001', 'g', '1.2.3.4']),
      ).join('');
      assert.equal(parseAddress(noise) !== undefined, isIP(noise) !== 0, noise);
    }
  });
});

describe('RFC 4632 §3.1, RFC 4291 §2.3: ranges', () => {
  const ranges: readonly (readonly [range: string, inside: readonly string[], outside: readonly string[]])[] = [
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['9.255.255.255', '11.0.0.0', '::a00:1', '::1']],
    ['10.1.2.3', ['10.1.2.3', '::ffff:10.1.2.3'], ['10.1.2.2', '10.1.2.4']],
    ['10.1.2.2/31', ['10.1.2.2', '10.1.2.3'], ['10.1.2.1', '10.1.2.4']],
    ['172.16.0.0/12', ['172.16.0.1', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    ['0.0.0.0/0', ['1.2.3.4', '255.255.255.255'], ['::1', '2001:db8::1']],
    ['::ffff:10.0.0.0/104', ['10.9.9.9', '::ffff:10.0.0.1'], ['11.0.0.1', '::1']],
    ['2001:db8::/32', ['2001:db8::1', '2001:db8:ffff::'], ['2001:db9::', '1.2.3.4']],
    ['fe80::/10', ['fe80::1', 'febf::1'], ['fec0::1', 'fe00::']],
    ['::/0', ['::1', 'ffff::'], ['1.2.3.4', '::ffff:1.2.3.4']],
    ['::1', ['::1'], ['::', '::2', '127.0.0.1']],
  ];
  for (const [text, inside, outside] of ranges)
    it(`${text} has ${inside.join(', ')} and not ${outside.join(', ')}`, () => {
      const range = parseRange(text);
      for (const address of inside) assert.equal(inRange(parseAddress(address)!, range), true, address);
      for (const address of outside) assert.equal(inRange(parseAddress(address)!, range), false, address);
    });

  it('what is no range is refused at the call', () => {
    for (const text of ['', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '::/129', '10.0.0/8', 'a', '/8', '10.0.0.0/8/8'])
      assert.throws(() => parseRange(text), { name: 'TypeError', message: /is not an IP address or a range/ }, text);
    for (const text of ['10.0.0.1/8', '255.255.255.255/31', '::1/64', '::ffff:10.0.0.1/104'])
      assert.throws(() => parseRange(text), { name: 'TypeError', message: /bits behind its prefix/ }, text);
  });
});

describe('RFC 3986 §3.2: authorities that can be compared', () => {
  const authorities: readonly (readonly [text: string, host: string | undefined, port?: number])[] = [
    ['App.Example', 'app.example'],
    ['app.example:', 'app.example'],
    ['app.example:0443', 'app.example', 443],
    ['app.example:65535', 'app.example', 65_535],
    ['app.example:65536', undefined],
    ['[2001:DB8:0::1]:80', '[2001:db8::1]', 80],
    ['[::FFFF:1.2.3.4]', '[::ffff:1.2.3.4]'],
    ['[V1.X]:1', '[v1.x]', 1],
    ['', ''],
    [':1', '', 1],
    ['a@b', undefined],
    ['[::1', undefined],
    ['::1', undefined],
  ];
  for (const [text, host, port] of authorities)
    it(`${JSON.stringify(text)} is ${host === undefined ? 'none' : `host ${host}, port ${port}`}`, () => {
      assert.deepEqual(parseAuthority(text), host === undefined ? undefined : { host, port });
      assert.equal(isAuthority(text), host !== undefined || text.endsWith(':65536'));
    });
});
