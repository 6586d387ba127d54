/**
 * The little languages inside header fields: tokens, lists, parameters (RFC 9110 §5.5, §5.6).
 *
 * Every scanner walks its text once, character by character: time is linear in the length whatever the text, where the
 * backtracking of regular expressions has cost others their availability (CVE-2021-32640, CVE-2020-7662).
 * Nothing a peer names becomes an object's key. Read next: `headers.ts`.
 */

/** `token` characters of RFC 9110 §5.6.2, by char code. */
const TOKEN_CHARS: Uint8Array = new Uint8Array(128);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  TOKEN_CHARS[char.charCodeAt(0)] = 1;

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

export function isTokenChar(code: number): boolean {
  return code < 128 && TOKEN_CHARS[code] === 1;
}

/** Whether the text is a token: one or more token characters (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenChar(text.charCodeAt(i))) return false;
  return text.length > 0;
}

/** Whether a field value holds only what RFC 9110 §5.5 allows: visible characters, obs-text, space and tab. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || code === DELETE || (code < SPACE && code !== TAB)) return false;
  }
  return true;
}

/** Without the optional white space around it: spaces and tabs only (RFC 9110 §5.6.3). */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** The elements of a comma list, trimmed, empty ones left out (RFC 9110 §5.6.1.2). Commas in quoted strings do not count. */
export function parseList(value: string): string[] {
  const elements: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i <= value.length; i++) {
    const code = i === value.length ? COMMA : value.charCodeAt(i);
    if (quoted && i < value.length) {
      // A backslash that ends the text escapes nothing: the end must still be seen, or the last element would be lost.
      if (code === BACKSLASH && i + 1 < value.length) i++;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if (code === COMMA) {
      const element = trimOws(value.slice(start, i));
      if (element !== '') elements.push(element);
      start = i + 1;
    }
  }
  return elements;
}

export interface Parameter {
  readonly name: string;
  /** Undefined when there was no `=`. Quotes are taken off. */
  readonly value: string | undefined;
}

export interface ParameterizedElement {
  readonly name: string;
  /** In order, duplicates included. */
  readonly parameters: readonly Parameter[];
}

/**
 * `#( token *( ";" token [ "=" ( token / quoted-string ) ] ) )`: the form of Sec-WebSocket-Extensions (RFC 6455 §9.1).
 * Undefined when the text is not of that form.
 */
export function parseParameterizedList(value: string): ParameterizedElement[] | undefined {
  const elements: ParameterizedElement[] = [];
  let i = 0;
  const skipOws = () => {
    while (i < value.length && isOws(value.charCodeAt(i))) i++;
  };
  const token = (): string | undefined => {
    const start = i;
    while (i < value.length && isTokenChar(value.charCodeAt(i))) i++;
    return i > start ? value.slice(start, i) : undefined;
  };
  for (;;) {
    skipOws();
    while (value.charCodeAt(i) === COMMA) {
      i++; // RFC 9110 §5.6.1.2: a recipient must accept a reasonable number of empty elements; the head's limit bounds them
      skipOws();
    }
    if (i === value.length) return elements;
    const name = token();
    if (name === undefined) return undefined;
    const parameters: Parameter[] = [];
    skipOws();
    while (value.charCodeAt(i) === SEMICOLON) {
      i++;
      skipOws();
      const parameter = token();
      if (parameter === undefined) return undefined;
      skipOws();
      if (value.charCodeAt(i) !== EQUALS) {
        parameters.push({ name: parameter, value: undefined });
        continue;
      }
      i++;
      skipOws();
      let text: string | undefined;
      if (value.charCodeAt(i) === QUOTE) {
        text = '';
        for (i++; i < value.length && value.charCodeAt(i) !== QUOTE; i++) {
          if (value.charCodeAt(i) === BACKSLASH) i++;
          text += value.charAt(i);
        }
        if (i >= value.length) return undefined;
        i++;
        if (!isToken(text)) return undefined; // RFC 6455 §9.1: the value after unescaping "MUST conform to the 'token' ABNF"
      } else {
        text = token();
        if (text === undefined) return undefined;
      }
      parameters.push({ name: parameter, value: text });
      skipOws();
    }
    elements.push({ name, parameters });
    if (i < value.length && value.charCodeAt(i) !== COMMA) return undefined;
  }
}

function isOws(code: number): boolean {
  return code === SPACE || code === TAB;
}
