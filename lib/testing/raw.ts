/**
 * Octets to and from a server without a port: for tests of what no well-behaved client sends.
 *
 * The server serves the connection as one that its listener has accepted, from the first octet of a request on; limits on the
 * number of connections are the listener's and do not apply. Read next: `websocket.ts` and `http.ts`, clients on top of it.
 */

import { type MemoryChannel, memoryPair } from '../channel/memory.ts';
import type { Remote, Sink } from '../channel/port.ts';
import { Server } from '../server.ts';
import { Network } from './network.ts';

export interface RawOptions {
  /** Who the server takes the client for. Default 127.0.0.1, port 0, without TLS. */
  readonly remote?: Partial<Remote> | undefined;
}

/** The client's end of a connection in memory, and the network in between. */
export interface Joined {
  readonly channel: MemoryChannel;
  readonly network: Network;
}

/**
 * Joins a channel with the server. The server's side is counted, observed and ended like any other connection.
 * @throws Error where the server is closing or closed: nobody would connect to its port either
 */
export function join(where: string, server: Server, { remote = {} }: RawOptions): Joined {
  const { open, observed, closing, accepted } = Server.inside(server, where);
  if (closing()) throw new Error('the server is closing, and takes no connections');
  const { first, second } = memoryPair({ remote, owner: open });
  open.channels.add(first);
  observed.connect(first);
  accepted(first);
  return { channel: second, network: new Network(first, second) };
}

/** Appends to what a channel writes. */
export function write(channel: MemoryChannel, bytes: Uint8Array): void {
  channel.output.append(bytes, 0, bytes.length);
  channel.flush();
}

/** Connects to a server, and says nothing yet. @throws Error where the server is closing or closed */
export function connectRaw(server: Server, options: RawOptions = {}): RawConnection {
  return new RawConnection(join('connectRaw', server, options));
}

export class RawConnection implements Sink {
  readonly network: Network;
  readonly #channel: MemoryChannel;
  #received: Uint8Array = new Uint8Array(0);
  /** The server has said FIN, or the connection has broken. */
  #over: string | undefined = undefined;
  /** Those that wait for more. */
  readonly #waiting: (() => void)[] = [];
  /** Resolves when the server's FIN has come, or the connection has broken: `reset` tells which. */
  readonly ended: Promise<{ readonly reset: boolean }>;
  #end!: (how: { readonly reset: boolean }) => void;

  /** Use `connectRaw`. */
  constructor({ channel, network }: Joined) {
    this.#channel = channel;
    this.network = network;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    channel.sink = this;
  }

  /** Sends octets; a string as UTF-8. They are copied. */
  write(bytes: Uint8Array | string): void {
    write(this.#channel, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  /** The next `count` octets. Rejects when the connection ends before they have come. */
  async read(count: number): Promise<Uint8Array> {
    await this.#until(`${count} octets`, () => this.#received.length >= count);
    return this.#take(count);
  }

  /** Everything up to and with `mark`, as UTF-8: `'\r\n\r\n'` for a head. Rejects when the connection ends before. */
  async readUntil(mark: string): Promise<string> {
    const find = (): number => Buffer.from(this.#received.buffer).indexOf(mark);
    await this.#until(JSON.stringify(mark), () => find() >= 0);
    return Buffer.from(this.#take(find() + Buffer.byteLength(mark))).toString();
  }

  /** Ends our direction with a FIN; what the server sends is still read. */
  end(): void {
    this.#channel.end();
  }

  /** `Sink`. */
  receive(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#received.length + chunk.length);
    all.set(this.#received);
    all.set(chunk, this.#received.length);
    this.#received = all;
    this.#wake();
  }

  /** `Sink`. */
  receiveEnd(): void {
    this.#finish('the server has ended it', false);
  }

  /** `Sink`. */
  drained(): void {}

  /** `Sink`. */
  gone(error: Error | undefined): void {
    this.#finish(error?.message ?? 'it is closed', error !== undefined);
  }

  #finish(why: string, reset: boolean): void {
    this.#over ??= why;
    this.#end({ reset });
    this.#wake();
  }

  #take(count: number): Uint8Array {
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#over !== undefined)
        throw new Error(`${what} will not come: ${this.#over}; ${this.#received.length} octets are there`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
