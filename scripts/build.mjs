// Compiles lib, bench and spec-tests into dist/, copies the files that are served as they are, and builds those of the chat into it.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

compile();

function compile() {
  for (const project of ['tsconfig.json', 'lib/chat/page/tsconfig.json']) {
    if (!existsSync(join(root, project))) continue;
    const { status } = spawnSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
}
for (const assets of ['lib/chat/page']) {
  if (!existsSync(join(root, assets))) continue;
  cpSync(join(root, assets), join(root, 'dist', assets), {
    recursive: true,
    filter: (source) => !source.endsWith('.ts') && !source.endsWith('tsconfig.json'),
  });
}
await builtIn();

/** Puts the files of the chat's page into the module that has read them until now, so that a bundle of a server has them. */
async function builtIn() {
  const module = join(root, 'dist/lib/chat/page-files.js');
  if (!existsSync(module)) return;
  const { pageFiles } = await import(pathToFileURL(module).href);
  const entries = JSON.stringify([...pageFiles()], null, 1);
  writeFileSync(module, `const files = new Map(${entries});\n\nexport function pageFiles() {\n  return files;\n}\n`);
}
const cli = join(root, 'dist/lib/cli/main.js');
if (existsSync(cli)) chmodSync(cli, 0o755);
