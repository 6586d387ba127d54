/**
 * `npm run conformance`: our echo server, our client, and our client over TLS (where openssl can make a certificate) through the
 * whole catalogue, compared with the golden results. Over TLS the client's results are the same ones; no case is left out.
 *
 *   --update   write the golden results instead (look at the difference before you commit it)
 *   --full     1000 messages in each compression case, also in the large ones
 *   --report DIR   an HTML report of both
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isFailure, reportFiles, summaryOf, timeOfGroups } from '../../lib/conformance/index.ts';
import { differences, readGolden, writeGolden } from '../conformance/golden.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { type Examination, examineClient, examineServer } from './examine.ts';

const { values } = parseArgs({
  options: {
    update: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});
const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));
const echo = [process.execPath, [main, 'echo', '--port', '0', '--deflate', '--takeover', '--threshold', '0']] as const;

const tls = makeCertificate();
if (tls === undefined) process.stdout.write(`client over TLS: left out, ${NO_OPENSSL}\n`);
const examinations: readonly (readonly [what: string, golden: 'server' | 'client', Examination])[] = [
  ['server', 'server', await examineServer(echo, { full: values.full })],
  ['client', 'client', await examineClient('barewire', { full: values.full })],
  ...(tls === undefined
    ? []
    : [['client over TLS', 'client', await examineClient('barewire', { full: values.full, tls })] as const]),
];
let bad = 0;
for (const [what, name, { results, seconds }] of examinations) {
  const groups = [...timeOfGroups(results)].map(([group, { wallMs }]) => `${group} ${(wallMs / 1_000).toFixed(1)} s`);
  process.stdout.write(`${what}: ${summaryOf(results)} in ${seconds.toFixed(1)} s (${groups.join(', ')})\n`);
  if (values.update && what === name) writeGolden(name, results);
  const lines = differences(readGolden(name), results);
  for (const line of lines) process.stdout.write(`  ${line}\n`);
  bad += lines.length + results.filter(isFailure).length;
}
if (values.report !== undefined) {
  const results = new Map(examinations.map(([what, , one]) => [`barewire ${what}`, one.results]));
  mkdirSync(join(values.report, 'cases'), { recursive: true });
  for (const { path, text } of reportFiles(results, {
    title: 'Conformance of barewire',
    date: new Date(),
    version: '',
  }))
    writeFileSync(join(values.report, path), text);
}
process.exit(bad === 0 ? 0 : 1);
