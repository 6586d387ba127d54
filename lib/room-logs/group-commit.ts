/**
 * Group commit: what is waiting when the disk is free goes out together, with one `fsync`.
 *
 * Knows jobs by their size and nothing else. One commit is under way at a time. The rate of commits adapts without a
 * setting: alone, a job goes out at the end of the present turn of the event loop; under load, a commit holds all that came
 * while the one before was under way, and those whose publishers it has just answered. So 100 publishers that each wait for
 * their acknowledgement share one `fsync`, and one publisher waits for nobody.
 * Bounded: `maxPendingBytes` and `maxPendingJobs` of all that has not been answered. Read next: `segment-file.ts`.
 */

/** The bounds of what waits, and of one commit. */
export interface GroupCommitLimits {
  readonly maxPendingBytes: number;
  readonly maxPendingJobs: number;
  /** A commit is closed once it has so many octets; a job that is larger goes alone. */
  readonly maxCommitBytes: number;
}

/**
 * Commits jobs and answers them itself; it must not reject. It calls `release` before it answers them: from then on they
 * are no longer pending, so that whoever was answered finds room for the next one.
 */
export type Commit<Job> = (jobs: readonly Job[], release: () => void) => Promise<void>;

interface Waiting<Job> {
  readonly job: Job;
  readonly bytes: number;
}

/** A share of the time that the last commit took which the next one may wait for those who were just answered. */
const GATHER_SHARE = 0.5;
/** … and never longer than this: a slow disk must not make everybody wait for stragglers. */
const MAX_GATHER_MS = 5;

export class GroupCommit<Job> {
  readonly #limits: GroupCommitLimits;
  readonly #commit: Commit<Job>;
  #waiting: Waiting<Job>[] = [];
  #pendingBytes = 0;
  #pendingJobs = 0;
  /** What the last commit held and how long it took: what the next one expects. */
  #lastJobs = 0;
  #lastMs = 0;
  /** When the commit that is under way began; 0 when there is none. */
  #startedMs = 0;
  #running: Promise<void> | undefined;

  constructor(limits: GroupCommitLimits, commit: Commit<Job>) {
    this.#limits = limits;
    this.#commit = commit;
  }

  /** Adds a job of `bytes` octets. Answers false, and adds nothing, where a bound would be passed; one job always fits. */
  add(job: Job, bytes: number): boolean {
    const { maxPendingBytes, maxPendingJobs } = this.#limits;
    const full = this.#pendingJobs >= maxPendingJobs || this.#pendingBytes + bytes > maxPendingBytes;
    if (full && this.#pendingJobs > 0) return false;
    this.#waiting.push({ job, bytes });
    this.#pendingJobs++;
    this.#pendingBytes += bytes;
    this.#running ??= this.#run();
    return true;
  }

  /** Jobs that were added and not answered yet. */
  get pendingJobs(): number {
    return this.#pendingJobs;
  }

  /** How long the commit that is under way has taken so far, in milliseconds; 0 when there is none. */
  get waitedMs(): number {
    return this.#startedMs === 0 ? 0 : performance.now() - this.#startedMs;
  }

  /** Resolves when nothing is pending. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const taken = this.#take();
      this.#startedMs = performance.now();
      await this.#commit(
        taken.map(({ job }) => job),
        () => {
          this.#pendingJobs -= taken.length;
          for (const { bytes } of taken) this.#pendingBytes -= bytes;
        },
      );
      this.#lastMs = this.waitedMs;
      this.#startedMs = 0;
      this.#lastJobs = taken.length;
    }
    this.#running = undefined;
  }

  /** Lets turns of the event loop pass while they bring more, until as many wait as the last commit held or time is up. */
  async #gather(): Promise<void> {
    const untilMs = performance.now() + Math.min(this.#lastMs * GATHER_SHARE, MAX_GATHER_MS);
    let before: number;
    do {
      before = this.#waiting.length;
      await turn();
    } while (this.#waiting.length > before && this.#waiting.length < this.#lastJobs && performance.now() < untilMs);
  }

  #take(): Waiting<Job>[] {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length; count++) {
      bytes += this.#waiting[count]!.bytes;
      if (count > 0 && bytes > this.#limits.maxCommitBytes) break;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }
}

/** Resolves when the event loop has looked at its sockets once. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
