/** Event streams: our own echo passes, and planted injections are found. */

import assert from 'node:assert/strict';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { addEventEcho } from '../../lib/cli/echo-events.ts';
import { type CaseResult, catalogue, runClient, selectIds, targetOf } from '../../lib/conformance/index.ts';
import { createServer } from '../../lib/server.ts';

async function examine(url: string, patterns: string[], excluded: string[] = []): Promise<Map<string, CaseResult>> {
  const cases = selectIds(catalogue('event-stream'), patterns, excluded);
  const { results } = await runClient({ target: targetOf(url), cases, parallel: 16, stream: true });
  return new Map(results.map((one) => [one.id, one]));
}

/** An event echo that writes fields as they come, as many servers do. */
async function withNaiveStream(
  write: (response: ServerResponse, query: URLSearchParams) => void,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const server = createHttpServer((request, response) => {
    write(response, new URL(request.url ?? '/', 'http://x').searchParams);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const HEAD = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };

function naive(response: ServerResponse, query: URLSearchParams): void {
  response.writeHead(200, HEAD);
  const lines = ['comment', 'event', 'id', 'retry', 'data'].flatMap((name) => {
    const value = query.get(name);
    return value === null ? [] : [`${name === 'comment' ? '' : name}: ${value}\n`];
  });
  response.write(`${lines.join('')}\n`);
}

describe('an event stream', { concurrency: true }, () => {
  it('of our own carries everything and lets nothing in (HTML §9.2.5)', async () => {
    const server = createServer();
    addEventEcho(server);
    await server.listen({ port: 0, host: '127.0.0.1' });
    try {
      const results = await examine(`${server.url}/events`, ['X.8.*'], ['X.8.6']);
      const bad = [...results.values()].filter(({ behavior }) => behavior !== 'OK');
      assert.deepEqual(
        bad.map(({ id, reason }) => `${id}: ${reason}`),
        [],
      );
    } finally {
      await server.close();
    }
  });
  it('that writes fields as they come is found to be open to injection', async () => {
    await withNaiveStream(naive, async (url) => {
      const results = await examine(url, ['X.8.2*', 'X.8.3*', 'X.8.4*']);
      const of = (id: string) => results.get(id)?.behavior;
      assert.equal(of('X.8.20'), 'OK');
      for (const id of [
        'X.8.22',
        'X.8.24',
        'X.8.30',
        'X.8.31',
        'X.8.40',
        'X.8.41',
        'X.8.42',
        'X.8.43',
        'X.8.44',
        'X.8.45',
        'X.8.46',
        'X.8.47',
      ])
        assert.equal(of(id), 'FAILED', id);
    });
  });
  it('of the wrong type, with a length or outside the grammar is FAILED', async () => {
    await withNaiveStream(
      (response) => {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '14' });
        response.end('data: x\nfoo\n\n\n');
      },
      async (url) => {
        const results = await examine(url, ['X.8.1', 'X.8.2', 'X.8.3', 'X.8.20']);
        assert.deepEqual(
          [...results.values()].map(({ id, behavior }) => `${id} ${behavior}`),
          ['X.8.1 FAILED', 'X.8.2 FAILED', 'X.8.3 FAILED', 'X.8.20 UNIMPLEMENTED'],
        );
      },
    );
    await withNaiveStream(
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=latin1' });
        response.write('Data: x\n\n');
      },
      async (url) => {
        const results = await examine(url, ['X.8.1', 'X.8.2', 'X.8.4']);
        assert.deepEqual(
          [...results.values()].map(({ behavior }) => behavior),
          ['FAILED', 'NON-STRICT', 'FAILED'],
        );
        assert.match(results.get('X.8.4')!.reason, /"Data" is no field/);
      },
    );
  });
});
