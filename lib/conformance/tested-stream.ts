/**
 * The stream under the tester's end of a connection: what leaves in which writes, and every wait, by a timer or for something to happen.
 *
 * Knows octets and time, no frames. Read next: `connection.ts`.
 */

import type { Duplex } from 'node:stream';
import type { Write } from './case.ts';
import { resetStream } from './target.ts';
import type { WireLog } from './wire-log.ts';

export abstract class TestedStream {
  readonly log: WireLog;
  /** Open until a close frame went either way or TCP ended. */
  state: 'open' | 'closing' | 'ended' = 'open';
  /** The tester had to drop TCP because the peer did not do its part in time. */
  droppedByTester = false;
  octetsSent = 0;
  /** Called when octets move, for stall timers. */
  onActivity: () => void = () => {};
  /** Resolves when TCP is gone. */
  readonly ended: Promise<void>;
  protected readonly socket: Duplex;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waiting = new Set<() => void>();
  /** Pieces that each need a turn of their own; `at` is the position of the next one. */
  readonly #queue: { octets: Buffer; size: number; at: number }[] = [];
  #joined: Buffer[] = [];
  #pumping = false;
  #resolveEnded!: () => void;

  constructor(socket: Duplex, log: WireLog) {
    this.socket = socket;
    this.log = log;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => log.note(`TCP: ${error.code ?? error.message}`));
    socket.on('close', () => this.finish());
    socket.on('drain', () => {
      this.onActivity();
      this.notify();
    });
  }

  get ends(): boolean {
    return this.state === 'ended';
  }

  /** Sends raw octets. */
  write(octets: Buffer, write: Write = 'joined'): void {
    if (this.ends || this.socket.destroyed) return;
    this.octetsSent += octets.length;
    if (write === 'joined' && this.#queue.length === 0) {
      if (this.#joined.length === 0) process.nextTick(() => this.flush());
      this.#joined.push(octets);
      return;
    }
    this.flush();
    this.#queue.push({ octets, size: typeof write === 'number' ? write : Math.max(1, octets.length), at: 0 });
    this.#pump();
  }

  /** Stops reading; TCP holds the peer back. */
  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** Ends the tester's half of TCP, without a close frame if none was sent. */
  endWriting(): void {
    this.flush();
    this.log.note('the tester ends its half of TCP');
    this.socket.end();
  }

  /** Drops TCP: `reset` at once and rudely, else because the peer let a deadline pass. */
  drop(why: 'reset' | 'deadline'): void {
    if (this.ends) return;
    if (why === 'deadline') {
      this.droppedByTester = true;
      this.log.note('the tester drops TCP: the peer did not');
      this.socket.destroy();
    } else {
      this.log.note('the tester resets TCP');
      resetStream(this.socket);
    }
  }

  /** Runs `action` after `ms`, unless TCP is gone by then. */
  after(ms: number, action: () => void): () => void {
    if (this.ends) return () => {};
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  /** Waits, but no longer than until closing begins. */
  pauseWhileOpen(ms: number): Promise<void> {
    return this.until(() => this.state !== 'open', ms).then(() => {});
  }

  /** Waits until `condition` holds (checked whenever something happens) or `ms` have passed; answers whether it holds. */
  until(condition: () => boolean, ms: number): Promise<boolean> {
    if (condition() || this.ends) return Promise.resolve(condition());
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.#waiting.delete(check);
        resolve(condition());
      };
      const check = () => {
        if (condition() || this.ends) settle();
      };
      const cancel = this.after(ms, settle);
      this.#waiting.add(check);
    });
  }

  /** Waits until the operating system has taken nearly all that was written, or closing began; false after `ms`. */
  async drained(ms: number): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve)); // what was written in this turn leaves at its end
    return this.until(() => !this.socket.writableNeedDrain || this.state !== 'open', ms);
  }

  /** Writes what waits for the end of this turn. */
  protected flush(): void {
    if (this.#joined.length === 0) return;
    const octets = this.#joined.length === 1 ? this.#joined[0]! : Buffer.concat(this.#joined);
    this.#joined = [];
    if (!this.socket.destroyed) this.socket.write(octets);
  }

  /** One piece per turn of the event loop, so that each is likely to be a segment of its own. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      const piece = this.#queue[0];
      if (piece === undefined) return;
      if (this.socket.destroyed || this.ends) {
        this.#queue.length = 0; // a queue is thrown away when TCP goes
        return;
      }
      this.socket.write(piece.octets.subarray(piece.at, piece.at + piece.size));
      piece.at += piece.size;
      this.onActivity();
      if (piece.at >= piece.octets.length) this.#queue.shift();
      if (this.#queue.length > 0) this.#pump();
    });
  }

  /** TCP is gone: nothing is waited for any more. */
  protected finish(): void {
    if (this.ends) return;
    this.state = 'ended';
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#queue.length = 0;
    this.notify();
    this.#resolveEnded();
  }

  /** Something has happened that `until` may wait for. */
  protected notify(): void {
    for (const check of [...this.#waiting]) check();
  }
}
