/**
 * The chat under a path prefix behind nginx, as nginx's page on WebSocket proxying sets it up: with the prefix taken away, and with it kept.
 *
 * `barewire chat` as people start it, and its page in a real Chromium, over both transports. Read next: `proxies.ts`.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { allSent, joined, openPage, say, texts } from '../support/chat-page.ts';
import { barewire, listening, type Running } from '../support/command.ts';
import { missing } from './installed.ts';
import { nginxLocations, type RunningProxy } from './proxies.ts';
import { freePort } from './redis-server.ts';

interface Setup {
  readonly name: string;
  /** Options of `barewire chat` for a site at this origin. */
  readonly options: (origin: string) => string[];
  readonly location: (backend: number) => string;
}

const SETUPS: readonly Setup[] = [
  {
    name: 'word for word, the prefix taken away, the origin on the list',
    options: (origin) => ['--origin', origin],
    location: (backend) => `location /chat/ {
      proxy_pass http://127.0.0.1:${backend}/;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }`,
  },
  {
    name: 'with its map, the prefix and the Host field kept',
    options: () => ['--base', '/chat'],
    location: (backend) => `location /chat/ {
      proxy_pass http://127.0.0.1:${backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host;
    }`,
  },
  {
    name: 'with X-Forwarded-* from a proxy that is trusted',
    options: () => ['--trust-proxy', 'loopback'],
    location: (backend) => `location /chat/ {
      proxy_pass http://127.0.0.1:${backend}/;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
    }`,
  },
];

const SKIP = missing({ programs: ['nginx'] }) || skipWithoutBrowser;

for (const { name, options, location } of SETUPS)
  describe(`the chat behind nginx: ${name}`, { skip: SKIP, timeout: 60_000 }, () => {
    let browser: Browser;
    let running: Running;
    let proxy: RunningProxy;
    let port: number;
    let locations: string;
    let site: string;

    before(async () => {
      browser = await launchBrowser();
      port = await freePort();
      running = barewire('chat', '--port', '0', ...options(`http://127.0.0.1:${port}`));
      locations = location(await listening(running));
      proxy = await nginxLocations(port, locations);
      site = `http://127.0.0.1:${port}/chat`;
    });

    after(async () => {
      await browser?.close();
      await proxy?.stop();
      running?.child.kill('SIGKILL');
    });

    it('the page comes under the prefix, and people talk over WebSocket, event stream and POST, also after nginx was away', async () => {
      const context = await browser.newContext();
      const ann = await context.newPage();
      const failed: string[] = [];
      ann.on('response', (response) => {
        if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
      });
      await ann.goto(`${site}/`);
      assert.equal(ann.url(), `${site}/rooms/lobby`);
      await ann.locator('#name-field').fill('ann');
      await ann.locator('#name-field').press('Enter');
      await joined(ann);
      assert.equal(await ann.locator('#state').innerText(), 'connected', 'over a WebSocket');
      assert.deepEqual(failed, []);
      const bob = await openPage(browser, `${site}/rooms/lobby?user=bob&transport=sse`);
      await say(ann, 'over the WebSocket');
      await say(bob, 'by POST');
      await allSent(ann);
      await allSent(bob);
      await ann.getByText('by POST').waitFor();
      await proxy.stop();
      for (const page of [ann, bob]) await page.getByText('reconnecting…').waitFor();
      await say(ann, 'while nginx was away');
      proxy = await nginxLocations(port, locations);
      for (const page of [ann, bob]) {
        await joined(page);
        await page.getByText('while nginx was away').waitFor();
      }
      await allSent(ann);
      for (const page of [ann, bob])
        assert.deepEqual((await texts(page)).toSorted(), ['by POST', 'over the WebSocket', 'while nginx was away']);
    });
  });
