import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ResponseParser } from '../../lib/http/response-parser.ts';
import { agreed, latin1 } from '../support/cuts.ts';
import { type ResponseOutcome, response } from '../support/http.ts';
import { REFUSED_RESPONSES, RESPONSES } from '../vectors/http-responses.ts';

function parse(input: string, options: Parameters<typeof response>[1] = {}): ResponseOutcome {
  return agreed(latin1(input), (chunks) => response(chunks, options));
}

describe('RFC 9112 §4, §6: responses that a client understands', () => {
  for (const { title, input, method = 'GET', status, body, ends } of RESPONSES) {
    it(title, () => {
      const outcome = parse(input, { method });
      assert.deepEqual([outcome.status, outcome.body, outcome.failed], [status, body, undefined]);
      assert.equal(outcome.ended, ends === 'at once');
      const ended = parse(input, { method, end: true });
      assert.equal(ended.ended, ends !== 'never');
      assert.equal(ended.failed, ends === 'never' ? 'HTTP_INCOMPLETE' : undefined);
    });
  }

  it('phrase and fields arrive as they are', () => {
    const outcome = parse('HTTP/1.1 404 Not  Found\r\nA:  b \r\na: c\r\nContent-Length: 0\r\n\r\n');
    assert.equal(outcome.reason, 'Not  Found');
    assert.deepEqual(outcome.headers, [
      ['A', 'b'],
      ['a', 'c'],
      ['Content-Length', '0'],
    ]);
  });

  it('behind a 101 another protocol begins, whose bytes are kept as they are (RFC 9110 §7.8)', () => {
    const outcome = parse('HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n\x81\x02hi');
    assert.deepEqual(
      [outcome.status, outcome.rest, outcome.ended, outcome.failed],
      [101, '\x81\x02hi', false, undefined],
    );
    assert.equal(parse('HTTP/1.1 101 X\r\n\r\n\x81', { end: true }).failed, undefined);
  });

  it('what follows a 101 is bounded; beyond 1 MiB the parser fails and hands out no half of it', () => {
    const parser = new ResponseParser({ method: 'GET' });
    parser.receive(latin1('HTTP/1.1 101 X\r\n\r\n'));
    const mebibyte = new Uint8Array(1_048_576);
    assert.deepEqual(parser.receive(mebibyte), []);
    const [failed] = parser.receive(Uint8Array.of(1));
    assert.equal(failed?.kind === 'failed' && failed.code, 'HTTP_UPGRADE_DATA');
    assert.equal(parser.takeRest().length, 0);
  });

  it('body slices point into the chunk and copy nothing', () => {
    const chunk = latin1('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    const [, slice] = new ResponseParser({ method: 'GET' }).receive(chunk);
    assert.ok(slice?.kind === 'body');
    assert.equal(slice.chunk.buffer, chunk.buffer);
  });

  it('chunk extensions, trailer fields and their limits are those of requests', () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    const limits = { maxChunkExtensionBytes: 5 };
    assert.equal(parse(`${head}1;abcd\r\nx\r\n0\r\n\r\n`, { limits }).ended, true);
    assert.equal(parse(`${head}1;abcde\r\nx\r\n0\r\n\r\n`, { limits }).failed, 'HTTP_CHUNK');
  });
});

describe('RFC 9112: responses that are refused', () => {
  for (const { title, input, code } of REFUSED_RESPONSES) {
    it(title, () => {
      const outcome = parse(input);
      assert.equal(outcome.failed, code);
      assert.equal(outcome.ended, false);
      // Nothing that follows is looked at, and the end is no second failure.
      assert.deepEqual(parse(`${input}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`, { end: true }), outcome);
    });
  }

  it('a connection that ends before or within the head is a failure (§8)', () => {
    for (const input of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 Continue\r\n\r\n'])
      assert.equal(response([latin1(input)], { end: true }).failed, 'HTTP_INCOMPLETE');
  });
});
