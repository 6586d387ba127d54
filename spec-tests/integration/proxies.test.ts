/** Ours behind nginx and HAProxy, as their documentation sets them up: what clients get, and what ours knows of them. */

import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer, type ServerOptions } from '../../lib/index.ts';
import { makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { patiently, RawClient } from '../support/sockets.ts';
import {
  addRoutes,
  closesBothWays,
  compresses,
  echoesEverySize,
  holdsBackForSlowReader,
  holdsBackForSlowSocket,
  leavingAbortsStream,
  leavingAbortsUpgrade,
  nothingSeen,
  opened,
  refusesWithBody,
  resumesStream,
  type Site,
} from './behaviours.ts';
import { missing } from './installed.ts';
import { haproxyHttp, haproxyTcp, NO_NGINX_STREAMS, nginxHttp, nginxStream, type RunningProxy } from './proxies.ts';
import { freePort } from './redis-server.ts';

const certificate = makeCertificate();
const NO_CERTIFICATE = certificate === undefined ? NO_OPENSSL : false;

/** Where clients of these tests come from: an address that is no proxy's. */
const CLIENT = '127.0.0.2';
const PROXY = '127.0.0.1';

interface Setup {
  readonly name: string;
  readonly skip: string | false;
  readonly options: ServerOptions;
  /** How ours listens: by itself, behind PROXY headers, or behind a server of `node:http2`. */
  readonly door: 'own' | 'proxy-protocol' | 'http2';
  readonly start: (port: number, backend: number) => Promise<RunningProxy>;
}

const X_FORWARDED: ServerOptions = { trustProxy: { from: PROXY, headers: 'x-forwarded' } };
const FORWARDED: ServerOptions = { trustProxy: { from: PROXY, headers: 'forwarded' } };
const NGINX = missing({ programs: ['nginx'] });
const HAPROXY = missing({ programs: ['haproxy'] });

const TERMINATING: readonly Setup[] = [
  {
    name: 'nginx with TLS and X-Forwarded-*',
    skip: NGINX || NO_CERTIFICATE,
    options: X_FORWARDED,
    door: 'own',
    start: (port, backend) => nginxHttp(port, backend, certificate!),
  },
  {
    name: 'HAProxy with TLS and X-Forwarded-*',
    skip: HAPROXY || NO_CERTIFICATE,
    options: X_FORWARDED,
    door: 'own',
    start: (port, backend) => haproxyHttp(port, backend, { certificate: certificate!, headers: 'x-forwarded' }),
  },
  {
    name: 'HAProxy with TLS and Forwarded (RFC 7239)',
    skip: HAPROXY || NO_CERTIFICATE,
    options: FORWARDED,
    door: 'own',
    start: (port, backend) => haproxyHttp(port, backend, { certificate: certificate!, headers: 'forwarded' }),
  },
  {
    name: 'HAProxy with TLS, and HTTP/2 behind it',
    skip: HAPROXY || NO_CERTIFICATE,
    options: X_FORWARDED,
    door: 'http2',
    start: (port, backend) =>
      haproxyHttp(port, backend, { certificate: certificate!, headers: 'x-forwarded', http2: true }),
  },
];

const PASSING: readonly Setup[] = [
  {
    name: 'nginx with proxy_protocol on',
    skip: NGINX || NO_NGINX_STREAMS,
    options: {},
    door: 'proxy-protocol',
    start: nginxStream,
  },
  {
    name: 'HAProxy with send-proxy',
    skip: HAPROXY,
    options: {},
    door: 'proxy-protocol',
    start: (port, backend) => haproxyTcp(port, backend, 1),
  },
  {
    name: 'HAProxy with send-proxy-v2',
    skip: HAPROXY,
    options: {},
    door: 'proxy-protocol',
    start: (port, backend) => haproxyTcp(port, backend, 2),
  },
];

for (const setup of TERMINATING)
  describe(`behind ${setup.name}`, { skip: setup.skip }, () => {
    const site = standing(setup);
    behaviours(site);
    it('address, TLS and host are the client’s, and what it says of itself is not believed', async () => {
      const { port } = site();
      const lies = {
        'X-Forwarded-For': '192.0.2.6',
        Forwarded: 'for=192.0.2.6;host=lie.example',
        Host: `localhost:${port}`,
      };
      assert.equal(await who(site(), lies), `${CLIENT} true localhost:${port}`);
    });
    it('the same origin is that of the page, and no other is let in', async () => {
      const { port } = site();
      const socket = await opened(site(), '/echo', { origin: `https://localhost:${port}` });
      socket.close();
      for (const origin of [`http://localhost:${port}`, 'https://localhost', 'https://other.example'])
        await assert.rejects(opened(site(), '/echo', { origin }), (event: { readonly error?: Error }) => {
          assert.match(String(event.error), /403/);
          return true;
        });
    });
  });

for (const setup of PASSING)
  describe(`behind ${setup.name}`, { skip: setup.skip }, () => {
    const site = standing(setup);
    behaviours(site);
    it('the address is the client’s', async () => {
      const host = `127.0.0.1:${site().port}`;
      assert.equal(await who(site(), { Host: host }), `${CLIENT} false ${host}`);
    });
  });

/** Starts ours and the proxy before the tests of a suite, and ends both behind them. */
function standing({ options, door, start }: Setup): () => Site {
  const seen = nothingSeen();
  const errors: unknown[] = [];
  const server = createServer({ onError: (error) => void errors.push(error), ...options });
  const http2 = createHttp2Server();
  let site: Site;
  let proxy: RunningProxy | undefined;
  before(async () => {
    addRoutes(server, seen);
    if (door === 'own') await server.listen();
    else if (door === 'proxy-protocol') await server.listen({ proxyProtocol: { from: PROXY } });
    else {
      server.attach(http2, { routes: true });
      await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
    }
    const backend = door === 'http2' ? (http2.address() as AddressInfo).port : server.port;
    const port = await freePort();
    proxy = await start(port, backend);
    const tls = door === 'proxy-protocol' ? undefined : { ca: certificate!.cert, servername: 'localhost' };
    site = { server, seen, port, tls };
  });
  after(async () => {
    for (const client of RawClient.open) client.socket.destroy();
    await proxy?.stop();
    await patiently('our server to close', server.close());
    http2.close();
    assert.deepEqual(errors, []);
  });
  return () => site;
}

function behaviours(site: () => Site): void {
  it('messages of every size come back', () => echoesEverySize(site()));
  it('compression is agreed to', () => compresses(site()));
  it('either side closes, and both know why', () => closesBothWays(site()));
  it('a refusal has its body', () => refusesWithBody(site()));
  it('a client that leaves while upgrade awaits aborts request.signal', () => leavingAbortsUpgrade(site()));
  it('a slow client holds write back', () => holdsBackForSlowSocket(site()));
  it('an event stream goes on behind Last-Event-ID', () => resumesStream(site(), '/events'));
  it('an event arrives while the stream is open; a reader that leaves aborts it', () =>
    leavingAbortsStream(site(), '/events'));
  it('a slow reader holds a stream back', () => holdsBackForSlowReader(site(), '/events'));
}

/** What ours knows of a client that comes from `CLIENT`. */
async function who({ port, tls }: Site, headers: Readonly<Record<string, string>>): Promise<string> {
  const options = { host: '127.0.0.1', port, path: '/who', localAddress: CLIENT, headers, agent: false };
  const request = tls === undefined ? httpRequest(options) : httpsRequest({ ...options, ...tls });
  return patiently(
    'the answer',
    new Promise((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve(body));
      });
      request.end();
    }),
  );
}
