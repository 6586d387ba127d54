/**
 * Messages larger than the memory that they pass through, in processes of their own, and the snippets of docs/large-messages.md
 * (which `integration/gibibyte.test.ts` runs with 1 GiB).
 * `BAREWIRE_LARGE_BYTES=1073741824` makes the message longer.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { noise } from '../support/deflate.ts';
import { ROOT } from '../support/peers.ts';
import { UploadGuide } from '../support/upload-guide.ts';

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
    const guide = new UploadGuide({ boundBytes: 3 * MEBIBYTE });
    try {
      const original = noise(3 * MEBIBYTE);
      writeFileSync(guide.original, original);
      await guide.start();
      await guide.runClient();
      assert.ok(readFileSync(guide.copy).equals(original), 'octet by octet');

      writeFileSync(guide.original, noise(original.length + 1));
      assert.equal(await guide.closeCodeOfUpload(), 1009);
    } finally {
      guide.stop();
    }
  });
});
