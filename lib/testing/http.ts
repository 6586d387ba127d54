/**
 * Requests to a server without a port: to one response, or to an event stream.
 *
 * Reads answers with the code that clients have. Read next: `websocket.ts`.
 */

import type { MemoryChannel } from '../channel/memory.ts';
import type { Sink } from '../channel/port.ts';
import { HandshakeRejected } from '../errors.ts';
import { EventStreamParser } from '../event-stream/parser.ts';
import { encodeRequestHead, type ResponseHead } from '../http/head.ts';
import type { HeaderFields } from '../http/headers.ts';
import { ResponseParser } from '../http/response-parser.ts';
import { checkNames } from '../options.ts';
import type { Server } from '../server.ts';
import { Inbox } from './inbox.ts';
import type { Network } from './network.ts';
import { join, type RawOptions, write } from './raw.ts';

export interface RequestOptions extends RawOptions {
  /** Default GET, or POST where there is a body. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

const REQUEST_OPTIONS: readonly (keyof RequestOptions)[] = ['method', 'headers', 'body', 'remote'];

/** A response that has come whole. */
export class TestResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: Uint8Array;

  constructor(head: ResponseHead, body: Uint8Array) {
    this.status = head.status;
    this.headers = head.headers;
    this.body = body;
  }

  /** The body as UTF-8. */
  text(): string {
    return Buffer.from(this.body).toString();
  }

  /** @throws SyntaxError where the body is no JSON */
  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** What was asked for was refused, with a response. */
export class Refused extends HandshakeRejected {
  readonly response: TestResponse;

  constructor(response: TestResponse) {
    super('TEST_REFUSED', `server answered ${response.status}`, response); // the body's first line follows
    this.response = response;
  }
}

/** What becomes of a response, in order. */
export interface ResponseReader {
  /** False: the rest of the connection is somebody else's. */
  head(head: ResponseHead): void;
  body(chunk: Uint8Array): void;
  /** `broken` says why it is not whole. */
  end(broken: string | undefined): void;
}

/** Reads one response from a channel. */
export class ResponseSink implements Sink {
  readonly #parser: ResponseParser;
  readonly #reader: ResponseReader;
  readonly #channel: MemoryChannel;
  #over = false;

  constructor(channel: MemoryChannel, method: string, reader: ResponseReader) {
    this.#channel = channel;
    this.#parser = new ResponseParser({ method });
    this.#reader = reader;
    channel.sink = this;
  }

  receive(chunk: Uint8Array): void {
    for (const incoming of this.#parser.receive(chunk)) this.#take(incoming);
  }

  receiveEnd(): void {
    for (const incoming of this.#parser.receiveEnd()) this.#take(incoming);
    this.#channel.end();
  }

  drained(): void {}

  gone(error: Error | undefined): void {
    this.#end(error?.message ?? 'the connection has ended');
  }

  /** What came behind a 101. */
  takeRest(): Uint8Array {
    this.#over = true;
    return this.#parser.takeRest();
  }

  #take(incoming: ReturnType<ResponseParser['receive']>[number]): void {
    if (incoming.kind === 'head') this.#reader.head(incoming.head);
    else if (incoming.kind === 'body') this.#reader.body(incoming.chunk);
    else this.#end(incoming.kind === 'end' ? undefined : `${incoming.detail} (${incoming.section})`);
  }

  #end(broken: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#reader.end(broken);
  }
}

/** Gathers a response that has begun. */
export class Gathering {
  readonly #head: ResponseHead;
  readonly #chunks: Uint8Array[] = [];

  constructor(head: ResponseHead) {
    this.#head = head;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(new Uint8Array(chunk));
  }

