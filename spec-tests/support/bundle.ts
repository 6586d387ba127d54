/** What a page downloads of an entry: the files that esbuild puts together, and their size minified and compressed. */

import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ROOT } from './peers.ts';

/** `entry` is a path in the repository. An import of `node:` fails the build, since the platform is a browser. */
export async function browserBundle(entry: string): Promise<{ files: string[]; gzipBytes: number }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(ROOT, entry)],
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    write: false,
    metafile: true,
  });
  return {
    files: Object.keys(metafile.inputs).sort(),
    gzipBytes: gzipSync(outputFiles[0]!.contents, { level: 9 }).length,
  };
}
