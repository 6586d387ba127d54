/**
 * Memory for message payloads that are handed to the application, which may keep them for ever.
 *
 * Small ones live inside V8's heap, middle ones share a slab, large ones have memory of their own.
 * Contents are uninitialised: the caller overwrites every byte before anyone else sees them.
 * Read next: `output.ts`.
 */

/** V8 keeps typed arrays up to this size inside its own heap (the default of `typed_array_max_size_in_heap`). */
const IN_HEAP_BYTES = 64;

/** Payloads up to this size are cut from a slab. Choice: a kept message can then pin at most one slab. */
const SLAB_SLICE_MAX_BYTES = 4_096;
const SLAB_BYTES = 32_768;

let slab: ArrayBuffer = new ArrayBuffer(0);
let used = 0;

/** Answers `size` bytes of uninitialised memory, aligned to 4. */
export function allocate(size: number): Uint8Array {
  if (size <= IN_HEAP_BYTES) return new Uint8Array(size);
  if (size > SLAB_SLICE_MAX_BYTES) {
    const { buffer } = Buffer.allocUnsafeSlow(size);
    return new Uint8Array(buffer, 0, size);
  }
  if (used + size > slab.byteLength) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES).buffer as ArrayBuffer;
    used = 0;
  }
  const bytes = new Uint8Array(slab, used, size);
  used = (used + size + 3) & ~3;
  return bytes;
}
