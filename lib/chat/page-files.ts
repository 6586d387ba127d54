/**
 * The files of the chat's page, by their path below `/assets/`: the page itself, its style and icon, its script and all that this imports.
 *
 * As it stands here it reads them from beside this file. The build puts their text into the compiled module in its place, so that a server
 * that was bundled into one file has its page too. Paths keep the library's folders: the scripts import each other by relative path.
 * Read next: `assets.ts`, which serves them; `scripts/build.mjs`.
 */

import { readFileSync } from 'node:fs';

/** Of the whole library. */
const LIB = new URL('../', import.meta.url);
const SCRIPT = 'chat/page/page.js';
const OTHERS: readonly string[] = ['chat/page/index.html', 'chat/page/page.css', 'chat/page/icon.svg'];
const IMPORT = /\b(?:from|import)\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/** Reads all of them. @throws Error when they are not there (the library was not built) */
export function pageFiles(): ReadonlyMap<string, string> {
  const files = new Map(OTHERS.map((path) => [path, textOf(path)]));
  const scripts = new Set([SCRIPT]);
  for (const path of scripts) {
    const source = textOf(path);
    files.set(path, source.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'));
    for (const [, specifier = ''] of source.matchAll(IMPORT)) {
      const { href } = new URL(specifier, new URL(path, LIB));
      if (!href.startsWith(LIB.href)) throw new Error(`the page imports ${href}, which is not of this library`);
      scripts.add(href.slice(LIB.href.length));
    }
  }
  return files;
}

function textOf(path: string): string {
  return readFileSync(new URL(path, LIB), 'utf8');
}
