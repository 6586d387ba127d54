/**
 * What an integration test works with: packages of this folder's own `package.json`, and programs of the machine.
 *
 * The sources are compiled without these packages, so they are loaded by name at run time and the caller states the part
 * of their interface that it uses. What is missing is a reason to skip, which the test passes on and the runner prints.
 * `scripts/integration.mjs` installs the packages. Read next: `redis-server.ts`.
 */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The folder of the sources: this file runs from dist/spec-tests/integration. */
const FOLDER = new URL('../../../spec-tests/integration/', import.meta.url);

/** Loads a package of `spec-tests/integration/package.json`, as `import()` answers it. `Shape` is what the test uses of it. */
export async function packageOf<Shape>(name: string): Promise<Shape> {
  const loader: { readonly load: (name: string) => Promise<Shape> } = await import(new URL('load.mjs', FOLDER).href);
  return loader.load(name);
}

/** Answers the path of a program on this machine, undefined where there is none. */
export function programOf(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/**
 * Says why a test cannot run here, false where all is there:
 * `{ skip: missing({ packages: ['ioredis'], programs: ['redis-server'] }) }`.
 */
export function missing(needs: {
  readonly packages?: readonly string[];
  readonly programs?: readonly string[];
}): string | false {
  const absent = [
    ...(needs.packages ?? [])
      .filter((name) => !existsSync(new URL(`node_modules/${name}/package.json`, FOLDER)))
      .map((name) => `package ${name}`),
    ...(needs.programs ?? []).filter((name) => programOf(name) === undefined).map((name) => `program ${name}`),
  ];
  return absent.length === 0 ? false : `missing here: ${absent.join(', ')}`;
}
