/**
 * Counts replies whose bytes are known, and finds the first octet that is not as it must be.
 *
 * Every chunk is compared with the expected sequence by one native comparison, which costs less than reading frame
 * headers would and leaves no octet unchecked: opcode, length, content and order. Only when it fails is the place looked
 * at: a ping between frames is answered, anything else is a `WrongReply`, which voids the run.
 * Pure: no sockets, no time. Read next: `connection.ts`.
 */

import { BINARY, CyclePosition, type FrameCycle, TEXT } from './messages.ts';

/** What came back is not what must: the run is void. */
export class WrongReply extends Error {}

/** Takes what a connection receives; answers how many replies became whole. @throws WrongReply */
export interface ReplyReader {
  receive(chunk: Buffer, length: number): number;
}

/** Longest control frame that a server may send: two octets of header and 125 of payload (RFC 6455 §5.5). */
const MAX_CONTROL_PAYLOAD_BYTES = 125;

export class ReplyCounter implements ReplyReader {
  readonly #cycle: FrameCycle;
  readonly #position: CyclePosition;
  /** Called with a ping's payload, which must be answered (RFC 6455 §5.5.2). */
  readonly #onPing: (payload: Buffer) => void;
  /** The beginning of a control frame that the last chunk cut off. */
  #control: Buffer | undefined = undefined;
  /** Whole replies so far. */
  count = 0;

  /** The cycle's `extraBytes` must be at least the longest chunk. `skip` replies at its start are not for this reader. */
  constructor(cycle: FrameCycle, onPing: (payload: Buffer) => void = () => {}, skip = 0) {
    this.#cycle = cycle;
    this.#onPing = onPing;
    this.#position = new CyclePosition(cycle, skip);
  }

  receive(chunk: Buffer, length: number): number {
    const { bytes } = this.#cycle;
    const position = this.#position.at;
    if (this.#control === undefined && chunk.compare(bytes, position, position + length, 0, length) === 0) {
      return this.#advance(length);
    }
    return this.#receiveSlowly(chunk.subarray(0, length));
  }

  #advance(length: number): number {
    const whole = this.#position.advance(length);
    this.count += whole;
    return whole;
  }

  #receiveSlowly(lent: Buffer): number {
    let chunk = this.#control === undefined ? lent : Buffer.concat([this.#control, lent]);
    this.#control = undefined;
    let whole = 0;
    while (chunk.length > 0) {
      const { bytes } = this.#cycle;
      const from = this.#position.at;
      let same = 0;
      while (same < chunk.length && chunk[same] === bytes[from + same]) same++;
      whole += this.#advance(same);
      if (same === chunk.length) return whole;
      const { offset } = this.#position;
      if (offset !== 0 || (chunk[same]! & 0x88) !== 0x88) throw this.#wrong(chunk, same, offset);
      chunk = chunk.subarray(same);
      const payloadBytes = chunk[1] ?? 0;
      if (chunk.length < 2 || chunk.length < 2 + payloadBytes) {
        if (payloadBytes > MAX_CONTROL_PAYLOAD_BYTES) throw new WrongReply('a control frame is longer than 125 bytes');
        this.#control = Buffer.from(chunk);
        return whole;
      }
      const payload = Buffer.from(chunk.subarray(2, 2 + payloadBytes));
      if ((chunk[0]! & 0x0f) === 0x8) throw new WrongReply(`the server closed the connection${closeWords(payload)}`);
      if ((chunk[0]! & 0x0f) === 0x9) this.#onPing(payload);
      chunk = chunk.subarray(2 + payloadBytes);
    }
    return whole;
  }

  /** Says what differs, as exactly as the bytes at hand allow. */
  #wrong(chunk: Buffer, at: number, offset: number): WrongReply {
    const { bytes, starts } = this.#cycle;
    const { at: position, frame } = this.#position;
    const frameBytes = starts[frame + 1]! - starts[frame]!;
    const headerBytes = headerBytesOf(bytes[starts[frame]! + 1]!);
    const number = this.count + 1;
    const got = chunk[at]!;
    const expected = bytes[position]!;
    if (offset === 0) {
      const masks = [
        [0x80, 'FIN'],
        [0x40, 'RSV1'],
        [0x30, 'RSV2 or RSV3'],
      ] as const;
      for (const [bits, name] of masks) {
        if ((got & bits) !== (expected & bits)) return new WrongReply(`reply ${number} differs in ${name}`);
      }
      return new WrongReply(
        `reply ${number} has opcode ${opcodeName(got)}, it must be the ${opcodeName(expected)} that was sent`,
      );
    }
    if (offset < headerBytes) {
      return new WrongReply(
        `reply ${number} has another length than the ${frameBytes - headerBytes} bytes it must have (length octet ${got}, expected ${expected})`,
      );
    }
    return new WrongReply(
      `reply ${number} has other content than was sent, from byte ${offset - headerBytes} on (${got}, expected ${expected})`,
    );
  }
}

/** Octets of the header of an unmasked frame, by its second one (RFC 6455 §5.2). */
function headerBytesOf(second: number): number {
  return second < 126 ? 2 : second === 126 ? 4 : 10;
}

function opcodeName(first: number): string {
  const opcode = first & 0x0f;
  return opcode === TEXT ? 'text' : opcode === BINARY ? 'binary' : `0x${opcode.toString(16)}`;
}

function closeWords(payload: Buffer): string {
  if (payload.length < 2) return ' without a code';
  const reason = payload.toString('utf8', 2);
  return ` with ${payload.readUInt16BE()}${reason === '' ? '' : ` (${reason})`}`;
}
