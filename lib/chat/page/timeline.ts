/**
 * The room's messages on the screen: a window of rows over a longer list of entries.
 *
 * At most `MAX_ENTRIES` entries are in memory and `MAX_ROWS` rows in the page, so that a long evening costs no more than a short one.
 * Rows come and go where nobody looks: what is being read stays where it is, whatever is added above or below it. New entries are shown
 * once a frame. Knows nothing of connections; older entries are asked for. Sections: adding, reading, the window. Read next: `messages.ts`.
 */

import { decorate, type Entry, makeRow } from './messages.ts';

const MAX_ENTRIES = 5_000;
const MAX_ROWS = 240;
const PAGE_ROWS = 80;
/** Nearer to the end than this counts as being there, and nearer to an edge of the window moves it. */
const END_PX = 60;
const EDGE_PX = 600;

export interface TimelineOwner {
  /** The entries before a message, oldest first. */
  older(sequence: number): Promise<{ readonly messages: readonly Entry[]; readonly hasMore: boolean }>;
  /** Everything down to the last message has been on the screen. */
  seen(): void;
  /** Entries are below the screen, or no longer. */
  below(isBelow: boolean): void;
}

export class Timeline {
  readonly #scroller: HTMLElement;
  readonly #list: HTMLElement;
  readonly #start: HTMLElement;
  readonly #owner: TimelineOwner;
  #entries: Entry[] = [];
  /** The window: `#list` has the rows of these entries. */
  #from = 0;
  #to = 0;
  /** How many entries there were at the last frame; later ones do not matter yet. */
  #rendered = 0;
  /** Whether new entries are followed: the end is on the screen. */
  #isFollowing = true;
  #isScheduled = false;
  /** To be done at the next frame. As many as the connection lets wait. */
  readonly #changes: (() => void)[] = [];
  #isLoading = false;
  #hasOlder = true;
  /** The first entry that was not on the screen when it came, and how many there are from it on. */
  #unread: { readonly first: Entry; count: number; isSeen: boolean } | undefined = undefined;

