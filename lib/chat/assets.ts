/**
 * The chat's web page: a handful of files from beside this one, under a strict Content-Security-Policy.
 *
 * Read once, when the chat is mounted, and kept; paths on the wire are names in a table and never reach the file system.
 * Read next: `page/page.ts`.
 */

import { readFileSync } from 'node:fs';
import type { HttpResponse } from '../net/api.ts';
import type { Server } from '../server.ts';

/** URL, file beside this one, type. The URLs keep the folders, since the scripts import each other by relative path. */
const ASSETS: readonly (readonly [string, string, string])[] = [
  ['/assets/chat/page/page.js', './page/page.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/client.js', './client.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/client-http.js', './client-http.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/client-links.js', './client-links.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/client-options.js', './client-options.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/client-outbox.js', './client-outbox.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/client-speaker.js', './client-speaker.js', 'text/javascript; charset=utf-8'],
  ['/assets/client/backoff.js', '../client/backoff.js', 'text/javascript; charset=utf-8'],
  ['/assets/chat/page/page.css', './page/page.css', 'text/css; charset=utf-8'],
  ['/assets/chat/page/icon.svg', './page/icon.svg', 'image/svg+xml'],
];

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Adds the page's routes under `base`. The page refers to its files by relative URLs. @throws Error when the files are not there (the library was not built) */
export function servePage(server: Server, base: string): void {
  const page = asset('./page/index.html', 'text/html; charset=utf-8');
  for (const [url, file, type] of ASSETS) {
    const response = asset(file, type);
    server.get(`${base}${url}`, () => response);
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

function asset(file: string, type: string): HttpResponse {
  return {
    headers: { 'Content-Type': type, 'Cache-Control': 'no-cache', ...SECURITY_HEADERS },
    body: readFileSync(new URL(file, import.meta.url)),
  };
}
