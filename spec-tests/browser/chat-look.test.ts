/**
 * What the chat's page weighs and how it fits: the script's size, overflow at four widths in light and dark, and what axe-core finds.
 *
 * Read next: `chat-behaviour.test.ts`.
 */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Chat } from '../../lib/chat/server.ts';
import type { Server } from '../../lib/server.ts';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { browserBundle } from '../support/bundle.ts';
import { openPage, say, screenshot } from '../support/chat-page.ts';
import { startChat } from '../support/chat-server.ts';

const MAX_SCRIPT_BYTES = 12_000;
const WIDTHS = [320, 390, 768, 1280];
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const LONG = 'https://example.org/'.padEnd(400, 'longaddress');

/** Elements that reach beyond the window, or are wider than what holds them. */
const OVERFLOW = `[...document.querySelectorAll('body *')]
  .filter((one) => one.checkVisibility() && !one.closest('svg') && !one.classList.contains('hidden'))
  .filter((one) => {
    const { left, right } = one.getBoundingClientRect();
    return left < -1 || right > innerWidth + 1 || (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'visible' && one.clientWidth > 0 && getComputedStyle(one).display !== 'inline');
  })
  .map((one) => one.tagName + '#' + one.id + '.' + one.className)`;

/** What axe finds that is serious or worse, as lines to read. */
const FINDINGS = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`;

it('the page’s script is under 12 kB, minified and compressed, with all that it imports', async () => {
  const { gzipBytes } = await browserBundle('dist/lib/chat/page/page.js');
  assert.ok(gzipBytes < MAX_SCRIPT_BYTES, `${gzipBytes} bytes, limit ${MAX_SCRIPT_BYTES}`);
});

describe('the look of the chat page', { skip: skipWithoutBrowser, timeout: 180_000 }, () => {
  let browser: Browser;
  let server: Server;
  let chat: Chat;

  before(async () => {
    browser = await launchBrowser();
    ({ server, chat } = await startChat(0, { maxTextBytes: 2_000 }));
    await chat.publish('look', 'Maximilian-Alexander-von-und-zu', LONG);
    await chat.publish('look', 'فاطمة', `مرحبا ${'x'.repeat(600)}`);
    await chat.publish('look', 'ann', 'mine');
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of WIDTHS)
      it(`nothing overflows and axe finds nothing serious at ${width} px, ${colorScheme}`, async () => {
        const page = await openPage(browser, `${server.url}/rooms/look?user=ann`, {
          viewport: { width, height: 740 },
          colorScheme,
          bypassCSP: true, // for axe alone
        });
        await page.getByText('mine').waitFor();
        await say(page, 'x'.repeat(3_000));
        await page.locator('.refused').waitFor();
        await page.addScriptTag({ path: AXE });
        await fits(page, `${width}-${colorScheme}-log`);
        if (await page.locator('#people').isVisible()) {
          await page.locator('#people').click();
          await fits(page, `${width}-${colorScheme}-members`);
          await page.locator('#rename').click();
          await fits(page, `${width}-${colorScheme}-rename`);
          await page.locator('#name-close').click();
          await page.keyboard.press('Escape');
        }
        await page.locator('#room').click();
        await page.locator('#room-field').fill('!');
        await page.locator('#room-field').press('Enter');
        await page.locator('#room-why').getByText('A room').waitFor();
        await fits(page, `${width}-${colorScheme}-room`);
        await page.context().close();
      });
});

async function fits(page: Page, name: string): Promise<void> {
  await screenshot(page, name);
  assert.deepEqual(await page.evaluate(OVERFLOW), [], `${name}: overflow`);
  assert.deepEqual(await page.evaluate(FINDINGS), [], `${name}: axe`);
}