  /** `scroller` scrolls; `list` in it takes the rows, `start` above them says what is beyond the first. */
  constructor(scroller: HTMLElement, list: HTMLElement, start: HTMLElement, owner: TimelineOwner) {
    this.#scroller = scroller;
    this.#list = list;
    this.#start = start;
    this.#owner = owner;
    scroller.tabIndex = 0; // the arrow keys scroll it
    scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => {
      if (this.#isFollowing) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    }).observe(scroller);
  }

  /** The number of the last message; 0 = none. */
  get lastSequence(): number {
    return this.#entries.findLast(({ sequence }) => sequence > 0)?.sequence ?? 0;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get #isSeen(): boolean {
    return this.#isFollowing && !document.hidden;
  }

  /** Adds an entry at the end. `isNew`: whether it counts as unread; left out, that is so where the end is not on the screen. */
  add(entry: Entry, isNew: boolean = !this.#isSeen): void {
    this.#entries.push(entry);
    if (entry.isMine) this.#forgetUnread();
    else if (isNew && entry.sequence > 0) {
      if (this.#unread === undefined || this.#unread.isSeen) {
        this.#forgetUnread();
        this.#unread = { first: entry, count: 0, isSeen: false };
      }
      this.#unread.count++;
      this.#decorate(this.#entries.lastIndexOf(this.#unread.first));
    }
    this.refresh();
  }

  /** Takes the text of a removed message away. */
  remove(sequence: number): void {
    const at = this.#entries.findIndex((entry) => entry.sequence === sequence);
    const entry = this.#entries[at];
    if (entry === undefined) return;
    this.#entries[at] = { ...entry, text: 'This message was removed.' };
    if (at >= this.#from && at < this.#to) this.#list.children[at - this.#from]?.replaceWith(this.#row(at));
  }

  /** No older entries are to be had: the numbering began anew. */
  endOfHistory(): void {
    this.#hasOlder = false;
  }

  /** Goes to the end and stays there, after a `change` as of `refresh`. */
  toEnd(change?: () => void): void {
    this.#isFollowing = true;
    this.refresh(change);
  }

  /** Goes to the first entry that is unread, if any is. */
  toUnread(): void {
    if (this.#unread === undefined) return;
    this.#render();
    const at = this.#entries.indexOf(this.#unread.first);
    if (at < this.#from) this.#show(Math.max(0, at - PAGE_ROWS), Math.min(this.#entries.length, at + PAGE_ROWS));
    this.#list.children[at - this.#from]?.scrollIntoView({ block: 'start' });
    this.#scrolled();
  }

  /**
   * Shows what has changed, at the next frame. `change` alters the heights of other rows in the scroller: everything that does is done
   * in one go with the scrolling, or it would look as if somebody had scrolled away.
   */
  refresh(change?: () => void): void {
    if (change !== undefined) this.#changes.push(change);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#render();
    });
  }

  #render(): void {
    this.#keepPlace(() => {
      for (const change of this.#changes.splice(0)) change();
    });
    const surplus = this.#entries.length - MAX_ENTRIES;
    if (surplus > 0) this.#keepPlace(() => this.#forget(surplus));
    const { length } = this.#entries;
    if (this.#isFollowing) {
      if (length - this.#to >= MAX_ROWS) this.#show(length - MAX_ROWS, length);
      else this.#extendDown(length);
      while (this.#to - this.#from > MAX_ROWS) this.#dropFirst();
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      // Nobody can scroll up where nothing scrolls.
      if (this.#scroller.scrollHeight <= this.#scroller.clientHeight) void this.#loadOlder();
    } else this.#extendDown(Math.max(this.#to, Math.min(length, this.#from + MAX_ROWS)));
    this.#rendered = length;
    this.#report();
  }

  #report(): void {
    this.#owner.below(!this.#isFollowing);
    if (!this.#isSeen) return;
    if (this.#unread !== undefined) this.#unread.isSeen = true;
    this.#owner.seen();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const belowPx = scrollHeight - clientHeight - scrollTop;
    this.#isFollowing = belowPx < END_PX && this.#to >= this.#rendered;
    if (belowPx < EDGE_PX && !this.#isFollowing && this.#to < this.#entries.length) {
      this.#keepPlace(() => {
        this.#extendDown(Math.min(this.#entries.length, this.#to + PAGE_ROWS));
        while (this.#to - this.#from > MAX_ROWS) this.#dropFirst();
      });
    } else if (scrollTop < EDGE_PX && !this.#isFollowing) this.#extendUp();
    this.#report();
  }

  #extendUp(): void {
    if (this.#from === 0) {
      void this.#loadOlder();
      return;
    }
    this.#keepPlace(() => {
      const from = Math.max(0, this.#from - PAGE_ROWS);
      const rows: HTMLElement[] = [];
      for (let at = from; at < this.#from; at++) rows.push(this.#row(at));
      this.#list.prepend(...rows);
      this.#from = from;
      for (; this.#to - this.#from > MAX_ROWS; this.#to--) this.#list.lastElementChild?.remove();
    });
  }

  async #loadOlder(): Promise<void> {
    const first = this.#entries.find(({ sequence }) => sequence > 0);
    const room = MAX_ENTRIES - this.#entries.length;
    if (this.#isLoading || !this.#hasOlder || first === undefined) return;
    this.#isLoading = true;
    this.#start.textContent = 'Loading older messages…';
    try {
      const { messages, hasMore } =
        first.sequence > 1 ? await this.#owner.older(first.sequence) : { messages: [], hasMore: false };
      const taken = messages.slice(Math.max(0, messages.length - room));
      this.#hasOlder = hasMore && taken.length === messages.length;
      const isFirst = (taken[0] ?? first).sequence === 1;
      this.#start.textContent = this.#hasOlder
        ? ''
        : isFirst
          ? 'This is where the room begins.'
          : 'Older messages are not kept.';
      if (taken.length < messages.length) this.#start.textContent = `This page shows at most ${MAX_ENTRIES} messages.`;
      this.#prepend(taken);
    } catch {
      this.#start.textContent = 'Older messages could not be loaded. Scroll up again to try once more.';
    }
    this.#isLoading = false;
  }

  #prepend(entries: readonly Entry[]): void {
    this.#entries = [...entries, ...this.#entries];
    this.#from += entries.length;
    this.#to += entries.length;
    this.#rendered += entries.length;
    this.#keepPlace(() => this.#decorate(this.#from));
    if (entries.length > 0 && this.#scroller.scrollTop < EDGE_PX) this.#extendUp();
  }

  #row(at: number): HTMLElement {
    const row = makeRow(this.#entries[at]!);
    this.#dress(row, at);
    return row;
  }

  #dress(row: HTMLElement, at: number): void {
    const entry = this.#entries[at]!;
    decorate(row, entry, this.#entries[at - 1], entry === this.#unread?.first ? this.#unread.count : 0);
  }

  #decorate(at: number): void {
    const row = at < this.#from || at >= this.#to ? undefined : this.#list.children[at - this.#from];
    if (row instanceof HTMLElement) this.#dress(row, at);
  }

  #forgetUnread(): void {
    const first = this.#unread?.first;
    this.#unread = undefined;
    if (first !== undefined) this.#decorate(this.#entries.lastIndexOf(first));
  }

  #extendDown(to: number): void {
    const rows: HTMLElement[] = [];
    for (; this.#to < to; this.#to++) rows.push(this.#row(this.#to));
    this.#list.append(...rows);
  }

  #dropFirst(): void {
    this.#list.firstElementChild?.remove();
    this.#from++;
  }

  /** Makes the window anew. */
  #show(from: number, to: number): void {
    this.#list.replaceChildren();
    this.#from = from;
    this.#to = from;
    this.#extendDown(to);
  }

  /** Drops the oldest entries. */
  #forget(count: number): void {
    while (this.#from < Math.min(count, this.#to)) this.#dropFirst();
    this.#entries.splice(0, count);
    this.#from = Math.max(0, this.#from - count);
    this.#to = Math.max(0, this.#to - count);
    this.#hasOlder = false;
    this.#start.textContent = `This page shows at most ${MAX_ENTRIES} messages.`;
  }

  #keepPlace(change: () => void): void {
    keepPlace(this.#scroller, this.#list, change);
  }
}

/** Changes rows so that what is being read stays where it is. */
function keepPlace(scroller: HTMLElement, list: HTMLElement, change: () => void): void {
  const { top } = scroller.getBoundingClientRect();
  const row = [...list.children].find((each) => each.getBoundingClientRect().bottom > top);
  // A row's day and divider stand before its message and may go; the message stays.
  const anchor = row?.lastElementChild ?? row;
  const wasAt = anchor?.getBoundingClientRect().top ?? 0;
  change();
  if (anchor?.isConnected) scroller.scrollTop += anchor.getBoundingClientRect().top - wasAt;
}