  whole(): TestResponse {
    return new TestResponse(this.#head, new Uint8Array(Buffer.concat(this.#chunks)));
  }
}

/** The host that requests of tests ask for. */
export const TEST_HOST = 'test.example';

function requestBytes(target: string, method: string, { headers = {}, body = '' }: RequestOptions): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const own = Object.keys(headers).some((name) => name.toLowerCase() === 'host') ? [] : [['Host', TEST_HOST] as const];
  const length = bytes.length > 0 ? [['Content-Length', String(bytes.length)] as const] : [];
  const head = encodeRequestHead(method, target, [...own, ...Object.entries(headers), ...length]);
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

/** Sends one request and answers its response, whole. Rejects where the connection ends before. */
export async function request(server: Server, target: string, options: RequestOptions = {}): Promise<TestResponse> {
  checkNames('request', options, REQUEST_OPTIONS);
  const { method = options.body === undefined ? 'GET' : 'POST' } = options;
  const { channel } = join('request', server, options);
  return new Promise((resolve, reject) => {
    let gathering: Gathering | undefined;
    new ResponseSink(channel, method, {
      head(head) {
        gathering = new Gathering(head);
      },
      body: (chunk) => gathering?.add(chunk),
      end(broken) {
        if (broken === undefined && gathering !== undefined) resolve(gathering.whole());
        else reject(new Error(`no whole response came: ${broken}`));
        channel.end();
      },
    });
    write(channel, requestBytes(target, method, options));
  });
}

/** An event as a client gets it (HTML §9.2.6). */
export interface TestEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** A client of an event stream whose head has come. */
export class TestStream {
  readonly headers: HeaderFields;
  readonly network: Network;
  /** Resolves when the stream has ended: `whole` with its last chunk, or broken. */
  readonly closed: Promise<{ readonly whole: boolean }>;
  readonly #channel: MemoryChannel;
  readonly #events: Inbox<TestEvent>;

  constructor(
    head: ResponseHead,
    channel: MemoryChannel,
    network: Network,
    events: Inbox<TestEvent>,
    closed: Promise<{ readonly whole: boolean }>,
  ) {
    this.headers = head.headers;
    this.network = network;
    this.closed = closed;
    this.#channel = channel;
    this.#events = events;
  }

  /** The next event. Rejects when the stream ends first. */
  next(): Promise<TestEvent> {
    return this.#events.next();
  }

  /** Takes the next event, and @throws Error where it differs in what is expected of it; a string is its data. */
  async expect(expected: string | Partial<TestEvent>): Promise<TestEvent> {
    const event = await this.next();
    const wanted = typeof expected === 'string' ? { data: expected } : expected;
    for (const key of ['type', 'data', 'lastEventId'] as const) {
      if (wanted[key] !== undefined && wanted[key] !== event[key])
        throw new Error(`${key} of an event is ${JSON.stringify(event[key])}, expected ${JSON.stringify(wanted[key])}`);
    }
    return event;
  }

  /** The client leaves. */
  leave(): void {
    this.#channel.destroy();
  }
}

/** Opens an event stream. @throws Refused where the server answers anything else */
export async function openStream(server: Server, target: string, options: RequestOptions = {}): Promise<TestStream> {
  checkNames('openStream', options, REQUEST_OPTIONS);
  const { method = options.body === undefined ? 'GET' : 'POST' } = options;
  const { channel, network } = join('openStream', server, options);
  return new Promise((resolve, reject) => {
    const events = new Inbox<TestEvent>('event');
    const parser = new EventStreamParser();
    let refusal: Gathering | undefined;
    let close: (how: { readonly whole: boolean }) => void = () => {};
    const closed = new Promise<{ readonly whole: boolean }>((done) => {
      close = done;
    });
    new ResponseSink(channel, method, {
      head(head) {
        const isStream = head.status === 200 && head.headers.get('content-type') === 'text/event-stream';
        if (isStream) resolve(new TestStream(head, channel, network, events, closed));
        else refusal = new Gathering(head);
      },
      body(chunk) {
        refusal?.add(chunk);
        if (refusal === undefined)
          for (const incoming of parser.receive(chunk)) if (incoming.kind === 'event') events.push(incoming);
      },
      end(broken) {
        if (refusal !== undefined) reject(new Refused(refusal.whole()));
        else reject(new Error(`no response came: ${broken}`)); // changes nothing where the stream is open
        events.end(broken ?? 'the server has ended the stream');
        close({ whole: broken === undefined });
        channel.end();
      },
    });
    write(channel, requestBytes(target, method, { headers: { Accept: 'text/event-stream' }, ...options }));
  });
}
