/**
 * nginx and HAProxy of this machine for one test: on free ports of the loopback, in a temporary folder.
 *
 * The configurations are those of their own documentation: "WebSocket proxying" of nginx; `timeout tunnel`, `option forwardfor`,
 * `send-proxy` and `send-proxy-v2` of HAProxy's manual. In: where ours listens. Out: where the proxy does.
 * Sections: processes, nginx, HAProxy. Read next: `proxies.test.ts`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from '../support/certificate.ts';
import { programOf } from './installed.ts';

export interface RunningProxy {
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

// Processes

interface Command {
  readonly program: string;
  /** Of the folder that its files go to: its arguments. */
  readonly prepare: (folder: string) => readonly string[];
  /** It is ready when this accepts connections. */
  readonly port: number;
}

/** A test waits no longer than this for a proxy. */
const READY_WITHIN_MS = 10_000;

/** Resolves once it accepts connections; rejects with its output when it ends before. */
async function start({ program, prepare, port }: Command): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'barewire-proxy-'));
  const child = spawn(programOf(program) ?? program, prepare(folder), { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = `${output}${chunk.toString('latin1')}`.slice(-4_096);
  });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await accepts(port, () => {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${output}`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Knocks until somebody opens. */
async function accepts(port: number, check: () => void): Promise<void> {
  const giveUp = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const opened = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (opened) return;
    check();
    if (performance.now() > giveUp) throw new Error(`nothing accepts connections on port ${port}`);
  }
}

// nginx

/** Debian has the module for streams in a package of its own. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** Why nginx cannot pass TCP on; false where it can. */
export const NO_NGINX_STREAMS: string | false =
  programOf('nginx') !== undefined && existsSync(STREAM_MODULE) ? false : `missing here: ${STREAM_MODULE}`;

const temporaryPaths = (folder: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');

function startNginx(port: number, configuration: (folder: string) => string): Promise<RunningProxy> {
  return start({
    program: 'nginx',
    port,
    prepare(folder) {
      const file = join(folder, 'nginx.conf');
      const process = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr warn;`;
      writeFileSync(file, `${process}\n${configuration(folder)}\n`);
      return ['-p', folder, '-e', 'stderr', '-c', file];
    },
  });
}

/** What stands inside `http`, as a page of ours has it. */
export function nginxFrom(port: number, http: string): Promise<RunningProxy> {
  return startNginx(port, (folder) => `events {}\nhttp { access_log off; ${temporaryPaths(folder)}\n${http}\n}`);
}

/** TLS outside, HTTP inside. The Host field inside is nginx's default, the backend's own address. */
export function nginxHttp(port: number, backend: number, certificate: Certificate): Promise<RunningProxy> {
  return startNginx(port, (folder) => {
    writeFileSync(join(folder, 'cert.pem'), certificate.cert);
    writeFileSync(join(folder, 'key.pem'), certificate.key);
    return `events {}
    http {
      access_log off; ${temporaryPaths(folder)}
      map $http_upgrade $connection_upgrade { default upgrade; '' close; }
      server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${folder}/cert.pem;
        ssl_certificate_key ${folder}/key.pem;
        location / {
          proxy_pass http://127.0.0.1:${backend};
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $connection_upgrade;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_set_header X-Forwarded-Proto $scheme;
          proxy_set_header X-Forwarded-Host $http_host;
        }
      }
    }`;
  });
}

/** HTTP outside and inside, by the `location` blocks of a test. */
export function nginxLocations(port: number, locations: string): Promise<RunningProxy> {
  return startNginx(
    port,
    (folder) => `events {}
    http {
      access_log off; ${temporaryPaths(folder)}
      map $http_upgrade $connection_upgrade { default upgrade; '' close; }
      server { listen 127.0.0.1:${port}; ${locations} }
    }`,
  );
}

/** TCP outside, TCP behind a PROXY header of version 1 inside. */
export function nginxStream(port: number, backend: number): Promise<RunningProxy> {
  const server = `listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${backend}; proxy_protocol on;`;
  return startNginx(port, () => `load_module ${STREAM_MODULE};\nevents {}\nstream { server { ${server} } }`);
}

// HAProxy

/** `abortonclose`: else HAProxy tells the server that a client has left only when it next writes to it. */
const DEFAULTS = `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
  option abortonclose
`;

function startHaproxy(port: number, configuration: (folder: string) => string): Promise<RunningProxy> {
  return start({
    program: 'haproxy',
    port,
    prepare(folder) {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, `${DEFAULTS}${configuration(folder)}\n`);
      return ['-db', '-q', '-f', file];
    },
  });
}

/** What HAProxy says of the client: the older fields, or Forwarded (in words that versions before `option forwarded` know too). */
const TOLD = {
  'x-forwarded': `
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]`,
  forwarded: `
  http-request add-header Forwarded for=%[src];proto=https;host=\\"%[req.hdr(Host)]\\"`,
};

/** TLS outside; inside HTTP/1.1, or HTTP/2 with WebSockets by extended CONNECT (RFC 8441). */
export function haproxyHttp(
  port: number,
  backend: number,
  options: {
    readonly certificate: Certificate;
    readonly headers: 'x-forwarded' | 'forwarded';
    readonly http2?: boolean;
  },
): Promise<RunningProxy> {
  const { certificate, headers, http2 = false } = options;
  return startHaproxy(port, (folder) => {
    const file = join(folder, 'site.pem');
    writeFileSync(file, certificate.cert + certificate.key);
    return `
listen site
  bind 127.0.0.1:${port} ssl crt ${file} alpn http/1.1${TOLD[headers]}
  server ours 127.0.0.1:${backend}${http2 ? ' proto h2 ws h2' : ''}`;
  });
}

/** TCP outside, TCP behind a PROXY header inside. */
export function haproxyTcp(port: number, backend: number, version: 1 | 2): Promise<RunningProxy> {
  return startHaproxy(
    port,
    () => `
listen site
  mode tcp
  bind 127.0.0.1:${port}
  server ours 127.0.0.1:${backend} ${version === 1 ? 'send-proxy' : 'send-proxy-v2'}`,
  );
}
