/**
 * undici's WebSocket over HTTP/2 (`allowH2`) against ours on somebody's secure server: open, echo, close.
 *
 * undici 7.30 insists on Sec-WebSocket-Accept there too, and ends its direction of a stream only when the server resets it. On one connection it opens the next WebSocket when the one before has gone.
 */

import assert from 'node:assert/strict';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createServer } from '../../lib/index.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { patiently } from '../support/sockets.ts';

/** What is used of the package. */
interface Undici {
  readonly Agent: new (options: object) => { destroy(): Promise<void> };
  readonly WebSocket: new (
    url: string,
    options: object,
  ) => EventTarget & {
    readonly protocol: string;
    readonly extensions: string;
    send(text: string): void;
    close(code: number): void;
  };
  fetch(url: string, options: object): Promise<Response>;
}

/** A package of the folder of the sources: this file runs from dist/spec-tests/integration. */
const PACKAGE = new URL('../../../spec-tests/integration/node_modules/undici/index.js', import.meta.url).href;
const loaded: { readonly default: Undici } | undefined = await import(PACKAGE).catch(() => undefined);
const certificate = makeCertificate();
const skip = loaded === undefined ? 'missing here: package undici' : certificate === undefined ? NO_OPENSSL : false;

const next = (
  target: EventTarget,
  name: string,
): Promise<Event & { readonly data?: unknown; readonly code?: number }> =>
  patiently(name, new Promise((resolve) => target.addEventListener(name, resolve, { once: true })));

describe('undici over HTTP/2', { skip }, () => {
  it('opens, echoes, compresses and closes, three in turn on one connection', async () => {
    const { Agent, WebSocket, fetch } = loaded!.default;
    const theirs = createSecureServer({ ...certificate!, allowHTTP1: true });
    let sessions = 0;
    theirs.on('session', () => void sessions++);
    theirs.on('request', (_request, response) => response.end('theirs'));
    const methods = new Set<string>();
    const server = createServer({ perMessageDeflate: true }).webSocket(
      '/echo/*',
      {
        open: (_, { method }) => void methods.add(method),
        message: (socket, message) => void socket.send(message),
      },
      { protocols: ['chat'] },
    );
    server.attach(theirs);
    await new Promise<void>((resolve) => theirs.listen(0, resolve));
    const host = `localhost:${(theirs.address() as AddressInfo).port}`;
    const dispatcher = new Agent({ allowH2: true, connections: 1, connect: { ca: certificate!.cert, allowH2: true } });
    try {
      assert.equal(await (await fetch(`https://${host}/`, { dispatcher })).text(), 'theirs');
      const one = async (name: number): Promise<number | undefined> => {
        const socket = new WebSocket(`wss://${host}/echo/${name}`, { dispatcher, protocols: ['chat'] });
        await next(socket, 'open');
        assert.equal(socket.protocol, 'chat');
        assert.match(socket.extensions, /^permessage-deflate/);
        for (const text of ['', `number ${name}`, 'ä'.repeat(50_000)]) {
          const answer = next(socket, 'message');
          socket.send(text);
          assert.equal((await answer).data, text);
        }
        const closed = next(socket, 'close');
        socket.close(4000);
        return (await closed).code;
      };
      for (let i = 0; i < 3; i++) assert.equal(await one(i), 4000);
      assert.deepEqual([...methods], ['CONNECT']);
      assert.equal(sessions, 1);
    } finally {
      await dispatcher.destroy();
      await server.close();
      await new Promise((resolve) => theirs.close(resolve));
    }
  });
});
