/**
 * Who is here: a column beside the messages, and on a phone a drawer over them.
 *
 * The open drawer is a dialog: Escape and a tap outside close it, and Tab stays inside. It leaves the composer free. Without a
 * connection nobody knows who is here, and the list says so. At most `MAX_LISTED` names are shown. Read next: `page.ts`.
 */

import type { Person } from './connection.ts';
import { $, element, face, written } from './dom.ts';

const MAX_LISTED = 200;

export class Members {
  /** In order of arrival. */
  #people: Person[] = [];
  #count = 0;
  #yourId = '';
  readonly #drawer: HTMLElement = $('members');
  readonly #opener: HTMLElement = $('people');

  constructor() {
    $('member-list').tabIndex = 0; // the arrow keys scroll it
    this.#opener.addEventListener('click', () => this.#toggle(!this.#isOpen));
    $('members-close').addEventListener('click', () => this.#toggle(false));
    addEventListener('keydown', (event) => this.#keyPressed(event));
    addEventListener('pointerdown', ({ target }) => {
      if (this.#isOpen && target instanceof Node && !this.#drawer.contains(target) && !this.#opener.contains(target))
        this.#toggle(false, false);
    });
    // Where there is room for the column, there is no drawer.
    matchMedia('(min-width: 56rem)').addEventListener('change', () => this.#isOpen && this.#toggle(false, false));
  }

  /** The whole list. */
  set(people: readonly Person[], count: number, yourId: string): void {
    this.#people = [...people];
    this.#yourId = yourId;
    this.#changed(count);
  }

  /** Changes the list; who changed their name keeps the place. */
  change(joined: readonly Person[], left: readonly Person[], renamed: readonly Person[], count: number): void {
    const gone = new Set(left.map(({ id }) => id));
    const here = new Map(this.#people.filter(({ id }) => !gone.has(id)).map((person) => [person.id, person]));
    for (const person of [...joined, ...renamed]) here.set(person.id, person);
    this.#people = [...here.values()];
    this.#changed(count);
  }

  /** Whether the list is true at this moment. */
  setConnected(isConnected: boolean): void {
    this.#drawer.classList.toggle('stale', !isConnected);
    $('members-title').textContent = isConnected ? 'Here now' : 'Here before the connection was lost';
    this.#opener.classList.toggle('stale', !isConnected);
    $('count').textContent = isConnected ? `${this.#count} here` : 'Members';
  }

  get #isOpen(): boolean {
    return this.#drawer.hasAttribute('data-shown');
  }

  #changed(count: number): void {
    this.#count = count;
    const items = this.#people.slice(0, MAX_LISTED).map(({ id, name }) => {
      const item = element('li');
      const label = element('span');
      label.append(written('bdi', '', name), id === this.#yourId ? ' (you)' : '');
      item.append(face(name, id), label);
      return item;
    });
    if (count > items.length) items.push(element('li', 'more', `and ${count - items.length} more`));
    $('member-list').replaceChildren(...items);
    this.setConnected(true);
  }

  #toggle(isOpen: boolean, takesFocus = true): void {
    this.#drawer.toggleAttribute('data-shown', isOpen);
    this.#opener.ariaExpanded = String(isOpen);
    this.#drawer.role = isOpen ? 'dialog' : null;
    this.#drawer.ariaModal = isOpen ? 'true' : null;
    if (takesFocus) (isOpen ? $('members-close') : this.#opener).focus();
  }

  #keyPressed(event: KeyboardEvent): void {
    if (!this.#isOpen) return;
    if (event.key === 'Escape') this.#toggle(false);
    if (event.key !== 'Tab') return;
    const stops = [...this.#drawer.querySelectorAll<HTMLElement>('button:not([hidden]), [tabindex="0"]')];
    const at = stops.indexOf(document.activeElement as HTMLElement);
    const next = stops.at((at + (event.shiftKey ? -1 : 1)) % stops.length);
    event.preventDefault();
    next?.focus();
  }
}
