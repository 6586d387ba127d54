/**
 * The chat's web page: a handful of files, under a strict Content-Security-Policy.
 *
 * Read once, when the chat is mounted, and kept; paths on the wire are names in a table and never reach the file system.
 * All addresses are relative, so that the chat works under any path. Read next: `page-files.ts`, `page/page.ts`.
 */

import type { HttpResponse } from '../net/api.ts';
import type { Server } from '../server.ts';
import { pageFiles } from './page-files.ts';

const PAGE = 'chat/page/index.html';
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Adds the page's routes under `base`. @throws Error when the files are not there (the library was not built) */
export function servePage(server: Server, base: string): void {
  for (const [path, text] of pageFiles()) {
    const response = asset(path, text);
    // The address of a room is where its page is: the same URL, opened by a person and not by a WebSocket.
    server.get(path === PAGE ? `${base}/rooms/:room` : `${base}/assets/${path}`, () => response);
  }
  // Relative, since a proxy may have taken a prefix away (RFC 9110 §10.2.2: resolved against the URI that was asked for).
  server.get(`${base}/`, () => redirect('rooms/lobby'));
  if (base !== '') server.get(base, () => redirect(`${base.slice(base.lastIndexOf('/') + 1)}/rooms/lobby`));
}

function redirect(location: string): HttpResponse {
  return { status: 302, headers: { Location: location } };
}

function asset(path: string, text: string): HttpResponse {
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] as string;
  return { headers: { 'Content-Type': type, 'Cache-Control': 'no-cache', ...SECURITY_HEADERS }, body: text };
}
