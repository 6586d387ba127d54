/**
 * Event streams under load: so many clients read one stream, and a POST publishes each event to all of them.
 *
 * Servers frame events differently (chunked or not, with ids or without), so their octets are not known beforehand; a
 * small machine looks at each one: it takes HTTP chunks apart, counts events, and compares the data of every event.
 * Read next: `http-replies.ts`.
 */

import { ConnectFailed, type ConnectionOptions, field, LoadConnection } from './connection.ts';
import { HttpReplyReader } from './http-replies.ts';
import { failureSignal, type Measurement, measure, type Window, wait } from './measure.ts';
import { WrongReply } from './replies.ts';

const LF = 0x0a;
const CR = 0x0d;
const DATA = Buffer.from('data:');

/** Counts the events of one stream (HTML §9.2.6) and compares their data with what was published. */
export class EventCounter {
  readonly #expected: ((index: number) => Buffer) | undefined;
  /** Octets left of the HTTP chunk at hand (RFC 9112 §7.1); -1 while a size line is read. */
  #chunkLeft: number;
  readonly #chunked: boolean;
  #size = 0;
  /** A size line's extension, or its CR. */
  #sizeDone = false;
  /** CR LF that ends a chunk, still to be skipped. */
  #skip = 0;
  /** Where in a line we are, and what it began with. */
  #column = 0;
  #isData = false;
  #afterCr = false;
  /** Octets of data compared so far in this event; -1: no data line yet. */
  #compared = -1;
  #content: Buffer | undefined;
  count = 0;

  /** `expected` answers the data of the `index`-th event, which must hold no line end; without it events are only counted. */
  constructor(chunked: boolean, expected?: (index: number) => Buffer) {
    this.#chunked = chunked;
    this.#chunkLeft = chunked ? -1 : Number.POSITIVE_INFINITY;
    this.#expected = expected;
    this.#content = expected?.(0);
  }

