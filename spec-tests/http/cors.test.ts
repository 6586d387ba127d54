/** The CORS protocol of the Fetch standard (§3.3), as a server speaks it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type CorsOptions,
  corsAnswer,
  corsPolicy,
  type Field,
  isPreflight,
  preflightAnswer,
} from '../../lib/http/cors.ts';
import { HeaderFields } from '../../lib/http/headers.ts';

type Asked = { readonly tenant: string };
const REQUEST: Asked = { tenant: 't' };
const HERE = { host: 'api.example', secure: true };
const LIST = ['https://app.example', 'null', 'same-origin'];

const actual = (options: CorsOptions<Asked>, origin: string | undefined): readonly Field[] =>
  corsAnswer(corsPolicy(options), { ...HERE, origin }, REQUEST).fields;

const preflight = (
  options: CorsOptions<Asked>,
  origin: string,
  requestHeaders?: string,
): readonly [status: number, ...Field[]] => {
  const question = { ...HERE, origin, requestHeaders };
  const { status, fields } = preflightAnswer(corsPolicy(options), question, ['GET', 'POST'], REQUEST);
  return [status, ...fields];
};

const VARY: Field = ['Vary', 'Origin'];
const allow = (origin: string): Field => ['Access-Control-Allow-Origin', origin];
const CREDENTIALS: Field = ['Access-Control-Allow-Credentials', 'true'];

describe('Fetch §3.3.3: responses that pages of other origins may read', () => {
  const cases: readonly (readonly [
    title: string,
    options: CorsOptions<Asked>,
    origin: string | undefined,
    fields: readonly Field[],
  ])[] = [
    [
      'an origin of the list is named, with credentials',
      { allowedOrigins: LIST },
      'https://app.example',
      [VARY, allow('https://app.example'), CREDENTIALS],
    ],
    [
      'an origin of the list without credentials where the application says so',
      { allowedOrigins: LIST, credentials: false },
      'https://app.example',
      [VARY, allow('https://app.example')],
    ],
    [
      'null is named where the list has it, never with credentials',
      { allowedOrigins: LIST, credentials: true },
      'null',
      [VARY, allow('null')],
    ],
    ['another origin is not', { allowedOrigins: LIST }, 'https://evil.example', [VARY]],
    ['two origins are none', { allowedOrigins: LIST }, 'https://app.example, https://app.example', [VARY]],
    ['our own origin needs no leave', { allowedOrigins: LIST }, 'https://api.example', [VARY]],
    ['without an Origin the response varies all the same', { allowedOrigins: LIST }, undefined, [VARY]],
    [
      '* is for everybody, never with credentials, and does not vary',
      { allowedOrigins: '*' },
      'https://evil.example',
      [allow('*')],
    ],
    ['* is for null too', { allowedOrigins: '*' }, 'null', [allow('*')]],
    ['* is sent without an Origin too, so that a cache may keep it', { allowedOrigins: '*' }, undefined, [allow('*')]],
    [
      'same-origin shares nothing and depends on nothing',
      { allowedOrigins: 'same-origin' },
      'https://evil.example',
      [],
    ],
    [
      'same-origin shares nothing with its own origin either',
      { allowedOrigins: 'same-origin' },
      'https://api.example',
      [],
    ],
    [
      'what the function chose is named, without credentials',
      { allowedOrigins: (origin, { tenant }) => origin === `https://${tenant}` },
      'https://t',
      [VARY, allow('https://t')],
    ],
    [
      'what the function chose has credentials where the application says so',
      { allowedOrigins: () => true, credentials: true },
      'https://t',
      [VARY, allow('https://t'), CREDENTIALS],
    ],
    ['what the function refused is not', { allowedOrigins: () => false, credentials: true }, 'https://t', [VARY]],
    [
      'null chosen by the function has no credentials by itself',
      { allowedOrigins: () => true },
      'null',
      [VARY, allow('null')],
    ],
    [
      'fields are exposed to those who may read',
      { allowedOrigins: LIST, exposedHeaders: ['X-Total', 'ETag'] },
      'null',
      [VARY, allow('null'), ['Access-Control-Expose-Headers', 'X-Total, ETag']],
    ],
    [
      'fields are exposed to nobody else',
      { allowedOrigins: LIST, exposedHeaders: ['X-Total'] },
      'https://evil.example',
      [VARY],
    ],
    [
      'fields are exposed to everybody',
      { allowedOrigins: '*', exposedHeaders: ['X-Total'] },
      undefined,
      [allow('*'), ['Access-Control-Expose-Headers', 'X-Total']],
    ],
  ];
  for (const [title, options, origin, fields] of cases)
    it(title, () => {
      assert.deepEqual(actual(options, origin), fields);
    });

  it('the verdict comes with the fields, for the caller who refuses', () => {
    const policy = corsPolicy<Asked>({ allowedOrigins: LIST });
    assert.equal(corsAnswer(policy, { ...HERE, origin: 'https://evil.example' }, REQUEST).verdict, 'refused');
    assert.equal(corsAnswer(policy, { ...HERE, origin: 'https://api.example' }, REQUEST).verdict, 'same');
    assert.equal(corsAnswer(policy, { ...HERE, origin: undefined }, REQUEST).verdict, 'none');
  });
});

describe('Fetch §3.3.2, §3.3.3: preflights', () => {
  const METHODS: Field = ['Access-Control-Allow-Methods', 'GET, POST'];
  const AGE: Field = ['Access-Control-Max-Age', '600'];
  const headers = (names: string): Field => ['Access-Control-Allow-Headers', names];

  it('one is OPTIONS with an Origin and the method that is wanted', () => {
    const both = { Origin: 'https://a', 'Access-Control-Request-Method': 'POST' };
    assert.equal(isPreflight('OPTIONS', HeaderFields.from(both)), true);
    assert.equal(isPreflight('POST', HeaderFields.from(both)), false);
    assert.equal(isPreflight('OPTIONS', HeaderFields.from({ Origin: 'https://a' })), false);
    assert.equal(isPreflight('OPTIONS', HeaderFields.from({ 'Access-Control-Request-Method': 'POST' })), false);
  });

  it('an allowed origin is told the methods of the path and gets the fields that it asks for', () => {
    assert.deepEqual(preflight({ allowedOrigins: LIST }, 'https://app.example', 'content-type,x-y'), [
      204,
      VARY,
      allow('https://app.example'),
      CREDENTIALS,
      METHODS,
      headers('content-type, x-y'),
      AGE,
    ]);
    assert.deepEqual(preflight({ allowedOrigins: LIST }, 'https://app.example'), [
      204,
      VARY,
      allow('https://app.example'),
      CREDENTIALS,
      METHODS,
      AGE,
    ]);
    assert.deepEqual(preflight({ allowedOrigins: '*' }, 'null', 'content-type'), [
      204,
      allow('*'),
      METHODS,
      headers('content-type'),
      AGE,
    ]);
  });

  it('or those that the application names, whatever it asks for', () => {
    const options = { allowedOrigins: LIST, requestHeaders: ['Content-Type', 'X-Key'], maxAgeSeconds: 0 };
    assert.deepEqual(preflight(options, 'null', 'x-other').slice(-2), [
      headers('Content-Type, X-Key'),
      ['Access-Control-Max-Age', '0'],
    ]);
    assert.deepEqual(preflight({ allowedOrigins: '*', requestHeaders: [] }, 'null', 'x'), [
      204,
      allow('*'),
      METHODS,
      AGE,
    ]);
  });

  it('a refused origin is told nothing, with 403', () => {
    assert.deepEqual(preflight({ allowedOrigins: LIST }, 'https://evil.example', 'x'), [403, VARY]);
    assert.deepEqual(preflight({ allowedOrigins: 'same-origin' }, 'https://evil.example', 'x'), [403]);
  });

  it('our own origin needs no leave', () => {
    assert.deepEqual(preflight({ allowedOrigins: 'same-origin' }, 'https://api.example', 'x'), [204]);
  });

  it('64 names are echoed, 65 are refused, and so is what is no name (maxCorsRequestHeaders)', () => {
    const asked = (count: number): string => Array.from({ length: count }, (_, i) => `x-${i}`).join(',');
    assert.equal(preflight({ allowedOrigins: '*' }, 'https://a', asked(64))[0], 204);
    assert.deepEqual(preflight({ allowedOrigins: '*' }, 'https://a', asked(65)), [403]);
    for (const names of ['a b', 'a, b:c', '"a"', 'a\u00e9'])
      assert.deepEqual(preflight({ allowedOrigins: LIST }, 'https://app.example', names), [403, VARY], names);
  });
});

describe('options that no browser or nobody could mean are refused at the call', () => {
  const wrong: readonly (readonly [options: object, name: string, message: RegExp])[] = [
    [{ allowedOrigins: '*', credentials: true }, 'TypeError', /credentials is true with allowedOrigins '\*'/],
    [{ allowedOrigins: ['https://a/'] }, 'TypeError', /not an origin/],
    [{ allowedOrigins: '*', exposedHeaders: ['*'] }, 'TypeError', /exposedHeaders has "\*"/],
    [{ allowedOrigins: '*', exposedHeaders: ['a b'] }, 'TypeError', /exposedHeaders has "a b"/],
    [{ allowedOrigins: '*', requestHeaders: ['a\r\nb'] }, 'TypeError', /requestHeaders has/],
    [{ allowedOrigins: '*', maxAgeSeconds: -1 }, 'RangeError', /maxAgeSeconds is -1/],
    [{ allowedOrigins: '*', maxAgeSeconds: 86_401 }, 'RangeError', /must be 0 to 86400/],
    [{ allowedOrigins: '*', maxAgeSeconds: 1.5 }, 'RangeError', /maxAgeSeconds is 1.5/],
    [{ allowedOrigins: '*', maxAgeSeconds: '9' }, 'RangeError', /maxAgeSeconds is 9/],
  ];
  for (const [options, name, message] of wrong)
    it(JSON.stringify(options), () => {
      assert.throws(() => corsPolicy(options as CorsOptions<Asked>), { name, message });
    });
});
