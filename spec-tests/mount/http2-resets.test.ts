/**
 * RST_STREAM with NO_ERROR on streams of HTTP/2: ours behind an answer (RFC 9113 §8.1), and the client's, which Node leaves open where
 * octets wait for the client's window. Frames as they are on the wire.
 */

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { resetOnceAnswered } from '../../lib/mount/http2-reset.ts';
import { openEventStream } from '../../lib/mount/open-event-stream.ts';
import type { EventStream, ServerWebSocket } from '../../lib/net/api.ts';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import { CONNECT_HEAD, FrameClient, requestHead, WINDOW_BYTES } from '../support/http2-frames.ts';
import { fromClient, patiently, RawClient, turns, until } from '../support/sockets.ts';

type Door = 'attach' | 'handleRequest';
const DOORS: readonly Door[] = ['attach', 'handleRequest'];

/** Runs `body` with a client of a server of ours behind one of `node:http2`. */
async function withFrames(
  door: Door,
  options: ServerOptions,
  routes: (server: Server) => void,
  body: (client: FrameClient, server: Server) => Promise<void>,
): Promise<void> {
  const server = createServer(options);
  routes(server);
  const theirs = createHttp2();
  if (door === 'attach') server.attach(theirs, { routes: true });
  else theirs.on('request', (request, response) => void server.handleRequest(request, response));
  await withClient(theirs, async (client) => {
    await body(client, server);
    await patiently('ours to close', server.close());
  });
}

/** Runs `body` with a client of somebody's server. */
async function withClient<T>(theirs: Http2Server, body: (client: FrameClient) => Promise<T>): Promise<T> {
  await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
  try {
    return await body(await FrameClient.connect((theirs.address() as AddressInfo).port));
  } finally {
    for (const client of RawClient.open) client.socket.destroy();
    await patiently('theirs to close', new Promise((resolve) => theirs.close(resolve)));
  }
}

for (const door of DOORS)
  describe(`an answer before the end of its request: ${door}`, () => {
    it('is whole before RST_STREAM(NO_ERROR): END_STREAM has left (§8.1)', () =>
      withFrames(
        door,
        { maxBodyBytes: 4 },
        (server) => server.post('/', () => ({ body: 'x' })),
        async (client) => {
          client.sendHead(1, requestHead('POST', '/'), false);
          client.sendData(1, Buffer.from('longer'));
          assert.deepEqual(await client.reset(1), ['HEADERS', 'DATA+END_STREAM', 'RST_STREAM(0)']);
        },
      ));

    it('nor is it cut off where the window of the connection has room for all of it but END_STREAM', () => {
      let size = 0;
      return withFrames(
        door,
        { maxBodyBytes: 4 },
        (server) => server.post('/', () => ({ body: 'x' })).get('/', () => ({ body: 'x'.repeat(size) })),
        async (client) => {
          const refuse = async (stream: number): Promise<void> => {
            client.sendHead(stream, requestHead('POST', '/'), false);
            client.sendData(stream, Buffer.from('longer'));
            await client.data(stream, 1);
          };
          await refuse(1);
          size = WINDOW_BYTES - 2 * client.dataBytes(1); // so that the next refusal takes the rest
          client.sendHead(3, requestHead('GET', '/'), true);
          await client.data(3, size);
          await refuse(5);
          await turns();
          assert.deepEqual(client.frames(5), ['HEADERS', 'DATA']);
          assert.equal(client.dataBytes(5), client.dataBytes(1));
          client.widen(0, 1);
          assert.deepEqual(await client.reset(5), ['HEADERS', 'DATA+END_STREAM', 'RST_STREAM(0)']);
        },
      );
    });

    for (const path of ['/', '/stream'])
      it(`to HEAD it is END_STREAM with the head, and close does not wait: ${path}`, () =>
        withFrames(
          door,
          // Behind attach it is 408: END_STREAM alone says that there is no body.
          { bodyTimeoutMs: 100 },
          (server) => server.get('/', () => ({ body: 'x' })).eventStream('/stream', () => {}),
          async (client) => {
            client.sendHead(1, requestHead('HEAD', path), false);
            assert.deepEqual(await client.reset(1), ['HEADERS+END_STREAM', 'RST_STREAM(0)']);
          },
        ));
  });

describe('openEventStream over HTTP/2, before the end of the request', () => {
  /** What has come until the stream is reset, behind an event stream of one event. */
  async function framesOf(method: string, isRead: boolean): Promise<readonly string[]> {
    const theirs = createHttp2((request, response) => {
      const answer = (): void => {
        const stream = openEventStream(request, response);
        stream.send('x');
        stream.close();
      };
      if (isRead) request.once('data', answer);
      else answer();
    });
    return withClient(theirs, async (client) => {
      client.sendHead(1, requestHead(method, '/'), false);
      client.sendData(1, Buffer.from('x'));
      return client.reset(1);
    });
  }

  it('HEAD is answered by END_STREAM with the head, and the stream ends', async () => {
    assert.deepEqual(await framesOf('HEAD', false), ['HEADERS+END_STREAM', 'RST_STREAM(0)']);
  });

  it('the end of the event stream ends the stream, also when the application has begun to read', async () => {
    for (const isRead of [false, true])
      assert.deepEqual(await framesOf('POST', isRead), ['HEADERS', 'DATA+END_STREAM', 'RST_STREAM(0)']);
  });
});

