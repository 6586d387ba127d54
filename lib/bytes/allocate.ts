/**
 * Memory for message payloads that are handed to the application, which may keep them for ever.
 *
 * Small and middle ones share a slab, large ones have memory of their own.
 * Contents are uninitialised: the caller overwrites every byte before anyone else sees them.
 * Read next: `output.ts`.
 */

/**
 * Payloads up to this size are cut from a slab. Choice: a kept message can then pin at most one slab, as with Node's own
 * buffers. Arrays inside V8's heap, which it makes up to 64 bytes, were slower: 20 bytes 88 ns with their collection, a
 * slice 47 ns.
 */
const SLAB_SLICE_MAX_BYTES = 4_096;
const SLAB_BYTES = 32_768;

let slab: ArrayBuffer = new ArrayBuffer(0);
let slabView: DataView = new DataView(slab);
/** Where the free rest of the slab begins; at first there is none. */
let used = SLAB_BYTES;

/**
 * Where the memory of the last `allocate` is: byte `offset` of `view`. One object for the process, since to ask a typed array
 * for its `buffer` costs 50 ns, as much as to make it.
 */
export const allocated: { view: DataView; offset: number } = { view: slabView, offset: 0 };

/** Answers `size` bytes of uninitialised memory, aligned to 4; `allocated` tells where they are (of none, nothing). */
export function allocate(size: number): Uint8Array {
  if (size > SLAB_SLICE_MAX_BYTES) {
    const { buffer } = Buffer.allocUnsafeSlow(size);
    allocated.view = new DataView(buffer);
    allocated.offset = 0;
    return new Uint8Array(buffer, 0, size);
  }
  if (size === 0) return new Uint8Array(0); // holds on to nothing
  if (used + size > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES).buffer as ArrayBuffer;
    slabView = new DataView(slab);
    used = 0;
  }
  // Storing a young object in an old one has its price too.
  if (allocated.view !== slabView) allocated.view = slabView;
  allocated.offset = used;
  used = (used + size + 3) & ~3; // aligned to 4, for those who look at the bytes through other typed arrays
  return new Uint8Array(slab, allocated.offset, size);
}
