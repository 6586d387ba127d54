/**
 * Reads the frames of a server whose messages are not known beforehand (a chat's, say), as far as load needs to.
 *
 * Data frames go to `onMessage` with their payload, lent for the call; pings to `onPing`; a close frame that nobody waits for
 * is an error. No shared code with
 * `../websocket`. Read next: `paced.ts`.
 */

import { WrongReply } from './replies.ts';

/** More than any message that a paced run makes. */
const MAX_FRAME_BYTES = 16_777_216;

function unwantedClose(): never {
  throw new WrongReply('the server closed the connection');
}

export class ServerFrameReader {
  readonly #onMessage: (payload: Buffer) => void;
  readonly #onPing: (payload: Buffer) => void;
  readonly #onClose: () => void;
  /** A frame that the last chunk cut off. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  /** Octets needed before there is any use in looking again. */
  #needed = 2;

  constructor(
    onMessage: (payload: Buffer) => void,
    onPing: (payload: Buffer) => void,
    onClose: () => void = unwantedClose,
  ) {
    this.#onMessage = onMessage;
    this.#onPing = onPing;
    this.#onClose = onClose;
  }

  /** @throws WrongReply for a close frame without `onClose`, and for what no server may send */
  receive(lent: Buffer, length: number): void {
    let chunk = lent.subarray(0, length);
    if (this.#partialBytes > 0) {
      if (this.#partialBytes + length < this.#needed) {
        this.#keep(chunk);
        return;
      }
      chunk = Buffer.concat([...this.#partial, chunk]);
      this.#partial = [];
      this.#partialBytes = 0;
    }
    let at = 0;
    while (at < chunk.length) {
      const left = chunk.length - at;
      const short = left < 2 ? 0 : chunk[at + 1]!;
      if (short >= 128) throw new WrongReply('a frame from the server is masked (RFC 6455 §5.1)');
      const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      let frameBytes = headerBytes;
      if (left >= headerBytes) {
        if (short === 126) frameBytes += chunk.readUInt16BE(at + 2);
        else if (short === 127) frameBytes += Number(chunk.readBigUInt64BE(at + 2));
        else frameBytes += short;
        if (frameBytes > MAX_FRAME_BYTES) throw new WrongReply(`a frame is longer than ${MAX_FRAME_BYTES} bytes`);
      }
      if (left < headerBytes || left < frameBytes) {
        this.#needed = frameBytes;
        this.#keep(chunk.subarray(at));
        return;
      }
      const opcode = chunk[at]! & 0x0f;
      const payload = chunk.subarray(at + headerBytes, at + frameBytes);
      if (opcode === 0x9) this.#onPing(payload);
      else if (opcode === 0x8) this.#onClose();
      else if (opcode <= 0x2) this.#onMessage(payload);
      at += frameBytes;
    }
  }

  #keep(chunk: Buffer): void {
    this.#partial.push(Buffer.from(chunk));
    this.#partialBytes += chunk.length;
  }
}
