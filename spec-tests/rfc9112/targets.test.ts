import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeResponseHead } from '../../lib/http/head.ts';
import { authorityOf, misdirected, pathOf, queryOf, schemeOf } from '../../lib/http/target.ts';

describe('RFC 9112 §3.2: the parts of a request-target', () => {
  const targets: readonly (readonly [target: string, path: string, query: string, authority: string | undefined])[] = [
    ['/', '/', '', undefined],
    ['/a/b', '/a/b', '', undefined],
    ['/a?b', '/a', 'b', undefined],
    ['/a?b?c=/d', '/a', 'b?c=/d', undefined],
    ['/?', '/', '', undefined],
    ['//a/b', '//a/b', '', undefined],
    ['/http://a/b?c', '/http://a/b', 'c', undefined],
    ['*', '*', '', undefined],
    ['http://a', '/', '', 'a'],
    ['http://a/', '/', '', 'a'],
    ['HTTP://A:80/b/c?d', '/b/c', 'd', 'A:80'],
    ['https://[::1]:8080/b', '/b', '', '[::1]:8080'],
    ['http://x?y=/admin', '/', 'y=/admin', 'x'],
    ['http://x?', '/', '', 'x'],
    ['http://x?/admin?/b', '/', '/admin?/b', 'x'],
    ['http://x/?y', '/', 'y', 'x'],
    ['http://x//y', '//y', '', 'x'],
    ['http://x?a://b/c', '/', 'a://b/c', 'x'],
  ];
  for (const [target, path, query, authority] of targets)
    it(`${target} has the path ${path}, and its authority ends where RFC 3986 §3.2 says`, () => {
      assert.equal(pathOf(target), path);
      assert.equal(queryOf(target), query);
      assert.equal(authorityOf(target), authority);
    });

  it('the scheme is told without regard to case (RFC 3986 §3.1)', () => {
    assert.equal(schemeOf('HTTPS://a/'), 'https');
    assert.equal(schemeOf('Http://a/'), 'http');
    assert.equal(schemeOf('/https://a/'), undefined);
    assert.equal(schemeOf('*'), undefined);
  });
});

describe('RFC 9110 §7.4: misdirected requests', () => {
  it('a request for an https resource is rejected unless its connection is secured', () => {
    for (const target of ['https://other/', 'HTTPS://other', 'hTTps://other?x'])
      assert.deepEqual(misdirected(target, false), {
        kind: 'failed',
        status: 421,
        code: 'HTTP_MISDIRECTED',
        detail: 'https request over a connection that is not secured',
        section: 'RFC 9110 §7.4',
      });
    assert.equal(misdirected('https://other/', true), undefined);
    for (const secure of [true, false])
      for (const target of ['/', '*', 'http://other/', '/https://x'])
        assert.equal(misdirected(target, secure), undefined);
  });

  it('the status has its phrase (RFC 9110 §15.5.20)', () => {
    assert.equal(encodeResponseHead(421, []), 'HTTP/1.1 421 Misdirected Request\r\n\r\n');
  });
});
