/**
 * What we have said and not yet heard back: rows below the room's messages.
 *
 * A row goes when its message comes back with a number; a refused one stays, with the reason and what can be done about it.
 * The connection bounds how many wait; at most `MAX_REFUSED` refused ones are shown. Read next: `connection.ts`.
 */

import { button, element } from './dom.ts';
import { makeMessage } from './messages.ts';

const MAX_REFUSED = 20;

export class Outbox {
  readonly #list: HTMLElement;
  readonly #rows = new Map<string, { readonly row: HTMLElement; readonly text: string }>();
  readonly #again: (text: string) => void;
  readonly #edit: (text: string) => void;

  /** `again` says a refused text again, `edit` gives it back to the composer. */
  constructor(list: HTMLElement, again: (text: string) => void, edit: (text: string) => void) {
    this.#list = list;
    this.#again = again;
    this.#edit = edit;
  }

  /** Shows what has just been said. */
  add(id: string, from: string, by: string, text: string): void {
    const row = makeMessage({ from, by, text, timeMs: Date.now(), isMine: true });
    row.classList.add('waiting');
    this.#rows.set(id, { row, text });
    this.#list.append(row);
  }

  /** It is in the room now, or is said under another id. */
  remove(id: string): void {
    this.#rows.get(id)?.row.remove();
    this.#rows.delete(id);
  }

  /** The server took it; its message is on the way. */
  taken(id: string): void {
    this.#rows.get(id)?.row.classList.remove('waiting');
  }

  /** The server will not take it. */
  refuse(id: string, reason: string): void {
    const refused = this.#rows.get(id);
    if (refused === undefined) return;
    this.#rows.delete(id);
    const { row, text } = refused;
    row.classList.replace('waiting', 'refused');
    const leave = (act?: (text: string) => void) => () => {
      row.remove();
      act?.(text);
    };
    const why = element('p', 'why', `Not sent: ${reason}. `);
    why.role = 'alert';
    why.append(button('Try again', leave(this.#again)), button('Edit', leave(this.#edit)), button('Discard', leave()));
    row.querySelector('.side')?.append(why);
    const all = this.#list.querySelectorAll('.refused');
    if (all.length > MAX_REFUSED) all[0]?.remove();
  }
}
