import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { describe, it } from 'node:test';
import { isAuthority } from '../../lib/http/authority.ts';
import { parseList, parseParameterizedList } from '../../lib/http/grammar.ts';
import { encodeRequestHead } from '../../lib/http/head.ts';
import { HeadReader } from '../../lib/http/head-reader.ts';
import { latin1, lent } from '../support/cuts.ts';
import { type PlainRequest, requests, response } from '../support/http.ts';
import { Random, SEED_NOTE } from '../support/random.ts';
import { ACCEPTED_REQUESTS, REFUSED_REQUESTS } from '../vectors/http-requests.ts';
import { REFUSED_RESPONSES, RESPONSES } from '../vectors/http-responses.ts';

const LIMITS = {
  maxRequestLineBytes: 100,
  maxHeadBytes: 300,
  maxHeaderCount: 8,
  maxBodyBytes: 50,
  maxChunkExtensionBytes: 10,
};
const STATUSES = [400, 413, 414, 431, 501, 505];

/** A vector with a few octets changed, dropped, doubled or put in. */
function damaged(random: Random, text: string): string {
  let out = text;
  for (let n = random.below(4); n > 0; n--) {
    const at = random.below(out.length + 1);
    const piece = random.pick([
      '\r',
      '\n',
      '\r\n',
      ' ',
      '\t',
      ':',
      ',',
      ';',
      '"',
      '\\',
      '\0',
      '\xff',
      '0',
      '5',
      'a',
      'chunked',
      'Content-Length: 3\r\n',
      out.slice(at, at + 9),
    ]);
    out = out.slice(0, at) + piece + out.slice(at + random.below(4));
  }
  return out;
}

