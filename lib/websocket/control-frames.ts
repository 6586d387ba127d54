/**
 * Control frames to values: pings, pongs and closes (RFC 6455 §5.5).
 *
 * They may stand in the middle of a message (§5.4) and may be cut by the ends of chunks, so that their payload, at most 125 octets, is kept
 * apart. Both ways to receive messages stand on this class. Knows nothing of messages, and sends no answers.
 * Read next: `message-assembler.ts`, whole messages; `message-stream.ts`, messages in parts.
 */

import { allocate, allocated, allocatedView } from '../bytes/allocate.ts';
import { parseClosePayload } from './close.ts';
import { MAX_CONTROL_PAYLOAD_BYTES, Opcode } from './frame.ts';
import type { Slice } from './frame-parser.ts';
import { copyMasked, rotateKey } from './mask.ts';
import type { Violation } from './violation.ts';

/** What a control frame says, or the rule that it breaks. */
export type Control =
  | { readonly kind: 'ping'; readonly data: Uint8Array }
  | { readonly kind: 'pong'; readonly data: Uint8Array }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'violation'; readonly violation: Violation };

/** The control frames of one connection. */
export class ControlFrames {
  /** Payload of a control frame that a chunk boundary cuts. */
  #partial: Uint8Array | undefined = undefined;

  /** Takes a slice of a control frame; answers what it completes, if anything. */
  protected acceptControl(slice: Slice, opcode: number): Control | undefined {
    const { view, header, start, end } = slice;
    let payload: Uint8Array;
    if (slice.frameBegins && slice.frameEnds) {
      payload = allocate(end - start);
      copyMasked(view, start, end, allocatedView(payload, end - start), allocated.offset, header.maskingKey);
    } else {
      this.#partial ??= new Uint8Array(MAX_CONTROL_PAYLOAD_BYTES);
      copyMasked(
        view,
        start,
        end,
        new DataView(this.#partial.buffer),
        slice.payloadOffset,
        rotateKey(header.maskingKey, slice.payloadOffset),
      );
      if (!slice.frameEnds) return undefined;
      payload = this.#partial.slice(0, header.payloadLength);
      this.#partial = undefined;
    }
    if (opcode === Opcode.Ping) return { kind: 'ping', data: payload };
    if (opcode === Opcode.Pong) return { kind: 'pong', data: payload };
    const close = parseClosePayload(payload);
    return 'detail' in close ? { kind: 'violation', violation: close } : { kind: 'close', ...close };
  }

  /** Lets go of a control frame that is in progress. */
  protected forgetControl(): void {
    this.#partial = undefined;
  }
}
