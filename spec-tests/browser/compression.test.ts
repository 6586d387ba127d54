/** Compression as browsers do it: permessage-deflate with context takeover both ways, and event streams under gzip. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createServer, type EventStream, type PerMessageDeflate, type Server } from '../../lib/index.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { chat } from '../support/deflate.ts';

const TAKEOVER = { serverContextTakeover: true, clientContextTakeover: true, thresholdBytes: 0 };

const ROUTES: readonly [path: string, option: PerMessageDeflate, extensions: RegExp][] = [
  ['/off', false, /^$/],
  ['/on', true, /^permessage-deflate; server_no_context_takeover; client_no_context_takeover$/],
  ['/takeover', TAKEOVER, /^permessage-deflate$/],
  [
    '/small',
    { ...TAKEOVER, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
    /server_max_window_bits=9; client_max_window_bits=9/,
  ],
];

describe('compression in Chromium', { skip: skipWithoutBrowser, timeout: 60_000 }, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  /** What the server was told. */
  const received: string[] = [];

  before(async () => {
    browser = await launchBrowser();
    server = createServer();
    server.get('/', () => ({ headers: { 'Content-Type': 'text/html' }, body: '<!doctype html><title>test</title>' }));
    for (const [path, perMessageDeflate] of ROUTES) {
      server.webSocket(
        path,
        {
          message(socket, message) {
            received.push(message as string);
            socket.send(message);
          },
        },
        { perMessageDeflate },
      );
    }
    let stream: EventStream | undefined;
    server.eventStream(
      '/events',
      {
        open(opened) {
          stream = opened;
          opened.send({ id: '0', data: chat(300, 0) });
        },
      },
      { contentCodings: ['gzip', 'deflate'] },
    );
    // The next event is sent when the page has seen the one before it: nothing may wait for more to come.
    server.post('/seen', (request) => {
      const next = Number(request.text()) + 1;
      stream?.send({ id: `${next}`, data: next % 2 === 0 ? chat(next * 300, next) : 'x' });
      return { status: 204 };
    });
    await server.listen();
    page = await browser.newPage();
    await page.goto(`${server.url}/`);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  for (const [path, option, extensions] of ROUTES) {
    it(`permessage-deflate ${JSON.stringify(option)}: every message comes back as it was sent`, async () => {
      received.length = 0;
      const texts = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? 'again' : chat(i * i * 10, i % 7)));
      const result = await page.evaluate(
        ([url, texts]) =>
          new Promise<{ extensions: string; echoes: string[] }>((resolve, reject) => {
            const socket = new WebSocket(url);
            const echoes: string[] = [];
            socket.onopen = () => {
              for (const text of texts) socket.send(text);
            };
            socket.onmessage = (event) => {
              echoes.push(event.data as string);
              if (echoes.length < texts.length) return;
              socket.close();
              resolve({ extensions: socket.extensions, echoes });
            };
            socket.onclose = (event) => reject(new Error(`closed with ${event.code} ${event.reason}`));
          }),
        [server.url.replace('http', 'ws') + path, texts] as const,
      );
      assert.match(result.extensions, extensions);
      assert.deepEqual(received, texts);
      assert.deepEqual(result.echoes, texts);
    });
  }

  it('an EventSource gets every event of a gzip stream when it is sent', async () => {
    const answered = page.waitForResponse('**/events');
    const events = await page.evaluate(
      () =>
        new Promise<string[]>((resolve, reject) => {
          const source = new EventSource('/events');
          const events: string[] = [];
          source.onmessage = (event) => {
            events.push(event.data as string);
            if (events.length === 20) {
              source.close();
              resolve(events);
            } else void fetch('/seen', { method: 'POST', body: event.lastEventId });
          };
          source.onerror = () => reject(new Error('the stream failed'));
        }),
    );
    assert.equal((await answered).headers()['content-encoding'], 'gzip');
    assert.deepEqual(
      events,
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? chat(i === 0 ? 300 : i * 300, i) : 'x').replace(/\n$/, '')),
    );
  });
});
