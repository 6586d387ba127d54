/**
 * Memory of idle connections: what one more costs the server, as the system sees it.
 *
 * The first connections also pay for code that is compiled and pools that are filled, so memory is read once when a
 * tenth of the connections are there and again when all are; the difference is divided by the connections between.
 * Read next: `measure.ts`.
 */

import { sourceAddress } from './connect-rate.ts';
import { type LoadConnection, openMany } from './connection.ts';
import { between, type Measurement, read, type Window, wait } from './measure.ts';
import { memoryOf } from './usage.ts';

export interface IdleLoad extends Window {
  readonly url: URL;
  readonly connections: number;
  /** Asks the server to collect its garbage, where it can be asked. */
  readonly collect?: () => void;
  /** How long before each reading of the memory: for buffers to be given back, and for the collection. Default 1 s. */
  readonly settleMs?: number;
}

const SETTLE_MS = 1_000;

/** @throws ConnectFailed */
export async function runIdle(load: IdleLoad): Promise<Measurement> {
  const first = Math.ceil(load.connections / 10);
  const options = (index: number) => {
    const localAddress = sourceAddress(load.url, index);
    return { url: load.url, ...(localAddress === undefined ? {} : { localAddress }) };
  };
  const open: LoadConnection[] = [];
  try {
    open.push(...(await openMany(first, options)));
    const before = await readMemory(load);
    const start = read(load, () => open.length);
    open.push(...(await openMany(load.connections - first, (index) => options(first + index))));
    const end = read(load, () => open.length);
    const after = await readMemory(load);
    const measured = between(start, end, load);
    if (before === undefined || after === undefined) return measured;
    return {
      ...measured,
      limit: 'neither',
      connectionBytes: (after.asIs - before.asIs) / measured.count,
      connectionBytesCollected: (after.collected - before.collected) / measured.count,
    };
  } finally {
    for (const connection of open) connection.destroy();
  }
}

async function readMemory(load: IdleLoad): Promise<{ asIs: number; collected: number } | undefined> {
  await wait(load.settleMs ?? SETTLE_MS);
  const asIs = load.serverPid === undefined ? undefined : memoryOf(load.serverPid);
  load.collect?.();
  await wait(load.settleMs ?? SETTLE_MS);
  const collected = load.serverPid === undefined ? undefined : memoryOf(load.serverPid);
  if (asIs === undefined || collected === undefined) return undefined;
  return { asIs: asIs.residentBytes, collected: collected.residentBytes };
}
