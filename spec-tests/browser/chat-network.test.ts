/**
 * The chat's page on a bad network: cut and restored, reloaded with something unsent, restarted under it, behind a path prefix.
 *
 * Every page goes through a proxy of the test's own, in this process. Read next: `chat-behaviour.test.ts`.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { allSent, DESKTOP, joined, memberNames, Network, openPage, PHONE, say, texts } from '../support/chat-page.ts';
import { startChat } from '../support/chat-server.ts';

describe('the chat page on a bad network', { skip: skipWithoutBrowser, timeout: 180_000 }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser();
  });

  after(() => browser?.close());

  it('says that it reconnects and that the list of members is old, and comes back with all that was said', async () => {
    const { server, chat } = await startChat();
    const network = new Network(server.port);
    const url = await network.listen();
    const page = await openPage(browser, `${url}/rooms/cut?user=ann`, { viewport: DESKTOP });
    await say(page, 'before');
    await allSent(page);
    network.cut();
    await page.locator('#state').getByText('reconnecting…').waitFor();
    await page.getByText('Here before the connection was lost').waitFor();
    await say(page, 'said offline');
    await page.locator('#outbox .waiting').waitFor();
    const word = (where: string) =>
      page.evaluate(`getComputedStyle(document.querySelector('${where} time'), '::after').content`);
    assert.equal(await word('#outbox'), '" · waiting to be sent"');
    await chat.publish('cut', 'bob', 'said meanwhile');
    network.restore();
    await joined(page);
    await allSent(page);
    await page.getByText('Here now').waitFor();
    assert.deepEqual(await texts(page), ['before', 'said meanwhile', 'said offline']);
    assert.equal(await word('#messages li:last-child'), 'none');
    assert.deepEqual(await memberNames(page), ['ann (you)']);
    assert.equal(
      await page.getByText('can no longer be had').count(),
      0,
      'nothing was missed, so nothing is said of it',
    );
    await page.context().close();
    await network.close();
    await server.close();
  });

  for (const transport of ['websocket', 'sse'])
    it(`keeps what could not be sent over a reload, and says it once and in order (${transport})`, async () => {
      const { server } = await startChat();
      const network = new Network(server.port);
      const url = await network.listen();
      const page = await openPage(browser, `${url}/rooms/reload?user=ann&transport=${transport}`, { viewport: PHONE });
      network.cut('pages-only');
      await page.locator('#state').getByText('reconnecting…').waitFor();
      for (const text of ['one', 'two', 'three']) await say(page, text);
      await page.reload();
      await page.locator('#outbox .waiting').nth(2).waitFor();
      assert.deepEqual(await page.locator('#outbox .said').allInnerTexts(), ['one', 'two', 'three']);
      network.restore();
      await joined(page);
      await allSent(page);
      assert.deepEqual(await texts(page), ['one', 'two', 'three']);
      await page.reload();
      await joined(page);
      await page.getByText('three').waitFor();
      assert.deepEqual(await texts(page), ['one', 'two', 'three']);
      assert.equal(await page.locator('#outbox li').count(), 0);
      await page.context().close();
      await network.close();
      await server.close();
    });

  it('two tabs of one browser, in one room as one person: drafts and unsent messages are each tab’s own, and said once', async () => {
    const { server } = await startChat();
    const network = new Network(server.port);
    const url = `${await network.listen()}/rooms/tabs`;
    const one = await openPage(browser, `${url}?user=ann`);
    const context = one.context();
    const open = async () => {
      const page = await context.newPage();
      await page.goto(url);
      await joined(page);
      return page;
    };
    const draft = (page: Page) => page.locator('#text').inputValue();
    await one.locator('#text').fill('half of one');
    const two = await open();
    assert.equal(await draft(two), '', 'a draft that is being written is nobody else’s');
    await two.locator('#text').fill('half of two');
    for (const page of [one, two]) await page.reload();
    assert.deepEqual([await draft(one), await draft(two)], ['half of one', 'half of two']);
    assert.deepEqual(await memberNames(two), ['ann (you)']);
    network.cut('pages-only');
    for (const page of [one, two]) await page.getByText('reconnecting…').waitFor();
    await say(one, 'from one');
    await say(two, 'from two');
    await one.reload();
    await one.locator('#outbox .waiting').getByText('from one').waitFor();
    assert.equal(await one.getByText('from two').count(), 0);
    network.restore();
    for (const page of [one, two]) {
      await joined(page);
      await allSent(page);
      for (const text of ['from one', 'from two']) await page.locator('#messages').getByText(text).waitFor();
      assert.deepEqual((await texts(page)).toSorted(), ['from one', 'from two']);
    }
    await two.locator('#text').fill('left behind');
    await two.goto('about:blank');
    const three = await open();
    assert.equal(await draft(three), 'left behind', 'of a page that is gone');
    assert.equal(await draft(await open()), '', 'and of one alone');
    await context.close();
    await network.close();
    await server.close();
  });

  it('a duplicated tab has a copy of what waits: it is said once, and neither tab keeps it', async () => {
    const { server } = await startChat();
    const network = new Network(server.port);
    const one = await openPage(browser, `${await network.listen()}/rooms/twice?user=ann`);
    network.cut('pages-only');
    await one.getByText('reconnecting…').waitFor();
    await say(one, 'both have it');
    const [two] = await Promise.all([one.waitForEvent('popup'), one.evaluate('void open(location.href)')]);
    await two.locator('#outbox .waiting').getByText('both have it').waitFor();
    await say(two, 'from two');
    await say(one, 'from one');
    network.restore();
    for (const page of [one, two, one, two]) {
      await joined(page);
      await allSent(page);
      for (const text of ['both have it', 'from one', 'from two'])
        await page.locator('#messages').getByText(text).waitFor();
      assert.deepEqual((await texts(page)).toSorted(), ['both have it', 'from one', 'from two']);
      const kept = "[sessionStorage, localStorage].flatMap(Object.keys).filter((key) => key.includes('outbox'))";
      assert.deepEqual(await page.evaluate(kept), []);
      await page.reload();
    }
    await one.context().close();
    await network.close();
    await server.close();
  });

  it('goes on after a restart of the server, and says that a new history began, not that something was missed', async () => {
    const first = await startChat();
    const network = new Network(first.server.port);
    const url = await network.listen();
    const ann = await openPage(browser, `${url}/rooms/restart?user=ann`);
    const bob = await openPage(browser, `${url}/rooms/restart?user=bob`);
    await say(ann, 'before the restart');
    await bob.getByText('before the restart').waitFor();
    await first.server.close();
    await ann.locator('#state').getByText('reconnecting…').waitFor();
    await say(ann, 'after the restart');
    const second = await startChat();
    network.restore(second.server.port);
    await joined(ann);
    await bob.getByText('after the restart').waitFor();
    await allSent(ann);
    assert.deepEqual(await texts(bob), ['before the restart', 'after the restart']);
    assert.equal(await bob.getByText('has begun a new history').count(), 1);
    assert.equal(await bob.getByText('can no longer be had').count(), 0);
    await ann.context().close();
    await bob.context().close();
    await network.close();
    await second.server.close();
  });

  it('tells of a gap only where messages were said that will not come', async () => {
    const { server, chat } = await startChat(0, { maxHistoryMessages: 3 });
    const network = new Network(server.port);
    const page = await openPage(browser, `${await network.listen()}/rooms/gap?user=ann`);
    await chat.publish('gap', 'bob', 'heard');
    await page.getByText('heard').waitFor();
    network.cut();
    await page.locator('#state').getByText('reconnecting…').waitFor();
    for (let i = 1; i <= 5; i++) await chat.publish('gap', 'bob', `meanwhile ${i}`);
    network.restore();
    await page.getByText('meanwhile 5').waitFor();
    assert.deepEqual(await texts(page), ['heard', 'meanwhile 3', 'meanwhile 4', 'meanwhile 5']);
    assert.equal(await page.getByText('2 messages that you have not heard can no longer be had.').count(), 1);
    await page.context().close();
    await network.close();
    await server.close();
  });

  it('works under a path prefix that a proxy takes away, over both transports', async () => {
    const { server } = await startChat();
    const network = new Network(server.port, '/team/chat');
    const url = await network.listen();
    const context = await browser.newContext();
    const ann = await context.newPage();
    await ann.goto(`${url}/`);
    assert.equal(ann.url(), `${url}/rooms/lobby`);
    await ann.locator('#name-field').fill('ann');
    await ann.locator('#name-field').press('Enter');
    await joined(ann);
    const bob = await openPage(browser, `${url}/rooms/lobby?user=bob&transport=sse`);
    await say(bob, 'under a prefix');
    await ann.getByText('under a prefix').waitFor();
    await allSent(bob);
    await ann.locator('#room').click();
    await ann.locator('#room-field').fill('tea');
    await ann.locator('#room-field').press('Enter');
    await ann.waitForURL(`${url}/rooms/tea`);
    await joined(ann);
    await context.close();
    await bob.context().close();
    await network.close();
    await server.close();
  });
});
