/**
 * What the browser remembers: the name, and of the last rooms the draft and how far one has read.
 *
 * The browser may refuse to remember anything; the chat works all the same. At most `MAX_ROOMS` rooms are remembered; of each a draft
 * and a position. Read next: `page.ts`.
 */

const MAX_ROOMS = 20;

/** What is remembered of a room. */
export interface RoomMemory {
  readonly name: string;
  readonly draft?: string;
  /** The last message that was on the screen. */
  readonly seen?: { readonly epoch: string; readonly sequence: number };
}

/** Remembers a text for all tabs; an empty one is forgotten. */
export function keep(key: string, value: string): void {
  try {
    if (value === '') localStorage.removeItem(`barewire.${key}`);
    else localStorage.setItem(`barewire.${key}`, value);
  } catch {
    // Switched off or full: nothing is remembered.
  }
}

/** The text that was remembered; empty where none was. */
export function recall(key: string): string {
  try {
    return localStorage.getItem(`barewire.${key}`) ?? '';
  } catch {
    return '';
  }
}

/** The rooms that one was in, the last one first. */
export function recallRooms(): RoomMemory[] {
  try {
    const rooms: unknown = JSON.parse(recall('been') || '[]');
    return Array.isArray(rooms) ? rooms.filter((room): room is RoomMemory => typeof room?.name === 'string') : [];
  } catch {
    return [];
  }
}

/** Remembers something of a room, and that one was there last. */
export function keepRoom(name: string, news: Omit<RoomMemory, 'name'>): void {
  const rooms = recallRooms();
  const before = rooms.find((room) => room.name === name);
  const others = rooms.filter((room) => room.name !== name);
  keep('been', JSON.stringify([{ ...before, name, ...news }, ...others].slice(0, MAX_ROOMS)));
}
