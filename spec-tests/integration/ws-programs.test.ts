/**
 * Programs that are written on ws run on `barewire/ws`: each in a process of its own, in which `ws` is ours wherever it is loaded.
 *
 * The programs are beside this file's source in `ws-programs`, not compiled, and run on ws too. Read next: `installed.ts`.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipWithoutBrowser } from '../support/browser.ts';
import { missing } from './installed.ts';

const FOLDER = fileURLToPath(new URL('../../../spec-tests/integration/ws-programs/', import.meta.url));

/** For those that start one. */
const BROWSER = new URL('../support/browser.js', import.meta.url).href;

/** A program that does not end by itself is stuck. */
const STUCK_MS = 30_000;

const PROGRAMS: readonly (readonly [file: string, what: string, packages: readonly string[]])[] = [
  [
    'socket.io',
    'Socket.IO: websocket, polling that is upgraded, rooms, acknowledgements, recovery of state',
    ['socket.io', 'socket.io-client'],
  ],
  ['engine.io', 'engine.io: text, binary data and the callbacks of send', ['engine.io', 'engine.io-client']],
  ['graphql-ws', 'graphql-ws, server and client: a query, a subscription, an error', ['graphql', 'graphql-ws']],
  ['y-websocket', 'y-websocket: two clients come to hold the same document', ['y-websocket', 'yjs']],
  ['fastify', '@fastify/websocket: hooks, an echo, injectWS, a server that closes', ['fastify', '@fastify/websocket']],
  ['hono', '@hono/node-ws: events and a close with a code', ['hono', '@hono/node-server', '@hono/node-ws']],
  ['mqtt', 'mqtt.js over createWebSocketStream to aedes: 300 KB, retained, QoS 1', ['mqtt', 'aedes']],
  [
    'webpack-dev-server',
    'webpack-dev-server: a build that is announced, and another after a file has changed',
    ['webpack', 'webpack-dev-server'],
  ],
  [
    'webpack-page',
    'webpack-dev-server with a page in Chromium: a module that is replaced, an error, a page that loads anew',
    ['webpack', 'webpack-dev-server'],
  ],
  ['trpc', "tRPC's adapter and wsLink: a query, a mutation, a subscription", ['@trpc/server', '@trpc/client']],
];

async function outcomeOf(file: string): Promise<string> {
  const child = spawn(process.execPath, ['--import', `${FOLDER}instead-of-ws.mjs`, `${FOLDER}${file}.mjs`, BROWSER], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STUCK_MS,
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return `${output}exit ${code ?? signal}`;
}

describe('what is written on ws runs on barewire/ws', () => {
  for (const [file, what, packages] of PROGRAMS) {
    it(what, { skip: missing({ packages }) || (file === 'webpack-page' && skipWithoutBrowser) }, async () => {
      assert.match(await outcomeOf(file), /done\nexit 0$/);
    });
  }
});
