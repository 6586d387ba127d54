/** Members of rooms on event streams that handlers of other servers open: told of room by `drain`, let go by `close`. */

import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import {
  type EventStream,
  eventStreamResponse,
  openEventStream,
  type PreparedEvent,
  prepareEvent,
} from '../../lib/index.ts';
import { Hub, type Member } from '../../lib/rooms/index.ts';
import { closeHttp, listen } from '../support/doors.ts';
import { patiently, RawClient, turns, until } from '../support/sockets.ts';

type OpenWith = (options: OfRooms) => EventStream;
type OfRooms = { readonly drain: (stream: EventStream) => unknown; readonly close: (stream: EventStream) => unknown };

/** Somebody who reads when asked to. */
interface Reader {
  /** Reads on, up to and with this text. */
  readThrough(text: string): Promise<unknown>;
  leave(): void;
}

/** Runs `body` with a reader of the stream that `handle` opens. */
type Door = (handle: (open: OpenWith) => void, body: (reader: Reader) => Promise<void>) => Promise<void>;

function ofHttp(prepare: (response: ServerResponse) => void): Door {
  return async (handle, body) => {
    const handler: RequestListener = (request, response) => {
      prepare(response);
      handle((options) => openEventStream(request, response, options));
    };
    const http = createHttpServer(handler);
    const client = (await RawClient.connect(await listen(http))).request('GET /');
    await client.head();
    client.socket.pause();
    await body(readerOf(client));
    await closeHttp(http);
  };
}

/** As compression middleware does: without the callback. */
function replaceWrite(response: ServerResponse): void {
  const write = response.write.bind(response) as (chunk: Uint8Array) => boolean;
  Object.assign(response, { write: (chunk: Uint8Array) => write(chunk) });
}

const ofHttp2: Door = async (handle, body) => {
  const http2 = createHttp2Server((request, response) =>
    handle((options) => openEventStream(request, response, options)),
  );
  await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
  const session = connectHttp2(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
  const stream = session.request({ ':path': '/' });
  await patiently('a head', new Promise((resolve) => stream.once('response', resolve)));
  const client = RawClient.over(stream);
  stream.pause();
  await body(readerOf(client));
  session.close();
  await new Promise<void>((resolve) => http2.close(() => resolve()));
};

const ofFetch: Door = async (handle, body) => {
  const request = new Request('https://app.example/');
  let response: Response | undefined;
  handle((options) => {
    let stream: EventStream | undefined;
    const opened = (given: EventStream): void => {
      stream = given;
    };
    response = eventStreamResponse(request, opened, options);
    return stream!;
  });
  const reader = response!.body!.getReader();
  let text = '';
  await body({
    async readThrough(wanted) {
      while (!text.includes(wanted)) {
        const { value } = await patiently(wanted, reader.read());
        text += Buffer.from(value!).toString('latin1');
      }
    },
    leave: () => void reader.cancel(),
  });
};

function readerOf(client: RawClient): Reader {
  return {
    readThrough(text) {
      client.socket.resume();
      return client.takeThrough(text);
    },
    leave: () => client.socket.destroy(),
  };
}

const doors: Readonly<Record<string, Door>> = {
  'node:http': ofHttp(() => undefined),
  'node:http behind middleware that replaces write': ofHttp(replaceWrite),
  'HTTP/2’s response of the same face': ofHttp2,
  'a web Response': ofFetch,
};

describe('a member of a room on a stream of somebody’s handler', () => {
  for (const [name, door] of Object.entries(doors)) {
    it(`${name}: slow while its client does not read, and no longer when it has read on; close is told once`, async () => {
      const hub = new Hub<PreparedEvent>({
        prepare: (item) => (item.type === 'record' ? prepareEvent({ data: String(item.data) }) : undefined),
        maxHistoryBytes: 100_000_000,
        maxQueueBytes: 100_000_000,
      });
      const told: string[] = [];
      let stream: EventStream | undefined;
      let member: Member<PreparedEvent> | undefined;
      const handle = (open: OpenWith): void => {
        stream = open({
          drain(drained) {
            assert.equal(drained, stream);
            if (told.at(-1) !== 'drain') told.push('drain');
            member!.drained();
          },
          close(closed) {
            assert.equal(closed, stream);
            told.push(closed.signal.aborted ? 'close, and its signal is aborted' : 'close');
            member!.close();
          },
        });
        member = hub.member(stream);
        member.join('tea');
      };
      await door(handle, async (reader) => {
        const slow = (): number => hub.find('tea')!.slow;
        for (let i = 0; slow() === 0; i++) {
          assert.ok(i < 4_000, 'the client has not read');
          await hub.publish('tea', 'x'.repeat(20_000));
          await turns(1);
        }
        for (let i = 0; i < 20; i++) await hub.publish('tea', `${i}`.repeat(20_000));
        await hub.publish('tea', 'the last');
        await reader.readThrough('data: the last\n\n');
        await until('nobody is slow', () => slow() === 0);
        assert.deepEqual(told, ['drain']);
        reader.leave();
        await until('close is told', () => told.length > 1);
        assert.deepEqual(told, ['drain', 'close, and its signal is aborted']);
        assert.equal(hub.find('tea'), undefined, 'the member has left');
      });
      await hub.close();
    });
  }

  it('close is told of a stream that is closed from the start, when it has been handed out: HEAD, and a client that has left', async () => {
    const told: string[] = [];
    const http = createHttpServer((request, response) => {
      let stream: EventStream | undefined;
      const open = (): void => {
        stream = openEventStream(request, response, { close: (closed) => void told.push(String(closed === stream)) });
      };
      if (request.method === 'HEAD') open();
      else response.on('close', () => setImmediate(open));
    });
    const port = await listen(http);
    await (await RawClient.connect(port)).request('HEAD /').response(true);
    await until('close is told', () => told.length === 1);
    const leaver = (await RawClient.connect(port)).request('GET /');
    await turns();
    leaver.socket.destroy();
    await until('close is told', () => told.length === 2);
    assert.deepEqual(told, ['true', 'true']);
    for (const client of RawClient.open) client.socket.destroy();
    await closeHttp(http);
  });

  it('what drain and close throw or reject with is told to onError, and drain drops its stream', async () => {
    const errors: string[] = [];
    const stream = await new Promise<EventStream>((resolve) => {
      const response = eventStreamResponse(new Request('https://app.example/'), resolve, {
        highWaterMarkBytes: 0,
        drain: () => {
          throw new Error('drain');
        },
        close: async () => {
          throw new Error('close');
        },
        onError: (error) => errors.push((error as Error).message),
      });
      setImmediate(() => void response.text().catch(() => undefined));
    });
    assert.equal(stream.send('x'), 'backpressure');
    await until('both are told', () => errors.length === 2);
    assert.deepEqual(errors, ['drain', 'close']);
    assert.equal(stream.closed, true);
  });

  it('drain and close are functions, and are refused at the call where they are none', () => {
    const request = new Request('https://app.example/');
    for (const name of ['drain', 'close'])
      assert.throws(
        () => eventStreamResponse(request, () => undefined, { [name]: true }),
        new RegExp(`TypeError: eventStreamResponse: ${name} is true, must be a function`),
      );
  });
});
