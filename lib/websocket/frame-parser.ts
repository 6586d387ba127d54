/**
 * Chunks to frames: the first of two stages (RFC 6455 §5.2, §5.5).
 *
 * `begin(chunk)`, then `next()` until it answers false, then `end()`; after each true `slice` describes one slice of one
 * frame's payload: as much of it as this chunk holds, still masked. A frame that lies whole in the chunk is one slice.
 * Enforces every rule that a header alone can break, as soon as the header is there. Knows nothing of messages:
 * fragment order, sizes and UTF-8 are the second stage's. Keeps no payload: between chunks it holds at most 13 octets
 * of an unfinished header, or the header of an unfinished frame. All parsers together remember a view of at most 64 KiB.
 * Read next: `message-assembler.ts`.
 */

import {
  emptyHeader,
  type FrameHeader,
  isControl,
  MAX_CONTROL_PAYLOAD_BYTES,
  MAX_HEADER_BYTES,
  MAX_SHORT_PAYLOAD_BYTES,
  Opcode,
  RSV1,
  readFrameHeader,
} from './frame.ts';
import type { Violation } from './violation.ts';

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** A view of the memory of the last chunk, if that has at most `REMEMBERED_MAX_BYTES`: sockets that share a read buffer share it too. */
let lastView: DataView = NO_VIEW;
/** The memory of `lastView`: to ask a view for it costs 12 ns. */
let lastMemory: ArrayBufferLike = NO_BYTES.buffer;
/** The size of the shared read buffer. Choice: larger memory is some caller's, and not kept alive. */
const REMEMBERED_MAX_BYTES = 65_536;

const FIN_TEXT = 0x81;
const FIN_BINARY = 0x82;

/** Frames that lie whole in their chunk need no header of their own: this one serves all parsers, one chunk at a time. */
let sharedHeader: FrameHeader = emptyHeader();

/**
 * A part of one frame's payload, still masked: as much of it as one chunk holds. There is one for the process, filled anew by
 * each `next` and used up before the one after; as fields of every parser it would be a tenth of an idle connection's memory.
 */
class Slice {
  /** The payload: octets `start` to `end` (exclusive) of `view`. */
  view: DataView = NO_VIEW;
  start = 0;
  end = 0;
  /** Of the slice's frame. */
  opcode = 0;
  maskingKey = 0;
  /** All of the frame's header; stale after `nextShort`. */
  header: FrameHeader = sharedHeader;
  /** Octets of this frame's payload in front of the slice: where in the masking key it begins. */
  payloadOffset = 0;
  /** The slice is the first of its frame; it may be empty, when only the header has arrived. */
  frameBegins = false;
  /** The slice is the last of its frame. */
  frameEnds = false;
}

export type { Slice };

/** The slice that the last `next` or `nextShort` of any parser cut. */
export const slice: Slice = new Slice();

/** The memory that a slice's view shows. */
export function memoryOf(view: DataView): ArrayBufferLike {
  return view === lastView ? lastMemory : view.buffer;
}

export class FrameParser {
  readonly #allowCompressed: boolean;
  /** What §5.1 wants in the second octet. */
  readonly #maskBit: number;

  /** The rule that the last header broke; `next` answers false from then on. */
  violation: Violation | undefined = undefined;

  /** The chunk being read. Only set between `begin` and `end`. */
  #chunk: Uint8Array = NO_BYTES;
  /** Where `next` reads on in `#chunk`. */
  #position = 0;
  /** The chunk's memory, and where the chunk begins in it. */
  #view: DataView = NO_VIEW;
  #base = 0;
  /** The frame that the last chunk cut off: the first octets of its header, made when that happens, or its header; undefined between frames. */
  #unfinished: Uint8Array | FrameHeader | undefined = undefined;
  /** How many octets of that header there are, or of that frame's payload have been handed out. */
  #length = 0;

  /**
   * `expectMasked`: true on a server; §5.1 wants masking from clients and forbids it to servers.
   * `allowCompressed`: permessage-deflate was agreed, so RSV1 has a meaning (RFC 7692 §6).
   */
  constructor(expectMasked: boolean, allowCompressed: boolean) {
    this.#allowCompressed = allowCompressed;
    this.#maskBit = expectMasked ? 0x80 : 0;
  }

