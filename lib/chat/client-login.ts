/**
 * The log-in of a chat client: the token that it has, and when to ask for another one.
 *
 * A token that a function gives is renewed once where the server refuses it; the next refusal, of the new one, is final. Many requests may
 * be under way with one token: it counts as refused once. Runs in browsers and in Node. Read next: `client-http.ts`, its user.
 */

import type { ConnectOptions } from './client-options.ts';

/** A token, or that there is none; perhaps on its way. The same object for all who have the same one. */
export type Token = Promise<string | undefined>;

/** See the head of this file. */
export class Login {
  readonly #given: ConnectOptions['token'];
  #token: Token | undefined;
  /** The token was renewed, and not accepted since. */
  #isRenewed = false;

  constructor(given: ConnectOptions['token']) {
    this.#given = given;
  }

  /** Whether one logs in here. */
  get isNeeded(): boolean {
    return this.#given !== undefined;
  }

  /** The token; asks for one where there is none now. Rejects with what the function of the application rejects with. */
  token(): Token {
    const given = this.#given;
    const token = this.#token ?? (async () => (typeof given === 'function' ? given() : given))();
    this.#token = token;
    token.catch(() => this.expired(token)); // it is asked again next time
    return token;
  }

  /** The server refused it: whether to ask again, with another one. */
  renews(token: Token): boolean {
    if (token !== this.#token) return true; // there is another one already
    if (this.#isRenewed || typeof this.#given !== 'function') return false;
    this.#isRenewed = true;
    this.expired();
    return true;
  }

  /** The server let us in with it. */
  accepted(token: Token): void {
    if (token === this.#token) this.#isRenewed = false;
  }

  /** Its time is over. */
  expired(token: Token | undefined = this.#token): void {
    if (token === this.#token) this.#token = undefined;
  }
}
