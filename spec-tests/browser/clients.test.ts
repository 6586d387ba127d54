/** The same script in Chromium, with its own WebSocket and EventSource, and here with ours: both must say the same. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createServer, EventSource, type Server, WebSocket } from '../../lib/index.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { DIFFERENCES, PRELUDE, SCRIPTS } from './client-scripts.ts';
import { type RawEndpoint, startRawEndpoint } from './raw-endpoint.ts';

describe('our clients beside Chromium’s', { skip: skipWithoutBrowser, timeout: 120_000 }, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let raw: RawEndpoint;

  before(async () => {
    browser = await launchBrowser();
    server = createServer();
    server.get('/', () => ({ headers: { 'Content-Type': 'text/html' }, body: '<!doctype html><title>test</title>' }));
    server.get('/text', () => ({ headers: { 'Content-Type': 'text/plain' }, body: 'data: x\n\n' }));
    server.get('/204', () => ({ status: 204 }));
    server.webSocket('/echo', { message: (socket, message) => void socket.send(message) }, { protocols: ['chat'] });
    server.webSocket('/refused', () => ({ status: 403 }), { open() {} });
    server.webSocket('/end', {
      open(socket) {
        const how = socket.request.target.split('?')[1];
        socket.send(`will end: ${how}`);
        if (how === 'terminate') setImmediate(() => socket.terminate());
        else if (how === 'none') socket.close();
        else if (how === 'bad') socket.close(1011, 'é'.repeat(61));
        else socket.close(how === 'close-twice' ? 1000 : Number(how), 'reason');
        if (how === 'close-twice') socket.close(3000);
      },
    });
    const visits = new Map<string, number>();
    server.eventStream('/events', (stream) => {
      const visitor = stream.request.headers.get('user-agent') ?? 'us';
      const count = (visits.get(visitor) ?? 0) + 1;
      visits.set(visitor, count);
      stream.send({ retry: 10, data: `visit ${count}\nid ${stream.lastEventId}` });
      if (count === 1) stream.send({ event: 'tick', id: 'é', data: '' });
      if (count === 2) stream.send({ id: '', comment: 'no data' });
      if (count < 3) stream.close();
      return count < 3 ? undefined : new Promise<void>(() => {});
    });
    await server.listen();
    raw = await startRawEndpoint();
    page = await (await browser.newContext()).newPage();
    await page.goto(server.url);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await raw?.close();
  });

  /** What a script says in Chromium, and here. */
  async function logsOf(script: string): Promise<{ readonly chromium: string[]; readonly ours: string[] }> {
    const source = `async (WebSocket, EventSource, url, raw) => { ${PRELUDE} ${script}\n return log; }`;
    const call = `(${source})(WebSocket, EventSource, location.origin, ${JSON.stringify(raw.url)})`;
    const chromium = await page.evaluate<string[]>(call);
    const run = new Function(`return ${source}`)() as (...given: unknown[]) => Promise<string[]>;
    return { chromium, ours: await run(WebSocket, EventSource, server.url, raw.url) };
  }

  for (const [title, script] of Object.entries(SCRIPTS)) {
    it(`${title}: the same log`, { timeout: 10_000 }, async () => {
      const { chromium, ours } = await logsOf(script);
      assert.deepEqual(ours, chromium);
      assert.ok(chromium.length > 2);
    });
  }

  for (const [title, { script, because, ...wanted }] of Object.entries(DIFFERENCES)) {
    it(`${title}: they differ, and why is written down`, { timeout: 10_000 }, async () => {
      assert.deepEqual(await logsOf(script), wanted);
      assert.match(because, /§/);
    });
  }
});
