/** The cookies of a request (RFC 6265). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCookies } from '../../lib/http/cookies.ts';
import { FIELD_LIMITS } from '../../lib/limits.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

describe('RFC 6265 §4.2, §5.4: Cookie', () => {
  const cases: readonly (readonly [title: string, lines: readonly string[], cookies: Record<string, string>])[] = [
    ['no line has none', [], {}],
    ['an empty line has none', ['', ';', ' ; ;'], {}],
    ['pairs', ['a=1; b=2'], { a: '1', b: '2' }],
    ['pairs without the space, and with more of it', ['a=1;b=2 ;\t c = 3 '], { a: '1', b: '2', c: '3' }],
    ['several lines, as HTTP/2 has them (RFC 9113 §8.2.3)', ['a=1', 'b=2; c=3'], { a: '1', b: '2', c: '3' }],
    ['an empty value', ['a=; b=2'], { a: '', b: '2' }],
    ['"=" within a value', ['a=b=c=='], { a: 'b=c==' }],
    ['names have a case', ['a=1; A=2'], { a: '1', A: '2' }],
    ['what has no "=" or no name is ignored', ['a; =b; c=1; = ; d'], { c: '1' }],
    ['the first of two counts', ['a=1; a=2', 'a=3'], { a: '1' }],
    ['nothing is decoded and no quotes are taken off', ['a="b"; c=%41%zz'], { a: '"b"', c: '%41%zz' }],
    [
      'a quote hides no semicolon, so that no cookie swallows another',
      ['a="x; session=1; b=y"'],
      { a: '"x', session: '1', b: 'y"' },
    ],
    [
      '$Version and $Path mean nothing (RFC 2965 is obsolete)',
      ['$Version=1; a="x; b=1"; $Path=/'],
      { $Version: '1', a: '"x', b: '1"', $Path: '/' },
    ],
    [
      'only spaces and tabs are white space, so that nothing passes for a __Host- name',
      ['\u00a0__Host-a=1; \u0085b=2'],
      { '\u00a0__Host-a': '1', '\u0085b': '2' },
    ],
  ];
  for (const [title, lines, cookies] of cases)
    it(title, () => {
      assert.deepEqual(Object.fromEntries(parseCookies(lines)), cookies);
    });

  it('no name is special to the language', () => {
    const cookies = parseCookies(['__proto__=1; constructor=2; toString=3']);
    assert.deepEqual(
      [...cookies],
      [
        ['__proto__', '1'],
        ['constructor', '2'],
        ['toString', '3'],
      ],
    );
    assert.equal(cookies.get('hasOwnProperty'), undefined);
    assert.equal(({} as Record<string, unknown>)['1'], undefined);
  });

  it(`what was written is read (${SEED_NOTE})`, () => {
    const random = new Random(42);
    for (let i = 0; i < 500; i++) {
      const pairs = Array.from(
        { length: random.below(20) },
        (_, at) => [`n${at}`, '/x='.repeat(random.below(4))] as const,
      );
      assert.deepEqual([...parseCookies([pairs.map(([name, value]) => `${name}=${value}`).join('; ')])], pairs);
    }
  });
});

describe('limits of cookies', () => {
  it(`maxCookies are kept, one more is not, whatever lines they come in`, () => {
    const pairs = Array.from({ length: FIELD_LIMITS.maxCookies + 1 }, (_, i) => `c${i}=`);
    for (const lines of [[pairs.join('; ')], pairs]) {
      const cookies = parseCookies(lines);
      assert.equal(cookies.size, FIELD_LIMITS.maxCookies);
      assert.equal(cookies.has(`c${FIELD_LIMITS.maxCookies}`), false);
    }
  });

  it('a cookie that does not fit into maxCookieBytes is ignored with all behind it, not cut', () => {
    const fits = `a=${'x'.repeat(FIELD_LIMITS.maxCookieBytes - 3)}`;
    assert.equal(parseCookies([fits]).get('a')?.length, FIELD_LIMITS.maxCookieBytes - 3);
    assert.equal(parseCookies([`${fits}x`]).size, 0);
    assert.deepEqual([...parseCookies(['b=1', fits, 'c=2'])], [['b', '1']]);
  });
});
