/**
 * Other people's libraries, for tests of interoperation: they live in bench/node_modules, apart from this package, and
 * need not be there. A test that needs one passes `skip: withoutPeer('ws')`.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository: the nearest folder above with bench/package.json, from source and from dist alike. */
export const ROOT: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'bench/package.json'))) folder = dirname(folder);
  return folder;
})();

const require = createRequire(join(ROOT, 'bench/package.json'));

/** The peer's module. Their types are not installed: each test says what it uses of it. @throws when it is not there */
export function loadPeer<T>(name: string): T {
  return require(name) as T;
}

/** Why a test is skipped, or false when the peer is there. */
export function withoutPeer(name: string): string | false {
  try {
    require.resolve(name);
    return false;
  } catch {
    return `${name} is not installed: npm ci in bench/`;
  }
}
