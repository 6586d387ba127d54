/** RST_STREAM with NO_ERROR on streams of HTTP/2: ours behind an answer (RFC 9113 §8.1). Frames as they are on the wire. */

import assert from 'node:assert/strict';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { openEventStream } from '../../lib/mount/open-event-stream.ts';
import { createServer, type Server, type ServerOptions } from '../../lib/server.ts';
import { FrameClient, requestHead, WINDOW_BYTES } from '../support/http2-frames.ts';
import { patiently, RawClient, turns } from '../support/sockets.ts';

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
