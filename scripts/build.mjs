// Compiles lib, bench and spec-tests into dist/, then copies the files that are served as they are.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

compile();
// What is packed has its comments in the declarations, where editors show them, and not twice.
if (process.argv.includes('--package'))
  compile('--removeComments', '--sourceMap', 'false', '--declaration', 'false', '--isolatedDeclarations', 'false');

function compile(...options) {
  for (const project of ['tsconfig.json', 'lib/chat/page/tsconfig.json']) {
    if (!existsSync(join(root, project))) continue;
    const { status } = spawnSync(process.execPath, [tsc, '-p', project, ...options], { cwd: root, stdio: 'inherit' });
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
const cli = join(root, 'dist/lib/cli/main.js');
if (existsSync(cli)) chmodSync(cli, 0o755);
