/**
 * What the chat's page does for people, each behaviour in a real Chromium: links, directions, drafts, limits, names, members, unread, history.
 *
 * The network and restarts are in `chat-network.test.ts`, sizes and accessibility in `chat-look.test.ts`.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { MAX_TEXT_BYTES } from '../../lib/chat/page/limits.ts';
import type { Chat } from '../../lib/chat/server.ts';
import { CHAT_LIMITS } from '../../lib/limits.ts';
import type { Server } from '../../lib/server.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { allSent, belowPx, DESKTOP, joined, memberNames, openPage, PHONE, say, texts } from '../support/chat-page.ts';
import { startChat, withChat } from '../support/chat-server.ts';

/** Scrolls up like a wheel; answers by how much what was read went elsewhere than it should. */
const SCROLL_UP = `(async () => {
  const log = document.getElementById('log');
  const top = log.getBoundingClientRect().top;
  const row = [...log.querySelectorAll('.said')].find((said) => said.getBoundingClientRect().top > top + 100);
  const before = row.getBoundingClientRect().top;
  const moved = Math.min(400, log.scrollTop);
  log.scrollTop -= 400;
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const jumpPx = row.isConnected ? Math.abs(row.getBoundingClientRect().top - before - moved) : 0;
  return { jumpPx, isAtStart: log.scrollTop < 1 && log.textContent.includes('This is where the room begins') };
})()`;

/** Remembers the longest time between two frames. */
const WATCH_FRAMES = `(() => {
  let last = performance.now();
  globalThis.longestFrameMs = 0;
  const tick = (now) => {
    globalThis.longestFrameMs = Math.max(globalThis.longestFrameMs, now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})()`;

