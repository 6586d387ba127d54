import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isSameOrigin,
  judgeOrigin,
  type OriginOption,
  type OriginVerdict,
  originPolicy,
  parseOrigin,
  serializeOrigin,
} from '../../lib/http/origin.ts';

describe('RFC 6454 §5, RFC 6455 §10.2: the same origin', () => {
  const cases: readonly [origin: string, host: string, secure: boolean, same: boolean][] = [
    ['http://example.com', 'example.com', false, true],
    ['https://example.com', 'example.com', true, true],
    ['http://example.com:80', 'example.com', false, true],
    ['http://example.com', 'example.com:80', false, true],
    ['https://example.com:443', 'example.com', true, true],
    ['http://example.com:8080', 'example.com:8080', false, true],
    ['http://EXAMPLE.com', 'example.COM', false, true],
    ['http://[::1]:8080', '[::1]:8080', false, true],
    ['http://127.0.0.1', '127.0.0.1', false, true],
    // Choice: TLS may end at a proxy in front of us.
    ['https://example.com', 'example.com', false, true],
    ['https://example.com:8443', 'example.com:8443', false, true],
    ['http://example.com', 'example.com', true, false],
    ['http://example.com:8080', 'example.com', false, false],
    ['http://example.com', 'example.com:8080', false, false],
    ['https://example.com', 'example.com:80', true, false],
    ['http://evil.example', 'example.com', false, false],
    ['http://sub.example.com', 'example.com', false, false],
    ['http://example.com.evil', 'example.com', false, false],
    ['http://example.com@evil.example', 'example.com', false, false],
    ['http://user@example.com', 'example.com', false, false],
    ['http://example.com/path', 'example.com', false, false],
    ['http://example.com?q', 'example.com', false, false],
    ['http://example.com/?q=1', 'example.com', false, false],
    ['null', 'null', false, false],
    ['', 'example.com', false, false],
    ['example.com', 'example.com', false, false],
    ['*', 'example.com', false, false],
    ['file://', '', false, false],
    ['file:///x', 'example.com', false, false],
    ['ws://example.com', 'example.com', false, false],
    ['chrome-extension://example.com', 'example.com', false, false],
    ['http://example.com, http://evil.example', 'example.com', false, false],
    ['http://', '', false, false],
    ['http://example.com', '', false, false],
    ['http://example.com', 'example.com/x', false, false],
    ['http://example.com/', 'example.com', false, false],
    // The default port, written or not, on either side.
    ['https://app.example', 'app.example:443', false, true],
    ['https://app.example', 'app.example:443', true, true],
    ['https://app.example:443', 'app.example', false, true],
    ['https://app.example', 'app.example:80', false, false],
    ['http://app.example', 'app.example:443', false, false],
    ['http://app.example', 'app.example:', false, true],
    ['http://app.example:080', 'app.example', false, true],
    ['http://app.example:65616', 'app.example', false, false],
    ['http://[::0001]', '[0:0::1]', false, true],
    ['http://example.com.', 'example.com', false, false],
    ['http://a%zz', 'a%zz', false, false],
    ['http://example.com:80:80', 'example.com', false, false],
    ['http:///example.com', 'example.com', false, false],
    [' http://example.com', 'example.com', false, false],
  ];
  for (const [origin, host, secure, same] of cases) {
    it(`${JSON.stringify(origin)} is ${same ? 'the same' : 'another'} origin for Host ${JSON.stringify(host)} ${secure ? 'over TLS' : 'without TLS'}`, () => {
      assert.equal(isSameOrigin(origin, host, secure), same);
    });
  }
});

describe('RFC 6454 §4, §6.2: an origin and its text', () => {
  const origins: readonly (readonly [text: string, written: string | undefined])[] = [
    ['http://a', 'http://a'],
    ['HTTPS://A.Example:443', 'https://a.example'],
    ['http://a:443', 'http://a:443'],
    ['https://[2001:DB8::0:1]:8443', 'https://[2001:db8::1]:8443'],
    ['chrome-extension://abc', 'chrome-extension://abc'],
    ['http://a:0', 'http://a:0'],
    ['null', undefined],
    ['', undefined],
    ['http://', undefined],
    ['http://:80', undefined],
    ['http://a/', undefined],
    ['http://a http://b', undefined],
    ['http://a, http://b', undefined],
    ['://a', undefined],
    ['1http://a', undefined],
    ['http//a', undefined],
    ['http://*.example', 'http://*.example'],
  ];
  for (const [text, written] of origins)
    it(`${JSON.stringify(text)} is ${written ?? 'no origin'}`, () => {
      const origin = parseOrigin(text);
      assert.equal(origin && serializeOrigin(origin), written);
    });
});

describe('RFC 6454 §5: which origins an application allows', () => {
  type Asked = { readonly path: string };
  const judge = (option: OriginOption<Asked>, origin: string | undefined, host = 'app.example'): OriginVerdict =>
    judgeOrigin(originPolicy(option), { origin, host, secure: true }, { path: '/x' });

  const LIST = ['https://b.example', 'HTTP://C.example:80'];
  const verdicts: readonly (readonly [
    option: OriginOption<Asked>,
    origin: string | undefined,
    verdict: OriginVerdict,
  ])[] = [
    ['same-origin', undefined, 'none'],
    ['same-origin', 'https://app.example', 'same'],
    ['same-origin', 'https://b.example', 'refused'],
    ['same-origin', 'null', 'refused'],
    ['*', undefined, 'none'],
    ['*', 'https://b.example', 'any'],
    ['*', 'null', 'any'],
    [LIST, undefined, 'none'],
    [LIST, 'https://b.example', 'named'],
    [LIST, 'https://b.example:443', 'named'],
    [LIST, 'http://c.example', 'named'],
    [LIST, 'http://b.example', 'refused'],
    [LIST, 'https://b.example.evil', 'refused'],
    [LIST, 'https://b.example, https://evil.example', 'refused'],
    [LIST, 'https://app.example', 'refused'],
    [LIST, 'null', 'refused'],
    [[...LIST, 'same-origin'], 'https://app.example', 'same'],
    [[...LIST, 'null'], 'null', 'null'],
    [[...LIST, 'null'], 'NULL', 'refused'],
    [[], 'https://b.example', 'refused'],
    [(origin, { path }) => origin === 'https://d.example' && path === '/x', 'https://d.example', 'chosen'],
    [(origin) => origin === 'https://d.example', 'https://e.example', 'refused'],
    [(origin) => origin === 'null', 'null', 'chosen'],
    [(async () => true) as unknown as () => boolean, 'https://e.example', 'refused'],
  ];
  for (const [option, origin, verdict] of verdicts)
    it(`${typeof option === 'function' ? 'a function' : JSON.stringify(option)}: ${origin} is ${verdict}`, () => {
      assert.equal(judge(option, origin), verdict);
    });

  it('what is no origin is refused at the call', () => {
    for (const element of [
      'app.example',
      'https://a/',
      'https://a/b',
      '*',
      'https://*.example',
      'https://',
      'same-Origin',
      5,
      undefined,
    ])
      assert.throws(
        () => originPolicy([element] as string[]),
        { name: 'TypeError', message: /not an origin/ },
        String(element),
      );
    for (const option of ['https://a', 'null', true, undefined, {}])
      assert.throws(
        () => originPolicy(option as '*'),
        { name: 'TypeError', message: /^allowedOrigins is / },
        String(option),
      );
  });
});