describe(`RFC 9112: requests and responses, by property (${SEED_NOTE})`, () => {
  it('what is encoded is parsed back', () => {
    const random = new Random(20);
    const token = (): string =>
      Array.from({ length: random.between(1, 9) }, () => random.pick([..."abcXYZ019!#$%&'*+-.^_`|~"])).join('');
    const value = (): string =>
      Array.from({ length: random.below(12) }, () => random.pick([...'a :;,"\\\t=(\xe9\xff']))
        .join('')
        .replace(/^[ \t]+|[ \t]+$/g, '');
    for (let i = 0; i < 1_500; i++) {
      const fields: [string, string][] = [['Host', 'a']];
      for (let n = random.below(6); n > 0; n--) fields.push([`x-${token()}`, value()]);
      const method = token();
      const target = `/${token()}?${token()}`.replaceAll('#', '');
      const head = latin1(encodeRequestHead(method, target, fields));
      const [incoming] = requests(random.cut(head)).incoming as PlainRequest[];
      assert.deepEqual([incoming?.method, incoming?.target, incoming?.headers], [method, target, fields]);
    }
  });

  it('chunking never changes the outcome, and a failure is a listed one with nothing behind it: damaged requests', () => {
    const random = new Random(21);
    const inputs = [...ACCEPTED_REQUESTS, ...REFUSED_REQUESTS]
      .map(({ input }) => input)
      .filter(({ length }) => length < 1_000);
    const seen = new Map<string, number>();
    for (let i = 0; i < 8_000; i++) {
      const bytes = latin1(damaged(random, random.pick(inputs) + (random.chance(0.3) ? random.pick(inputs) : '')));
      const whole = requests(lent([bytes]), LIMITS);
      assert.deepEqual(
        requests(lent(random.cut(bytes)), LIMITS),
        whole,
        JSON.stringify(Buffer.from(bytes).toString('latin1')),
      );
      const failures = whole.incoming.filter(({ kind }) => kind === 'failed');
      assert.ok(failures.length <= 1);
      assert.equal(whole.state === 'failed', failures.length === 1);
      const last = whole.incoming.at(-1);
      if (failures.length === 1) {
        assert.ok(last?.kind === 'failed' && STATUSES.includes(last.status));
        seen.set(last.code, (seen.get(last.code) ?? 0) + 1);
      }
      for (const each of whole.incoming)
        if (each.kind === 'request') assert.ok(each.body.length <= 50 && each.headers.length <= 9);
    }
    assert.ok(seen.size >= 18, `only ${[...seen.keys()].join(' ')} were reached`);
  });

  it('chunking never changes the outcome: damaged responses', () => {
    const random = new Random(22);
    const inputs = [...RESPONSES, ...REFUSED_RESPONSES]
      .map(({ input }) => input)
      .filter(({ length }) => length < 1_000);
    for (let i = 0; i < 5_000; i++) {
      const bytes = latin1(damaged(random, random.pick(inputs)));
      const options = { end: true, method: random.pick(['GET', 'HEAD']), limits: LIMITS };
      assert.deepEqual(
        response(lent(random.cut(bytes)), options),
        response(lent([bytes]), options),
        JSON.stringify(Buffer.from(bytes).toString('latin1')),
      );
    }
  });

  it('arbitrary bytes never throw and never make a request', () => {
    const random = new Random(23);
    for (let i = 0; i < 3_000; i++) {
      const bytes = random.bytes(random.below(400));
      const outcome = requests(random.cut(bytes), LIMITS);
      assert.ok(outcome.incoming.every(({ kind }) => kind === 'failed'));
      assert.equal(response(random.cut(bytes), { limits: LIMITS }).ended, false);
    }
  });

  it('a chunk-size line is taken exactly where the grammar, written as one expression, has it (RFC 9112 §7.1.1)', () => {
    const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
    const quoted = '"(?:[^"\\\\\\x00-\\x08\\x0a-\\x1f\\x7f]|\\\\[^\\x00-\\x08\\x0a-\\x1f\\x7f])*"';
    const grammar = new RegExp(`^1(?:[ \\t]*;[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|${quoted}))?)*$`);
    const random = new Random(25);
    let taken = 0;
    for (let i = 0; i < 20_000; i++) {
      const line = `1${Array.from({ length: random.below(10) }, () =>
        random.pick([';', '=', 'a', '"', '"b"', ' ', '\t', '\\', '\x01', '\x7f', '\xe9', ',', ';a', ';a=', '"']),
      ).join('')}`;
      const outcome = requests([
        latin1(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${line}\r\nx\r\n0\r\n\r\n`),
      ]);
      assert.equal(outcome.state === 'idle', grammar.test(line), JSON.stringify(line));
      if (outcome.state === 'idle') taken++;
    }
    assert.ok(taken > 500, `${taken} were taken`);
  });

  it('a Host is taken exactly where the grammar has it, with IPv6 addresses as Node reads them (RFC 3986 §3.2.2)', () => {
    const plain = /^(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(?::[0-9]*)?$/;
    const future = /^v[0-9a-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+$/i;
    const random = new Random(26);
    let literals = 0;
    for (let i = 0; i < 20_000; i++) {
      const parts = Array.from({ length: random.below(9) }, () =>
        random.pick([':', '::', '1', 'ab', '.', '%41', '%4', 'v1.', '[', ']', '1.2.3.4', 'g', '/', '@', '1:2:3:4']),
      ).join('');
      const host = random.chance(0.5) ? `[${parts}]${random.pick(['', ':', ':80', '80', ':x'])}` : parts;
      const [, literal] = /^\[([^\]]*)\](?::[0-9]*)?$/.exec(host) ?? [];
      const legal =
        literal === undefined ? plain.test(host) : (isIPv6(literal) && !literal.includes('%')) || future.test(literal);
      assert.equal(isAuthority(host), legal, host);
      if (legal && literal !== undefined) literals++;
    }
    assert.ok(literals > 50, `${literals} were literals`);
  });

  it('lists of arbitrary text never throw, and lose nothing but white space and commas', () => {
    const random = new Random(24);
    for (let i = 0; i < 20_000; i++) {
      const text = Array.from({ length: random.below(12) }, () =>
        random.pick(['a', 'b', ',', ';', '=', '"', '\\', ' ', '\t', 'x=1']),
      ).join('');
      const strip = (value: string): string => value.replace(/[ \t,]/g, '');
      assert.equal(strip(parseList(text).join('')), strip(text), JSON.stringify(text));
      const elements = parseParameterizedList(text);
      if (elements !== undefined && !text.includes('"')) {
        const written = elements.map(({ name, parameters }) =>
          [
            name,
            ...parameters.map((each) => (each.value === undefined ? each.name : `${each.name}=${each.value}`)),
          ].join(';'),
        );
        assert.deepEqual(parseParameterizedList(written.join(',')), elements);
      }
    }
  });
});

describe('time is proportional to input, however it is cut (CVE-2023-43669, CVE-2021-32640)', () => {
  /** Counts the octets that are read through an index, which is how the head reader looks at them. */
  function counting(bytes: Uint8Array, count: { reads: number }): Uint8Array {
    return new Proxy(bytes, {
      get(target, property) {
        if (typeof property === 'string' && /^\d+$/.test(property)) count.reads++;
        const value = Reflect.get(target, property, target) as unknown;
        return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
      },
    });
  }

  it('a head that comes octet by octet, or in any chunks, is looked at once an octet and copied once at most', () => {
    const head = latin1(`GET / HTTP/1.1\r\n${'Name: value of it\r\n'.repeat(500)}`);
    for (const size of [1, 7, 100, head.length]) {
      const count = { reads: 0 };
      const reader = new HeadReader(100_000, 'request');
      for (let at = 0; at < head.length; at += size)
        assert.equal(reader.read(counting(head.slice(at, at + size), count), 0), undefined);
      assert.ok(count.reads <= 2 * head.length, `${count.reads} reads in chunks of ${size}`);
    }
  });

  it('scanners of field values look at each character a bounded number of times', () => {
    const reads = (text: string, scan: (text: string) => unknown): number => {
      const original = String.prototype.charCodeAt;
      let count = 0;
      String.prototype.charCodeAt = function (this: string, at: number): number {
        count++;
        return original.call(this, at);
      };
      try {
        scan(text);
      } finally {
        String.prototype.charCodeAt = original;
      }
      return count;
    };
    for (const make of [
      (n: number) => `b${' '.repeat(n)}x`,
      (n: number) => ','.repeat(n),
      (n: number) => '"'.repeat(n),
      (n: number) => '\\'.repeat(n),
      (n: number) => `a;b="${'\\'.repeat(n)}`,
      (n: number) => 'a;b="c",'.repeat(n / 8),
      (n: number) => ' \t'.repeat(n / 2),
    ]) {
      for (const scan of [parseList, parseParameterizedList]) {
        const small = reads(make(1_000), scan);
        const large = reads(make(64_000), scan);
        assert.ok(
          large <= 64 * small + 1_000,
          `${small} reads for 1,000 characters, ${large} for 64,000: ${JSON.stringify(make(10))}`,
        );
        assert.ok(large <= 6 * 64_000, `${large} reads`);
      }
    }
  });
});
