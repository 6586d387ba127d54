import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from './support/peers.ts';

const text = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8');
const TESTS = join(ROOT, 'spec-tests');
/** Where the tables look for a file that they name without its folder. */
const FOLDERS = ['', 'rooms', 'room-logs', 'integration'];

/** Whether a file has a test, or a group of tests, whose title begins so; what a loop puts in counts as any text. */
function hasTest(source: string, title: string): boolean {
  return [...source.matchAll(/\b(?:it|describe)\(\s*(['`])(.*?)\1/g)].some(([, , name = '']) => {
    const begins = name.split(/\$\{[^}]*\}/).map((part) => part.replace(/[.*+?^$()|[\]\\{}]/g, '\\$&'));
    return name.startsWith(title) || new RegExp(`^${begins.join('.+')}`).test(title);
  });
}

/** What is wrong with the tests that a cell names; undefined where it names one, and each of them exists. */
function wrongWith(cell: string): string | undefined {
  const named = [...cell.matchAll(/`([\w/.-]+\.ts)`(?:: ([^,`)|][^`)|]*))?/g)];
  if (named.length === 0) return 'it names no test';
  for (const [, file = '', titles = ''] of named) {
    const path = FOLDERS.map((folder) => join(TESTS, folder, file)).find((each) => existsSync(each));
    if (path === undefined) return `there is no ${file}`;
    const source = readFileSync(path, 'utf8');
    for (const title of titles.split(';').map((each) => each.trim().replace(/,$/, '')))
      if (!hasTest(source, title)) return `${file} has no test that begins: ${title}`;
  }
  return undefined;
}

describe('docs/guarantees.md', () => {
  it('names a test for each promise, and each of them exists', () => {
    const promises = text.split(/^- /m).slice(1);
    assert.ok(promises.length > 30);
    for (const promise of promises) {
      const [, file, title] = /^ {2}\*`([^`]+)`: ([^*]+)\*$/m.exec(promise) ?? [];
      assert.ok(file !== undefined && title !== undefined, `no test behind: ${promise}`);
      const source = readFileSync(join(TESTS, file), 'utf8');
      assert.ok(source.includes(`it('${title}`), `${file} has no test that begins: ${title}`);
    }
  });

  it('has a test in every cell of its tables, and each of them exists', () => {
    // A table's first line is its head: the line of dashes follows it.
    const rows = [...text.matchAll(/^\| (.*) \|\n(?!\|---)/gm)].map(([, row = '']) => row.split(' | '));
    const cells = rows.flatMap((row) => row.slice(1)).filter((cell) => !/^-+\|/.test(cell));
    assert.ok(cells.length > 40);
    const wrong = cells.map((cell) => [wrongWith(cell), cell] as const).filter(([why]) => why !== undefined);
    assert.deepEqual(wrong, []);
  });
});
