/**
 * A throw-away certificate for `localhost`, made by the openssl command in a directory that is removed at once.
 * Undefined where there is no such command: the tests that need it then say so and are skipped.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export const NO_OPENSSL = 'there is no openssl command to make a certificate with';

/** `expired`: its time was over yesterday. */
export function makeCertificate(options: { readonly expired?: boolean } = {}): Certificate | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'barewire-'));
  try {
    const key = join(directory, 'key.pem');
    const cert = join(directory, 'cert.pem');
    const request = join(directory, 'request.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
    // `req` refuses a time that is over, `x509` does not.
    const commands = options.expired
      ? [
          ['req', '-new', ...newKey, ...subject, '-out', request],
          ['x509', '-req', '-in', request, '-signkey', key, '-days', '-1', '-copy_extensions', 'copy', '-out', cert],
        ]
      : [['req', '-x509', ...newKey, '-days', '2', ...subject, '-out', cert]];
    for (const command of commands)
      if (spawnSync('openssl', command, { stdio: 'ignore' }).status !== 0) return undefined;
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
