// Writes a package called `ws` whose whole content is `barewire/ws`, for `overrides` in a package.json: an override replaces a
// package, not a subpath. Usage: node scripts/pack-ws-alias.mjs [FILE.tgz or FOLDER] [SPECIFIER OF BAREWIRE]
// Then, in the program's package.json: "overrides": { "ws": "file:FILE.tgz" }. Of a folder npm makes a link and installs nothing for it:
// then the program has to depend on barewire itself.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { engines, license, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [target = join(root, 'dist/ws-alias.tgz'), barewire = version] = process.argv.slice(2);

/** Packages ask for a range of versions of ws: this is the one that `lib/ws` follows. */
const VERSION_OF_WS = '8.23.0';

const files = {
  'package.json': `${JSON.stringify(
    {
      name: 'ws',
      version: VERSION_OF_WS,
      description: `barewire/ws ${version} in the place of ws`,
      license,
      engines,
      main: 'index.cjs',
      types: 'index.d.cts',
      exports: {
        '.': {
          import: { types: './index.d.mts', default: './index.mjs' },
          require: { types: './index.d.cts', default: './index.cjs' },
        },
        './package.json': './package.json',
      },
      dependencies: { barewire },
    },
    undefined,
    2,
  )}\n`,
  'index.mjs': "export * from 'barewire/ws';\nexport { default } from 'barewire/ws';\n",
  'index.cjs': "module.exports = require('barewire/ws');\n",
  'index.d.mts': "export * from 'barewire/ws';\nexport { default } from 'barewire/ws';\n",
  'index.d.cts': "import WebSocket = require('barewire/ws');\nexport = WebSocket;\n",
};

if (target.endsWith('.tgz')) pack(resolve(target));
else write(target);
console.log(resolve(target));

function write(folder) {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

function pack(file) {
  mkdirSync(dirname(file), { recursive: true });
  const folder = mkdtempSync(join(dirname(file), '.ws-alias-'));
  try {
    write(folder);
    const { status, stderr } = spawnSync('npm', ['pack', '--ignore-scripts'], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm pack: ${stderr}`);
    renameSync(join(folder, `ws-${VERSION_OF_WS}.tgz`), file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
