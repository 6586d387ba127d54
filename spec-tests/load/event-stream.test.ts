/**
 * Events under load are counted however a server frames them, and compared with what was published.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventCounter } from '../../lib/load/event-stream.ts';
import { HttpReplyReader } from '../../lib/load/http-replies.ts';
import { WrongReply } from '../../lib/load/replies.ts';

const DATA = ['{"n":0}', '{"n":1}', '{"n":2}'].map((text) => Buffer.from(text));
const expected = (index: number) => DATA[index % DATA.length]!;

function feed(counter: { receive(chunk: Buffer, length: number): number }, bytes: Buffer, splitAt: number): number {
  let total = 0;
  for (const part of [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]) total += counter.receive(part, part.length);
  return total;
}

/** RFC 9112 §7.1. */
function chunks(...parts: string[]): Buffer {
  return Buffer.from(parts.map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join(''));
}

describe('events of a stream', () => {
  const streams: readonly [string, boolean, Buffer][] = [
    ['as plain octets', false, Buffer.from('data: {"n":0}\n\ndata: {"n":1}\n\n')],
    ['without the blank after the colon', false, Buffer.from('data:{"n":0}\n\ndata:{"n":1}\n\n')],
    ['with lines that end in CR LF or CR', false, Buffer.from('data: {"n":0}\r\n\r\ndata: {"n":1}\r\r')],
    [
      'with ids, types, comments and retry around them',
      false,
      Buffer.from(':hi\n\nretry: 5\n\nid: 7\nevent: x\ndata: {"n":0}\n\nevent: message\ndata: {"n":1}\nid: 8\n\n'),
    ],
    ['one HTTP chunk each', true, chunks('data: {"n":0}\n\n', 'data: {"n":1}\n\n')],
    ['two in a chunk', true, chunks('data: {"n":0}\n\ndata: {"n":1}\n\n')],
    ['cut by chunks in the middle', true, chunks('da', 'ta: {"n":', '0}\n', '\ndata: {"n":1}\n\n')],
    [
      'in chunks with extensions and sizes in capitals',
      true,
      Buffer.from('F;a=b\r\ndata: {"n":0}\n\n\r\n000f\r\ndata: {"n":1}\n\n\r\n'),
    ],
  ];
  for (const [what, chunked, bytes] of streams) {
    it(`are counted ${what}, wherever the octets are cut`, () => {
      for (let splitAt = 0; splitAt <= bytes.length; splitAt++) {
        assert.equal(feed(new EventCounter(chunked, expected), bytes, splitAt), 2, `split at ${splitAt}`);
      }
    });
  }

  const wrong: readonly [string, boolean, Buffer, RegExp][] = [
    ['other data', false, Buffer.from('data: {"n":0}\n\ndata: {"n":7}\n\n'), /event 2 differs .* at byte 5/],
    ['data cut short', false, Buffer.from('data: {"n":0\n\n'), /6 bytes of data, 7 were published/],
    ['data that goes on', false, Buffer.from('data: {"n":0}!\n\n'), /event 1 differs/],
    ['an event twice', false, Buffer.from('data: {"n":0}\n\ndata: {"n":0}\n\n'), /event 2 differs/],
    ['an end', true, Buffer.concat([chunks('data: {"n":0}\n\n'), Buffer.from('0\r\n\r\n')]), /ended the stream/],
  ];
  for (const [what, chunked, bytes, message] of wrong) {
    it(`void the run with ${what}`, () => {
      assert.throws(
        () => feed(new EventCounter(chunked, expected), bytes, 3),
        (error) => {
          assert.ok(error instanceof WrongReply);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  it('are only counted when what they should say is not known', () => {
    const bytes = Buffer.from('data: a\ndata: b\n\n: comment\n\nevent: no-data\n\ndata: c\n\n');
    assert.equal(feed(new EventCounter(false), bytes, 4), 2);
  });
});

describe('answers to POSTs', () => {
  const bytes = Buffer.from(
    'HTTP/1.1 204 No Content\r\nDate: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n',
  );

  it('are counted with and without bodies, wherever the octets are cut', () => {
    for (let splitAt = 0; splitAt <= bytes.length; splitAt++) {
      assert.equal(feed(new HttpReplyReader(), bytes, splitAt), 3, `split at ${splitAt}`);
    }
  });

  it('void the run when they are not 2xx', () => {
    const refused = Buffer.from('HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n');
    assert.throws(() => feed(new HttpReplyReader(), refused, 0), { message: /answered 429 Too Many Requests/ });
  });
});
