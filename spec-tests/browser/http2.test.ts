/** WebSockets and event streams of Chromium on one connection of HTTP/2 (RFC 8441), behind somebody's secure server. */

import assert from 'node:assert/strict';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createServer, type HttpRequest, type Server } from '../../lib/index.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { patiently } from '../support/sockets.ts';

const certificate = makeCertificate();
const skip = certificate === undefined ? NO_OPENSSL : skipWithoutBrowser;

describe('Chromium over HTTP/2', { skip, timeout: 60_000 }, () => {
  let browser: Browser;
  let page: Page;
  let url: string;
  let server: Server;
  let theirs: Http2SecureServer;
  const sessions = new Set<ServerHttp2Session>();
  const upgrades: HttpRequest[] = [];
  const closes: string[] = [];

  before(async () => {
    theirs = createSecureServer({ ...certificate!, allowHTTP1: true });
    theirs.on('session', (session) => sessions.add(session).size);
    theirs.on('request', (_request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>test</title>');
    });
    server = createServer({ perMessageDeflate: true })
      .webSocket(
        '/echo/:name',
        (request) => {
          upgrades.push(request);
          return request.params['name'] === 'refused' ? { status: 403 } : undefined;
        },
        {
          message: (socket, message) => void socket.send(message),
          close: (_, code, reason) => void closes.push(`${code} ${reason}`),
        },
        { protocols: ['chat'] },
      )
      .eventStream('/events', { open: (stream) => void stream.send({ id: '1', data: 'over h2' }) });
    server.attach(theirs, { routes: true });
    await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
    browser = await launchBrowser();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    const host = `localhost:${(theirs.address() as AddressInfo).port}`;
    url = `wss://${host}`;
    await page.goto(`https://${host}/`);
  });

  after(async () => {
    await browser?.close();
    await patiently('ours to close', server.close());
    for (const session of sessions) session.destroy();
    await patiently('theirs to close', new Promise((resolve) => theirs.close(resolve)));
  });

  it('a WebSocket is a stream of the connection that brought the page: an extended CONNECT', async () => {
    const before = sessions.size;
    const seen = await page.evaluate(async (url) => {
      const socket = new WebSocket(`${url}/echo/one?x`, ['none', 'chat']);
      socket.binaryType = 'arraybuffer';
      const next = (): Promise<MessageEvent> =>
        new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(new Error('not opened'));
      });
      const texts: unknown[] = [];
      for (const text of ['hello', '', 'ä'.repeat(200_000)]) {
        const answer = next();
        socket.send(text);
        texts.push((await answer).data === text);
      }
      const answer = next();
      socket.send(new Uint8Array(500_000).fill(7));
      const { byteLength } = (await answer).data as ArrayBuffer;
      socket.close(4000, 'bye');
      const { code, reason, wasClean } = await new Promise<{ code: number; reason: string; wasClean: boolean }>(
        (resolve) => {
          socket.onclose = resolve;
        },
      );
      return [texts, byteLength, socket.protocol, socket.extensions.split(';')[0], code, reason, wasClean];
    }, url);
    assert.deepEqual(seen, [[true, true, true], 500_000, 'chat', 'permessage-deflate', 4000, '', true]);
    assert.equal(upgrades.at(-1)?.method, 'CONNECT');
    assert.equal(upgrades.at(-1)?.headers.get('sec-websocket-key'), undefined);
    assert.equal(sessions.size, before, 'no connection was opened for it');
    assert.deepEqual(closes, ['4000 bye']);
  });

  it('fifty at a time share it, with an event stream beside them', async () => {
    const before = sessions.size;
    const seen = await page.evaluate(async (url) => {
      const event = new Promise<MessageEvent>((resolve) => {
        const source = new EventSource('/events');
        source.onmessage = (message) => {
          source.close();
          resolve(message);
        };
      });
      const echoes = Array.from({ length: 50 }, async (_, i) => {
        const socket = new WebSocket(`${url}/echo/${i}`);
        await new Promise((resolve) => {
          socket.onopen = resolve;
        });
        const answer = new Promise<MessageEvent>((resolve) => {
          socket.onmessage = resolve;
        });
        socket.send(`number ${i}`);
        return (await answer).data === `number ${i}`;
      });
      return [(await Promise.all(echoes)).filter(Boolean).length, (await event).data];
    }, url);
    assert.deepEqual(seen, [50, 'over h2']);
    assert.equal(sessions.size, before);
    assert.equal(server.connections.webSockets, 50);
  });

  it('a refusal fails the WebSocket and leaves the connection as it is', async () => {
    const seen = await page.evaluate(async (url) => {
      const socket = new WebSocket(`${url}/echo/refused`);
      const { code } = await new Promise<{ code: number; reason: string; wasClean: boolean }>((resolve) => {
        socket.onclose = resolve;
      });
      return [code, (await fetch('/')).status];
    }, url);
    assert.deepEqual(seen, [1006, 200]);
  });
});