describe('an answer behind the end of a request that nobody reads', () => {
  it('is followed by no RST_STREAM: END_STREAM of both has ended the stream (§5.1)', async () => {
    const theirs = createHttp2((request, response) => {
      if (request.url === '/next') response.end();
      else
        void until('the request has ended', () => request.stream.state.remoteClose === 1).then(() => {
          const stream = openEventStream(request, response);
          stream.send('x');
          stream.close();
        });
    });
    await withClient(theirs, async (client) => {
      client.sendHead(1, requestHead('POST', '/'), false);
      client.sendData(1, Buffer.from('unread'), true);
      await until('the answer is whole', () => client.frames(1).at(-1) === 'DATA+END_STREAM');
      await turns();
      client.sendHead(3, requestHead('GET', '/next'), true);
      await until('the next answer is whole', () => client.frames(3).at(-1) === 'HEADERS+END_STREAM');
      assert.deepEqual(client.frames(1), ['HEADERS', 'DATA+END_STREAM']);
    });
  });
});

describe('looking for END_STREAM', () => {
  /** As much of a stream of Node's as is looked at. */
  class Looked extends EventEmitter {
    readonly readableEnded = false;
    readonly destroyed = false;
    writableFinished = false;
    closed = false;
    localClose = 0;
    looks = 0;
    get state(): object {
      this.looks++;
      return { localClose: this.localClose };
    }
    close(code: number): void {
      assert.equal(code, NO_ERROR);
      this.closed = true;
    }
  }

  it('begins once, however often the answer is ended, and goes on until it has left', async () => {
    const stream = new Looked();
    const answered = (): void => resetOnceAnswered(stream as unknown as ServerHttp2Stream);
    answered();
    answered();
    await turns();
    assert.equal(stream.looks, 0, 'not all has been written');
    stream.writableFinished = true;
    stream.emit('finish');
    answered();
    await turns(1);
    assert.equal(stream.looks, 1);
    await until('it is looked for again', () => stream.looks > 3);
    assert.equal(stream.closed, false);
    stream.localClose = 1;
    await until('it is reset', () => stream.closed);
  });
});

/** More than any window has room for. */
const LONG = 'x'.repeat(4 * WINDOW_BYTES);
const NO_ERROR = 0;

/** Asks for what fills the window, and resets the stream. */
async function leave(client: FrameClient, head: Readonly<Record<string, string>>, end: boolean): Promise<void> {
  client.sendHead(1, head, end);
  await client.data(1, WINDOW_BYTES);
  client.sendReset(1, NO_ERROR);
}

/** Who waits for the end of a request sees none that is still open. */
const DOORS_AND_ENDS = [
  ['attach', true],
  ['handleRequest', true],
  ['handleRequest', false],
] as const;

describe('a client resets its stream with NO_ERROR while its window is full', () => {
  for (const isPaused of [false, true])
    it(`a WebSocket${isPaused ? ' that is not read' : ''}: close is told, and it is not counted`, async () => {
      const codes: number[] = [];
      const open = (socket: ServerWebSocket): void => {
        socket.send(LONG);
        if (isPaused) socket.pause();
      };
      await withFrames(
        'attach',
        {},
        (server) => server.webSocket('/', { open, close: (_, code) => void codes.push(code) }),
        async (client, server) => {
          client.sendHead(1, CONNECT_HEAD, false);
          await client.data(1, WINDOW_BYTES);
          client.sendData(1, fromClient({ opcode: 1, payload: 'unread' }));
          await turns();
          client.sendReset(1, NO_ERROR);
          await until('close is told', () => codes.length > 0);
          assert.deepEqual(codes, [1006]);
          assert.equal(server.connections.webSockets, 0);
        },
      );
    });

  for (const [door, end] of DOORS_AND_ENDS) {
    const where = `${door}, the request is ${end ? 'over' : 'still open'}`;

    for (const isClosed of [false, true])
      it(`an event stream${isClosed ? ' that has been closed' : ''}: it is not counted: ${where}`, async () => {
        let opened: EventStream | undefined;
        const open = (stream: EventStream): void => {
          opened = stream;
          stream.send(LONG);
          if (isClosed) stream.close();
        };
        await withFrames(
          door,
          {},
          (server) => server.eventStream('/', { open }),
          async (client, server) => {
            await leave(client, requestHead('GET', '/'), end);
            await until('it is not counted', () => server.connections.eventStreams === 0);
            assert.equal(opened?.signal.aborted, true);
          },
        );
      });

    it(`an answer: close does not wait for it: ${where}`, () =>
      withFrames(
        door,
        { closeTimeoutMs: 60_000 },
        (server) => server.get('/', () => ({ body: LONG })),
        (client) => leave(client, requestHead('GET', '/'), end),
      ));
  }

  for (const end of [true, false])
    it(`openEventStream: its signal aborts; the request is ${end ? 'over' : 'still open'}`, async () => {
      let stream: EventStream | undefined;
      const theirs = createHttp2((request, response) => {
        stream = openEventStream(request, response);
        stream.send(LONG);
      });
      await withClient(theirs, async (client) => {
        await leave(client, requestHead('GET', '/'), end);
        await until('the signal aborts', () => stream?.signal.aborted === true);
      });
    });

  it('openEventStream behind a reset that Node has left waiting: closed in the next turns', async () => {
    let stream: EventStream | undefined;
    const theirs = createHttp2((request, response) => {
      request.pause();
      request.on('aborted', () => {
        stream = openEventStream(request, response);
      });
    });
    await withClient(theirs, async (client) => {
      client.sendHead(1, requestHead('POST', '/'), false);
      client.sendData(1, Buffer.from('unread'));
      await turns();
      client.sendReset(1, NO_ERROR);
      await until('the signal aborts', () => stream?.signal.aborted === true);
    });
  });
});