  /** Whether a chunk is being read: between `begin` and `end`. */
  get reading(): boolean {
    return this.#chunk !== NO_BYTES;
  }

  /** Takes a chunk to read from. It is only borrowed: nothing refers to it after `end`. */
  begin(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#position = 0;
    const { buffer } = chunk;
    if (buffer === lastMemory) this.#view = lastView;
    else {
      this.#view = new DataView(buffer);
      if (buffer.byteLength <= REMEMBERED_MAX_BYTES) {
        lastView = this.#view;
        lastMemory = buffer;
      }
    }
    this.#base = chunk.byteOffset;
  }

  /** What of the chunk has not been read: a view of it. */
  rest(): Uint8Array {
    return this.#chunk.subarray(this.#position);
  }

  /** Lets go of the chunk, read to its end or not. */
  end(): void {
    this.#chunk = NO_BYTES;
    this.#view = NO_VIEW;
    slice.view = NO_VIEW;
  }

  /** Moves to the next slice. False: the chunk is used up, or `violation` is set. */
  next(): boolean {
    if (this.violation !== undefined) return false;
    const chunk = this.#chunk;

    if (this.#position === chunk.length) return false;
    const unfinished = this.#unfinished;
    if (unfinished !== undefined && !(unfinished instanceof Uint8Array)) {
      slice.header = unfinished;
      slice.opcode = unfinished.opcode;
      slice.maskingKey = unfinished.maskingKey;
      slice.frameBegins = false;
      return this.slice(unfinished, this.#length);
    }

    const header = sharedHeader;
    let size: number;
    if (unfinished === undefined) {
      size = readFrameHeader(chunk, this.#position, chunk.length, header);
      if (size === 0) return this.keepPartialHeader();
      this.#position += size;
    } else if (!this.completeHeader(unfinished, header)) {
      return false;
    }

    this.violation = this.check(header);
    if (this.violation !== undefined) return false;
    slice.header = header;
    slice.opcode = header.opcode;
    slice.maskingKey = header.maskingKey;
    slice.frameBegins = true;
    return this.slice(header, 0);
  }

  /**
   * Moves on by one frame of the commonest form in a single step: a whole, unfragmented, uncompressed text or binary message
   * of at most 125 octets. Then `opcode`, `maskingKey` and the slice are set, `header` is not. Answers false, with nothing
   * changed, for anything else: `next` is for that. Saves a fifth of a small message's cost in the core.
   */
  nextShort(): boolean {
    const chunk = this.#chunk;
    const at = this.#position;
    const start = at + 2 + (this.#maskBit >> 5); // the masking key has 4 octets
    if (start > chunk.length || this.#unfinished !== undefined) return false;
    const first = chunk[at]!;
    if (first !== FIN_TEXT && first !== FIN_BINARY) return false;
    // One comparison for §5.1 and the length's form: without the mask bit as expected it is out of bounds.
    const length = chunk[at + 1]! - this.#maskBit;
    if (length < 0 || length > MAX_SHORT_PAYLOAD_BYTES || start + length > chunk.length) return false;
    slice.opcode = first & 0xf;
    slice.start = this.#base + start;
    slice.end = slice.start + length;
    this.#position = start + length;
    slice.maskingKey = this.#maskBit === 0 ? 0 : this.#view.getInt32(slice.start - 4, true);
    slice.view = this.#view; // a handler may have fed another parser since the last slice
    return true;
  }

  /** Cuts from the chunk what it holds of the frame. */
  private slice(header: FrameHeader, delivered: number): boolean {
    const start = this.#position;
    const missing = header.payloadLength - delivered;
    const available = this.#chunk.length - start;
    slice.view = this.#view;
    slice.start = this.#base + start;
    slice.payloadOffset = delivered;
    if (available >= missing) {
      this.#position = start + missing;
      slice.frameEnds = true;
      this.#unfinished = undefined;
    } else {
      this.#position = this.#chunk.length;
      slice.frameEnds = false;
      this.#length = delivered + available;
      if (this.#unfinished === undefined) {
        // The header outlives this chunk: it becomes ours, and the next frame of anybody gets another.
        this.#unfinished = header;
        sharedHeader = emptyHeader();
      }
    }
    slice.end = this.#base + this.#position;
    return true;
  }

  private keepPartialHeader(): false {
    const partial = new Uint8Array(MAX_HEADER_BYTES);
    partial.set(this.#chunk.subarray(this.#position));
    this.#unfinished = partial;
    this.#length = this.#chunk.length - this.#position;
    this.#position = this.#chunk.length;
    return false;
  }

  /** Adds octets to a cut-off header until it is whole; false when the chunk ends first. */
  private completeHeader(partial: Uint8Array, header: FrameHeader): boolean {
    while (this.#position < this.#chunk.length) {
      partial[this.#length++] = this.#chunk[this.#position++]!;
      // At most 13 turns a header, each over at most 14 octets.
      if (readFrameHeader(partial, 0, this.#length, header) !== 0) {
        this.#unfinished = undefined;
        return true;
      }
    }
    return false;
  }

  /** Every rule that concerns one header alone. */
  private check(header: FrameHeader): Violation | undefined {
    const { opcode, rsv } = header;
    if (rsv !== 0) {
      // §5.2: RSV bits "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values".
      if (!this.#allowCompressed || rsv !== RSV1) {
        return fault(
          'WS_RESERVED_BIT',
          `reserved bits are ${rsv.toString(2).padStart(3, '0')}, no extension gives them a meaning`,
          '§5.2',
        );
      }
      // RFC 7692 §6.1: RSV1 stands on the first frame of a message only; control frames are never compressed (§6).
      if (isControl(opcode) || opcode === Opcode.Continuation) {
        return {
          code: 'WS_COMPRESSED_CONTROL_OR_CONTINUATION',
          closeCode: 1002,
          detail: `RSV1 is set on a frame with opcode ${opcode}, which does not begin a message`,
          section: 'RFC 7692 §6.1',
        };
      }
    }
    if (isControl(opcode) ? opcode > Opcode.Pong : opcode > Opcode.Binary) {
      // §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_".
      return fault('WS_RESERVED_OPCODE', `opcode ${opcode} is reserved`, '§5.2');
    }
    if (header.masked !== (this.#maskBit !== 0)) {
      return header.masked
        ? // §5.1: "A client MUST close a connection if it detects a masked frame".
          fault('WS_MASK_FORBIDDEN', 'frame from the server is masked', '§5.1')
        : // §5.1: "The server MUST close the connection upon receiving a frame that is not masked".
          fault('WS_MASK_MISSING', 'frame from the client is not masked', '§5.1');
    }
    if (header.lengthHighBit) {
      // §5.2: of a 64-bit length "the most significant bit MUST be 0".
      return fault('WS_LENGTH_HIGH_BIT', 'the most significant bit of the 64-bit payload length is 1', '§5.2');
    }
    if (!header.minimal) {
      // §5.2: "the minimal number of bytes MUST be used to encode the length".
      return fault(
        'WS_LENGTH_NOT_MINIMAL',
        `payload length ${header.payloadLength} is not encoded in its minimal form`,
        '§5.2',
      );
    }
    if (isControl(opcode)) {
      // §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented".
      if (header.payloadLength > MAX_CONTROL_PAYLOAD_BYTES) {
        return fault(
          'WS_CONTROL_TOO_LONG',
          `control frame payload is ${header.payloadLength} bytes, limit ${MAX_CONTROL_PAYLOAD_BYTES}`,
          '§5.5',
        );
      }
      if (!header.fin) return fault('WS_CONTROL_FRAGMENTED', `control frame with opcode ${opcode} has FIN 0`, '§5.5');
    }
    return undefined;
  }
}

function fault(code: Violation['code'], detail: string, section: string): Violation {
  return { code, closeCode: 1002, detail, section: `RFC 6455 ${section}` }; // 1002: protocol error (§7.4.1)
}
