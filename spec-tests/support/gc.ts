/** Garbage collection on demand, for tests that prove that something is let go. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Octets of array buffers that are still referenced now, without awaiting: a second collection sweeps what the first let go. */
export function heldArrayBuffers(): number {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

/** Collects once the current turn's references are gone. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
}
