/**
 * A `WebSocketConnection` whose messages are received in parts: each is told at its first frame, to a handler of its own.
 *
 * Adds one message in progress to what its base does; connections that receive whole messages do not pay for it.
 * Choice: after our own `close` nothing more of a message is delivered, so that the peer's close is heard whoever reads.
 * Read next: `streamed-message.ts`.
 */

import type { Channel } from '../channel/port.ts';
import type { AgreedExtensions, Incoming } from '../websocket/protocol.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { ask } from './guard.ts';
import { MessageStream } from './streamed-message.ts';
import { WebSocketConnection } from './websocket-connection.ts';

/** Makes the connection that `settings` ask for. */
export function openConnection<Face>(
  channel: Channel,
  settings: ConnectionSettings<Face>,
  agreed: AgreedExtensions,
  face: Face,
): WebSocketConnection<Face> {
  const Connection = settings.inParts === true ? StreamingConnection<Face> : WebSocketConnection<Face>;
  return new Connection(channel, settings, agreed, face);
}

class StreamingConnection<Face> extends WebSocketConnection<Face> {
  /** Set from a message's first frame to its last octet. */
  #message: MessageStream | undefined = undefined;

  override deliver(incoming: Incoming): void {
    if (incoming.kind === 'begin') this.#begin(incoming.type);
    else if (incoming.kind === 'part') this.#message?.push(incoming.data);
    else if (incoming.kind === 'end') this.#end();
    else {
      super.deliver(incoming);
      if (incoming.kind === 'failed' || incoming.kind === 'close') this.#cut();
    }
  }

  override close(code?: number, reason?: string): void {
    super.close(code, reason);
    this.#cut();
    this.release(); // nothing more is delivered, so nobody can be behind
  }

  override gone(error: Error | undefined): void {
    this.#cut(error);
    super.gone(error);
  }

  #begin(type: 'text' | 'binary'): void {
    if (this.readyState !== 1) return;
    const { handlers, maxQueuedMessages, maxQueuedBytes } = this.settings;
    const message = new MessageStream(type, { maxMessages: maxQueuedMessages, maxBytes: maxQueuedBytes }, this);
    this.#message = message;
    ask(() => handlers.messageStream?.(this.face, message), {
      answered: () => message.handled(),
      failed: (error) => {
        this.handlerFailed(error);
        message.handled();
      },
    });
  }

  #end(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.receivedMessages++;
    this.#message = undefined;
    message.end();
  }

  /** The rest of the message will not be delivered. */
  #cut(error?: Error): void {
    const message = this.#message;
    this.#message = undefined;
    message?.cut(this.error ?? error);
  }
}
