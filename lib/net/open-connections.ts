/**
 * The registry of what is open: counts, iteration, closing all of it.
 *
 * Every channel of a server is counted here from its first to its last moment, whatever it speaks; WebSockets, streams and HTTP
 * connections are here by kind, so that each can be ended as it wants to be ended. Knows no routes.
 * O(1) to add and to remove. Read next: `drain.ts`.
 */

import type { Channel, Owner } from '../channel/port.ts';
import { AddressCounts } from './address-counts.ts';
import type { HttpConnection } from './http-connection.ts';
import { Roll } from './roll.ts';
import type { ServerStream } from './server-event-stream.ts';
import type { ServerSocket } from './server-websocket.ts';

/** How many connections are open, by what they are. */
export interface ConnectionCounts {
  readonly http: number;
  readonly webSockets: number;
  readonly eventStreams: number;
}

/** What can be dropped. */
interface Dropped {
  destroy(): void;
}

export class OpenConnections implements Owner {
  readonly http: Roll<'place', HttpConnection> = new Roll<'place', HttpConnection>('place');
  readonly webSockets: Set<ServerSocket<never>> = new Set<ServerSocket<never>>();
  readonly eventStreams: Set<ServerStream<never>> = new Set<ServerStream<never>>();
  /** Open channels in every phase but that of a WebSocket, which stands for its own: a second entry would be 20 to 40 bytes. */
  readonly channels: Set<Channel> = new Set<Channel>();
  /** Responses to requests of other people's servers, until each is over. Their connections are not ours, and are not counted. */
  readonly responses: Set<Dropped> = new Set<Dropped>();
  readonly addresses: AddressCounts;
  /** Told when the last channel and the last response have gone. */
  #whenEmpty: (() => void)[] = [];

  constructor(maxPerAddress: number) {
    this.addresses = new AddressCounts(maxPerAddress);
  }

  get counts(): ConnectionCounts {
    return { http: this.http.size, webSockets: this.webSockets.size, eventStreams: this.eventStreams.size };
  }

  /** Open channels, in every phase. */
  get size(): number {
    return this.channels.size + this.webSockets.size;
  }

  /** A WebSocket has been opened on this channel. It takes itself out of `webSockets` when the channel has gone. */
  opened(socket: ServerSocket<never>, channel: Channel): void {
    this.webSockets.add(socket);
    this.channels.delete(channel);
  }

  /** `Owner`. */
  channelGone(channel: Channel): void {
    this.channels.delete(channel);
    this.addresses.gone(channel);
    this.#tellIfEmpty();
  }

  /** A response is over, or its client has gone. */
  responseGone(response: Dropped): void {
    this.responses.delete(response);
    this.#tellIfEmpty();
  }

  /** Resolves once no channel is open and every response is over: at once where that is so. */
  whenEmpty(): Promise<void> {
    if (this.#isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Closes WebSockets with this code, ends streams, and lets requests that are being answered finish. */
  closeAll(code: number, reason: string): void {
    for (const socket of [...this.webSockets]) socket.close(code, reason);
    for (const stream of [...this.eventStreams]) stream.close();
    this.http.each((connection) => connection.closeWhenIdle());
  }

  /** Drops everything at once. */
  destroyAll(): void {
    for (const channel of [...this.channels]) channel.destroy();
    for (const socket of [...this.webSockets]) socket.terminate();
    // One that waits for its turn on its connection tells nobody that it was dropped.
    for (const response of [...this.responses]) {
      response.destroy();
      this.responseGone(response);
    }
  }

  get #isEmpty(): boolean {
    return this.size === 0 && this.responses.size === 0;
  }

  #tellIfEmpty(): void {
    if (!this.#isEmpty) return;
    for (const tell of this.#whenEmpty.splice(0)) tell();
  }
}
