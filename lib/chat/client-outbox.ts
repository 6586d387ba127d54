/**
 * The outbox of a chat client: what was said and not acknowledged, in order, over reloads where there is a storage.
 *
 * Knows ids, texts and promises; sends nothing. Runs in browsers and in Node. Bounded by `maxWaiting` messages.
 * A storage that refuses (full, forbidden) leaves the outbox in memory. Read next: `client.ts`.
 */

import { attempt } from './client-options.ts';
import type { ChatMessage, ProblemCode } from './protocol.ts';

/** The server takes no longer one (`CHAT_LIMITS.maxMessageIdLength`), and the client makes none. */
const MAX_ID_LENGTH = 64;

/** As much of `localStorage` as is used. */
export interface StorageLike {
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
  readonly #key: string;
  /** Makes ids that differ from those of other tabs, and of this one before it was loaded again. */
  readonly #prefix = Math.random().toString(36).slice(2, 10);
  #ids = 0;

  constructor(maxWaiting: number, storage: StorageLike | undefined, key: string) {
    this.#maxWaiting = maxWaiting;
    this.#storage = storage;
    this.#key = key;
    for (const { id, text } of this.#stored().slice(0, maxWaiting)) this.#put(id, text);
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
    const id = `${this.#prefix}-${++this.#ids}`;
    const waiting = this.#items.size;
    const { promise } = this.#put(id, text);
    if (waiting < this.#maxWaiting) this.#store();
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
    if (this.#items.delete(id)) this.#store(id);
    return item;
  }

  /** Stores what waits, and leaves what another tab of the same name put there; but not `gone`, which whoever has it need not say. */
  #store(gone?: string): void {
    // Where the storage is full or forbidden, what waits is lost with a reload.
    attempt(() => {
      const others = this.#stored().filter(({ id }) => id !== gone && !this.#items.has(id));
      const all = [...others, ...this.list()];
      if (all.length > 0) this.#storage?.setItem(this.#key, JSON.stringify(all, ['id', 'text']));
      else this.#storage?.removeItem(this.#key);
    });
  }

  #stored(): Pick<Waiting, 'id' | 'text'>[] {
    const stored: unknown = attempt(() => JSON.parse(this.#storage?.getItem(this.#key) ?? '[]'));
    if (!Array.isArray(stored)) return []; // Somebody else's, or broken: nothing waits.
    const isMessage = ({ id, text }: Waiting): boolean =>
      typeof id === 'string' && id.length <= MAX_ID_LENGTH && typeof text === 'string';
    return stored.filter((item) => item && isMessage(item));
  }
}
