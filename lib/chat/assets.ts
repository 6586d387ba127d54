/**
 * The chat's web page: a handful of files from beside this one, under a strict Content-Security-Policy.
 *
 * Read once, when the chat is mounted, and kept; paths on the wire are names in a table and never reach the file system. The table has
 * the page's script and whatever that imports. All addresses are relative, so that the chat works under any path.
 * Read next: `page/page.ts`.
 */

import { readFileSync } from 'node:fs';
import type { HttpResponse } from '../net/api.ts';
import type { Server } from '../server.ts';

/** Of the whole library; the scripts' addresses below `/assets/` keep its folders, since they import each other by relative path. */
const LIB = new URL('../', import.meta.url);
const SCRIPT = 'chat/page/page.js';
const OTHERS: readonly (readonly [string, string])[] = [
  ['chat/page/page.css', 'text/css; charset=utf-8'],
  ['chat/page/icon.svg', 'image/svg+xml'],
];
const IMPORT = /\b(?:from|import)\s*['"](\.{1,2}\/[^'"]+)['"]/g;

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Adds the page's routes under `base`. @throws Error when the files are not there (the library was not built) */
export function servePage(server: Server, base: string): void {
  const page = asset('chat/page/index.html', 'text/html; charset=utf-8');
  const files = [...OTHERS, ...scripts().map((path) => [path, 'text/javascript; charset=utf-8'] as const)];
  for (const [path, type] of files) {
    const response = asset(path, type);
    server.get(`${base}/assets/${path}`, () => response);
  }
  // The address of a room is where its page is: the same URL, opened by a person and not by a WebSocket.
  server.get(`${base}/rooms/:room`, () => page);
  // Relative, since a proxy may have taken a prefix away (RFC 9110 §10.2.2: resolved against the URI that was asked for).
  server.get(`${base}/`, () => redirect('rooms/lobby'));
  if (base !== '') server.get(base, () => redirect(`${base.slice(base.lastIndexOf('/') + 1)}/rooms/lobby`));
}

function redirect(location: string): HttpResponse {
  return { status: 302, headers: { Location: location } };
}

/** The page's script and all that it imports, by path below `LIB`. */
function scripts(): string[] {
  const found = new Set([SCRIPT]);
  for (const path of found) {
    const source = new URL(path, LIB);
    for (const [, specifier = ''] of readFileSync(source, 'utf8').matchAll(IMPORT)) {
      const { href } = new URL(specifier, source);
      if (!href.startsWith(LIB.href)) throw new Error(`the page imports ${href}, which is not of this library`);
      found.add(href.slice(LIB.href.length));
    }
  }
  return [...found];
}

function asset(path: string, type: string): HttpResponse {
  return {
    headers: { 'Content-Type': type, 'Cache-Control': 'no-cache', ...SECURITY_HEADERS },
    body: readFileSync(new URL(path, LIB)),
  };
}
