/**
 * What the tests of the chat's page share: pages in a real Chromium, and a network that can be cut.
 *
 * Knows the page's elements by their ids, nothing of how they come about. In: a browser; out: pages that have joined.
 * Read next: `../browser/chat.test.ts`.
 */

import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Widths and heights that the page is looked at in. */
export const PHONE: { width: number; height: number } = { width: 390, height: 844 };
export const DESKTOP: { width: number; height: number } = { width: 1280, height: 800 };

/** Opens a page of its own profile, and waits until it has joined. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(url);
  await joined(page);
  return page;
}

/** Waits until a page is in its room. */
export async function joined(page: Page): Promise<void> {
  await page.locator('#state[data-state=open]').waitFor();
}

/** Writes and sends, as people do. */
export async function say(page: Page, text: string): Promise<void> {
  await page.locator('#text').fill(text);
  await page.locator('#text').press('Enter');
}

/** Waits until nothing of a page is on the way any more. */
export async function allSent(page: Page): Promise<void> {
  await page.evaluate('new Promise(requestAnimationFrame)'); // what was said is shown at the next frame
  await page.locator('#outbox li').first().waitFor({ state: 'detached' });
}

/** The texts of the messages in a page, from the top. */
export function texts(page: Page): Promise<string[]> {
  return page.locator('#messages .said').allInnerTexts();
}

/** The names in the list of members. */
export async function memberNames(page: Page): Promise<string[]> {
  const items = await page.locator('#member-list li > span:last-child').allTextContents();
  return items.map((item) => item.trim());
}

/** Distance in pixels of what is read from the end. */
export function belowPx(page: Page): Promise<number> {
  return page.locator('#log').evaluate((log) => log.scrollHeight - log.clientHeight - log.scrollTop);
}

/** Keeps what a page looks like, where BAREWIRE_SCREENSHOTS names a folder. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['BAREWIRE_SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}

/**
 * A network between pages and a server: it can be cut and restored, and may let in only some requests.
 * With a `prefix`, it is what a reverse proxy is: it takes the prefix away, and answers 404 without it.
 */
export class Network {
  readonly #server = createNetServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  readonly #prefix: string;
  #target: number;
  /** What is let through: all, nothing, or all but WebSockets, event streams and POSTs. */
  state: 'open' | 'cut' | 'pages-only' = 'open';

  constructor(targetPort: number, prefix: string = '') {
    this.#target = targetPort;
    this.#prefix = prefix;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}${this.#prefix}`;
  }

  /** Ends every connection and lets nothing, or nothing but pages, through. */
  cut(state: 'cut' | 'pages-only' = 'cut'): void {
    this.state = state;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(targetPort: number = this.#target): void {
    this.#target = targetPort;
    this.state = 'open';
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.state === 'cut') {
      socket.destroy();
      return;
    }
    socket.once('data', (first) => this.#forward(socket, first.toString('latin1')));
  }

  /** One request a connection, so that each head is the first thing on it. */
  #forward(socket: Socket, head: string): void {
    const [, method = '', path = ''] = /^(\S+) (\S+)/.exec(head) ?? [];
    const isLive = method === 'POST' || /\r\nupgrade: websocket/i.test(head) || /\/events[?]/.test(path);
    if (this.state === 'pages-only' && isLive) {
      socket.destroy();
      return;
    }
    if (!path.startsWith(this.#prefix)) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const upstream = connect(this.#target, '127.0.0.1');
    upstream.on('error', () => socket.destroy());
    socket.once('close', () => upstream.destroy());
    upstream.once('close', () => socket.destroy());
    const isUpgrade = /\r\nupgrade: /i.test(head);
    const rewritten = head.replace(`${method} ${path}`, `${method} ${path.slice(this.#prefix.length)}`);
    upstream.write(
      isUpgrade ? rewritten : rewritten.replace(/\r\nconnection: [^\r]*/i, '\r\nConnection: close'),
      'latin1',
    );
    socket.pipe(upstream);
    upstream.pipe(socket);
  }
}
