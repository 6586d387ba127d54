/**
 * `extension` of ws: `Sec-WebSocket-Extensions` as an object of lists of parameters, and back (RFC 6455 §9.1).
 *
 * Read next: `server-handshake.ts`.
 */

import { parseParameterizedList } from '../http/grammar.ts';

/** The parameters of one offer, each with all values that it was given; `true`: it has none. */
export type ExtensionParameters = Record<string, (string | true)[]>;
/** By name, one entry an offer, in order. */
export type Extensions = Record<string, ExtensionParameters[]>;

/** @throws SyntaxError for what is no list of extensions */
export function parse(header: string): Extensions {
  const elements = parseParameterizedList(header);
  if (elements === undefined) throw new SyntaxError('the header is not a list of extensions');
  const found = Object.create(null) as Extensions;
  for (const { name, parameters } of elements) {
    const offer = Object.create(null) as ExtensionParameters;
    for (const { name: key, value } of parameters) {
      offer[key] ??= [];
      offer[key].push(value ?? true);
    }
    found[name] ??= [];
    found[name].push(offer);
  }
  return found;
}

type Given = string | number | boolean;

/** Writes what `parse` reads; single offers and single values may stand without their list. */
export function format(
  extensions: Readonly<
    Record<
      string,
      Readonly<Record<string, Given | readonly Given[]>> | readonly Readonly<Record<string, Given | readonly Given[]>>[]
    >
  >,
): string {
  const elements: string[] = [];
  for (const [name, offers] of Object.entries(extensions)) {
    for (const offer of Array.isArray(offers) ? offers : [offers]) {
      const parts = [name];
      for (const [key, values] of Object.entries(offer as Record<string, Given | readonly Given[]>))
        for (const value of Array.isArray(values) ? values : [values])
          parts.push(value === true ? key : `${key}=${value}`);
      elements.push(parts.join('; '));
    }
  }
  return elements.join(', ');
}