  /** Answers how many events became whole. @throws WrongReply */
  receive(chunk: Buffer, length: number): number {
    const before = this.count;
    for (let i = 0; i < length; i++) {
      const octet = chunk[i]!;
      if (this.#chunked && this.#chunkLeft <= 0 && this.#readSize(octet)) continue;
      this.#chunkLeft--;
      if (this.#chunkLeft === 0) this.#skip = 2;
      this.#read(octet);
    }
    return this.count - before;
  }

  /** True while the octet belongs to the framing. */
  #readSize(octet: number): boolean {
    if (this.#skip > 0) {
      this.#skip--;
      if (this.#skip === 0) {
        this.#chunkLeft = -1;
        this.#size = 0;
        this.#sizeDone = false;
      }
      return true;
    }
    if (octet === LF) {
      if (this.#size === 0) throw new WrongReply('the server ended the stream');
      this.#chunkLeft = this.#size;
      return true;
    }
    const digit = Number.parseInt(String.fromCharCode(octet), 16);
    if (Number.isNaN(digit)) this.#sizeDone = true;
    else if (!this.#sizeDone) this.#size = this.#size * 16 + digit;
    return true;
  }

  #read(octet: number): void {
    if (octet === LF && this.#afterCr) {
      this.#afterCr = false;
      return;
    }
    this.#afterCr = octet === CR;
    if (octet === LF || octet === CR) {
      if (this.#column === 0) this.#dispatch();
      this.#column = 0;
      return;
    }
    const column = this.#column++;
    if (column === 0) this.#isData = true;
    if (!this.#isData) return;
    if (column < DATA.length) {
      if (octet !== DATA[column]) this.#isData = false;
      else if (column === DATA.length - 1) this.#compared = 0;
      return;
    }
    if (column === DATA.length && octet === 0x20) return;
    if (this.#content === undefined) return;
    if (octet !== this.#content[this.#compared]) {
      throw new WrongReply(`event ${this.count + 1} differs from what was published, at byte ${this.#compared}`);
    }
    this.#compared++;
  }

  /** A blank line: an event, if there was data. */
  #dispatch(): void {
    if (this.#compared === -1) return;
    if (this.#content !== undefined && this.#compared !== this.#content.length) {
      throw new WrongReply(
        `event ${this.count + 1} has ${this.#compared} bytes of data, ${this.#content.length} were published`,
      );
    }
    this.#compared = -1;
    this.count++;
    this.#content = this.#expected?.(this.count);
  }
}

/** Opens a stream and reads its head. @throws ConnectFailed */
export async function openStream(
  options: ConnectionOptions,
): Promise<{ readonly connection: LoadConnection; readonly chunked: boolean }> {
  const { url } = options;
  const connection = new LoadConnection(options);
  const head = await connection.request(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n\r\n`,
    options.connectTimeoutMs,
  );
  const status = head.slice(9, 12);
  const type = field(head, 'content-type') ?? '';
  if (status !== '200' || !type.startsWith('text/event-stream')) {
    connection.destroy();
    throw new ConnectFailed(`the server answered ${status} ${type}: no event stream at this path`);
  }
  return { connection, chunked: /chunked/i.test(field(head, 'transfer-encoding') ?? '') };
}

/** Opens many streams. @throws ConnectFailed */
export async function openStreams(
  count: number,
  options: ConnectionOptions,
  atOnce = 64,
): Promise<{ readonly connection: LoadConnection; readonly chunked: boolean }[]> {
  const streams: { connection: LoadConnection; chunked: boolean }[] = [];
  let next = 0;
  const opener = async () => {
    while (next < count) {
      next++;
      streams.push(await openStream(options));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(count, atOnce) }, opener));
  } catch (error) {
    next = count;
    for (const { connection } of streams) connection.destroy();
    throw error;
  }
  return streams;
}

export interface ListenLoad extends Window {
  /** Where the stream is. */
  readonly url: URL;
  readonly clients: number;
}

/** Listens, and counts what comes. @throws ConnectFailed, WrongReply when a stream ends */
export async function runListeners(load: ListenLoad): Promise<Measurement> {
  const streams = await openStreams(load.clients, { url: load.url });
  const { failure, fail } = failureSignal();
  let delivered = 0;
  let running = true;
  for (const { connection, chunked } of streams) {
    const counter = new EventCounter(chunked);
    connection.onChunk = (chunk, length) => {
      try {
        delivered += counter.receive(chunk, length);
      } catch (error) {
        if (running) fail(error as Error);
      }
    };
    connection.onGone = (error) => {
      if (running) fail(error ?? new WrongReply('the server ended a stream'));
    };
    connection.start();
  }
  try {
    return await measure(load, () => delivered, failure);
  } finally {
    running = false;
    for (const { connection } of streams) connection.destroy();
  }
}

export interface EventStreamLoad extends ListenLoad {
  /** Where a POST publishes its body as one event. */
  readonly publishUrl: URL;
  /** Events that not every client has yet. */
  readonly inFlight: number;
  readonly sizeBytes: number;
}

/** Different events before they repeat. */
const VARIANTS = 16;
const SETTLE_MS = 100;

/** The data of the `index`-th event: ASCII without line ends. */
export function eventData(sizeBytes: number, index: number): Buffer {
  const text = `{"n":${index % VARIANTS},"tick":"`;
  return Buffer.from(
    `${text.padEnd(sizeBytes - 2, 'abcdefghijklmnopqrstuvwxyz'.slice(index % 13)).slice(0, sizeBytes - 2)}"}`,
  );
}

/** Counts deliveries. @throws WrongReply, ConnectFailed */
export async function runEventStreams(load: EventStreamLoad): Promise<Measurement> {
  const { publishUrl, clients } = load;
  const data = Array.from({ length: VARIANTS }, (_, i) => eventData(load.sizeBytes, i));
  const posts = data.map((body) => postRequest(publishUrl, body));
  const streams = await openStreams(clients, { url: load.url });
  const { failure, fail } = failureSignal();
  const publisher = new LoadConnection({ url: publishUrl });
  const replies = new HttpReplyReader();
  let delivered = 0;
  let published = 0;
  let running = true;
  const publish = () => {
    const due = Math.floor(delivered / clients) + load.inFlight - published;
    for (let i = 0; i < due; i++) publisher.socket.write(posts[published++ % VARIANTS]!);
  };
  const guard = (action: () => void) => {
    if (!running) return;
    try {
      action();
    } catch (error) {
      fail(error as Error);
    }
  };
  try {
    await wait(SETTLE_MS);
    publisher.onBytes((chunk, length) => guard(() => replies.receive(chunk, length)));
    publisher.onGone = (error) => {
      if (running) fail(error ?? new Error('the server ended the connection that publishes'));
    };
    for (const { connection, chunked } of streams) {
      const counter = new EventCounter(chunked, (index) => data[index % VARIANTS]!);
      connection.onChunk = (chunk, length) =>
        guard(() => {
          const whole = counter.receive(chunk, length);
          if (whole === 0) return;
          delivered += whole;
          publish();
        });
      connection.onGone = (error) => {
        if (running) fail(error ?? new Error('the server ended a stream'));
      };
      connection.start();
    }
    publish();
    return await measure(load, () => delivered, failure);
  } finally {
    running = false;
    publisher.destroy();
    for (const { connection } of streams) connection.destroy();
  }
}

/** A POST with its body, as octets. */
export function postRequest(url: URL, body: Buffer, type = 'text/plain'): Buffer {
  return Buffer.concat([
    Buffer.from(
      `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  ]);
}
