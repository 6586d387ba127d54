/**
 * The two questions that the page asks: what one is called, and which room to go to.
 *
 * The server is asked before a dialog closes, so that a reason stands beside the field that it is about. Read next: `page.ts`.
 */

import { $, element, showWhy } from './dom.ts';
import { recallRooms } from './memory.ts';

const MAX_RECENT_ROOMS = 8;

/** A dialog with one field. */
class Question {
  readonly #dialog: HTMLDialogElement;
  readonly #field: HTMLInputElement;
  readonly #why: HTMLElement;
  readonly #name: string;
  #mayBeLeft = true;

  /** `answered` tells why the answer will not do, or nothing. */
  constructor(name: string, answered: (value: string) => Promise<string>) {
    this.#name = name;
    this.#dialog = $(`${name}-dialog`);
    this.#field = $(`${name}-field`);
    this.#why = $(`${name}-why`);
    const form = $<HTMLFormElement>(`${name}-form`);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const value = this.#field.value.trim();
      const reason = value === '' ? 'Write something.' : await answered(value);
      showWhy(this.#field, this.#why, reason);
      if (reason === '') {
        this.#mayBeLeft = true;
        this.#dialog.close();
      } else this.#field.focus();
    });
    this.#field.addEventListener('input', () => showWhy(this.#field, this.#why, ''));
    // A browser may close it on Escape whatever a page says.
    this.#dialog.addEventListener('close', () => {
      if (!this.#mayBeLeft) this.#dialog.showModal();
    });
    const close = $(`${name}-close`);
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === close || (target === this.#dialog && this.#mayBeLeft)) this.#dialog.close();
    });
  }

  /** `act`: what the button says. */
  ask(value: string, reason: string, mayBeLeft: boolean, act: string): void {
    this.#mayBeLeft = mayBeLeft;
    $(`${this.#name}-close`).hidden = !mayBeLeft;
    $(`${this.#name}-submit`).textContent = act;
    this.#field.value = value;
    showWhy(this.#field, this.#why, reason);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.select();
  }
}

export interface Dialogs {
  /** `reason`: why the one before will not do. `mayBeLeft`: there is a name already. */
  askName(current: string, reason: string, mayBeLeft: boolean): void;
  askRoom(): void;
}

/** Prepares both dialogs. Each callback tells why an answer will not do, or nothing. */
export function makeDialogs(
  room: string,
  urlOf: (room: string) => string,
  named: (name: string) => Promise<string>,
  chosen: (room: string) => Promise<string>,
): Dialogs {
  const name = new Question('name', named);
  const other = new Question('room', (value) => chosen(value.replace(/^#/, '')));
  return {
    askName: (current, reason, mayBeLeft) => name.ask(current, reason, mayBeLeft, mayBeLeft ? 'Change' : 'Join'),
    askRoom: () => {
      const been = recallRooms()
        .filter((one) => one.name !== room)
        .slice(0, MAX_RECENT_ROOMS);
      const links = been.map((one) => {
        const item = element('li');
        const link = element('a', '', `#${one.name}`) as HTMLAnchorElement;
        link.dir = 'auto';
        link.href = urlOf(one.name);
        item.append(link);
        return item;
      });
      $('recent').replaceChildren(...links);
      other.ask('', '', true, 'Go');
    },
  };
}
