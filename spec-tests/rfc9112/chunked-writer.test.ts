import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OutputQueue } from '../../lib/bytes/output.ts';
import { appendChunk, appendLastChunk, chunkSizeBytes, writeChunkSize } from '../../lib/http/chunked-writer.ts';
import { latin1 } from '../support/cuts.ts';
import { response } from '../support/http.ts';
import { Random, SEED_NOTE } from '../support/random.ts';

function text(fill: (output: OutputQueue) => void): string {
  const output = new OutputQueue();
  fill(output);
  return Buffer.from(output.takeAll()).toString('latin1');
}

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('RFC 9112 §7.1: the chunked coding as we send it', () => {
  it('a size in hexadecimal without leading zeros, and CR LF behind size and data', () => {
    assert.equal(
      text((output) => appendChunk(output, latin1('hello'))),
      '5\r\nhello\r\n',
    );
    assert.equal(
      text((output) => appendChunk(output, latin1('x'.repeat(300)))),
      `12c\r\n${'x'.repeat(300)}\r\n`,
    );
  });

  it('sizes of every number of digits, at their edges', () => {
    for (let digits = 1; digits <= 8; digits++)
      for (const length of [16 ** (digits - 1), 16 ** digits - 1]) {
        const bytes = new Uint8Array(20);
        const end = writeChunkSize(length, bytes, 3);
        const expected = `${length.toString(16)}\r\n`;
        assert.equal(Buffer.from(bytes.subarray(3, end)).toString(), expected);
        assert.equal(chunkSizeBytes(length), expected.length);
        assert.deepEqual(
          [...bytes.subarray(0, 3), ...bytes.subarray(end)].filter((octet) => octet !== 0),
          [],
        );
      }
  });

  it('an empty part is no chunk, which would end the body; the last chunk does', () => {
    assert.equal(
      text((output) => appendChunk(output, new Uint8Array(0))),
      '',
    );
    assert.equal(text(appendLastChunk), '0\r\n\r\n');
  });

  it('parts up to 16 KiB are copied, longer ones are not', () => {
    for (const [length, copied] of [
      [16_384, true],
      [16_385, false],
    ] as const) {
      const output = new OutputQueue();
      const part = new Uint8Array(length).fill(0x61);
      appendChunk(output, part);
      part.fill(0x62);
      const sent = Buffer.from(output.takeAll()).toString();
      assert.equal(sent, `${length.toString(16)}\r\n${(copied ? 'a' : 'b').repeat(length)}\r\n`);
    }
  });

  it('small parts in a row are one range', () => {
    const output = new OutputQueue();
    for (const part of ['a', 'b', 'c']) appendChunk(output, latin1(part));
    const range = output.take(1_000);
    assert.ok(range !== undefined);
    assert.equal(
      Buffer.from(range.bytes.subarray(range.start, range.end)).toString(),
      '1\r\na\r\n1\r\nb\r\n1\r\nc\r\n',
    );
    assert.equal(output.byteLength, 0);
  });

  it(`what is written is read again by our own parser (${SEED_NOTE})`, () => {
    const random = new Random(45);
    for (let i = 0; i < 100; i++) {
      const parts = Array.from({ length: random.below(6) }, () =>
        random.bytes(random.below(random.pick([2, 40, 40_000]))),
      );
      const sent = text((output) => {
        for (const part of parts) appendChunk(output, part);
        appendLastChunk(output);
      });
      const outcome = response(random.cut(latin1(HEAD + sent)));
      assert.equal(outcome.ended, true);
      assert.equal(outcome.body, Buffer.concat(parts).toString('latin1'));
    }
  });
});
