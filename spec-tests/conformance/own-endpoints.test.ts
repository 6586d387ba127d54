/**
 * Our own server and client through the fast part of the catalogue: verdicts equal the golden results, nothing failed and
 * nothing is less than strict. `npm run conformance` runs all of it against the same golden results.
 */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket, type WebSocketOptions } from '../../lib/client/websocket.ts';
import {
  type Case,
  type CaseResult,
  catalogue,
  type DrivenSocket,
  drive,
  type FuzzingServer,
  isFailure,
  runClient,
  selectIds,
  serve,
  targetOf,
} from '../../lib/conformance/index.ts';
import { createServer } from '../../lib/server.ts';
import type { PerMessageDeflate } from '../../lib/websocket/extension.ts';
import { type Certificate, makeCertificate, NO_OPENSSL } from '../support/certificate.ts';
import { differences, readGolden } from './golden.ts';

const certificate = makeCertificate();

/** Everything that takes no time, and a few of what does. */
function fastCases(subject: 'server' | 'client'): Case[] {
  const all = catalogue(subject);
  const heavy = ['9.1.1', '9.2.1', '9.5.6', '9.7.1', '12.1.10', '12.3.9', '13.2.9', '13.3.10', '13.7.9'];
  return [
    ...selectIds(all, ['1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*,X.1.*,X.2.*,X.3.*,X.6.*,X.7.*'], ['X.7.66']),
    ...selectIds(all, ['X.9.*'], ['X.9.6', 'X.9.7', 'X.9.9']),
    ...selectIds(all, heavy, []),
  ];
}

function assertStrict(name: 'server' | 'client', results: readonly CaseResult[], expected: number): void {
  assert.equal(results.length, expected, 'some case has no result');
  assert.deepEqual(differences(readGolden(name), results), []);
  const lax = results.filter(
    (one) => isFailure(one) || one.behavior === 'NON-STRICT' || one.behavior === 'UNIMPLEMENTED',
  );
  assert.deepEqual(
    lax.map(({ id }) => id),
    [],
  );
}

describe('the golden results', () => {
  for (const name of ['server', 'client'] as const) {
    it(`of our ${name} have every case of the catalogue, none failed and none non-strict`, () => {
      const golden = readGolden(name);
      assert.deepEqual(
        Object.keys(golden).sort(),
        catalogue(name)
          .map(({ id }) => id)
          .sort(),
      );
      const verdicts = new Set(Object.values(golden));
      assert.deepEqual([...verdicts].sort(), ['INFORMATIONAL', 'OK']);
    });
  }
});

async function examineOurServer(cases: readonly Case[], perMessageDeflate: PerMessageDeflate): Promise<CaseResult[]> {
  const server = createServer({ allowedOrigins: '*', maxMessageBytes: 67_108_864, perMessageDeflate });
  server.webSocket('/*', {
    message(socket, message) {
      if (socket.send(message) !== 'sent') socket.pause();
    },
    drain(socket) {
      socket.resume();
    },
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  try {
    return (await runClient({ target: targetOf(server.url), cases, parallel: 16 })).results;
  } finally {
    await server.close();
  }
}

describe('conformance of our own endpoints', () => {
  it('our server passes the fast part strictly, compressing everything and with takeover both ways', async () => {
    const cases = fastCases('server');
    const results = await examineOurServer(cases, {
      thresholdBytes: 0,
      serverContextTakeover: true,
      clientContextTakeover: true,
    });
    assertStrict('server', results, cases.length);
  });

  it('our server as it is by default: short messages are not compressed, nothing is taken over, nothing fails', async () => {
    const cases = selectIds(catalogue('server'), ['12.1.1', '12.1.5', '13.2.5', 'X.7.5*', 'X.9.*'], []);
    const results = await examineOurServer(cases, true);
    const verdicts = new Map(results.map(({ id, behavior }) => [id, behavior]));
    for (const one of results) assert.ok(!isFailure(one), `${one.id}: ${one.reason}`);
    for (let i = 1; i <= 11; i++) assert.equal(verdicts.get(`X.9.${i}`), 'UNIMPLEMENTED', 'takeover');
    for (const id of ['X.9.20', 'X.9.21']) assert.equal(verdicts.get(id), 'INFORMATIONAL', id);
    assert.equal(verdicts.get('X.9.22'), 'OK', 'compressed and uncompressed in turn');
  });

  it('our client passes the fast part strictly', () => examineOurClient(undefined));
  it(
    'our client passes the fast part strictly over TLS',
    {
      skip: certificate === undefined ? NO_OPENSSL : false,
    },
    () => examineOurClient(certificate),
  );
});

async function examineOurClient(tls: Certificate | undefined): Promise<void> {
  const cases = fastCases('client');
  const reports: string[] = [];
  const server = await serve({
    cases,
    host: '127.0.0.1',
    port: 0,
    onReports: (agent) => void reports.push(agent),
    ...(tls && { tls }),
  });
  const options: WebSocketOptions = {
    perMessageDeflate: { thresholdBytes: 0 },
    maxMessageBytes: 67_108_864,
    ...(tls && { tls: { ca: tls.cert, servername: 'localhost' } }),
  };
  const open = (url: string): DrivenSocket => new WebSocket(url, options) as unknown as DrivenSocket;
  try {
    assert.match(server.url, tls === undefined ? /^ws:/ : /^wss:/);
    const count = await drive({ url: server.url, agent: 'barewire', open, parallel: 8, shutdown: true });
    assert.equal(count, cases.length);
    assert.deepEqual(reports, ['barewire']);
    await server.ended;
    assertStrict('client', [...(server.results.get('barewire')?.values() ?? [])], cases.length);
  } finally {
    server.close();
  }
}

/** What a client gets on one of the fuzzing server's paths: its messages, and how the connection closed. */
function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    const got: string[] = [];
    socket.onmessage = ({ data }) => got.push(String(data));
    socket.onerror = (event) => got.push(String((event as { message?: string }).message));
    socket.onclose = ({ code }) => resolve([...got, code].join(' | '));
  });
}

