/** Header fields: what the parser found stays what it was when the list is let go and read again (RFC 9110 §5). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRequestHead } from '../../lib/http/head.ts';
import { HeaderFields } from '../../lib/http/headers.ts';
import { HTTP_LIMITS } from '../../lib/limits.ts';

describe('header fields read again', () => {
  it('read again they are the same: names as they came, blanks removed, colons in values kept, repeated and empty ones there', () => {
    const text =
      'GET /x HTTP/1.1\r\nHost: a:8080\r\nX-Empty:\r\nx-TWICE: 1\r\nX-Twice:\t 2 \r\nReferer: http://a/b:c\r\nLast:x';
    const head = parseRequestHead(text, HTTP_LIMITS);
    assert.ok(!('kind' in head));
    const before = [...head.headers];
    assert.equal(before.length, 6);
    const again = HeaderFields.fromHead(head.text);
    assert.deepEqual([...again], before);
    assert.equal(again.get('x-twice'), '1, 2');
    assert.equal(again.size, 6);
    assert.equal(again.count('X-TWICE'), 2);
    assert.equal(again.get('missing'), undefined);
  });

  it('a head without fields has none', () => {
    assert.deepEqual([...HeaderFields.fromHead('GET / HTTP/1.1')], []);
  });
});
