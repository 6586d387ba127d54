/**
 * One stream of HTTP/2 as a channel: its head leaves with its first bytes, and it ends as RFC 8441 §5 says.
 *
 * An orderly end is END_STREAM, followed by RST_STREAM with NO_ERROR where the client has not ended its direction; everything else is
 * RST_STREAM with CANCEL, in both directions. Each stream has a flow-control window of its own, so each channel has its own backpressure, also while others of the same connection flow.
 * Until the head has left it can be taken back. Knows nothing of requests. Read next: `http2-exchange.ts`.
 */

import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';
import { DuplexChannel } from '../channel/duplex.ts';
import type { Owner, Remote, Sink } from '../channel/port.ts';
import { destroyOnceReset, resetOnceAnswered } from './http2-reset.ts';

export class Http2Channel extends DuplexChannel {
  readonly #stream: ServerHttp2Stream;
  /** Not sent yet. */
  #head: OutgoingHttpHeaders | undefined = undefined;
  /** We have reset the stream ourselves, of which Node tells as an error. */
  #dropped = false;

  /** What the client's END_STREAM has ended is its request, and no more. */
  #requestOnly = false;

  /** Paused: `resume` reads what the client sends. */
  constructor(stream: ServerHttp2Stream, sink: Sink, owner: Owner) {
    super({ stream, readable: stream, remote: remoteOf(stream), owner }, sink);
    this.#stream = stream;
    destroyOnceReset(stream);
    stream.pause();
  }

  /** The stream, its session or its connection was cut off before the answer was whole. Node ends what is read then too. */
  get cutOff(): boolean {
    return this.#stream.aborted;
  }

  /** The response's head: sent at the next flush, or replaced before. */
  set head(head: OutgoingHttpHeaders) {
    this.#head = head;
  }

  /** The head has left. */
  get headSent(): boolean {
    return this.#stream.headersSent;
  }

  /**
   * The request is over, and what follows is an answer without an end in sight. The request's END_STREAM ends the request;
   * whether the client still wants the answer is not said by it (RFC 9113 §8.1).
   */
  keepAnswering(): void {
    this.#requestOnly = true;
  }

  override get peerEnded(): boolean {
    return !this.#requestOnly && super.peerEnded;
  }

  override flush(): void {
    const head = this.#head;
    if (head !== undefined && !this.destroyed) {
      this.#head = undefined;
      // Reset by the client, and not destroyed while what it has sent before is unread: `respond` would throw.
      if (this.#stream.closed) this.#stream.destroy();
      else this.#stream.respond(head);
    }
    super.flush();
  }

  /** Asks the client for the body that it holds back (RFC 9110 §10.1.1). */
  sendContinue(): void {
    if (!this.#stream.closed) this.#stream.additionalHeaders({ ':status': 100 }); // a reset may have come with the head
  }

  /** END_STREAM once everything has left. Then nothing that the client could still send is of use. */
  override end(): void {
    super.end();
    resetOnceAnswered(this.#stream);
  }

  protected override drop(): void {
    this.#dropped = true;
    // RFC 8441 §5: "RST exceptions are represented with the RST_STREAM frame with the CANCEL error code". Node sends it for an
    // abort; its `destroy` alone has other codes, and its `close` sends END_STREAM first, which would be an orderly end.
    addAbortSignal(sharedAborted, this.#stream);
  }

  /** What we have dropped ourselves has no error but the one that it was dropped with. */
  override takeError(error: Error): void {
    if (!this.#dropped) super.takeError(error);
  }
}

const sharedAborted = AbortSignal.abort();

/** Who is at the other end of the connection. */
function remoteOf(stream: ServerHttp2Stream): Remote {
  const { session } = stream;
  if (session === undefined || session.destroyed) return { address: '', port: 0, secure: false };
  const { remoteAddress = '', remotePort = 0 } = session.socket;
  return { address: remoteAddress, port: remotePort, secure: session.encrypted === true };
}
