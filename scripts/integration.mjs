// Runs the compiled tests of spec-tests/integration, or those whose path contains one of the arguments, after installing
// the packages that they work with. What is missing on this machine (a program, a package) is skipped and named at the end.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'spec-tests/integration');
const compiled = join(root, 'dist/spec-tests/integration');
const wanted = process.argv.slice(2);

/** npm writes this file at the end of an installation: one older than the lock file belongs to other versions. */
const installed = join(folder, 'node_modules/.package-lock.json');
const lock = join(folder, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  const { status } = spawnSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (status !== 0) console.error('integration: the packages could not be installed; tests that need them are skipped');
}

const files = readdirSync(compiled, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.test.js'))
  // A test whose source was removed or renamed must not go on running from an old build.
  .filter((file) => {
    const alive = existsSync(join(folder, file.replace(/\.js$/, '.ts')));
    if (!alive) rmSync(join(compiled, file));
    return alive;
  })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(compiled, file));

if (files.length === 0) {
  console.error(`no integration test matches ${wanted.join(' ')}`);
  process.exit(1);
}

/** One file at a time: each starts servers of its own. */
const tests = run({ files, concurrency: 1 });
const skipped = [];
tests.on('test:fail', () => {
  process.exitCode = 1;
});
tests.on('test:pass', ({ name, skip, file }) => {
  if (skip !== undefined && skip !== false)
    skipped.push(`${file === undefined ? '' : `${relative(compiled, file)}: `}${name}: ${skip === true ? '' : skip}`);
});
tests.compose(spec).pipe(process.stdout);
process.on('exit', () => {
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((each) => `  ${each}`).join('\n')}`);
});
