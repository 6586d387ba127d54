/**
 * Header fields in the order in which they came, found without regard to case (RFC 9110 §5.1-5.3).
 *
 * One flat array of names and values: a request has a dozen, so a scan is quicker than a map is to build. O(fields) a
 * look-up. Nothing is an object key, so no name is special. Who keeps a request for long keeps its head's text alone, from
 * which the fields can be read again (`fromHead`).
 * Read next: `head.ts`.
 */

import { describe } from '../options.ts';
import { isFieldValue, isToken, trimOws } from './grammar.ts';

export class HeaderFields implements Iterable<[string, string]> {
  /** name, value, name, value … as they came. */
  readonly #fields: string[] = [];

  /** Reads the fields of a head again that the parser has checked. `head` is its text, first line included. */
  static fromHead(head: string): HeaderFields {
    const headers = new HeaderFields();
    for (const line of head.split('\r\n').slice(1)) {
      const colon = line.indexOf(':');
      headers.#fields.push(line.slice(0, colon), trimOws(line.slice(colon + 1)));
    }
    return headers;
  }

  /** From an object. @throws TypeError as `append` */
  static from(fields: Readonly<Record<string, string>>): HeaderFields {
    const headers = new HeaderFields();
    for (const [name, value] of Object.entries(fields)) headers.append(name, value);
    return headers;
  }

  /** @throws TypeError when the name is not a token or the value could break a line (CR, LF, NUL and other controls) */
  append(name: string, value: string): void {
    checkField(name, value);
    this.#fields.push(name, value);
  }

  /** For the parser, which has checked both. */
  appendUnchecked(name: string, value: string): void {
    this.#fields.push(name, value);
  }

  /** How many field lines there are. */
  get size(): number {
    return this.#fields.length / 2;
  }

  /** The values of all lines with this name, joined by ", " (RFC 9110 §5.3); undefined when there is none. */
  get(name: string): string | undefined {
    const fields = this.#fields;
    let value: string | undefined;
    for (let i = 0; i < fields.length; i += 2) {
      if (sameName(fields[i]!, name)) value = value === undefined ? fields[i + 1]! : `${value}, ${fields[i + 1]!}`;
    }
    return value;
  }

  getAll(name: string): string[] {
    const fields = this.#fields;
    const values: string[] = [];
    for (let i = 0; i < fields.length; i += 2) if (sameName(fields[i]!, name)) values.push(fields[i + 1]!);
    return values;
  }

  has(name: string): boolean {
    return this.count(name) > 0;
  }

  /** How many lines have this name. */
  count(name: string): number {
    const fields = this.#fields;
    let count = 0;
    for (let i = 0; i < fields.length; i += 2) if (sameName(fields[i]!, name)) count++;
    return count;
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.#fields.length; i += 2) yield [this.#fields[i]!, this.#fields[i + 1]!];
  }

  entries(): IterableIterator<[string, string]> {
    return this[Symbol.iterator]();
  }
}

/** @throws TypeError for a name or value that may not stand in a head: an injection never gets past here */
export function checkField(name: string, value: string): void {
  if (!isToken(name)) throw new TypeError(`header name ${JSON.stringify(name)} is not a token (RFC 9110 §5.6.2)`);
  if (typeof value !== 'string') throw new TypeError(`value of header ${name} is ${describe(value)}, must be a string`);
  if (!isFieldValue(value))
    throw new TypeError(`value of header ${name} has a character that may not be sent (RFC 9110 §5.5)`);
}

function sameName(a: string, b: string): boolean {
  return a.length === b.length && (a === b || a.toLowerCase() === b.toLowerCase());
}
