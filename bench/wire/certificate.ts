/**
 * A certificate for `localhost` in files, which is how some of the peers take one. Made once, by the openssl command; its folder
 * is removed when this process exits.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate, NO_OPENSSL } from '../../spec-tests/support/certificate.ts';

export interface CertificateFiles {
  readonly key: string;
  readonly cert: string;
}

let made: CertificateFiles | undefined;

/** An Error where there is no openssl command. */
export function certificateFiles(): CertificateFiles | Error {
  if (made !== undefined) return made;
  const certificate = makeCertificate();
  if (certificate === undefined) return new Error(NO_OPENSSL);
  const folder = mkdtempSync(join(tmpdir(), 'barewire-bench-tls-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  made = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
  writeFileSync(made.key, certificate.key, { mode: 0o600 });
  writeFileSync(made.cert, certificate.cert);
  return made;
}
