// Runs the built core tests on other versions of Node: `node scripts/node-versions.mjs 20.19 26`; without arguments on all of them.
// Each is the newest of that name in npm's `node-<platform>-<arch>`, put into a temporary folder that is removed again.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Those with long-term support, from the oldest that `engines` in package.json allows. */
const VERSIONS = ['20', '22', '24', '26'];
/** All that touches sockets, HTTP, zlib or anything else of Node's; what is pure arithmetic is the same on all versions. */
const CORE = ['rfc6455/', 'rfc7692/', 'net/', 'channel/', 'client/', 'mount/', 'properties/'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
if (!wanted.every((version) => /^\d+(\.\d+){0,2}$/.test(version))) {
  console.error(`node-versions: ${wanted.join(' ')}: must be versions of Node, such as 20.19 26`);
  process.exit(1);
}

const platform = process.platform === 'win32' ? 'win' : process.platform;
const source = `node-${platform}-${process.arch}`;
const program = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
const folder = mkdtempSync(join(tmpdir(), 'barewire-nodes-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// npm installs into the nearest folder above that has a package.json: this makes it ours.
writeFileSync(join(folder, 'package.json'), '{"private":true}\n');

const packages = wanted.map((version) => `node${version}@npm:${source}@${version}`);
const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...packages], {
  cwd: folder,
  stdio: ['ignore', 'inherit', 'inherit'],
  shell: process.platform === 'win32',
});
if (status !== 0) {
  console.error(`node-versions: ${packages.join(' ')} could not be installed`);
  process.exit(1);
}

const results = wanted.map((name) => {
  const home = join(folder, 'node_modules', `node${name}`);
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  console.log(`\nNode ${version}`);
  const began = performance.now();
  const run = spawnSync(join(home, program), [join(root, 'scripts/test.mjs'), ...CORE], {
    cwd: root,
    stdio: 'inherit',
  });
  const seconds = Math.round((performance.now() - began) / 1_000);
  return { version, passed: run.status === 0, seconds };
});

console.log('');
for (const { version, passed, seconds } of results)
  console.log(`Node ${version}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
