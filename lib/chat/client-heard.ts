/**
 * How far a chat client has heard: which events are new, and the position to come back with.
 *
 * The position carries the token of the last record, so that a server whose log has lost records, and has given their numbers to
 * others since, is found out. Pure. Runs in browsers and in Node. Read next: `client.ts`, its owner.
 */

import type { ServerEvent, WelcomeEvent } from './protocol.ts';

/** See the head of this file. */
export class Heard {
  #epoch = '';
  #sequence = 0;
  /** The number of the last record that the connection replays. */
  #replayTo = 0;
  /** Of the record with that number; unknown before the first one, after a gap, and from a server that gives none. */
  #token: string | undefined;

  /** Fit for `after=`; undefined before the first welcome. */
  get position(): string | undefined {
    if (this.#epoch === '') return undefined;
    const place = `${this.#epoch}-${this.#sequence}`;
    return this.#token === undefined ? place : `${place}-${this.#token}`;
  }

  /** Whether all that the connection replays was heard. Also where a server gives no numbers, or has been silent until it was pinged. */
  get isUpToDate(): boolean {
    return !(this.#sequence < this.#replayTo);
  }

  /** A connection begins: after what was heard, or with `replayed` records anew. */
  welcome({ epoch, sequence, position, resumed, replayed }: WelcomeEvent): void {
    this.#replayTo = sequence;
    if (epoch === this.#epoch && resumed === 'resumed') return;
    // A server that is none of ours may leave `position` out.
    this.#moveTo(sequence - replayed, replayed === 0 ? position?.split('-')[2] : undefined);
    this.#epoch = epoch;
  }

  /** Whether this event was not heard before. */
  isNew(event: ServerEvent): boolean {
    if (event.type === 'message' || event.type === 'removed') {
      if (event.sequence <= this.#sequence) return false;
      this.#moveTo(event.sequence, event.token);
    } else if (event.type === 'gap') {
      if (event.to > this.#sequence) this.#moveTo(event.to);
    } else if (event.type === 'reset') {
      this.#epoch = event.epoch;
      this.#replayTo = 0;
      this.#moveTo(0);
    } else if (event.type === 'pong') this.#replayTo = 0;
    return true;
  }

  #moveTo(sequence: number, token?: string): void {
    this.#sequence = sequence;
    this.#token = token;
  }
}
