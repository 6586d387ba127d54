/**
 * The few things that every part of the page does with elements.
 *
 * Text is only ever put into text nodes, never read as markup. Knows no chat. Read next: `page.ts`.
 */

const HUES = 8;
/** Cuts text where a person sees characters: a family emoji is one. */
const characters = new Intl.Segmenter();

/** Finds an element of `index.html`. */
export function $<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Makes an element with a class and a text. */
export function element(tag: string, className = '', textContent = ''): HTMLElement {
  return Object.assign(document.createElement(tag), { className, textContent });
}

/** Makes what people write: the browser finds out in which direction it runs. */
export function written(tag: string, className: string, content: string): HTMLElement {
  const made = element(tag, className, content);
  made.dir = 'auto';
  return made;
}

/** Makes a button that does something. */
export function button(content: string, act: () => void): HTMLElement {
  const made = element('button', '', content) as HTMLButtonElement;
  made.type = 'button';
  made.addEventListener('click', act);
  return made;
}

/** Makes the circle that stands beside a name, of a colour that stays when the name changes. */
export function face(name: string, id: string): HTMLElement {
  const [first] = characters.segment(name);
  const circle = element('span', 'face', (first?.segment ?? '?').toUpperCase());
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  circle.dataset['hue'] = String(hash % HUES);
  circle.ariaHidden = 'true';
  return circle;
}

/** The sentence with a capital letter at its beginning. */
export function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Shows a reason beside the field that it is about; an empty one takes it away. */
export function showWhy(field: HTMLElement, why: HTMLElement, reason: string): void {
  why.textContent = capitalized(reason);
  why.hidden = reason === '';
  field.ariaInvalid = reason === '' ? null : 'true';
}
