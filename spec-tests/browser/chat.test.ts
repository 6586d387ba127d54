/**
 * The chat as people use it: a real Chromium, two pages in one room, one of them over EventSource.
 * With BAREWIRE_SCREENSHOTS set to a folder, what the pages look like is kept there.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Server } from '../../lib/server.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { DESKTOP, memberNames, PHONE, say, screenshot } from '../support/chat-page.ts';
import { startChat } from '../support/chat-server.ts';

describe('the chat page in Chromium', { skip: skipWithoutBrowser, timeout: 120_000 }, () => {
  let browser: Browser;
  let server: Server;

  before(async () => {
    browser = await launchBrowser();
    ({ server } = await startChat());
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  it('lets two pages talk, one over WebSocket and one over an event stream, with a POST from outside', async () => {
    const ann = await open('/rooms/tea?user=ann', { viewport: DESKTOP });
    const bob = await open('/rooms/tea?user=bob&transport=sse', { viewport: PHONE });
    await ann.getByText('bob joined').waitFor();
    await say(ann, 'Shall we meet at four?');
    await bob.getByText('Shall we meet at four?').waitFor();
    await say(bob, 'Four is fine. <b>Bring cake</b> & read https://example.org/cake.');
    await ann.getByText('<b>Bring cake</b>').waitFor();
    assert.equal(await ann.locator('.said b').count(), 0, 'text is never markup');
    assert.equal(await ann.locator('.said a').getAttribute('href'), 'https://example.org/cake');
    const posted = await fetch(`${server.url}/rooms/tea/messages`, {
      method: 'POST',
      headers: { 'X-User-Id': 'curl' },
      body: 'said from a terminal',
    });
    assert.equal(posted.status, 201);
    await ann.getByText('said from a terminal').waitFor();
    await bob.getByText('said from a terminal').waitFor();
    // Nothing is left waiting, and each message is there once.
    await ann.locator('.waiting').waitFor({ state: 'detached' });
    await bob.locator('.waiting').waitFor({ state: 'detached' });
    for (const page of [ann, bob]) {
      assert.equal(await page.locator('.message').count(), 3);
      assert.equal(await page.locator('.message:not(.follows)').count(), 3, 'each under its own name');
    }
    assert.deepEqual(await memberNames(ann), ['ann (you)', 'bob']);
    await screenshot(ann, 'desktop');
    await screenshot(bob, 'phone');
    await bob.locator('#people').click();
    assert.deepEqual(await memberNames(bob), ['ann', 'bob (you)']);
    await screenshot(bob, 'phone-members');
    await bob.context().close();
    await ann.getByText('bob left').waitFor();
    await ann.context().close();
  });

  it('shows recent history to who joins late, and whoever they are by name', async () => {
    const first = await open('/rooms/history?user=ann', {});
    await say(first, 'before you came');
    await first.locator('.waiting').waitFor({ state: 'detached' });
    const late = await open('/rooms/history', {});
    await late.locator('#name-field').fill('zoë');
    await screenshot(late, 'name');
    await late.getByRole('button', { name: 'Join' }).click();
    await late.getByText('before you came').waitFor();
    await first.getByText('zoë joined').waitFor();
    await late.context().close();
    await first.context().close();
  });

  it('comes back by itself after the server did, hears what it missed, and sends what was waiting, once', async () => {
    const { server: mine } = await startChat();
    const { port } = mine;
    const page = await open('/rooms/back?user=ann', { viewport: PHONE }, mine.url);
    await say(page, 'one');
    await page.locator('.waiting').waitFor({ state: 'detached' });
    await mine.close();
    await page.locator('#state[data-state=waiting]').waitFor();
    await say(page, 'two');
    await page.locator('.waiting').waitFor();
    await screenshot(page, 'phone-waiting');
    const { server: again } = await startChat(port);
    await page.locator('#state[data-state=open]').waitFor();
    await page.locator('.waiting').waitFor({ state: 'detached' });
    const history = (await (await fetch(`${again.url}/rooms/back/messages`)).json()) as {
      messages: { text: string }[];
    };
    assert.deepEqual(
      history.messages.map(({ text }) => text),
      ['two'],
    );
    await page.context().close();
    await again.close();
  });

  it('tells why a room or a name is refused', async () => {
    const page = await open(`/rooms/${encodeURIComponent('no spaces')}?user=ann`, {});
    await page.getByText("a room's name is 1 to 64").waitFor();
    await page.context().close();
  });

  it('obeys its own Content-Security-Policy, and loads nothing from elsewhere', async () => {
    const context = await browser.newContext({ baseURL: server.url });
    const page = await context.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    const response = await page.goto('/rooms/strict?user=ann');
    await page.locator('#state[data-state=open]').waitFor();
    await say(page, 'hello');
    await page.locator('.waiting').waitFor({ state: 'detached' });
    assert.match(response?.headers()['content-security-policy'] ?? '', /default-src 'none'/);
    assert.deepEqual(complaints, []);
    assert.deepEqual([...hosts], [new URL(server.url).host]);
    await context.close();
  });

  async function open(path: string, options: BrowserContextOptions, baseURL: string = server.url): Promise<Page> {
    const context = await browser.newContext({ baseURL, ...options });
    const page = await context.newPage();
    await page.goto(path);
    if (path.includes('user=') && !path.includes('%20')) await page.locator('#state[data-state=open]').waitFor();
    return page;
  }
});
