/**
 * HTTP load by autocannon, which is not ours: requests a second, and POSTs that are each sent to so many event streams.
 */

import { createRequire } from 'node:module';
import { EventCounter, eventData, openStreams } from '../../lib/load/event-stream.ts';
import { failureSignal, type Measurement, measure, type Window, wait } from '../../lib/load/measure.ts';
import { WrongReply } from '../../lib/load/replies.ts';

export interface HttpLoad extends Window {
  readonly origin: URL;
  readonly connections: number;
  readonly pipelining: number;
  /** 0: GET /plain. More: POST /publish, with so many clients at /events. */
  readonly streams: number;
  readonly sizeBytes: number;
}

interface Autocannon {
  on(event: 'response', listener: (client: unknown, status: number) => void): void;
  on(event: 'reqError' | 'reqMismatch', listener: (error: unknown) => void): void;
  stop(): void;
}
const require = createRequire(import.meta.url);

/** Counts responses; for publishing runs also checks that every stream received every event. */
export async function runHttp(load: HttpLoad): Promise<Measurement> {
  const autocannon = require('autocannon') as (options: object, done: () => void) => Autocannon;
  const { failure, fail } = failureSignal();
  const data = eventData(load.sizeBytes, 0);
  const streams = load.streams === 0 ? [] : await openStreams(load.streams, { url: new URL('/events', load.origin) });
  let delivered = 0;
  let running = true;
  for (const { connection, chunked } of streams) {
    const counter = new EventCounter(chunked, () => data);
    connection.onChunk = (chunk, length) => {
      try {
        delivered += counter.receive(chunk, length);
      } catch (error) {
        if (running) fail(error as Error);
      }
    };
    connection.onGone = () => running && fail(new Error('the server ended a stream'));
    connection.start();
  }
  await wait(100);
  let responses = 0;
  const { connections, pipelining } = load;
  const request =
    load.streams === 0
      ? { url: new URL('/plain', load.origin).href, expectBody: 'ok' }
      : { url: new URL('/publish', load.origin).href, method: 'POST', body: data };
  const run = autocannon({ ...request, connections, pipelining, duration: 3_600 }, () => {});
  run.on('response', (_client, status) => {
    responses++;
    if (status < 200 || status > 299) fail(new WrongReply(`a request was answered ${status}`));
  });
  run.on('reqError', (error) => running && fail(error instanceof Error ? error : new Error(String(error))));
  run.on('reqMismatch', () => fail(new WrongReply('a response has another body than it must')));
  try {
    const measured = await measure(load, () => responses, failure);
    running = false;
    run.stop();
    if (streams.length > 0) {
      await wait(300);
      if (delivered < measured.count * streams.length) {
        throw new WrongReply(
          `${measured.count} events were published, and ${delivered} delivered to ${streams.length}`,
        );
      }
    }
    return measured;
  } finally {
    running = false;
    run.stop();
    for (const { connection } of streams) connection.destroy();
  }
}
