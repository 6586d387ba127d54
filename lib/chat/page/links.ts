/**
 * Finds the web addresses in a text. Pure: text in, parts out; linear in the length of the text.
 *
 * An address begins with `http://`, `https://` (in any case) or `www.`. What closes a sentence after it is no part of it; a closing
 * bracket is one where it was opened inside. Read next: `messages.ts`.
 */

/** A piece of text; with `href` it is a link. */
export interface TextPart {
  readonly text: string;
  readonly href?: string;
}

const ADDRESS = /(?<![\p{L}\p{N}_])(?:https?:\/\/[^\s<>"]+|www\.[\p{L}\p{N}-]+\.[^\s<>"]+)/giu;
const ENDS_A_SENTENCE = new Set(".,;:!?'*…。，、！？；：»”’");
const BRACKETS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{', '）': '（', '」': '「', '】': '【' };

/** Cuts a text into plain pieces and links; together they are the text. */
export function findLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutEnd(match[0]);
    const href = /^www\./i.test(address) ? `https://${address}` : address;
    if (!URL.canParse(href)) continue;
    if (match.index > from) parts.push({ text: text.slice(from, match.index) });
    parts.push({ text: address, href });
    from = match.index + address.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

function withoutEnd(address: string): string {
  const counts = new Map<string, number>();
  for (const character of address) counts.set(character, (counts.get(character) ?? 0) + 1);
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1]!;
    const opening = BRACKETS[last];
    if (opening !== undefined) {
      const closed = counts.get(last) ?? 0;
      if (closed <= (counts.get(opening) ?? 0)) break;
      counts.set(last, closed - 1);
    } else if (!ENDS_A_SENTENCE.has(last)) break;
  }
  return address.slice(0, end);
}
