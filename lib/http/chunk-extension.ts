/**
 * What may stand between a chunk's size and the end of its line, octet by octet (RFC 9112 §7.1.1):
 *
 *     chunk-ext     = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
 *     chunk-ext-val = token / quoted-string
 *
 * Pure, and knows no meaning of any extension: "A recipient MUST ignore unrecognized chunk extensions". The grammar is held to
 * because two parsers that end such a line at different places see different requests. In: a state and an octet. Out: the
 * next state, or that there is none. Read next: `body.ts`.
 */

import { isTokenChar } from './grammar.ts';

/** Where in the extensions of a chunk the octets so far have led. */
export type ExtensionState =
  /** After white space, where only ";" may follow. */
  | 'space'
  /** After ";". */
  | 'before-name'
  | 'name'
  /** After white space after a name, where ";" or "=" may follow. */
  | 'name-space'
  /** After "=". */
  | 'before-value'
  | 'value'
  | 'quoted'
  /** After a backslash in a quoted string. */
  | 'escaped'
  | 'quoted-end';

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

/** The state after one more octet, which is not the line's CR; undefined where the grammar has no such octet. */
export function afterExtensionOctet(state: ExtensionState, octet: number): ExtensionState | undefined {
  const isSpace = octet === SPACE || octet === TAB;
  switch (state) {
    case 'space':
      return isSpace ? 'space' : octet === SEMICOLON ? 'before-name' : undefined;
    case 'before-name':
      return isSpace ? 'before-name' : isTokenChar(octet) ? 'name' : undefined;
    case 'name':
      if (isTokenChar(octet)) return 'name';
      return isSpace ? 'name-space' : afterName(octet);
    case 'name-space':
      return isSpace ? 'name-space' : afterName(octet);
    case 'before-value':
      if (isSpace) return 'before-value';
      return octet === QUOTE ? 'quoted' : isTokenChar(octet) ? 'value' : undefined;
    case 'value':
      return isTokenChar(octet) ? 'value' : afterValue(octet, isSpace);
    case 'quoted':
      if (octet === QUOTE) return 'quoted-end';
      return octet === BACKSLASH ? 'escaped' : isText(octet) ? 'quoted' : undefined;
    case 'escaped':
      return isText(octet) ? 'quoted' : undefined;
    case 'quoted-end':
      return afterValue(octet, isSpace);
  }
}

/** Whether the line may end in this state. */
export function mayEnd(state: ExtensionState): boolean {
  return state === 'name' || state === 'value' || state === 'quoted-end';
}

function afterName(octet: number): ExtensionState | undefined {
  return octet === EQUALS ? 'before-value' : octet === SEMICOLON ? 'before-name' : undefined;
}

function afterValue(octet: number, isSpace: boolean): ExtensionState | undefined {
  return isSpace ? 'space' : octet === SEMICOLON ? 'before-name' : undefined;
}

/** RFC 9110 §5.6.4: HTAB, SP, visible characters and obs-text. */
function isText(octet: number): boolean {
  return octet === TAB || (octet >= SPACE && octet !== DELETE);
}
