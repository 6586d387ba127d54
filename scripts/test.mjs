// Runs every compiled test, or those whose path contains one of the arguments: `node scripts/test.mjs rfc6455 rooms`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiled = join(root, 'dist/spec-tests');
const wanted = process.argv.slice(2);

const files = readdirSync(compiled, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.test.js'))
  // They need packages and servers: scripts/integration.mjs runs them.
  .filter((file) => !file.startsWith(`integration${sep}`))
  // A test whose source was removed or renamed must not go on running from an old build.
  .filter((file) => {
    const alive = existsSync(join(root, 'spec-tests', file.replace(/\.js$/, '.ts')));
    if (!alive) rmSync(join(compiled, file));
    return alive;
  })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => relative(root, join(compiled, file)));

if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
