/**
 * `subprotocol` of ws: what `Sec-WebSocket-Protocol` offers, as a set in the client's order (RFC 6455 §4.1 item 10).
 *
 * Read next: `server-handshake.ts`.
 */

import { isToken, parseList } from '../http/grammar.ts';

/** @throws SyntaxError for what is no list of distinct tokens */
export function parse(header: string): Set<string> {
  const names = parseList(header);
  if (names.length === 0 || !names.every(isToken)) throw new SyntaxError('the header is not a list of tokens');
  const found = new Set(names);
  if (found.size !== names.length) throw new SyntaxError('a subprotocol is given twice');
  return found;
}
