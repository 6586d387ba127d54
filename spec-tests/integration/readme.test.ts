/** The snippets of the README that need other packages: compiled with `tsc --strict`, run, and asked whether they do what they say. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from '../../lib/client/websocket.ts';
import { missing } from './installed.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const packages = join(root, 'spec-tests/integration/node_modules');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const snippets = new Map(
  [...readme.matchAll(/<!-- integration: ([a-z-]+) -->\n```ts\n([\s\S]*?)```/g)].map(([, name, code]) => [
    name!,
    code!,
  ]),
);

const compilerOptions = {
  strict: true,
  module: 'nodenext',
  target: 'es2022',
  types: ['node'],
  skipLibCheck: true,
  outDir: 'js',
};

async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks for an echo until the program listens, ten seconds at most. */
async function echoed(port: number): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const socket = new WebSocket(`ws://localhost:${port}/echo`);
    const answer = await new Promise<string | undefined>((resolve) => {
      socket.onopen = () => socket.send('over somebody else’s server');
      socket.onmessage = ({ data }) => resolve(data as string);
      socket.onclose = () => resolve(undefined);
    });
    socket.close();
    if (answer !== undefined) return answer;
    assert.ok(attempt < 100, 'the program does not listen');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('the README, on servers of others', {
  skip: missing({ packages: ['express', '@types/express', 'fastify'] }),
}, () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'barewire-integration-'));
    cpSync(packages, join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
    if (!readdirSync(join(folder, 'node_modules')).includes('barewire'))
      symlinkSync(root, join(folder, 'node_modules', 'barewire'), 'dir');
    if (!readdirSync(join(folder, 'node_modules/@types')).includes('node'))
      symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), 'dir');
    for (const [name, code] of snippets) writeFileSync(join(folder, `${name}.mts`), code);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('every snippet passes tsc --strict', () => {
    assert.deepEqual([...snippets.keys()].sort(), ['express', 'fastify']);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });

  for (const name of ['express', 'fastify']) {
    it(`${name}: a WebSocket echo beside its own routes`, async () => {
      const port = await freePort();
      const file = join(folder, `${name}.mjs`);
      writeFileSync(file, readFileSync(join(folder, 'js', `${name}.mjs`), 'utf8').replaceAll('8080', String(port)));
      const child = spawn(process.execPath, [file], { cwd: folder, stdio: 'inherit' });
      try {
        assert.equal(await echoed(port), 'over somebody else’s server');
        if (name === 'fastify') {
          const response = await fetch(`http://localhost:${port}/hello`);
          const reader = response.body!.getReader();
          assert.match(new TextDecoder().decode((await reader.read()).value), /data: hello/);
          await reader.cancel();
        }
      } finally {
        child.kill();
        await once(child, 'exit');
      }
    });
  }
});
