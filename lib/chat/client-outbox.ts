/**
 * The outbox of a chat client: what was said and not acknowledged, in order, over reloads where there is a storage.
 *
 * Each message has a key of its own in the storage: written once, when it is said, and removed once it is settled. So clients that share a
 * storage, in other processes too, can neither overwrite what another one has put there nor bring back what it has removed.
 * Knows ids, texts and promises; sends nothing. Runs in browsers and in Node. Bounded by `maxWaiting` messages.
 * A storage that refuses (full, forbidden) leaves the outbox in memory. Read next: `client.ts`.
 */

import { attempt } from './client-options.ts';
import type { ChatMessage, ProblemCode } from './protocol.ts';

/** The ids that an outbox makes: when it was said, in milliseconds, so that they sort in that order, and by whom. */
const ID = /^\d{13}-[\w.-]{1,30}$/;

/** As much of a browser's `Storage` as is used. */
export interface StorageLike {
  /** How many keys it has. */
  readonly length: number;
  /** The name of one of them, in any order. */
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Why a message was not said, or why a client is closed. */
export class ChatRefused extends Error {
  override readonly name = 'ChatRefused';
  /**
   * What the server said; or `NOT_FOUND`: no chat is there; `NO_ANSWER`: now, another time perhaps; `OUTBOX_FULL`; or `CLOSED`: the client is, and
   * the message stays in the storage, if there is one.
   * `FORBIDDEN` also where the constructor of the connection threw, and where a refusal has no code.
   */
  readonly code: ProblemCode | 'NOT_FOUND' | 'NO_ANSWER' | 'OUTBOX_FULL' | 'CLOSED';

  constructor(code: ChatRefused['code'] = 'FORBIDDEN', message?: string) {
    super(message);
    this.code = code;
  }
}

/** A message on its way. */
export type Sent = Promise<ChatMessage> & { readonly id: string };

/** A message that waits, and what comes of it: as of `send`. */
export interface Waiting {
  readonly id: string;
  readonly text: string;
  readonly promise: Promise<ChatMessage>;
}

interface Item extends Waiting {
  readonly resolve: (message: ChatMessage) => void;
  readonly reject: (error: ChatRefused) => void;
}

/** See the head of this file. */
export class Outbox {
  readonly #items = new Map<string, Item>();
  readonly #maxWaiting: number;
  readonly #storage: StorageLike | undefined;
  /** What the keys of its messages begin with; the id follows. */
  readonly #key: string;
  /** Makes ids that differ from those of other clients, and of this page before it was loaded again. */
  readonly #suffix = Math.random();
  /** The number in the last id. */
  #last = 0;

  constructor(maxWaiting: number, storage: StorageLike | undefined, key: string) {
    this.#maxWaiting = maxWaiting;
    this.#storage = storage;
    this.#key = key;
    if (storage) attempt(() => this.#recall(storage));
  }

  /** The one to say next. */
  get first(): Waiting | undefined {
    return this.#items.values().next().value;
  }

  /** All that waits, in order. */
  list(): Waiting[] {
    return [...this.#items.values()].map(({ id, text, promise }) => ({ id, text, promise }));
  }

  add(text: string): Sent {
    this.#last = Math.max(this.#last + 1, Date.now());
    const id = `${this.#last}-${this.#suffix}`;
    const waiting = this.#items.size;
    const { promise } = this.#put(id, text);
    // Where the storage is full or forbidden, what waits is lost with a reload.
    if (waiting < this.#maxWaiting) attempt(() => this.#storage?.setItem(this.#key + id, text));
    else this.reject(id, new ChatRefused('OUTBOX_FULL', `${waiting} messages wait`));
    return Object.assign(promise, { id });
  }

  /** The server has it. */
  resolve(id: string, message: (waiting: Waiting) => ChatMessage): void {
    const item = this.#take(id);
    item?.resolve(message(item));
  }

  /** The server will not have it. */
  reject(id: string, error: ChatRefused): void {
    this.#take(id)?.reject(error);
  }

  /** Nothing will be sent any more by this client. */
  close(error: ChatRefused): void {
    for (const { reject } of this.#items.values()) reject(error);
    this.#items.clear();
  }

  #put(id: string, text: string): Item {
    const item = { id, text } as { -readonly [Name in keyof Item]: Item[Name] };
    item.promise = new Promise((resolve, reject) => Object.assign(item, { resolve, reject }));
    item.promise.catch(() => {}); // A rejection that nobody looks at does no harm.
    this.#items.set(id, item);
    return item;
  }

  #take(id: string): Item | undefined {
    const item = this.#items.get(id);
    if (this.#items.delete(id)) attempt(() => this.#storage?.removeItem(this.#key + id));
    return item;
  }

  /** Takes over what waits in the storage: of the page before this one, or of another client that shares it. */
  #recall(storage: StorageLike): void {
    const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
    for (const key of keys.filter((one) => one.startsWith(this.#key)).sort()) {
      const id = key.slice(this.#key.length);
      const text = storage.getItem(key);
      if (!text || !ID.test(id) || this.#items.size >= this.#maxWaiting) continue;
      this.#put(id, text);
      this.#last = Number.parseInt(id, 10);
    }
  }
}
