/**
 * Messages larger than the memory that they pass through, in processes of their own, and the snippets of docs/large-messages.md.
 * `BAREWIRE_LARGE_BYTES=1073741824` makes the message longer.
 */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { noise } from '../support/deflate.ts';
import { ROOT } from '../support/peers.ts';

const run = promisify(execFile);
const MEBIBYTE = 1_048_576;
/** V8 keeps garbage for a while, array buffers of parts among it: 48 to 59 MiB were seen from Node 24 on. */
const MAX_GROWTH_MEBIBYTES = Number.parseInt(process.versions.node, 10) < 24 ? 32 : 96;

interface Report {
  readonly bytes: number;
  readonly client: { readonly warmBytes: number };
  readonly server: { readonly warmBytes: number };
}

describe('a message larger than memory', { timeout: 300_000 }, () => {
  it(`passes both ways whole while resident memory grows by less than ${MAX_GROWTH_MEBIBYTES} MiB at either end`, async () => {
    const bytes = process.env['BAREWIRE_LARGE_BYTES'] ?? String(256 * MEBIBYTE);
    const command = [join(ROOT, 'dist/bench/wire/parts.js'), '--bytes', bytes, '--rounds', '0', '--json'];
    const { stdout } = await run(process.execPath, command);
    const report = JSON.parse(stdout) as Report;
    assert.equal(report.bytes, Number(bytes));
    for (const end of ['client', 'server'] as const) {
      const grown = report[end].warmBytes / MEBIBYTE;
      assert.ok(grown < MAX_GROWTH_MEBIBYTES, `resident memory of the ${end} grew by ${grown.toFixed(1)} MiB`);
    }
  });

  it('docs/large-messages.md: the upload is stored and comes back; one octet beyond the bound is refused', async () => {
    const guide = readFileSync(join(ROOT, 'docs/large-messages.md'), 'utf8');
    const snippets = new Map(
      [...guide.matchAll(/<!-- run: ([a-z]+) -->\n```js\n([\s\S]*?)```/g)].map(([, name, code]) => [name, code!]),
    );
    assert.equal(snippets.size, (guide.match(/^```js$/gm) ?? []).length);
    const folder = mkdtempSync(join(tmpdir(), 'barewire-large-'));
    const original = noise(3 * MEBIBYTE);
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules', 'barewire'), 'dir');
    writeFileSync(join(folder, 'original.bin'), original);
    const bound = snippets.get('server')!.replace('2 ** 30', String(original.length));
    const served = bound.replace('port: 8080', 'port: 0');
    writeFileSync(join(folder, 'server.mjs'), `${served}\nconsole.log(server.port);\n`);
    const server = spawn(process.execPath, ['server.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [port] = (await once(server.stdout, 'data')) as [Buffer];
      const code = snippets.get('client')!.replaceAll('8080', String(port).trim());
      writeFileSync(join(folder, 'client.mjs'), code);
      const { stdout } = await run(process.execPath, ['client.mjs'], { cwd: folder });
      const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
      assert.deepEqual(stdout.trim().split('\n'), expected);
      assert.ok(readFileSync(join(folder, 'copy.bin')).equals(original), 'octet by octet');

      writeFileSync(join(folder, 'original.bin'), noise(original.length + 1));
      const tooLong = code.replace(
        'const stored',
        "up.addEventListener('close', ({ code }) => process.exit(code === 1009 ? 9 : 1)); const stored",
      );
      // The rejection of `writeMessage` may come before the close event; it would end the process.
      const patient = "process.on('uncaughtException', () => {});";
      writeFileSync(join(folder, 'too-long.mjs'), `${patient}\n${tooLong}`);
      await assert.rejects(run(process.execPath, ['too-long.mjs'], { cwd: folder }), { code: 9 });
    } finally {
      server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
