/** What is packed: `scripts/bundle.mjs` on a copy of what was built. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const folder = mkdtempSync(join(tmpdir(), 'barewire-package-'));

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
}

/** Runs a program in the packed package, which knows itself by its name. */
function run(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
}

function subpaths(): string[] {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  return Object.keys(exports)
    .filter((name) => !name.endsWith('.json'))
    .map((name) => name.slice(1));
}

/** A file and all of the package that it imports, statically. */
function closure(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  const source = readFileSync(path, 'utf8');
  for (const [, specifier = ''] of source.matchAll(/(?:from|import)\s*"(\.{1,2}\/[^"]+)"/g))
    closure(join(dirname(path), specifier), found);
  return found;
}

describe('the package', () => {
  before(() => {
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
    const readmes = files.filter((name) => name.endsWith('/README.md'));
    for (const name of ['package.json', 'README.md', 'SECURITY.md', 'LICENSE', 'docs', 'dist/lib', ...readmes])
      if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    execFileSync(process.execPath, [join(ROOT, 'scripts/bundle.mjs'), folder], { stdio: 'inherit' });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('exports under each of its names what was built for it', () => {
    const program = `
      const all = {};
      for (const path of ${JSON.stringify(subpaths())}) all[path] = Object.keys(await import('barewire' + path)).sort();
      console.log(JSON.stringify(all));`;
    const packed = run('--input-type=module', '-e', program);
    const built = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.deepEqual(JSON.parse(packed), JSON.parse(built));
  });

  it('has one of each class, whichever entries it is reached by, under its own name', () => {
    const output = run(
      '--input-type=module',
      '-e',
      `import * as all from 'barewire';
      import * as core from 'barewire/websocket';
      import * as client from 'barewire/client';
      const wrong = Object.entries({ ...all, ...client }).filter(([name, value]) => /^class/.test(String(value)) && value.name !== name);
      console.log(core.PreparedMessage === all.PreparedMessage, client.WebSocket === all.WebSocket, wrong.map(([name]) => name).join());`,
    );
    assert.equal(output, 'true true \n');
  });

  it('works by require too, and its server serves', () => {
    const output = run(
      '-e',
      `const { createServer, WebSocket } = require('barewire');
      const { mountChat } = require('barewire/chat');
      const ws = require('barewire/ws');
      (async () => {
        const server = createServer().webSocket('/', { message: (socket, data) => socket.send(data) });
        mountChat(server);
        await server.listen({ port: 0 });
        const page = await (await fetch(server.url + '/rooms/lobby')).text();
        const [, path] = /<script[^>]* src="([^"]*)"/.exec(page);
        const script = await (await fetch(new URL(path, server.url + '/rooms/lobby'))).text();
        require('node:fs').writeFileSync('page.mjs', script);
        const checked = require('node:child_process').spawnSync(process.execPath, ['--check', 'page.mjs']);
        const socket = new WebSocket(server.url.replace('http', 'ws'));
        socket.onopen = () => socket.send('there and back');
        socket.onmessage = async ({ data }) => {
          console.log(typeof ws.WebSocketServer, checked.status, script.length > 10_000, data);
          socket.close();
          await server.close();
        };
      })();`,
    );
    assert.equal(output, 'function 0 true there and back\n');
  });

  it('loads nothing of Node’s at import that few programs need', () => {
    const loaded = run(
      '--input-type=module',
      '-e',
      `const before = new Set(process.moduleLoadList);
      await import('barewire');
      console.log(process.moduleLoadList.filter((name) => !before.has(name)).join());`,
    );
    assert.match(loaded, /NativeModule net\b/);
    assert.doesNotMatch(
      loaded,
      /NativeModule (?:_?http(?:s|2|_\w+)?|tls|worker_threads|internal\/deps\/undici\/undici)(?:,|$)/,
    );
  });

  it('says in a stack by their names which functions and methods an error passed through', () => {
    const stack = run(
      '--input-type=module',
      '-e',
      `import { createServer } from 'barewire';
      try { createServer().webSocket('/', {}, { pingIntervalMs: -1 }); } catch ({ stack }) { console.log(stack); }`,
    );
    assert.match(stack, /at Server\.webSocket .*\/chunks\//);
    const code = readdirSync(join(folder, 'dist/lib/chunks')).map((name) =>
      readFileSync(join(folder, 'dist/lib/chunks', name), 'utf8'),
    );
    assert.match(code.join(''), /\bfunction parseRequestHead\(|\bfunction encodeRequestHead\(/);
    assert.doesNotMatch(code.join(''), /eval\(""\)|PRIVATE\$|IMPORT\$META/);
  });

  it('has a command that knows its version', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.match(run('dist/lib/cli/main.js', '--version'), new RegExp(version.replaceAll('.', '\\.')));
  });

  it('weighs what bench/README.md says, within 3 %', () => {
    const output = execFileSync('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const [packed] = JSON.parse(output) as { size: number; unpackedSize: number }[];
    const [, kilobytes, megabytes] = /\*\*Size of the package\*\*: (\d+) kB packed .*?, ([\d.]+) MB unpacked/.exec(
      readFileSync(join(ROOT, 'bench/README.md'), 'utf8'),
    )!;
    const near = (bytes: number, told: number) => assert.ok(Math.abs(bytes / told - 1) < 0.03, `${bytes}, not ${told}`);
    near(packed!.size, Number(kilobytes) * 1_000);
    near(packed!.unpackedSize, Number(megabytes) * 1_000_000);
  });

  it('has nothing of Node’s in what browsers load', () => {
    for (const entry of ['client/browser.js', 'chat/client.js'])
      for (const path of closure(join(folder, 'dist/lib', entry)))
        assert.doesNotMatch(readFileSync(path, 'utf8'), /(?:from|import)\s*"node:/, path);
  });

  it('opens few files where a program imports it, and has the declarations that its own lead to', () => {
    assert.ok(closure(join(folder, 'dist/lib/index.js')).size <= 30);
    for (const path of ['dist/lib/net/sweeper.d.ts', 'dist/lib/net/http-connection.d.ts'])
      assert.equal(existsSync(join(folder, path)), path.includes('sweeper'), path);
    assert.match(readFileSync(join(folder, 'dist/lib/server.d.ts'), 'utf8'), /\* Adds a WebSocket route\./);
    const declarations = readdirSync(join(folder, 'dist/lib'), { recursive: true, encoding: 'utf8' });
    for (const name of declarations.filter((each) => each.endsWith('.d.ts'))) {
      const path = join(folder, 'dist/lib', name);
      for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)'/g))
        assert.ok(existsSync(join(dirname(path), specifier.replace(/\.ts$/, '.d.ts'))), `${name}: ${specifier}`);
    }
    writeFileSync(
      join(folder, 'user.mts'),
      `import { createServer } from 'barewire';\n${subpaths()
        .map((path, i) => `import * as all${i} from 'barewire${path}';\nvoid all${i};\n`)
        .join('')}void createServer;\n`,
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const types = join(ROOT, 'node_modules/@types');
    const flags =
      '--noEmit --strict --module nodenext --target es2022 --lib es2023,dom,es2024.string --types node --typeRoots';
    execFileSync(process.execPath, [tsc, ...flags.split(' '), types, 'user.mts'], { cwd: folder, stdio: 'inherit' });
  });
});
