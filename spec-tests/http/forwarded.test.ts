/** Who the client is behind proxies: X-Forwarded-* and Forwarded (RFC 7239). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Client, clientOf, proxyTrust, type TrustProxyOption } from '../../lib/http/forwarded.ts';
import { HeaderFields } from '../../lib/http/headers.ts';
import { FIELD_LIMITS } from '../../lib/limits.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

type Lines = readonly (readonly [string, string])[];

const X: TrustProxyOption = { from: ['loopback', '10.0.0.0/8', '2001:db8::/32'], headers: 'x-forwarded' };
const F: TrustProxyOption = { ...X, headers: 'forwarded' };

function client(option: TrustProxyOption | undefined, lines: Lines, address = '127.0.0.1', secure = false): Client {
  const headers = new HeaderFields();
  headers.append('Host', 'inner.example:8080');
  for (const [name, value] of lines) headers.append(name, value);
  return clientOf(option && proxyTrust(option), { address, port: 5000, secure }, headers);
}

const xff = (value: string, ...more: Lines): Lines => [['X-Forwarded-For', value], ...more];
const forwarded = (value: string): Lines => [['Forwarded', value]];

describe('the connection itself', () => {
  const ALL: Lines = [
    ['X-Forwarded-For', '9.9.9.9'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'evil.example'],
    ['Forwarded', 'for=9.9.9.9;proto=https;host=evil.example'],
  ];
  const DIRECT = { address: '192.0.2.1', port: 5000, secure: false, host: 'inner.example:8080' };

  it('is the client where nobody is trusted', () => {
    assert.deepEqual(client(undefined, ALL, '192.0.2.1'), DIRECT);
    assert.deepEqual(client(undefined, ALL), { ...DIRECT, address: '127.0.0.1' });
  });

  it('is the client where it is not a trusted proxy: nothing that it sends is believed', () => {
    for (const option of [X, F]) {
      assert.deepEqual(client(option, ALL, '192.0.2.1'), DIRECT);
      assert.deepEqual(client(option, ALL, '::ffff:192.0.2.1'), DIRECT);
      assert.deepEqual(client(option, ALL, '192.0.2.1', true), { ...DIRECT, secure: true });
      assert.equal(client(option, ALL, '').address, '');
      assert.equal(client(option, ALL, 'localhost').address, 'localhost');
    }
  });

  it('is the client where the proxy says nothing', () => {
    for (const option of [X, F]) assert.deepEqual(client(option, []), { ...DIRECT, address: '127.0.0.1' });
  });

  it('the other family is not looked at', () => {
    assert.equal(client(X, forwarded('for=9.9.9.9')).address, '127.0.0.1');
    assert.equal(client(F, xff('9.9.9.9')).address, '127.0.0.1');
  });
});

describe('whom an application trusts', () => {
  const trusted: readonly (readonly [from: TrustProxyOption['from'], yes: readonly string[], no: readonly string[]])[] =
    [
      [
        'loopback',
        ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'],
        ['128.0.0.1', '::2', '', 'loopback', '10.0.0.1'],
      ],
      ['10.1.0.0/16', ['10.1.2.3', '::ffff:10.1.2.3'], ['10.2.0.1', '127.0.0.1', '::a01:203']],
      ['fe80::/10', ['fe80::1', 'fe80::1%eth0'], ['fec0::1', '::1']],
      [
        ['192.0.2.7', '::1'],
        ['192.0.2.7', '::1'],
        ['192.0.2.8', '127.0.0.1'],
      ],
      [[], [], ['127.0.0.1']],
      [(address) => address === '' || address === '192.0.2.7', ['', '192.0.2.7', '::ffff:192.0.2.7'], ['127.0.0.1']],
      [(async () => true) as unknown as () => boolean, [], ['127.0.0.1']],
    ];
  for (const [from, yes, no] of trusted)
    it(`${typeof from === 'function' ? 'a function' : JSON.stringify(from)}`, () => {
      const option: TrustProxyOption = { from, headers: 'x-forwarded' };
      for (const address of yes) assert.equal(client(option, xff('9.9.9.9'), address).address, '9.9.9.9', address);
      for (const address of no) assert.notEqual(client(option, xff('9.9.9.9'), address).address, '9.9.9.9', address);
    });

  it('what is no address, no range and no family is refused at the call', () => {
    for (const from of ['localhost', '10.0.0.0/33', '10.0.0.1/8', '*', ''])
      assert.throws(() => proxyTrust({ from, headers: 'forwarded' }), TypeError, from);
    for (const from of [undefined, true, 1, {}, [true], [undefined]])
      assert.throws(
        () => proxyTrust({ from, headers: 'forwarded' } as unknown as TrustProxyOption),
        TypeError,
        String(from),
      );
    for (const trust of [true, 'loopback', null])
      assert.throws(() => proxyTrust(trust as never), /^TypeError: trustProxy is .*, must be an object such as/);
    for (const headers of [undefined, 'both', 'X-Forwarded'])
      assert.throws(() => proxyTrust({ from: 'loopback', headers } as TrustProxyOption), {
        name: 'TypeError',
        message: `trustProxy.headers is ${headers && JSON.stringify(headers)}, must be 'x-forwarded' or 'forwarded'`,
      });
  });
});

describe('X-Forwarded-*: read from the right, as far as it is trusted', () => {
  const addresses: readonly (readonly [value: string, address: string, port?: number])[] = [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:8080', '192.0.2.1', 8080],
    ['9.9.9.9, 192.0.2.1', '192.0.2.1'],
    ['9.9.9.9, 192.0.2.1, 10.0.0.1', '192.0.2.1'],
    ['9.9.9.9,192.0.2.1 ,10.0.0.1,, 10.0.0.2, ', '192.0.2.1'],
    ['10.0.0.9, 10.0.0.1', '10.0.0.9'],
    ['192.0.2.1, ::1', '192.0.2.1'],
    ['2001:DB9:0::1', '2001:db9::1'],
    ['[2001:db9::1]:443', '2001:db9::1', 443],
    ['[2001:db9::1]', '2001:db9::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, unknown', '127.0.0.1'],
    ['192.0.2.1, unknown, 10.0.0.1', '10.0.0.1'],
    ['192.0.2.1, , 10.0.0.1:70000', '127.0.0.1'],
    ['192.0.2.1, 010.0.0.1', '127.0.0.1'],
    ['192.0.2.1, "10.0.0.1"', '127.0.0.1'],
    ['192.0.2.1, [10.0.0.1]', '127.0.0.1'],
    ['192.0.2.1, localhost', '127.0.0.1'],
    ['192.0.2.1, fe80::1%eth0', '127.0.0.1'],
    ['', '127.0.0.1'],
  ];
  for (const [value, address, port] of addresses)
    it(`${JSON.stringify(value)} is ${address}`, () => {
      assert.equal(client(X, xff(value)).address, address);
      if (address !== '127.0.0.1') assert.equal(client(X, xff(value)).port, port);
    });

  it('lines are one list, so that a proxy may add a line of its own', () => {
    assert.equal(client(X, [...xff('9.9.9.9'), ...xff('192.0.2.1')]).address, '192.0.2.1');
    assert.equal(client(X, [...xff('192.0.2.1'), ...xff('10.0.0.1')]).address, '192.0.2.1');
  });

  const views: readonly (readonly [title: string, lines: Lines, secure: boolean, host: string])[] = [
    [
      'protocol and host that the proxy has set',
      xff('192.0.2.1', ['X-Forwarded-Proto', 'HTTPS'], ['X-Forwarded-Host', 'app.example:443']),
      true,
      'app.example:443',
    ],
    [
      'protocol and host without an address',
      [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'app.example'],
      ],
      true,
      'app.example',
    ],
    [
      'of lists those as far from the right as the address',
      xff(
        '9.9.9.9, 192.0.2.1, 10.0.0.1',
        ['X-Forwarded-Proto', 'https, https, http'],
        ['X-Forwarded-Host', 'evil.example, app.example, b'],
      ),
      true,
      'app.example',
    ],
    [
      'never what stands left of it',
      xff('192.0.2.1', ['X-Forwarded-Proto', 'https, http'], ['X-Forwarded-Host', 'evil.example, app.example']),
      false,
      'app.example',
    ],
    [
      'of shorter lists the nearest',
      xff('192.0.2.1, 10.0.0.1, 10.0.0.2', ['X-Forwarded-Proto', 'https'], ['X-Forwarded-Host', 'app.example']),
      true,
      'app.example',
    ],
    [
      'a protocol that says nothing about TLS',
      xff('192.0.2.1', ['X-Forwarded-Proto', 'ftp']),
      false,
      'inner.example:8080',
    ],
    [
      'a host that is none',
      xff('192.0.2.1', ['X-Forwarded-Host', 'a/b'], ['X-Forwarded-Proto', 'wss']),
      true,
      'inner.example:8080',
    ],
    ['an empty host', xff('192.0.2.1', ['X-Forwarded-Host', '']), false, 'inner.example:8080'],
  ];
  for (const [title, lines, secure, host] of views)
    it(title, () => {
      const { secure: isSecure, host: asked } = client(X, lines);
      assert.deepEqual([isSecure, asked], [secure, host]);
    });

  it('a proxy that reaches us over TLS may say that its client did not use it', () => {
    assert.equal(client(X, xff('192.0.2.1', ['X-Forwarded-Proto', 'http']), '127.0.0.1', true).secure, false);
    assert.equal(client(X, xff('192.0.2.1'), '127.0.0.1', true).secure, true);
  });
});

describe('RFC 7239: Forwarded', () => {
  const elements: readonly (readonly [value: string, address: string, port?: number])[] = [
    ['for=192.0.2.1', '192.0.2.1'],
    ['For=192.0.2.1;Proto=https;By=203.0.113.43', '192.0.2.1'],
    ['for="192.0.2.1:80"', '192.0.2.1', 80],
    ['for="[2001:DB9::1]"', '2001:db9::1'],
    ['for="[2001:db9::1]:4711"', '2001:db9::1', 4711],
    ['for="[2001:db9::1]:_x"', '2001:db9::1'],
    ['for="\\1\\9\\2.0.2.1"', '192.0.2.1'],
    ['for=9.9.9.9, for=192.0.2.1', '192.0.2.1'],
    ['for=9.9.9.9, for=192.0.2.1, for=10.0.0.1', '192.0.2.1'],
    ['for=192.0.2.1;;proto=http;', '192.0.2.1'],
    ['for=192.0.2.1 ; proto=http', '192.0.2.1'],
    ['by="a,b;c=\\"d";for=192.0.2.1;x=y', '192.0.2.1'],
    ['for=9.9.9.9, by="a,\\",for=8.8.8.8,b";for=192.0.2.1', '192.0.2.1'],
    // What the client wrote in front of it cannot swallow it.
    ['for="_x, for=192.0.2.1', '192.0.2.1'],
    ['for="_x\\, for=192.0.2.1', '192.0.2.1'],
    ['for="_x\\", for=192.0.2.1, for="[2001:db8::1]"', '192.0.2.1'],
    ['"""", for=192.0.2.1', '192.0.2.1'],
    ['for=9.9.9.9;by="x, for=192.0.2.1, for=10.0.0.1', '192.0.2.1'],
    // Who is not named is not known: the proxy that says so is the last one known.
    ['for=192.0.2.1, for=unknown', '127.0.0.1'],
    ['for=192.0.2.1, for=_hidden, for=10.0.0.1', '10.0.0.1'],
    ['for=192.0.2.1, proto=https', '127.0.0.1'],
    // Malformed.
    ['for=192.0.2.1, for=2001:db8::1', '127.0.0.1'],
    ['for=192.0.2.1, for="2001:db8::1"', '127.0.0.1'],
    ['for=192.0.2.1, for=[::1]', '127.0.0.1'],
    ['for=192.0.2.1, for="[10.0.0.1]"', '127.0.0.1'],
    ['for=192.0.2.1, for=10.0.0.1;for=10.0.0.2', '127.0.0.1'],
    ['for=192.0.2.1, for=10.0.0.1;FOR=10.0.0.2', '127.0.0.1'],
    ['for=192.0.2.1, for = 10.0.0.1', '127.0.0.1'],
    ['for=192.0.2.1, for=10.0.0.1 proto=http', '127.0.0.1'],
    ['for=192.0.2.1, for', '127.0.0.1'],
    ['for=192.0.2.1, for=', '127.0.0.1'],
    ['for=192.0.2.1, =10.0.0.1', '127.0.0.1'],
    ['for=192.0.2.1, for="10.0.0.1', '127.0.0.1'],
    ['for=192.0.2.1, for=10.0.0.1"', '127.0.0.1'],
    ['for=192.0.2.1, for="10.0.0.1"x', '127.0.0.1'],
    ['for=192.0.2.1, f(r=10.0.0.1', '127.0.0.1'],
    ['for=192.0.2.1, for="10.0.0.1:99999"', '127.0.0.1'],
    ['192.0.2.1', '127.0.0.1'],
    ['', '127.0.0.1'],
  ];
  for (const [value, address, port] of elements)
    it(`${JSON.stringify(value)} is ${address}`, () => {
      assert.equal(client(F, forwarded(value)).address, address);
      if (address !== '127.0.0.1') assert.equal(client(F, forwarded(value)).port, port);
    });

  const views: readonly (readonly [value: string, secure: boolean, host: string])[] = [
    ['for=192.0.2.1;proto=https;host="app.example:443"', true, 'app.example:443'],
    ['for=9.9.9.9;proto=https;host=evil.example, for=192.0.2.1;proto=http;host=app.example', false, 'app.example'],
    ['for=192.0.2.1;proto=https;host=app.example, for=10.0.0.1;proto=http;host=b', true, 'app.example'],
    ['for=192.0.2.1, for=10.0.0.1;proto=https;host=app.example', true, 'app.example'],
    ['for=unknown;proto=https;host=app.example', true, 'app.example'],
    ['for=192.0.2.1;host="a/b"', false, 'inner.example:8080'],
    ['for=192.0.2.1;host=""', false, 'inner.example:8080'],
  ];
  for (const [value, secure, host] of views)
    it(`${value} asked ${host} ${secure ? 'over' : 'without'} TLS`, () => {
      const { secure: isSecure, host: asked } = client(F, forwarded(value));
      assert.deepEqual([isSecure, asked], [secure, host]);
    });
});

describe('limits of forwarded fields', () => {
  it('maxForwardedHops elements are looked at, from the right', () => {
    const hops = Array.from({ length: FIELD_LIMITS.maxForwardedHops + 1 }, (_, i) => `10.0.0.${i}`);
    assert.equal(client(X, xff(hops.join())).address, '10.0.0.1');
    assert.equal(client(X, xff(hops.slice(1).join())).address, '10.0.0.1');
    assert.equal(client(F, forwarded(hops.map((hop) => `for=${hop}`).join())).address, '10.0.0.1');
  });

  it('what lies beyond maxForwardedBytes is not read, nor an element that the limit cuts', () => {
    const spaces = (length: number, value: string): string =>
      value + ' '.repeat(FIELD_LIMITS.maxForwardedBytes - length);
    const fits = spaces(20, '192.0.2.1,10.0.0.1,x').replace(',x', '  ');
    assert.equal(fits.length, FIELD_LIMITS.maxForwardedBytes);
    assert.equal(client(X, xff(`${fits.slice(0, -1)},`)).address, '192.0.2.1');
    assert.equal(client(X, xff(`1${fits.slice(0, -1)},`)).address, '10.0.0.1');
    const long = `${'9.9.9.9,'.repeat(1_000)}192.0.2.1`;
    assert.equal(client(X, xff(long)).address, '192.0.2.1');
    assert.equal(client(F, forwarded(`${'for=9.9.9.9,'.repeat(1_000)}for=192.0.2.1`)).address, '192.0.2.1');
    assert.equal(client(F, forwarded(`${'"'.repeat(9_999)},for=192.0.2.1`)).address, '192.0.2.1');
  });

  it(`whatever clients write in front of it, what a trusted proxy added decides (${SEED_NOTE})`, () => {
    const random = new Random(43);
    for (let i = 0; i < 5_000; i++) {
      const noise = Array.from({ length: random.below(20) }, () =>
        random.pick(['for=', '"', '\\', ',', ';', '=', '10.0.0.1', '[::1]', ' ', '_x', 'unknown', ':', '9.9.9.9']),
      ).join('');
      assert.equal(client(F, forwarded(`${noise}, for=192.0.2.1`)).address, '192.0.2.1', noise);
      assert.equal(client(F, forwarded(`${noise}, for="192.0.2.1:5"; proto=http`)).address, '192.0.2.1', noise);
      assert.equal(client(X, xff(`${noise}, 192.0.2.1`)).address, '192.0.2.1', noise);
      assert.notEqual(client(F, forwarded(noise), '192.0.2.1').address, '9.9.9.9', noise);
    }
  });
});
