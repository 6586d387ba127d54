/**
 * The log-in of a chat client: the token that it has, the ticket that it gets for it, and when to ask for another one.
 *
 * A token that a function gives is renewed once where the server refuses it; the next refusal is final.
 * Runs in browsers and in Node. Read next: `client-line.ts`, its user.
 */

import type { Answer, ChatHttp } from './client-http.ts';
import type { ConnectOptions } from './client-options.ts';

/** See the head of this file. */
export class Login {
  readonly #given: ConnectOptions['token'];
  #token: string | undefined;
  /** The token was renewed, and not accepted since. */
  #isRenewed = false;

  constructor(given: ConnectOptions['token']) {
    this.#given = given;
  }

  /** What requests carry. */
  get token(): string | undefined {
    return this.#token;
  }

  /** A ticket where there is a token; what went wrong otherwise. */
  async ticket(http: ChatHttp): Promise<string | undefined | Answer> {
    if (this.#given === undefined) return undefined;
    try {
      await this.fetch();
    } catch (error) {
      return { reason: `${error}` };
    }
    const answer = await http.ticket();
    return answer.body ? (answer.body as { readonly ticket: string }).ticket : answer;
  }

  /** Asks for a token where there is none now. Rejects with what the function of the application rejects with. */
  async fetch(): Promise<void> {
    const given = this.#given;
    this.#token ??= await (typeof given === 'function' ? given() : given);
  }

  /** Whether a refusal may be cured by a new token, which is then to be asked for. */
  renews(answer: Answer): boolean {
    if (answer.status !== 401 || this.#isRenewed || typeof this.#given !== 'function') return false;
    this.#isRenewed = true;
    this.#token = undefined;
    return true;
  }

  /** The server let us in with it. */
  accepted(): void {
    this.#isRenewed = false;
  }

  /** Its time is over. */
  expired(): void {
    this.#token = undefined;
  }
}
