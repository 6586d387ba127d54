/**
 * Counts the responses on one HTTP/1.1 connection; any but 2xx voids the run.
 *
 * Bodies of a stated length are skipped; chunked ones are not expected from what is posted to. Pure.
 */

import { field } from './connection.ts';
import { WrongReply } from './replies.ts';

const MAX_HEAD_BYTES = 16_384;

export class HttpReplyReader {
  #partial: Buffer = Buffer.alloc(0);
  /** Octets of a body still to be skipped. */
  #skip = 0;
  count = 0;

  /** Answers how many responses became whole. @throws WrongReply */
  receive(lent: Buffer, length: number): number {
    const before = this.count;
    let chunk = lent.subarray(0, length);
    if (this.#partial.length > 0) chunk = Buffer.concat([this.#partial, chunk]);
    while (chunk.length > 0) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length);
        this.#skip -= skipped;
        chunk = chunk.subarray(skipped);
        if (this.#skip === 0) this.count++;
        continue;
      }
      const end = chunk.indexOf('\r\n\r\n');
      if (end === -1) {
        if (chunk.length > MAX_HEAD_BYTES)
          throw new WrongReply(`a response head is longer than ${MAX_HEAD_BYTES} bytes`);
        break;
      }
      const head = chunk.toString('latin1', 0, end);
      if (!/^HTTP\/1\.1 2\d\d/.test(head))
        throw new WrongReply(`a POST was answered ${head.slice(9, 40).split('\r')[0]}`);
      if (/chunked/i.test(field(head, 'transfer-encoding') ?? ''))
        throw new WrongReply('a POST was answered in chunks');
      this.#skip = Number(field(head, 'content-length') ?? 0);
      if (this.#skip === 0) this.count++;
      chunk = chunk.subarray(end + 4);
    }
    this.#partial = Buffer.from(chunk);
    return this.count - before;
  }
}
