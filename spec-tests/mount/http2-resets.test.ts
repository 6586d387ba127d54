/** RST_STREAM with NO_ERROR on streams of HTTP/2: ours behind an answer (RFC 9113 §8.1). Frames as they are on the wire. */

import assert from 'node:assert/strict';
import { createServer as createHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
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
  await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
  try {
    await body(await FrameClient.connect((theirs.address() as AddressInfo).port), server);
    await patiently('ours to close', server.close());
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
  });
