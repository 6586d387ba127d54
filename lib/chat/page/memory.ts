/**
 * What the browser remembers: the name, and of the last rooms how far one has read, and the draft, for each tab apart.
 *
 * The browser may refuse to remember anything; the chat works all the same. At most `MAX_ROOMS` rooms are remembered; of each a draft
 * and a position. Read next: `page.ts`.
 */

import { attempt } from '../client-options.ts';

const MAX_ROOMS = 20;

/** What is remembered of a room. */
export interface RoomMemory {
  readonly name: string;
  /** Of this tab, while the page is there; for all tabs, that of a page that is gone. */
  readonly draft?: string;
  /** The last message that was on the screen. */
  readonly seen?: { readonly epoch: string; readonly sequence: number };
}

/** For all tabs, until it is forgotten; or for this tab alone, over its reloads. */
type Where = 'localStorage' | 'sessionStorage';

/** Remembers a text; an empty one is forgotten. */
export function keep(key: string, value: string, where: Where = 'localStorage'): void {
  // Switched off or full: nothing is remembered.
  attempt(() => {
    if (value === '') globalThis[where].removeItem(`barewire.${key}`);
    else globalThis[where].setItem(`barewire.${key}`, value);
  });
}

/** The text that was remembered; empty where none was. */
export function recall(key: string, where: Where = 'localStorage'): string {
  return attempt(() => globalThis[where].getItem(`barewire.${key}`)) ?? '';
}

/** The rooms that one was in, the last one first. */
export function recallRooms(where?: Where): RoomMemory[] {
  const rooms: unknown = attempt(() => JSON.parse(recall('been', where)));
  return Array.isArray(rooms) ? rooms.filter((room): room is RoomMemory => typeof room?.name === 'string') : [];
}

/** What is remembered of a room, if anything is. */
export function recallRoom(name: string, where?: Where): RoomMemory | undefined {
  return recallRooms(where).find((room) => room.name === name);
}

/** Remembers something of a room, and that one was there last. */
export function keepRoom(name: string, news: Omit<RoomMemory, 'name'>, where?: Where): void {
  const before = recallRoom(name, where);
  const others = recallRooms(where).filter((room) => room.name !== name);
  keep('been', JSON.stringify([{ ...before, name, ...news }, ...others].slice(0, MAX_ROOMS)), where);
}
