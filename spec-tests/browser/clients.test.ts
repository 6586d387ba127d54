/** The same script in Chromium, with its own WebSocket and EventSource, and here with ours: both must say the same. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createServer, EventSource, type Server, WebSocket } from '../../lib/index.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';

/** What every script can use: `log` is what it answers. */
const PRELUDE = `
  const log = [];
  const say = (...words) => log.push(words.join(' '));
  const ws = url.replace('http', 'ws');
  const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
  const name = (action) => {
    try {
      const result = action();
      return result === undefined ? 'fine' : String(result);
    } catch (error) {
      return error.name;
    }
  };
  const events = (target, types) => {
    for (const type of types)
      target.addEventListener(type, (e) =>
        say(type, target.readyState, e.data instanceof Blob ? 'blob ' + e.data.size : e.data instanceof ArrayBuffer ? 'buffer ' + e.data.byteLength : e.data ?? '',
          type === 'close' ? [e.code, e.reason, e.wasClean].join(' ') : '', e.origin === undefined ? '' : e.origin.replace(/\\d+$/, ''), e.lastEventId ?? ''));
  };
`;

const SCRIPTS: Readonly<Record<string, string>> = {
  'the shape of the interfaces': `
    for (const subject of [WebSocket, EventSource]) {
      say(subject.name, subject.length, Object.prototype.toString.call(subject.prototype));
      const members = [];
      for (const key in subject.prototype) if (!(key in EventTarget.prototype)) members.push(key);
      // Not in the standard, and not enumerable here: nothing of it may show.
      say(members.filter((key) => !/^(binaryType|bufferedAmount)$/.test(key)).sort());
      for (const key of ['CONNECTING', 'OPEN', 'CLOSED', 'url', 'close', 'onmessage', 'readyState'])
        for (const holder of [subject, subject.prototype]) {
          const property = Object.getOwnPropertyDescriptor(holder, key);
          say(key, property && [typeof property.value, property.value === undefined ? '' : typeof property.value === 'number' ? property.value : property.value.length, property.writable, property.enumerable, property.configurable, typeof property.get, typeof property.set]);
        }
    }`,
  'what a constructor, send and close throw': `
    for (const given of [[], ['ftp://a'], ['ws://a#b'], ['ws://a#'], ['http://['], [ws, ''], [ws, 'a b'], [ws, ['a', 'a']], [ws, 'é'], [ws, ['a', '']], [ws, Symbol('x')]])
      say('new WebSocket', given.length, name(() => { new WebSocket(...given); }));
    for (const given of [[], [Symbol('x')], ['http://[']]) say('new EventSource', name(() => { new EventSource(...given); }));
    say(name(() => WebSocket(ws)), name(() => WebSocket.prototype.url), name(() => WebSocket.prototype.close.call({})));
    const socket = new WebSocket(ws + '/echo');
    say(name(() => socket.send()), name(() => socket.send('x')), name(() => socket.send(Symbol('x'))));
    for (const given of [[0], [999], [1001], [2999], [5000], [-1], [NaN], ['x'], [null], [70000], [2999.4], [1000, 'é'.repeat(62)], [Symbol('x')], [1000n]])
      say('close', typeof given[0] === 'number' ? given[0] : typeof given[0], name(() => socket.close(...given)), socket.readyState);
    await next(socket, 'open');
    socket.binaryType = 'nothing';
    say(socket.binaryType);
    socket.binaryType = { toString: () => 'arraybuffer' };
    say(socket.binaryType, socket.extensions, socket.protocol);
    socket.close();`,
  'handlers and listeners': `
    const socket = new WebSocket(ws + '/echo');
    say(socket.onopen, name(() => { socket.onopen = 5; }), socket.onopen);
    const object = { handleEvent: () => say('never') };
    socket.onopen = object;
    say(socket.onopen === object);
    socket.onopen = () => say('first');
    socket.addEventListener('open', { handleEvent: () => say('listener') });
    socket.onopen = function (event) { say('replaced', this === socket, event.target === socket, event.type, event.bubbles, event.cancelable); };
    await next(socket, 'open');
    socket.onclose = (event) => say(Object.prototype.toString.call(event), event.code, event.reason === '', event.wasClean);
    socket.close(3000);
    await next(socket, 'close');`,
  'messages, codes and states': `
    const socket = new WebSocket(ws + '/echo', ['other', 'chat']);
    events(socket, ['open', 'message', 'error', 'close']);
    await next(socket, 'open');
    say(socket.protocol, socket.url.replace(/\\d+(?=\\/)/, ''));
    socket.send('é\\ud800');
    await next(socket, 'message');
    for (const data of [new Blob(['ab']), new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3]).buffer, new DataView(new ArrayBuffer(8), 2, 4), 5, null, undefined, { toString: () => 'text' }, '']) {
      const before = socket.bufferedAmount;
      socket.send(data);
      say('buffered', socket.bufferedAmount - before);
      await next(socket, 'message');
      if (data instanceof DataView) socket.binaryType = 'arraybuffer';
    }
    socket.send(new Uint8Array(4));
    await next(socket, 'message');
    socket.close(3000.4, 'bye\\ud800');
    say(socket.readyState);
    socket.send('lost');
    say(socket.bufferedAmount);
    await next(socket, 'close');
    socket.send('lost too');
    say(socket.bufferedAmount, name(() => socket.close(1001)), name(() => socket.close()));`,
  'how the server ends it': `
    for (const how of ['1000', '1001', '3000', '4999', 'none', 'terminate', 'bad', 'close-twice']) {
      const socket = new WebSocket(ws + '/end?' + how);
      events(socket, ['open', 'message', 'error', 'close']);
      await next(socket, 'close');
      say(how, socket.readyState);
    }`,
  'what never opens': `
    for (const [path, protocols] of [['/nowhere', []], ['/echo', ['unknown']], ['/refused', []]]) {
      const socket = new WebSocket(ws + path, protocols);
      events(socket, ['open', 'error', 'close']);
      await next(socket, 'close');
      say(path, socket.readyState, socket.protocol);
    }
    const given = new WebSocket(ws + '/echo');
    events(given, ['open', 'error', 'close']);
    given.close(3000, 'early');
    say(given.readyState);
    await next(given, 'close');`,
  'an event stream': `
    const source = new EventSource(url + '/events', { withCredentials: 1 });
    events(source, ['open', 'message', 'tick', 'error']);
    say(source.readyState, source.withCredentials, source.url.replace(/\\d+(?=\\/)/, ''));
    for (let i = 0; i < 2; i++) await next(source, 'error');
    await next(source, 'message');
    source.close();
    say(source.readyState);`,
  'event streams that fail for good': `
    for (const path of ['/nowhere', '/text', '/204']) {
      const source = new EventSource(url + path);
      events(source, ['open', 'message', 'error']);
      await next(source, 'error');
      say(path, source.readyState);
    }`,
};

describe('our clients beside Chromium’s', { skip: skipWithoutBrowser, timeout: 30_000 }, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;

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
    page = await (await browser.newContext()).newPage();
    await page.goto(server.url);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  for (const [title, script] of Object.entries(SCRIPTS)) {
    it(`${title}: the same log`, async () => {
      const source = `async (WebSocket, EventSource, url) => { ${PRELUDE} ${script} return log; }`;
      const theirs = await page.evaluate(`(${source})(WebSocket, EventSource, location.origin)`);
      const run = new Function(`return ${source}`)() as (...given: unknown[]) => Promise<string[]>;
      assert.deepEqual(await run(WebSocket, EventSource, server.url), theirs);
      assert.ok((theirs as string[]).length > 2);
    });
  }
});
