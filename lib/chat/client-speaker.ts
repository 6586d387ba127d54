/**
 * How a chat client speaks: one message of the outbox at a time, until the server has acknowledged or refused it.
 *
 * Over the WebSocket, or by POST where the event stream is heard. Waits where the server says that it was too much, or could not take it.
 * Runs in browsers and in Node. Read next: `client.ts`, its owner.
 */

import type { ChatHttp, Taken } from './client-http.ts';
import type { Link, Loss } from './client-links.ts';
import { type Defaults, waitMs } from './client-options.ts';
import { ChatRefused, type Outbox, type Waiting } from './client-outbox.ts';
import type { ErrorEvent, ServerEvent } from './protocol.ts';

/** What a speaker asks of its client. */
export interface SpeakerOwner {
  /** Who speaks. */
  readonly me: { readonly you: string | undefined; readonly userId: string | undefined };
  /** The connection that is heard, if there is one. */
  link(): Link | undefined;
  /** A message was refused, or the server asks for a pause, and no event of the connection has told of it. */
  refused(event: ErrorEvent): void;
}

/** Who speaks, and how long to wait. */
export interface SpeakerOptions extends Pick<Defaults, 'minRetryMs' | 'maxRetryMs' | 'random'> {
  /** The name is the id where there is none. */
  readonly id?: string | undefined;
}

/** See the head of this file. */
export class Speaker {
  readonly #outbox: Outbox;
  readonly #http: ChatHttp;
  readonly #options: SpeakerOptions;
  readonly #owner: SpeakerOwner;
  /** The message that was sent and not answered. */
  #busy: string | undefined;
  /** The message that was sent last: the server may have it, also where no answer has come. */
  #sent: string | undefined;
  /** Changes of the name that are not done. */
  #renames = 0;
  #failures = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(outbox: Outbox, http: ChatHttp, options: SpeakerOptions, owner: SpeakerOwner) {
    this.#outbox = outbox;
    this.#http = http;
    this.#options = options;
    this.#owner = owner;
    this.#sent = outbox.first?.id; // by the page before this one, perhaps
  }

  /** Says the next message, if there is a connection, and nothing to wait for. */
  pump(): void {
    const { first } = this.#outbox;
    const link = this.#owner.link();
    if (this.#isStopped || !first || !link || this.#busy !== undefined || this.#pause) return;
    if (this.#renames > 0 && first.id !== this.#sent) return;
    this.#busy = this.#sent = first.id;
    if (link.transport === 'websocket') link.send(JSON.stringify({ type: 'message', id: first.id, text: first.text }));
    else void this.#post(first);
  }

  /** What was sent over this connection and not answered has to be sent again. A POST comes to its end by itself. */
  lost(link: Link, loss?: Loss): void {
    const id = this.#busy;
    if (link.transport === 'websocket') this.#busy = undefined;
    // RFC 6455 §7.4.1: "a message that is too big for it to process". Said again, it would end the next connection too.
    if (id && loss?.code === 1009) this.#reject(id, new ChatRefused('TEXT_TOO_LONG', loss.reason));
  }

  /** Changes the name. Where that is the id: once the message that was sent is settled, and what was said after it waits meanwhile. */
  async rename(change: () => Promise<void>): Promise<void> {
    if (this.#options.id !== undefined) return change();
    const { first } = this.#outbox;
    this.#renames++;
    try {
      if (first && first.id === this.#sent) await first.promise.catch(() => {});
      await change();
    } finally {
      this.#renames--;
      this.pump();
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#pause);
  }

  /** What an event says of a message of ours. */
  settle(event: ServerEvent): void {
    const { id } = event as { readonly id?: string };
    if (!id) return;
    if (event.type === 'ack' || (event.type === 'message' && event.userId === this.#owner.me.userId))
      this.#taken(id, event);
    else if (event.type === 'error') {
      if (this.#busy === id) this.#busy = undefined;
      if (event.retryAfterMs !== undefined || event.code === 'LOG_UNCERTAIN') this.#pumpLater(event.retryAfterMs);
      else this.#outbox.reject(id, new ChatRefused(event.code, event.message));
    }
  }

  #taken(id: string, event: Taken): void {
    if (this.#busy === id) this.#busy = undefined;
    this.#failures = 0;
    const { you: from = '', userId = from } = this.#owner.me;
    this.#outbox.resolve(id, ({ text }) =>
      event.type === 'message'
        ? event
        : { type: 'message', sequence: event.sequence, time: new Date().toISOString(), from, userId, text, id },
    );
  }

  #pumpLater(floorMs?: number): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(
      () => {
        this.#pause = undefined;
        this.pump();
      },
      waitMs(floorMs, this.#failures++, this.#options),
    );
  }

  async #post(waiting: Waiting): Promise<void> {
    const { id } = waiting;
    const { body, error, retryInMs, event } = await this.#http.say(waiting);
    if (this.#isStopped) return;
    if (this.#busy === id) this.#busy = undefined;
    if (body && 'sequence' in body) this.#taken(id, body as Taken);
    else if (error) this.#reject(id, error);
    else {
      this.#pumpLater(retryInMs);
      if (event) this.#owner.refused({ ...event, id });
    }
    this.pump();
  }

  /** Where no event of the server's has told of it. It is out of the outbox before anybody is told, who may say something then. */
  #reject(id: string, error: ChatRefused): void {
    const { code, message } = error;
    this.#outbox.reject(id, error);
    this.#owner.refused({ type: 'error', code: code as ErrorEvent['code'], message, id });
  }
}
