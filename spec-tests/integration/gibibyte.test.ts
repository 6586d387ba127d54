/** docs/large-messages.md as it stands, with a file of 1 GiB: uploaded to disk and down again, in little memory at both ends. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { noise } from '../support/deflate.ts';
import { UploadGuide } from '../support/upload-guide.ts';

const GIBIBYTE = 2 ** 30;
const MEBIBYTE = 2 ** 20;
/** A process of Node has 45 to 60 MiB before it does anything; this leaves about as much for the message as a sixteenth of it. */
const MAX_RESIDENT_BYTES = 128 * MEBIBYTE;

/** The original, what the server stores, the copy. */
const { bavail, bsize } = statfsSync(tmpdir());
const skip = bavail * bsize > 4 * GIBIBYTE ? false : 'missing here: 4 GiB on the disk of temporary files';

describe('a message of 1 GiB', { skip, timeout: 180_000 }, () => {
  it('is stored by the guide’s server and comes back, with less than 128 MiB at either end', async () => {
    const guide = new UploadGuide();
    try {
      const piece = Buffer.from(noise(MEBIBYTE));
      const pieces = function* () {
        for (let i = 0; i < GIBIBYTE / MEBIBYTE; i++) {
          piece.writeUInt32LE(i); // no two are alike
          yield Buffer.from(piece);
        }
      };
      await pipeline(Readable.from(pieces()), createWriteStream(guide.original));
      await guide.start();
      const client = await guide.runClient();
      const server = guide.serverPeakBytes();
      assert.equal(await hashOf(guide.copy), await hashOf(guide.original));
      for (const [end, peak] of [
        ['client', client],
        ['server', server],
      ] as const)
        assert.ok(
          peak === undefined || peak < MAX_RESIDENT_BYTES,
          `the ${end} had ${((peak ?? 0) / MEBIBYTE).toFixed(0)} MiB`,
        );
    } finally {
      guide.stop();
    }
  });
});

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
