/**
 * What a process has used, read from the operating system: CPU time, time spent waiting for a CPU, and memory.
 *
 * Linux only (`/proc`); elsewhere the answers are undefined and the columns stay empty. Linux also counts nanoseconds
 * (`schedstat`), which matters for short runs; where that is off, clock ticks of 10 ms have to do.
 * Read next: `measure.ts`.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** `USER_HZ`, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Times of a process with all its threads, in seconds. */
export interface CpuTimes {
  readonly usedSeconds: number;
  /** Ready to run, while something else had the CPU: above a few per cent, the machine was shared and rates are too low. */
  readonly waitedSeconds: number;
  /** Clock ticks outside the kernel and in it: too coarse for times, good enough for the share of each. */
  readonly userTicks: number;
  readonly kernelTicks: number;
}

/** CPU times of a process; undefined when the system does not tell. */
export function cpuTimes(pid: number): CpuTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the name in parentheses and may hold anything; utime and stime are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [userTicks, kernelTicks] = [Number(fields[11]), Number(fields[12])];
    const { used, waited } = nanoseconds(pid);
    const usedSeconds = used > 0 ? used / 1e9 : (userTicks + kernelTicks) / TICKS_PER_SECOND;
    return { usedSeconds, waitedSeconds: waited / 1e9, userTicks, kernelTicks };
  } catch {
    return undefined; // not Linux, or no such process
  }
}

/** Of all threads; zeros from a kernel that does not count them. */
function nanoseconds(pid: number): { readonly used: number; readonly waited: number } {
  let used = 0;
  let waited = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const fields = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
      used += Number(fields[0]);
      waited += Number(fields[1]);
    }
    return { used, waited };
  } catch {
    return { used: 0, waited: 0 };
  }
}

/** CPU times of this process. */
export function ownCpuTimes(): CpuTimes {
  const { user, system } = process.cpuUsage();
  const told = cpuTimes(process.pid) ?? { waitedSeconds: 0, userTicks: 0, kernelTicks: 0 };
  return { ...told, usedSeconds: (user + system) / 1e6 };
}

/** Resident memory of a process, in bytes: now, and the most it ever was. */
export function memoryOf(pid: number): { readonly residentBytes: number; readonly peakBytes: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const now = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
    return now === undefined ? undefined : { residentBytes: Number(now) * 1024, peakBytes: Number(peak ?? now) * 1024 };
  } catch {
    return undefined;
  }
}
