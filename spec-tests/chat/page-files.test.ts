/** The files of the chat's page: all that it loads is there, from a folder of the library and from a server that is one bundled file. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { mountChat } from '../../lib/chat/server.ts';
import type { createServer } from '../../lib/server.ts';
import { ROOT } from '../support/peers.ts';

interface Library {
  readonly createServer: typeof createServer;
  readonly mountChat: typeof mountChat;
}

/** Fetches a page and whatever it names, and what that imports; answers the texts by path. */
async function load(url: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const wanted = [url];
  for (const each of wanted) {
    const { pathname } = new URL(each);
    if (texts.has(pathname)) continue;
    const response = await fetch(each);
    assert.equal(response.status, 200, pathname);
    const text = await response.text();
    texts.set(pathname, text);
    for (const [, named = ''] of text.matchAll(/(?:\b(?:src|href)=|\bfrom\s*)["']([^"']+)["']/g))
      if (named.startsWith('.')) wanted.push(new URL(named, each).href);
  }
  return texts;
}

async function pageOf({ createServer, mountChat }: Library): Promise<Map<string, string>> {
  const server = createServer();
  mountChat(server);
  await server.listen();
  try {
    return await load(`${server.url}/rooms/tea`);
  } finally {
    await server.close();
  }
}

describe('the files of the page', { timeout: 30_000 }, () => {
  it('a server that was bundled into one file has them all, as one from the library’s folder does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'barewire-bundle-'));
    const outfile = join(folder, 'server.mjs');
    const contents = "export { createServer } from './lib/index.js'; export { mountChat } from './lib/chat/index.js';";
    await build({
      stdin: { contents, resolveDir: join(ROOT, 'dist') },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      logLevel: 'silent',
    });
    const bundled = await pageOf((await import(pathToFileURL(outfile).href)) as Library);
    rmSync(folder, { recursive: true });
    const own = await pageOf({
      ...((await import(pathToFileURL(join(ROOT, 'dist/lib/index.js')).href)) as Omit<Library, 'mountChat'>),
      ...((await import(pathToFileURL(join(ROOT, 'dist/lib/chat/index.js')).href)) as Omit<Library, 'createServer'>),
    });
    assert.ok(own.has('/assets/chat/page/timeline.js') && own.has('/assets/client/backoff.js') && own.size > 15);
    assert.deepEqual(bundled, own);
    const page = readFileSync(join(ROOT, 'lib/chat/page/index.html'), 'utf8');
    assert.equal(bundled.get('/rooms/tea'), page, 'they are built from what is there now');
  });
});
