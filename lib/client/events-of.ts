/**
 * The events of a response that somebody has fetched: `for await (const event of eventsOf(await fetch(url)))`.
 *
 * For those who have a `Response` and want no reconnection. Reads when it is asked, so a slow loop holds the server back, and
 * holds one chunk of the body at most. Knows no sockets. Read next: `../event-stream/parser.ts`.
 */

import { BarewireError, HandshakeRejected } from '../errors.ts';
import { EventStreamParser } from '../event-stream/parser.ts';
import { decide } from '../event-stream/reconnect.ts';
import { checkOptions, defined, describe, STRING, wholeNumber } from '../options.ts';
import { MAX_REFUSAL_BYTES } from './attempt.ts';

/** One event of a stream (HTML §9.2.6). */
export interface StreamEvent {
  /** `message` where the server named none. */
  readonly type: string;
  readonly data: string;
  /** The last event ID as of this event: what a request that goes on behind it sends as `Last-Event-ID`. */
  readonly lastEventId: string;
}

/** As much of a fetch `Response` as is read. */
export interface ResponseLike {
  readonly status: number;
  readonly headers: { get(name: string): string | null } & Iterable<[string, string]>;
  readonly body: ReadableStreamLike | null;
}

/** As much of a `ReadableStream` of bytes. */
export interface ReadableStreamLike {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
  };
}

/** Bounds, and where the stream begins. */
export interface EventsOfOptions {
  /** The most octets of one line. Default `EVENT_STREAM_LIMITS.maxLineBytes`. */
  readonly maxLineBytes?: number | undefined;
  /** The most octets of one event's data. Default `EVENT_STREAM_LIMITS.maxEventBytes`. */
  readonly maxEventBytes?: number | undefined;
  /** The last event ID that the request was sent with. */
  readonly lastEventId?: string | undefined;
}

const OPTIONS = { maxLineBytes: wholeNumber(1), maxEventBytes: wholeNumber(1), lastEventId: STRING };

/**
 * Reads a response as an event stream. Leaving the loop cancels the body.
 * @throws TypeError for what is no response, such as its promise; TypeError or RangeError for options; the iteration throws HandshakeRejected for a response that is no event stream, and
 * BarewireError for a line or an event beyond its limit
 */
export function eventsOf(
  response: ResponseLike,
  options: EventsOfOptions = {},
): AsyncGenerator<StreamEvent, void, void> {
  checkOptions('eventsOf', options, OPTIONS);
  if (typeof response?.headers?.get !== 'function')
    throw new TypeError(
      `eventsOf: response is ${describe(response)}, must be a Response, such as await fetch(url) gives`,
    );
  const { lastEventId, ...limits } = options;
  return read(response, new EventStreamParser(defined(limits), lastEventId));
}

async function* read(response: ResponseLike, parser: EventStreamParser): AsyncGenerator<StreamEvent, void, void> {
  const { status, headers, body } = response;
  const contentType = headers.get('content-type') ?? undefined;
  const decision = decide({ status, contentType, location: undefined }, 0);
  if (decision.kind === 'fail') throw await refusal(response, decision.code, decision.detail);
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return;
      for (const incoming of parser.receive(value)) {
        if (incoming.kind === 'failed')
          throw new BarewireError(incoming.code, `${incoming.detail} (${incoming.section})`);
        if (incoming.kind !== 'event') continue;
        const { type, data, lastEventId } = incoming;
        yield { type, data, lastEventId };
      }
    }
  } finally {
    // A body that is over, or has failed, is cancelled without effect.
    await reader.cancel().catch(() => undefined);
  }
}

/** The error for a response that is no stream, with the beginning of its body. */
async function refusal(response: ResponseLike, code: string, detail: string): Promise<HandshakeRejected> {
  const { status, headers } = response;
  const chunks: Uint8Array[] = [];
  const reader = response.body?.getReader();
  for (let length = 0; reader !== undefined && length < MAX_REFUSAL_BYTES; ) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    chunks.push(value.subarray(0, MAX_REFUSAL_BYTES - length));
    length += value.length;
  }
  await reader?.cancel().catch(() => undefined);
  const answer = {
    status,
    headers: {
      get: (name: string) => headers.get(name) ?? undefined,
      [Symbol.iterator]: () => headers[Symbol.iterator](),
    },
    body: Buffer.concat(chunks),
  };
  return new HandshakeRejected(code, detail, answer);
}