describe("the fuzzing server answers on Autobahn's paths", () => {
  it('case count, case information by number and by id, and the status of a case that was run', async () => {
    const server = await serve({ cases: selectIds(catalogue('client'), ['2.*'], []), host: '127.0.0.1', port: 0 });
    try {
      assert.equal(await ask(`${server.url}/getCaseCount`), '11 | 1005');
      assert.match(await ask(`${server.url}/getCaseInfo?case=10`), /^\{"id":"2\.10","description":"Ten pings/);
      assert.match(await ask(`${server.url}/getCaseInfo?casetuple=2.3`), /"id":"2\.3"/);
      const status = ask(`${server.url}/getCaseStatus?case=2&agent=a%20b`); // before it is run: it waits
      await ask(`${server.url}/runCase?case=2&agent=a%20b`);
      assert.equal(await status, '{"behavior":"OK"} | 1005');
      assert.deepEqual([...server.results.keys()], ['a b']);
      assert.match(await ask(`${server.url}/updateReports?agent=a%20b`), /1000$/);
    } finally {
      server.close();
    }
  });
  it('reports are not written before the cases that a client has begun have a result', async () => {
    let reported: readonly string[] = [];
    const server: FuzzingServer = await serve({
      cases: selectIds(catalogue('client'), ['X.1.60'], []),
      host: '127.0.0.1',
      port: 0,
      onReports: () => {
        reported = [...(server.results.get('late')?.keys() ?? [])];
      },
    });
    const { port } = new URL(server.url);
    // A client that takes no notice of the wrong answer and leaves TCP open: the case ends by its own deadline.
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(
      'GET /runCase?case=1&agent=late HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    try {
      await answered;
      await ask(`${server.url}/updateReports?agent=late`);
      assert.deepEqual(reported, ['X.1.60']);
      assert.equal(server.results.get('late')?.get('X.1.60')?.behavior, 'FAILED');
    } finally {
      socket.destroy();
      server.close();
    }
  });
  it('refuses what is no case, has no agent or is no path', async () => {
    const server = await serve({ cases: selectIds(catalogue('client'), ['2.*'], []), host: '127.0.0.1', port: 0 });
    try {
      assert.match(await ask(`${server.url}/runCase?case=12&agent=a`), /500.*1006$/);
      assert.match(await ask(`${server.url}/runCase?case=0&agent=a`), /500.*1006$/);
      assert.match(await ask(`${server.url}/runCase?case=1`), /500.*1006$/);
      assert.match(await ask(`${server.url}/elsewhere`), /404.*1006$/);
      assert.equal(server.results.size, 0);
    } finally {
      server.close();
    }
  });
});
