// Turns dist/lib into what is packed: each entry of `exports` and `bin` stays where it is, with all that it imports in a few files beside it,
// and of the declarations those stay that an entry leads to. Who imports the package then opens some files, not 150.
// `node scripts/bundle.mjs [folder]`: the folder with package.json and dist/lib; by default this project's, whose tests need a build again then.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
const lib = join(root, 'dist/lib');
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = [...new Set(pathsIn({ exports, bin }))];

// All of it in memory before anything is removed: an entry is read and written.
const { outputFiles } = await build({
  entryPoints: entries.filter((path) => path.endsWith('.js')),
  outdir: lib,
  outbase: lib,
  chunkNames: 'chunks/[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  legalComments: 'none',
  // Names stay, and lines stay short, so that a stack still says where something happened.
  minifyWhitespace: true,
  lineLimit: 120,
  allowOverwrite: true,
  write: false,
  logLevel: 'warning',
});
const kept = declarationsFrom(entries.filter((path) => path.endsWith('.d.ts')));

removeAllBut(lib, kept);
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, ownNames(text));
}

/** Classes that were renamed, since they name themselves or have the name of another, say their own name again. */
function ownNames(code) {
  return code.replace(/\b([A-Z]\w*)=class(?: (\w+))?(?: extends [\w$.]+)?\{/g, (head, outer, inner = outer) => {
    const name = outer.replace(/\d+$/, '');
    return inner === name ? head : `${head}static name=${JSON.stringify(name)};`;
  });
}

/** The files that a value of the manifest names. */
function pathsIn(value) {
  if (typeof value === 'object') return Object.values(value).flatMap(pathsIn);
  return /^(\.\/)?dist\//.test(value) ? [resolve(root, value)] : [];
}

/** Those declarations, and all that they lead to. */
function declarationsFrom(first) {
  const found = new Set(first);
  for (const path of found) {
    for (const [, specifier] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g))
      found.add(join(dirname(path), specifier.replace(/(?<!\.d)\.ts$/, '.d.ts')));
  }
  return found;
}

function removeAllBut(folder, kept) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) removeAllBut(path, kept);
    else if (!kept.has(path)) rmSync(path);
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
