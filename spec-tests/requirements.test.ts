import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { REQUIREMENTS, type Requirement } from './requirements/index.ts';

/** The sources: this file runs from dist/spec-tests. */
const TESTS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'spec-tests');

/** String and template literals of a source, without their quotes, escapes of quotes undone, placeholders as `<…>`. */
function literals(text: string): Set<string> {
  const code = text.replace(/^\s*(?:\/\/[^\n]*|\/\*[\s\S]*?\*\/)/gm, '');
  const found = new Set<string>();
  for (const match of code.matchAll(/'((?:\\.|[^'\\\n])*)'|"((?:\\.|[^"\\\n])*)"|`((?:\\.|\$\{[^{}]*\}|[^`\\])*)`/g))
    found.add((match[1] ?? match[2] ?? match[3] ?? '').replace(/\\(['"`])/g, '$1').replace(/\$\{[^{}]*\}/g, '<…>'));
  return found;
}

/**
 * A source without the blocks that never run: `.skip`, `.todo`, `{ skip: true }`, `{ skip: 'why' }`. What is skipped only
 * where something is missing (`{ skip: NO_OPENSSL }`) runs in CI and stays.
 */
function withoutSkipped(text: string): string {
  let rest = text;
  const block =
    /^([ \t]*)(?:it|test|describe|suite)(\.\w+)?\(\s*(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\w+)\s*,\s*(\{[^{}]*\})?.*$/gm;
  for (const match of text.matchAll(block)) {
    const [start, indent = '', modifier = '', options = ''] = match;
    if (!/^\.(skip|todo)$/.test(modifier) && !/\b(skip|todo):\s*(true|['"`])/.test(options)) continue;
    const end = start.endsWith(';') ? start.length : text.slice(match.index).search(new RegExp(`\\n${indent}[})]`));
    rest = rest.replace(text.slice(match.index, end < 0 ? undefined : match.index + end), '');
  }
  return rest;
}

const cache = new Map<string, Set<string>>();

/** All titles that a test file can have: its own literals, and those of the vector tables that it imports. */
function titlesOf(file: string): Set<string> {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const path = join(TESTS, file);
  const text = readFileSync(path, 'utf8');
  const titles = literals(withoutSkipped(text));
  for (const match of text.matchAll(/from '(\.\.?\/vectors\/[^']+)'/g))
    for (const title of literals(readFileSync(join(dirname(path), match[1]!), 'utf8'))) titles.add(title);
  cache.set(file, titles);
  return titles;
}

/** What is wrong with a list of requirements, as sentences. */
function faults(requirements: readonly Requirement[]): string[] {
  const found: string[] = [];
  const ids = new Set<string>();
  for (const { id, source, quote, tests, deviation } of requirements) {
    if (ids.has(id)) found.push(`${id}: stands twice`);
    ids.add(id);
    if (!/^(RFC (6265|6454|6455|7239|7692|8441|9110|9112)|HTML|Fetch|PROXY) §\d+(\.\d+)*( |$)/.test(source))
      found.push(`${id}: names no section`);
    if (quote.split(/\s+/).length > 20) found.push(`${id}: quotes more than 20 words`);
    if (deviation !== undefined && deviation.length < 20) found.push(`${id}: deviates without a reason`);
    if (tests.length === 0) found.push(`${id}: nothing proves it`);
    for (const [file, title] of tests) {
      if (!file.endsWith('.test.ts') || !existsSync(join(TESTS, file))) found.push(`${id}: ${file} does not exist`);
      else if (title.length < 5 || !titlesOf(file).has(title)) found.push(`${id}: ${file} has no test "${title}"`);
    }
  }
  return found;
}

describe('every requirement that concerns us is proven', () => {
  it('by tests that exist, each found by its title', () => {
    assert.deepEqual(faults(REQUIREMENTS), []);
  });

  it('and none is missing of those that name a close code, a status or a limit of the standards', () => {
    const sections = new Set(REQUIREMENTS.map(({ source }) => source.replace(/^(RFC \d+|HTML) (§[\d.]+).*$/, '$1 $2')));
    const expected = [
      ...[
        '4.1',
        '4.2.1',
        '4.2.2',
        '4.4',
        '5.1',
        '5.2',
        '5.3',
        '5.4',
        '5.5',
        '5.5.1',
        '5.5.2',
        '5.5.3',
        '5.6',
        '6.1',
        '6.2',
        '7.1.1',
        '7.1.2',
        '7.1.7',
        '7.2.1',
        '7.2.2',
        '7.4.1',
        '8.1',
        '9.1',
        '10.2',
        '10.3',
        '10.4',
        '10.5',
        '10.6',
        '10.7',
      ].map((section) => `RFC 6455 §${section}`),
      ...['6.1', '7', '7.1.1.1', '7.1.1.2', '7.1.2.1', '7.1.2.2', '7.2.1', '7.2.2'].map(
        (section) => `RFC 7692 §${section}`,
      ),
      ...['3', '4', '5'].map((section) => `RFC 8441 §${section}`),
      ...[
        '2.2',
        '3',
        '3.2',
        '3.2.2',
        '4',
        '5.1',
        '5.2',
        '6.1',
        '6.3',
        '7.1',
        '7.1.1',
        '7.1.2',
        '8',
        '9.3',
        '9.3.2',
        '9.5',
        '9.6',
        '9.8',
      ].map((section) => `RFC 9112 §${section}`),
      ...['9.2.1', '9.2.2', '9.2.3', '9.2.4', '9.2.5', '9.2.6', '9.2.7'].map((section) => `HTML §${section}`),
    ];
    assert.deepEqual(
      expected.filter((section) => !sections.has(section)),
      [],
    );
  });

  it('a title that is skipped in the source is none', () => {
    const titles = (source: string) => [...literals(withoutSkipped(source))].filter((text) => /^title/.test(text));
    const runs = "  it('title 9', () => {\n    done();\n  });\n";
    for (const skipped of [
      "  it.skip('title 1', () => {\n    done();\n  });\n",
      "  it.todo('title 1', () => done());\n",
      "  it('title 1', { skip: true }, async () => {\n    done();\n  });\n",
      "  it(\n    'title 1',\n    { timeout: 1, skip: 'not now' },\n    () => {\n      done();\n    },\n  );\n",
      "describe.skip('all', () => {\n  it('title 1', () => done());\n  it('title 2', () => done());\n});\n",
      "describe('all', { todo: true }, () => {\n  it('title 1', () => done());\n});\n",
    ])
      assert.deepEqual(titles(skipped + runs), ['title 9'], skipped);
    for (const conditional of [
      "  it('title 1', { skip: NO_CURL }, () => done());\n",
      "  it('title 1', { skip }, run);\n",
    ])
      assert.deepEqual(titles(conditional + runs), ['title 1', 'title 9'], conditional);
  });

  it('the check itself finds what is wrong', () => {
    const [good] = REQUIREMENTS;
    assert.ok(good !== undefined);
    const [file] = good.tests[0]!;
    const wrong: readonly [change: Partial<Requirement>, expected: RegExp][] = [
      [{ tests: [] }, /nothing proves it/],
      [{ tests: [['rfc6455/none.test.ts', 'x']] }, /does not exist/],
      [{ tests: [[file, 'a title that no test has']] }, /has no test/],
      [{ tests: [[file, '']] }, /has no test/],
      [{ source: 'RFC 1' }, /names no section/],
      [{ quote: 'word '.repeat(21).trim() }, /more than 20 words/],
      [{ deviation: 'so' }, /without a reason/],
    ];
    for (const [change, expected] of wrong) {
      const [fault, ...more] = faults([{ ...good, ...change }]);
      assert.match(fault ?? 'nothing', expected);
      assert.deepEqual(more, []);
    }
    assert.match(faults([good, good]).join(), /stands twice/);
  });
});
