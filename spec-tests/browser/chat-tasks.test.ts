/**
 * Twenty things that a new person does with the chat, one after the other, as a person would: by what is written on the screen.
 *
 * Ann has a desktop, Bob a phone; both are behind a proxy with a path prefix, whose network is cut on the way. The chat is
 * `barewire chat --data`, as people start it, which is killed on the way. Read next: `chat-behaviour.test.ts`.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { allSent, DESKTOP, joined, Network, PHONE, say, screenshot, texts } from '../support/chat-page.ts';
import { barewire, listening, type Running } from '../support/command.ts';

describe('twenty tasks of a new person', { skip: skipWithoutBrowser, timeout: 180_000 }, () => {
  let browser: Browser;
  let chat: Running;
  let network: Network;
  let url: string;
  let ann: Page;
  let bob: Page;

  const data = mkdtempSync(join(tmpdir(), 'barewire-tasks-'));
  const start = () => barewire('chat', '--port', '0', '--data', data);

  before(async () => {
    browser = await launchBrowser();
    chat = start();
    network = new Network(await listening(chat), '/chat');
    url = await network.listen();
    ann = await (await browser.newContext({ viewport: DESKTOP })).newPage();
    bob = await (await browser.newContext({ viewport: PHONE, hasTouch: true, colorScheme: 'dark' })).newPage();
  });

  after(async () => {
    await browser?.close();
    await network?.close();
    chat?.child.kill('SIGKILL');
    await chat?.exited;
    rmSync(data, { recursive: true });
  });

  it('1: open the address and give a name', async () => {
    await ann.goto(`${url}/`);
    await ann.getByLabel('Your name').fill('Ann');
    await ann.getByRole('button', { name: 'Join' }).click();
    await ann.getByText('Nothing has been said here yet').waitFor();
  });

  it('2: say the first thing', async () => {
    await say(ann, 'Hello, is anybody here?');
    await allSent(ann);
    await ann.getByText('Nothing has been said here yet').waitFor({ state: 'hidden' });
  });

  it('3: join from a phone, with a name that has an emoji', async () => {
    await bob.goto(`${url}/rooms/lobby`);
    await bob.getByLabel('Your name').fill('Bob 👩🏽‍🚀');
    await bob.getByRole('button', { name: 'Join' }).tap();
    await bob.getByText('Hello, is anybody here?').waitFor();
    await ann.getByText('Bob 👩🏽‍🚀 joined').waitFor();
  });

  it('4: talk in two scripts', async () => {
    await say(bob, 'أنا هنا، شكراً');
    await ann.getByText('أنا هنا، شكراً').waitFor();
    await say(ann, '歡迎!');
    await bob.getByText('歡迎!').waitFor();
  });

  it('5: paste a link with brackets', async () => {
    await say(ann, 'Read https://en.wikipedia.org/wiki/Tea_(drink).');
    const link = bob.getByRole('link', { name: 'https://en.wikipedia.org/wiki/Tea_(drink)', exact: true });
    await link.waitFor();
    assert.equal(await link.getAttribute('target'), '_blank');
  });

  it('6: write several lines', async () => {
    await ann.getByLabel('Message', { exact: true }).focus();
    await ann.keyboard.type('first line');
    await ann.keyboard.press('Shift+Enter');
    await ann.keyboard.type('second line');
    await ann.keyboard.press('Enter');
    await bob.getByText('first line\nsecond line').waitFor();
  });

  it('7: change one’s name', async () => {
    await ann.getByRole('button', { name: 'Ann', exact: true }).click();
    await ann.getByLabel('Your name').fill('Anna');
    await ann.getByRole('button', { name: 'Change' }).click();
    await ann.getByText('Anna (you)').waitFor();
  });

  it('8: see on a phone who is here, and close that again', async () => {
    await bob.locator('#people').tap();
    await bob.locator('#member-list').getByText('Anna').waitFor();
    await screenshot(bob, 'task-members');
    await bob.touchscreen.tap(20, 400);
    await bob.locator('#members').waitFor({ state: 'hidden' });
  });

  it('9: go to another room', async () => {
    await ann.getByRole('button', { name: '#lobby' }).click();
    await ann.getByLabel('Room', { exact: true }).fill('tea');
    await ann.getByRole('button', { name: 'Go' }).click();
    await ann.waitForURL(`${url}/rooms/tea`);
    await joined(ann);
    await ann.getByText('Anna (you)').waitFor();
  });

  it('10: come back by the list of rooms that one was in', async () => {
    await ann.getByRole('button', { name: '#tea' }).click();
    await ann.getByRole('link', { name: '#lobby' }).click();
    await ann.getByText('歡迎!').waitFor();
  });

  it('11: be told that a room’s name will not do', async () => {
    await ann.getByRole('button', { name: '#lobby' }).click();
    await ann.getByLabel('Room', { exact: true }).fill('no spaces');
    await ann.getByRole('button', { name: 'Go' }).click();
    await ann.getByText("A room's name is 1 to 64 letters").waitFor();
    await ann.keyboard.press('Escape');
  });

  it('12: paste too much, be told, and shorten it', async () => {
    await say(ann, 'long '.repeat(2_000));
    await ann.getByText('bytes too long').waitFor();
    await say(ann, 'shortened');
    await bob.getByText('shortened').waitFor();
  });

  it('13: lose the network, and see so', async () => {
    await joined(bob);
    network.cut('pages-only');
    await bob.getByText('reconnecting…').waitFor();
    await bob.locator('#people').tap();
    await bob.getByText('Here before the connection was lost').waitFor();
    await bob.keyboard.press('Escape');
  });

  it('14: say something all the same', async () => {
    await say(bob, 'from the tunnel');
    await bob.locator('#outbox .waiting').getByText('from the tunnel').waitFor();
    await screenshot(bob, 'task-offline');
  });

  it('15: reload without a connection; what was said and half written is still there', async () => {
    await bob.getByLabel('Message', { exact: true }).fill('half a');
    await bob.reload();
    await bob.locator('#outbox .waiting').getByText('from the tunnel').waitFor();
    assert.equal(await bob.getByLabel('Message', { exact: true }).inputValue(), 'half a');
  });

  it('16: come back; it is said once', async () => {
    network.restore();
    await joined(bob);
    await allSent(bob);
    await ann.getByText('from the tunnel').waitFor();
    assert.equal((await texts(ann)).filter((text) => text === 'from the tunnel').length, 1);
  });

  it('17: be away, and find what is new', async () => {
    await bob.waitForFunction(`localStorage.getItem('barewire.been').includes('"seen"')`);
    await bob.goto('about:blank');
    const zoe = { method: 'POST', headers: { 'X-User-Id': 'Zoe' } };
    for (let i = 1; i <= 30; i++)
      assert.equal(
        (await fetch(`${url}/rooms/lobby/messages`, { ...zoe, body: `while you were away ${i}` })).status,
        201,
      );
    await bob.goto(`${url}/rooms/lobby`);
    await bob.getByText('30 new messages').waitFor();
    await screenshot(bob, 'task-unread');
  });

  it('18: scroll to the first message, and back to the newest', async () => {
    await bob.evaluate("document.getElementById('log').scrollTo(0, 0)");
    await bob.getByText('This is where the room begins.').waitFor();
    assert.ok(await bob.getByText('Hello, is anybody here?').isVisible());
    await bob.getByRole('button', { name: 'To the newest' }).tap();
    await bob.locator('#newest').waitFor({ state: 'hidden' });
    assert.ok(await bob.getByText('while you were away 30').isVisible());
  });

  it('19: go on after the server was killed, with all that was ever said', async () => {
    chat.child.kill('SIGKILL');
    await ann.getByText('reconnecting…').waitFor();
    await say(ann, 'are you still there?');
    await chat.exited;
    chat = start();
    network.restore(await listening(chat));
    for (const page of [ann, bob]) {
      await joined(page);
      await page.getByText('are you still there?').waitFor();
    }
    const kim = await (await browser.newContext({ viewport: DESKTOP })).newPage();
    await kim.goto(`${url}/rooms/lobby?user=Kim`);
    await kim.getByText('are you still there?').waitFor();
    const said = await texts(kim);
    assert.deepEqual([said[0], said.at(-1)], ['Hello, is anybody here?', 'are you still there?']);
    assert.equal(new Set(said).size, said.length, 'nothing is there twice');
    assert.deepEqual(await texts(ann), said);
    await screenshot(kim, 'task-restarted');
    await kim.context().close();
  });

  it('20: do all of it with a keyboard alone', async () => {
    const page = await (await browser.newContext({ viewport: PHONE })).newPage();
    await page.goto(`${url}/rooms/keys`);
    await page.locator('#name-field:focus').waitFor(); // the page asks the server first whether it may ask for a name
    await page.keyboard.type('Kim');
    await page.keyboard.press('Enter');
    await joined(page);
    const focused = () => page.evaluate<string>('document.activeElement.id');
    const tabTo = async (id: string) => {
      for (let i = 0; i < 12 && (await focused()) !== id; i++) await page.keyboard.press('Tab');
      assert.equal(await focused(), id);
    };
    await tabTo('text');
    await page.keyboard.type('said with keys');
    await page.keyboard.press('Enter');
    await page.getByText('said with keys').waitFor();
    await tabTo('people');
    await page.keyboard.press('Enter');
    await tabTo('rename');
    await page.keyboard.press('Enter');
    await page.keyboard.type('Kimberley');
    await page.keyboard.press('Enter');
    await page.locator('#member-list').getByText('Kimberley (you)').waitFor();
    await page.keyboard.press('Escape');
    await tabTo('room');
    await page.keyboard.press('Enter');
    await page.keyboard.type('other');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}/rooms/other`);
    await joined(page);
    await page.context().close();
  });
});
