/**
 * A real Chromium for tests: found, started, and ended. Without one a test is skipped with a word, unless
 * BAREWIRE_REQUIRE_BROWSER is set, as it is where the project's own checks run.
 */

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CANDIDATES = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where Chromium is, if it is anywhere that we know of. */
export const chromiumPath: string | undefined = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** For a test's `skip` option: false, or why it is skipped. */
export const skipWithoutBrowser: string | false =
  chromiumPath !== undefined || process.env['BAREWIRE_REQUIRE_BROWSER'] !== undefined
    ? false
    : 'no Chromium here (set CHROMIUM_PATH, or install the package chromium)';

/** Starts Chromium without a window; nothing of it calls anywhere by itself. */
export async function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('BAREWIRE_REQUIRE_BROWSER is set, and there is no Chromium');
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
