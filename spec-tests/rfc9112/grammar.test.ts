import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFieldValue, isToken, parseList, parseParameterizedList, trimOws } from '../../lib/http/grammar.ts';

describe('RFC 9110 §5.5, §5.6: the little languages', () => {
  it('a token is one or more of 77 characters (§5.6.2)', () => {
    const allowed = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code)).filter(isToken);
    assert.equal(allowed.join(''), "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
    assert.equal(isToken(''), false);
    assert.equal(isToken('ab c'), false);
    assert.equal(isToken('abc\n'), false);
  });

  it('a field value holds visible octets, obs-text, space and tab (§5.5)', () => {
    for (let code = 0; code < 0x180; code++) {
      const allowed = code === 0x09 || (code >= 0x20 && code !== 0x7f && code <= 0xff);
      assert.equal(isFieldValue(`a${String.fromCharCode(code)}b`), allowed, `character ${code}`);
    }
    assert.equal(isFieldValue(''), true);
  });

  it('optional white space is spaces and tabs and nothing else (§5.6.3)', () => {
    assert.equal(trimOws(' \t a \t b\t '), 'a \t b');
    assert.equal(trimOws('\u00a0a\v'), '\u00a0a\v');
    assert.equal(trimOws(' \t'), '');
    assert.equal(trimOws(''), '');
  });

  const lists: readonly [value: string, elements: readonly string[]][] = [
    ['', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a , b\t,c ', ['a', 'b', 'c']],
    [',, a,, ,b,', ['a', 'b']],
    ['"a,b",c', ['"a,b"', 'c']],
    ['"a\\",b",c', ['"a\\",b"', 'c']],
    ['"a\\\\",b', ['"a\\\\"', 'b']],
    ['a;x="1,2";y, b', ['a;x="1,2";y', 'b']],
    ['a, "b, c', ['a', '"b, c']],
    ['a, "b\\', ['a', '"b\\']],
    ['"\\', ['"\\']],
    ['a\\,b', ['a\\', 'b']],
    ['"', ['"']],
  ];
  for (const [value, elements] of lists) {
    it(`the list ${JSON.stringify(value)} has ${elements.length} elements (§5.6.1)`, () => {
      assert.deepEqual(parseList(value), elements);
    });
  }

  const parameterized: readonly [
    value: string,
    elements: readonly (readonly [string, ...(readonly [string, string?][])])[] | undefined,
  ][] = [
    ['', []],
    [' , ,', []],
    ['a', [['a']]],
    ['a, b', [['a'], ['b']]],
    ['a;x', [['a', ['x']]]],
    ['a ; x = 1 ;y', [['a', ['x', '1'], ['y']]]],
    ['a;x="1"', [['a', ['x', '1']]]],
    ['a;x="\\1\\2"', [['a', ['x', '12']]]],
    ['a;x=1;x=2', [['a', ['x', '1'], ['x', '2']]]],
    [
      'a;x=1, ,a;x',
      [
        ['a', ['x', '1']],
        ['a', ['x']],
      ],
    ],
    ['a;x=1,', [['a', ['x', '1']]]],
    ['a;', undefined],
    ['a;;x', undefined],
    ['a;x=', undefined],
    ['a;=1', undefined],
    ['a;x="', undefined],
    ['a;x="1', undefined],
    ['a;x="1\\', undefined],
    ['a;x="1\\"', undefined],
    ['a;x=""', undefined],
    ['a;x="1 2"', undefined],
    ['a;x="1"2', undefined],
    ['a b', undefined],
    ['a;x y', undefined],
    ['a=1', undefined],
    ['"a"', undefined],
    [';x', undefined],
    ['a/b', undefined],
    ['ä', undefined],
  ];
  for (const [value, elements] of parameterized) {
    it(`${JSON.stringify(value)} is ${elements === undefined ? 'not ' : ''}a list of tokens with parameters (RFC 6455 §9.1)`, () => {
      assert.deepEqual(
        parseParameterizedList(value),
        elements?.map(([name, ...parameters]) => ({
          name,
          parameters: parameters.map(([parameter, text]) => ({ name: parameter, value: text })),
        })),
      );
    });
  }
});
