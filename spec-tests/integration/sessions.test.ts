/** The programs of `docs/running.md` with Express, as they stand but for the port: they print what they say. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { missing } from './installed.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

describe('programs with Express', { skip: missing({ packages: ['express', 'express-session'] }) }, () => {
  it('express-session reads the session of an upgrade from request.raw', () => printsWhatItSays('sessions'));

  it('members of rooms on streams that a handler opens hear what is published', () =>
    printsWhatItSays('express-rooms'));
});

async function printsWhatItSays(name: string): Promise<void> {
  const page = readFileSync(join(root, 'docs/running.md'), 'utf8');
  const code = new RegExp(`<!-- integration: ${name} -->\\n\`\`\`js\\n([\\s\\S]*?)\`\`\``).exec(page)![1]!;
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const folder = mkdtempSync(join(tmpdir(), 'barewire-sessions-'));
  try {
    const packages = join(folder, 'node_modules');
    cpSync(join(root, 'spec-tests/integration/node_modules'), packages, { recursive: true, verbatimSymlinks: true });
    symlinkSync(root, join(packages, 'barewire'), 'dir');
    writeFileSync(join(folder, `${name}.mjs`), code.replaceAll('8080', String(port)));
    const { stdout } = await promisify(execFile)(process.execPath, [`${name}.mjs`], {
      cwd: folder,
      timeout: 20_000,
    });
    const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
    assert.deepEqual(stdout.trim().split('\n'), expected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