describe('the chat page, behaviour by behaviour', { skip: skipWithoutBrowser, timeout: 240_000 }, () => {
  let browser: Browser;
  let server: Server;
  let chat: Chat;

  before(async () => {
    browser = await launchBrowser();
    ({ server, chat } = await startChat(0, {
      maxTextBytes: 9_000,
      maxHistoryMessages: 6_000,
      maxHistoryBytes: 4_194_304,
    }));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = (path: string, options: BrowserContextOptions = {}): Promise<Page> =>
    openPage(browser, `${server.url}${path}`, options);

  it('links addresses with their brackets, in capitals and without a scheme, and keeps the full stop out', async () => {
    const page = await open('/rooms/links?user=ann');
    await say(
      page,
      'See https://en.wikipedia.org/wiki/Foo_(bar), (HTTPS://Example.org/A) or www.example.org/b. Not javascript:alert(1)',
    );
    await allSent(page);
    const links = await page
      .locator('#messages .said a')
      .evaluateAll((all) => all.map((link) => [link.textContent, link.getAttribute('href')]));
    assert.deepEqual(links, [
      ['https://en.wikipedia.org/wiki/Foo_(bar)', 'https://en.wikipedia.org/wiki/Foo_(bar)'],
      ['HTTPS://Example.org/A', 'HTTPS://Example.org/A'],
      ['www.example.org/b', 'https://www.example.org/b'],
    ]);
    await page.context().close();
  });

  it('lays text out in its own direction', async () => {
    const page = await open('/rooms/direction?user=ann');
    await say(page, 'مرحبا، كيف الحال؟');
    await say(page, 'hello');
    await allSent(page);
    await page.locator('#text').fill('שלום');
    const directions = await page.evaluate(
      "[...document.querySelectorAll('#messages .said, #text')].map((one) => getComputedStyle(one).direction)",
    );
    assert.deepEqual(directions, ['rtl', 'ltr', 'rtl']);
    await page.context().close();
  });

  it('keeps the draft of each room over a reload', async () => {
    const page = await open('/rooms/draft-one?user=ann');
    await page.locator('#text').fill('half a thought');
    await page.reload();
    assert.equal(await page.locator('#text').inputValue(), 'half a thought');
    await page.goto(`${server.url}/rooms/draft-two?user=ann`);
    assert.equal(await page.locator('#text').inputValue(), '');
    await page.goto(`${server.url}/rooms/draft-one?user=ann`);
    await joined(page);
    await page.locator('#text').press('Enter');
    await allSent(page);
    await page.reload();
    assert.equal(await page.locator('#text').inputValue(), '', 'what was said is no draft');
    await page.context().close();
  });

  it('counts near the limit, keeps what is too long, and says by how much', async () => {
    assert.equal(MAX_TEXT_BYTES, CHAT_LIMITS.maxTextBytes);
    const page = await open('/rooms/long?user=ann', { viewport: PHONE });
    await page.locator('#text').fill('x'.repeat(1_000));
    assert.equal(await page.locator('#counter').isVisible(), false);
    await page.locator('#text').fill('€'.repeat(2_800));
    assert.equal(await page.locator('#counter').innerText(), '8,400 of 8,192 bytes');
    await page.locator('#text').press('Enter');
    assert.match(await page.locator('#hint').innerText(), /208 bytes too long/);
    assert.equal((await page.locator('#text').inputValue()).length, 2_800);
    await page.locator('#text').fill('x'.repeat(MAX_TEXT_BYTES));
    assert.equal(await page.locator('#hint').isVisible(), false);
    await page.locator('#text').press('Enter');
    await allSent(page);
    assert.equal((await texts(page))[0]?.length, MAX_TEXT_BYTES);
    await page.context().close();
  });

  it('shows beside a refused message why, and lets people try again, change or drop it', async () => {
    const strict = await startChat(0, { maxTextBytes: 10 });
    const page = await openPage(browser, `${strict.server.url}/rooms/refused?user=ann`);
    const refused = page.locator('#outbox .refused');
    await say(page, 'more than ten bytes');
    await refused.getByText('limit 10').waitFor();
    await refused.getByRole('button', { name: 'Try again' }).click();
    await refused.getByText('limit 10').waitFor();
    assert.equal(await refused.count(), 1);
    await refused.getByRole('button', { name: 'Edit' }).click();
    assert.equal(await refused.count(), 0);
    assert.equal(await page.locator('#text').inputValue(), 'more than ten bytes');
    await say(page, 'short');
    await allSent(page);
    assert.deepEqual(await texts(page), ['short']);
    await say(page, 'more than ten bytes');
    await refused.getByRole('button', { name: 'Discard' }).click();
    assert.equal(await refused.count(), 0);
    await page.context().close();
    await strict.server.close();
  });

  it('takes a name in any script with any emoji, and says beside the field why another will not do', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/rooms/names`);
    const field = page.locator('#name-field');
    await field.waitFor();
    await page.keyboard.press('Escape');
    await page.evaluate('new Promise(requestAnimationFrame)');
    await field.waitFor(); // without a name there is nothing to show
    assert.equal(await page.locator('#name-close').isVisible(), false);
    assert.equal(await page.locator('#state').innerText(), 'not in the room yet');
    await field.fill('x'.repeat(33));
    await page.getByRole('button', { name: 'Join' }).click();
    const why = page.locator('#name-dialog #name-why');
    await why.getByText('A name is 1 to 32 visible characters').waitFor();
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    for (const [at, name] of ['👨‍👩‍👧‍👦 Fam', 'Мария 🏳️‍🌈', '山田太郎', 'فاطمه'].entries()) {
      if (at > 0) await page.locator('#rename').click();
      await field.fill(name);
      await field.press('Enter');
      await page.locator('#name-dialog').waitFor({ state: 'hidden' });
      await joined(page);
      await page.getByText(`${name} (you)`).waitFor();
    }
    await page.locator('#rename').click();
    await field.fill('👨‍👩‍👧‍👦 Fam');
    await field.press('Enter');
    await page.locator('#member-list').getByText('Fam').waitFor();
    assert.equal(await page.locator('#member-list li', { hasText: 'Fam' }).locator('.face').innerText(), '👨‍👩‍👧‍👦');
    await context.close();
  });

  it('asks nobody for a name who may not come in: the refusal is there at once', async () => {
    await withChat({ identify: () => ({ status: 401, body: 'log in first' }) }, async ({ url }) => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${url}/rooms/lobby`);
      await page.getByText('Log in first').waitFor();
      assert.equal(await page.locator('#name-dialog').isVisible(), false);
      await page.context().close();
    });
  });

  it('leads to a page that says so where a room cannot be opened, and on to another room', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/rooms/bad%20room!?user=ann`);
    await page.getByText('This room cannot be opened').waitFor();
    assert.equal(await page.locator('#composer').isVisible(), false);
    await page.getByRole('button', { name: 'Choose another room' }).click();
    await page.locator('#room-field').fill('also bad!');
    await page.locator('#room-field').press('Enter');
    await page.locator('#room-why').getByText("A room's name").waitFor();
    await page.locator('#room-field').fill('#better');
    await page.locator('#room-field').press('Enter');
    await joined(page);
    assert.equal(await page.title(), '#better');
    await context.close();
  });

  it('has a drawer of members on a phone: Escape and a tap outside close it, Tab stays inside, the composer stays free', async () => {
    const page = await open('/rooms/drawer?user=ann', { viewport: PHONE, hasTouch: true });
    const drawer = page.locator('#members');
    const opener = page.locator('#people');
    await opener.click();
    const focused = () => page.evaluate<string>('document.activeElement.id');
    assert.equal(await focused(), 'members-close');
    const visited: string[] = [];
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Tab');
      visited.push(await focused());
    }
    await page.keyboard.press('Shift+Tab');
    visited.push(await focused());
    assert.deepEqual(visited, ['member-list', 'rename', 'members-close', 'member-list', 'members-close']);
    const [box, composer] = [await drawer.boundingBox(), await page.locator('#composer').boundingBox()];
    assert.ok(
      box !== null && composer !== null && box.y + box.height <= composer.y + 1,
      'the composer is below the drawer',
    );
    await page.keyboard.press('Escape');
    assert.equal(await drawer.isVisible(), false);
    assert.equal(await focused(), 'people');
    assert.equal(await opener.getAttribute('aria-expanded'), 'false');
    await opener.click();
    await page.touchscreen.tap(20, 300);
    assert.equal(await drawer.isVisible(), false);
    await opener.click();
    await page.locator('#text').tap();
    assert.deepEqual([await drawer.isVisible(), await focused()], [false, 'text']);
    await page.context().close();
  });

  it('names the days, and puts one person’s messages of one time under one name', async () => {
    let day = 1;
    const dated = await startChat(0, { now: () => new Date(2026, 0, day, 12) });
    await dated.chat.publish('days', 'ann', 'one');
    await dated.chat.publish('days', 'ann', 'two');
    day = 2;
    await dated.chat.publish('days', 'ann', 'three');
    const page = await openPage(browser, `${dated.server.url}/rooms/days?user=bob`, { locale: 'en-GB' });
    await page.getByText('three').waitFor();
    const days = await page.locator('.day').allInnerTexts();
    assert.match(days.join('; '), /^Thursday,? 1 January 2026; Friday,? 2 January 2026$/);
    assert.deepEqual(
      await page
        .locator('#messages .message')
        .evaluateAll((rows) => rows.map((row) => row.classList.contains('follows'))),
      [false, true, false],
    );
    await page.context().close();
    await dated.server.close();
  });

  it('marks what is new since the last visit with a line and a count, until one answers', async () => {
    for (let i = 1; i <= 3; i++) await chat.publish('unread', 'bob', `old ${i}`);
    const page = await open('/rooms/unread?user=ann', { viewport: PHONE });
    await page.getByText('old 3').waitFor();
    assert.equal(await page.locator('.unread').count(), 0, 'on the first visit nothing is new');
    await page.waitForFunction(`localStorage.getItem('barewire.been')?.includes('"sequence":3')`);
    await page.goto('about:blank');
    for (let i = 1; i <= 40; i++) await chat.publish('unread', 'bob', `new ${i}`);
    await page.goto(`${server.url}/rooms/unread?user=ann`);
    await page.getByText('40 new messages').waitFor();
    const first = page.locator('#messages .message:has(.unread)');
    assert.match(await first.innerText(), /new 1$/);
    assert.ok(await page.getByText('new 1', { exact: true }).isVisible());
    assert.ok((await belowPx(page)) > 500, 'it stands at the first new one');
    await page.getByRole('button', { name: 'To the newest' }).click();
    await page.locator('#newest').waitFor({ state: 'hidden' });
    await say(page, 'thanks');
    await page.locator('.unread').waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('loads older messages while one scrolls up, and what is read does not jump; at the very top nothing slides', async () => {
    for (let i = 1; i <= 450; i++) await chat.publish('older', 'bob', `number ${i}`);
    const page = await open('/rooms/older?user=ann', { viewport: PHONE });
    await page.getByText('number 450').waitFor();
    let jumps = 0;
    for (let step = 0; step < 300; step++) {
      const { jumpPx, isAtStart } = await page.evaluate<{ jumpPx: number; isAtStart: boolean }>(SCROLL_UP);
      if (jumpPx > 2) jumps++;
      if (isAtStart) break;
    }
    assert.equal(jumps, 0, 'what is read stays where it is');
    await page.evaluate("document.getElementById('log').scrollTo(0, 0)");
    await page.getByText('number 1', { exact: true }).waitFor();
    const place = () => page.getByText('number 1', { exact: true }).boundingBox();
    const before = await place();
    for (let i = 451; i <= 480; i++) await chat.publish('older', 'bob', `number ${i}`);
    await page.locator('#newest').waitFor();
    await page.evaluate('new Promise(requestAnimationFrame)');
    assert.deepEqual(await place(), before, 'what comes at the end moves nothing at the top');
    await page.getByRole('button', { name: 'To the newest' }).click();
    await page.getByText('number 480').waitFor();
    assert.ok((await belowPx(page)) < 2);
    await page.context().close();
  });

  it('shows 5,000 messages with a bounded page and without a stutter', async () => {
    const page = await open('/rooms/many?user=ann', { viewport: DESKTOP });
    await page.evaluate(WATCH_FRAMES);
    for (let i = 1; i <= 5_000; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, n) => chat.publish('many', 'bob', `number ${i + n}`)));
    await page.getByText('number 5000', { exact: true }).waitFor();
    const rows = await page.locator('#messages > li').count();
    assert.ok(rows <= 240, `${rows} rows`);
    assert.ok((await belowPx(page)) < 2, 'the end was followed');
    const longestMs = await page.evaluate<number>('globalThis.longestFrameMs');
    assert.ok(longestMs < 500, `the longest frame took ${longestMs} ms`);
    await page.context().close();
  });

  it('tells of a rename as one event, with nobody leaving or joining', async () => {
    const ann = await open('/rooms/rename?user=ann', { viewport: DESKTOP });
    const bob = await open('/rooms/rename?user=bob', { viewport: DESKTOP });
    await say(ann, 'before');
    await allSent(ann);
    await ann.locator('#rename').click();
    await ann.getByRole('button', { name: 'Close' }).click();
    await ann.locator('#name-dialog').waitFor({ state: 'hidden' });
    await ann.locator('#rename').click();
    await ann.locator('#name-field').fill('Anna');
    await ann.getByRole('button', { name: 'Change' }).click();
    await bob.getByText('ann is now called Anna').waitFor();
    assert.deepEqual(await memberNames(bob), ['Anna', 'bob (you)']);
    assert.deepEqual(await memberNames(ann), ['Anna (you)', 'bob']);
    assert.equal(await bob.getByText('left').count(), 0);
    assert.equal(await bob.getByText('Anna joined').count(), 0);
    await say(ann, 'still me');
    await allSent(ann);
    const hueOf = (text: string) =>
      bob.locator('#messages .message', { hasText: text }).locator('.face').getAttribute('data-hue');
    assert.equal(await hueOf('still me'), await hueOf('before'), 'the colour is the person’s, not the name’s');
    // Somebody else of that name is somebody else.
    await fetch(`${server.url}/rooms/rename/messages?user=Anna&id=another`, { method: 'POST', body: 'not me' });
    const other = bob.locator('#messages .message', { hasText: 'not me' });
    await other.waitFor();
    assert.equal(await other.evaluate((row) => row.classList.contains('follows')), false);
    assert.equal(await ann.locator('#messages .mine').count(), 2);
    await bob.context().close();
    await ann.context().close();
  });

  it('asks for no name where the server says who one is', async () => {
    const known = await startChat(0, { identify: () => ({ id: 'u1', name: 'Known' }) });
    const page = await openPage(browser, `${known.server.url}/rooms/known`, { viewport: DESKTOP });
    await page.getByText('Known (you)').waitFor();
    assert.equal(await page.locator('#name-dialog').isVisible(), false);
    assert.equal(await page.locator('#rename').isDisabled(), true);
    await page.context().close();
    await known.server.close();
  });

  it('tells who came and went, in the list and between the messages', async () => {
    const ann = await open('/rooms/presence?user=ann', { viewport: DESKTOP });
    const bob = await open('/rooms/presence?user=bob', { viewport: DESKTOP });
    await ann.getByText('bob joined').waitFor();
    assert.deepEqual(await memberNames(ann), ['ann (you)', 'bob']);
    await bob.context().close();
    await ann.getByText('bob left').waitFor();
    assert.deepEqual(await memberNames(ann), ['ann (you)']);
    await ann.context().close();
  });
});
