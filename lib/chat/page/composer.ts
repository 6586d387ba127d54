/**
 * Where one writes: grows with the text, counts near the limit, and keeps the draft of each room.
 *
 * A text that is too long is not sent and not lost. The limit is the protocol's own; a server with a smaller one refuses, and the text
 * comes back from there. Knows no connection. Read next: `page.ts`.
 */

import { $, showWhy } from './dom.ts';
import { MAX_TEXT_BYTES } from './limits.ts';
import { keepRoom, recallRoom } from './memory.ts';

/** From here on the counter is shown. */
const COUNTED_BYTES = 7_000;
const encoder = new TextEncoder();

export class Composer {
  readonly #room: string;
  readonly #form: HTMLFormElement = $('composer');
  readonly #text: HTMLTextAreaElement = $('text');
  readonly #counter: HTMLElement = $('counter');
  readonly #say: (text: string) => string;

  /** `say` answers the reason why a text cannot be sent, or nothing. */
  constructor(room: string, say: (text: string) => string) {
    this.#room = room;
    this.#say = say;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('keydown', (event) => {
      // During an input method's composition, Enter chooses a candidate.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('input', () => this.#changed());
    this.#text.value = (recallRoom(room, 'sessionStorage') ?? recallRoom(room))?.draft ?? '';
    this.#leave(''); // it is this tab's now, and not another one's too
    addEventListener('pagehide', () => this.#leave(this.#draft));
    this.#changed();
  }

  focus(): void {
    this.#text.focus();
  }

  /** Gives a text back to be changed, above what is being written. */
  edit(text: string): void {
    this.#text.value = [text, this.#text.value].filter((part) => part !== '').join('\n');
    this.#changed();
    this.#text.focus();
  }

  /** Shows why something was refused. */
  showWhy(reason: string): void {
    showWhy(this.#text, $('hint'), reason);
  }

  /** Nobody finishes a draft of many times the limit. */
  get #draft(): string {
    return this.#text.value.slice(0, 4 * MAX_TEXT_BYTES);
  }

  /** Leaves a draft to whichever tab opens the room next. */
  #leave(draft: string): void {
    if (draft !== (recallRoom(this.#room)?.draft ?? '')) keepRoom(this.#room, { draft });
  }

  #submit(): void {
    const text = this.#text.value.trim();
    this.#text.focus();
    if (text === '') return;
    const surplus = encoder.encode(text).length - MAX_TEXT_BYTES;
    const reason =
      surplus > 0 ? `The text is ${surplus.toLocaleString()} bytes too long. Shorten or split it.` : this.#say(text);
    if (reason === '') {
      this.#text.value = '';
      this.#changed();
    } else this.showWhy(reason);
  }

  #changed(): void {
    const { value } = this.#text;
    // Every character has at least one byte and at most three for each unit.
    const bytes = value.length * 3 < COUNTED_BYTES ? 0 : encoder.encode(value).length;
    this.#counter.hidden = bytes < COUNTED_BYTES;
    this.#counter.textContent = `${bytes.toLocaleString()} of ${MAX_TEXT_BYTES.toLocaleString()} bytes`;
    this.#counter.classList.toggle('over', bytes > MAX_TEXT_BYTES);
    this.showWhy('');
    keepRoom(this.#room, { draft: this.#draft }, 'sessionStorage');
    this.#text.style.height = 'auto';
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }
}
