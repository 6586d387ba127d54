/**
 * What the differential test runs on ws and on ours: scenarios, most of them generated, each of which writes a log.
 *
 * Sections: one for each kind. Read next: `differential.test.ts`.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptKey } from '../../lib/websocket/handshake.ts';
import type { ClientOptions, ServerOptions } from '../../lib/ws/types.ts';
import type { WebSocket } from '../../lib/ws/websocket.ts';
import {
  accept,
  attempt,
  closeAfter,
  closed,
  frame,
  HANDSHAKE,
  type Log,
  note,
  raw,
  type Scenario,
  show,
  type WebSocketClass,
  watch,
  withPair,
} from './kit.ts';
import { turns } from './turns.ts';
import { uses } from './uses.ts';

const DATA: Readonly<Record<string, () => unknown>> = {
  'empty text': () => '',
  text: () => 'hello',
  'text beyond Latin-1': () => 'grüße 🚀',
  'a lone surrogate': () => 'a\ud800b',
  'long text': () => 'abcdefgh'.repeat(2_000),
  number: () => 42,
  zero: () => 0,
  null: () => null,
  undefined: () => undefined,
  false: () => false,
  'empty buffer': () => Buffer.alloc(0),
  buffer: () => Buffer.from([1, 2, 3]),
  'long buffer': () => Buffer.alloc(70_000, 7),
  Uint8Array: () => new Uint8Array([4, 5]),
  Float32Array: () => new Float32Array([1.5]),
  DataView: () => new DataView(new Uint8Array([9, 8, 7]).buffer, 1),
  ArrayBuffer: () => new Uint8Array([6, 6]).buffer,
  'array of octets': () => [1, 2, 255],
  Blob: () => new Blob(['blob']),
  object: () => ({}),
  true: () => true,
};

function sends(): Scenario[] {
  const made: Scenario[] = [];
  for (const [name, make] of Object.entries(DATA)) {
    for (const from of ['client', 'server'] as const) {
      for (const deflate of [false, true]) {
        for (const binary of [undefined, false, true]) {
          // What matters is which way, whether it is compressed, and what it is said to be; not every product of the three.
          if (deflate && (binary !== undefined || from === 'client')) continue;
          const options = binary === undefined ? '' : ` as ${binary ? 'binary' : 'text'}`;
          made.push({
            id: `send ${name}${options} from ${from}${deflate ? ' compressed' : ''}`,
            run: (ws, log) =>
              withPair(ws, log, { server: { perMessageDeflate: deflate } }, (pair) => {
                const sender = pair[from];
                const receiver = from === 'client' ? pair.server : pair.client;
                closeAfter(receiver, 2);
                attempt(log, from, 'send', () =>
                  sender.send(make() as string, binary === undefined ? {} : { binary }, (...args: unknown[]) =>
                    note(log, from, `sent(${args.map(show).join()})`),
                  ),
                );
                sender.send('last');
                if (log[from]?.some((line) => line.includes('throws'))) sender.close(1000);
              }),
          });
        }
      }
    }
  }
  return made;
}

function binaryTypes(): Scenario[] {
  return (['nodebuffer', 'arraybuffer', 'fragments', 'blob', 'wrong'] as const).flatMap((type) =>
    ['text', Buffer.from([1, 2, 3]), Buffer.alloc(0)].map((data) => ({
      id: `binaryType ${type} hears ${typeof data === 'string' ? 'text' : `${data.length} octets`}`,
      run: (ws: WebSocketClass, log: Log) =>
        withPair(ws, log, {}, ({ client, server }) => {
          client.binaryType = type as 'blob';
          note(log, 'client', client.binaryType);
          client.onmessage = (event) => note(log, 'client', `onmessage ${show(event.data)} ${event.type}`);
          closeAfter(client, 1);
          server.send(data);
        }),
    })),
  );
}

const CODES: readonly unknown[] = [
  ...[undefined, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015],
  ...[1016, 2999, 3000, 3999, 4000, 4999, 5000, 1000.5, '1000', null, Number.NaN],
];

function closes(): Scenario[] {
  const made: Scenario[] = [];
  for (const code of CODES) {
    for (const from of ['client', 'server'] as const) {
      made.push({
        id: `close ${typeof code} ${String(code)} from ${from}`,
        run: (ws, log) =>
          withPair(ws, log, {}, (pair) => {
            const socket = pair[from];
            attempt(log, from, 'close', () => socket.close(code as number, 'why'));
            note(log, from, `state ${socket.readyState}`);
            attempt(log, from, 'close again', () => socket.close(1000));
            if (socket.readyState === 1) socket.close();
          }),
      });
    }
  }
  const reasons: readonly unknown[] = [
    '',
    'ü',
    'x'.repeat(123),
    'x'.repeat(124),
    Buffer.from('bytes'),
    undefined,
    null,
    5,
    true,
    {},
  ];
  for (const reason of reasons)
    made.push({
      id: `close with reason ${show(reason)}`,
      run: (ws, log) =>
        withPair(ws, log, {}, ({ client }) => {
          attempt(log, 'client', 'close', () => client.close(4000, reason as string));
          if (client.readyState === 1) client.close();
        }),
    });
  return made;
}

const PAYLOADS: readonly unknown[] = [
  undefined,
  '',
  'text',
  7,
  Buffer.from([1]),
  'x'.repeat(125),
  'x'.repeat(126),
  null,
];

function controls(): Scenario[] {
  return (['ping', 'pong'] as const).flatMap((kind) =>
    (['client', 'server'] as const).flatMap((from) =>
      PAYLOADS.map((payload) => ({
        id: `${kind} ${show(payload)} from ${from}`,
        run: (ws: WebSocketClass, log: Log) =>
          withPair(ws, log, {}, (pair) => {
            const socket = pair[from];
            const other = from === 'client' ? pair.server : pair.client;
            other.on('message', () => socket.close(1000));
            attempt(log, from, kind, () =>
              socket[kind](payload as string, undefined, (error) => note(log, from, `called ${show(error)}`)),
            );
            socket.send('last');
          }),
      })),
    ),
  );
}

const WRONG: Readonly<Record<string, (masked: boolean) => Buffer>> = {
  'not masked, or masked': (masked) => frame(0x81, Buffer.from('a'), !masked),
  RSV1: (masked) => frame(0xc1, Buffer.from('a'), masked),
  RSV2: (masked) => frame(0xa1, Buffer.from('a'), masked),
  RSV3: (masked) => frame(0x91, Buffer.from('a'), masked),
  'opcode 3': (masked) => frame(0x83, Buffer.from('a'), masked),
  'opcode 11': (masked) => frame(0x8b, Buffer.from('a'), masked),
  'continuation of nothing': (masked) => frame(0x80, Buffer.from('a'), masked),
  'text within text': (masked) =>
    Buffer.concat([frame(0x01, Buffer.from('a'), masked), frame(0x81, Buffer.from('b'), masked)]),
  'ping in fragments': (masked) => frame(0x09, Buffer.from('a'), masked),
  'ping of 126 octets': (masked) => frame(0x89, Buffer.alloc(126), masked),
  'close of 1 octet': (masked) => frame(0x88, Buffer.from([3]), masked),
  'close 1005': (masked) => frame(0x88, Buffer.from([3, 0xed]), masked),
  'close 999': (masked) => frame(0x88, Buffer.from([3, 0xe7]), masked),
  'close with a reason that is no UTF-8': (masked) => frame(0x88, Buffer.from([3, 0xe8, 0xff]), masked),
  'text that is no UTF-8': (masked) => frame(0x81, Buffer.from([0xc3, 0x28]), masked),
  'a length that is not minimal': (masked) =>
    Buffer.concat([
      Buffer.from([0x81, (masked ? 0x80 : 0) | 126, 0, 1]),
      Buffer.alloc(masked ? 4 : 0),
      Buffer.from('a'),
      frame(0x88, Buffer.from([3, 0xe8]), masked),
    ]),
  'a length of 2^63': (masked) => Buffer.from([0x82, (masked ? 0x80 : 0) | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  'a message of 5 MB announced': (masked) =>
    Buffer.from([0x82, (masked ? 0x80 : 0) | 127, 0, 0, 0, 0, 0, 0x4c, 0x4b, 0x40, 0, 0, 0, 0]),
  'a reset': () => Buffer.alloc(0),
  'good text, then opcode 4': (masked) =>
    Buffer.concat([frame(0x81, Buffer.from('good'), masked), frame(0x84, Buffer.alloc(0), masked)]),
  'good text, then close 1001 and text': (masked) =>
    Buffer.concat([
      frame(0x81, Buffer.from('good'), masked),
      frame(0x88, Buffer.from([3, 0xe9, 0x78]), masked),
      frame(0x81, Buffer.from('late'), masked),
    ]),
  'close without a code': (masked) => frame(0x88, Buffer.alloc(0), masked),
  'text in three fragments around a ping': (masked) =>
    Buffer.concat([
      frame(0x01, Buffer.from('a'), masked),
      frame(0x89, Buffer.from('p'), masked),
      frame(0x00, Buffer.from('b'), masked),
      frame(0x80, Buffer.from('c'), masked),
      frame(0x88, Buffer.from([3, 0xe8]), masked),
    ]),
};

function wrongFramesToServer(): Scenario[] {
  return Object.entries(WRONG).map(([name, make]) => ({
    id: `a client sends ${name}`,
    async run(ws, log) {
      const wss = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 1_000_000 });
      await once(wss, 'listening');
      const gone = new Promise<void>((resolve) => {
        wss.on('connection', (socket: WebSocket) => {
          watch(log, 'server', socket);
          socket.on('close', () => resolve());
        });
      });
      const { port } = wss.address() as AddressInfo;
      const bytes = make(true);
      await raw(port, `${HANDSHAKE.join('\r\n')}\r\n\r\n`, log, (socket) => {
        if (bytes.length === 0) socket.resetAndDestroy();
        else socket.write(bytes);
      });
      await gone;
      await new Promise<void>((resolve) => wss.close(() => resolve()));
    },
  }));
}

function wrongFramesToClient(): Scenario[] {
  return Object.entries(WRONG).map(([name, make]) => ({
    id: `a server sends ${name}`,
    async run(ws, log) {
      const server = createServer();
      server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
        socket.on('error', () => {});
        socket.on('data', () => {});
        socket.on('end', () => socket.end());
        // The accept value of any key, as ws's own servers give it.
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(request)}\r\n\r\n`,
        );
        const bytes = make(false);
        if (bytes.length === 0) socket.resetAndDestroy();
        else socket.end(bytes);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const client = new ws(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
        maxPayload: 1_000_000,
        closeTimeout: 200,
      });
      watch(log, 'client', client);
      await closed(client);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  }));
}

/** The sample request with lines in place of others; undefined takes one away. */
function requestWith(changes: Readonly<Record<string, string | undefined>>, first = HANDSHAKE[0]!): string {
  const names = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const kept = HANDSHAKE.slice(1).filter((line) => !names.has(line.split(':')[0]!.toLowerCase()));
  const added = Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `${[first, ...kept, ...added].join('\r\n')}\r\n\r\n`;
}

const REQUESTS: Readonly<Record<string, readonly [request: string, options?: ServerOptions]>> = {
  'a good request': [requestWith({})],
  POST: [requestWith({}, 'POST / HTTP/1.1')],
  'no key': [requestWith({ 'Sec-WebSocket-Key': undefined })],
  'a short key': [requestWith({ 'Sec-WebSocket-Key': 'AAAA' })],
  'no version': [requestWith({ 'Sec-WebSocket-Version': undefined })],
  'version 12': [requestWith({ 'Sec-WebSocket-Version': '12' })],
  'version 8': [requestWith({ 'Sec-WebSocket-Version': '8' })],
  'another protocol to upgrade to': [requestWith({ Upgrade: 'h2c' })],
  'no upgrade at all': [requestWith({ Upgrade: undefined, Connection: 'close' })],
  'two subprotocols': [requestWith({ 'Sec-WebSocket-Protocol': 'a, b' })],
  'a subprotocol twice': [requestWith({ 'Sec-WebSocket-Protocol': 'a, a' })],
  'a subprotocol that is no token': [requestWith({ 'Sec-WebSocket-Protocol': 'a b' })],
  'an empty subprotocol': [requestWith({ 'Sec-WebSocket-Protocol': '' })],
  'subprotocols, and handleProtocols takes the second': [
    requestWith({ 'Sec-WebSocket-Protocol': 'a, b' }),
    { handleProtocols: (offered) => [...offered][1]! },
  ],
  'subprotocols, and handleProtocols takes none': [
    requestWith({ 'Sec-WebSocket-Protocol': 'a, b' }),
    { handleProtocols: () => false },
  ],
  'another path': [requestWith({}, 'GET /other HTTP/1.1'), { path: '/one' }],
  'the path with a query': [requestWith({}, 'GET /one?q HTTP/1.1'), { path: '/one' }],
  'verifyClient says no': [
    requestWith({ Origin: 'http://o' }),
    { verifyClient: ({ origin, secure }) => origin === 'x' || secure },
  ],
  'verifyClient says yes': [
    requestWith({ Origin: 'http://o' }),
    { verifyClient: ({ origin }) => origin === 'http://o' },
  ],
  'verifyClient says no later': [requestWith({}), { verifyClient: (_, done) => setImmediate(done, false) }],
  'verifyClient says no with all': [
    requestWith({}),
    { verifyClient: (_, done) => done(false, 403, 'not you', { 'X-Why': 'because' }) },
  ],
  'verifyClient says yes later': [requestWith({}), { verifyClient: (_, done) => setImmediate(done, true) }],
  'deflate offered and off': [requestWith({ 'Sec-WebSocket-Extensions': 'permessage-deflate' })],
  ...Object.fromEntries(
    [
      'permessage-deflate',
      'permessage-deflate; client_max_window_bits',
      'permessage-deflate; server_no_context_takeover',
      'permessage-deflate; client_no_context_takeover',
      'permessage-deflate; server_max_window_bits=10',
      'permessage-deflate; client_max_window_bits=9',
      'permessage-deflate; server_max_window_bits=7',
      'permessage-deflate; unknown',
      'permessage-deflate; unknown, permessage-deflate',
      'other, permessage-deflate',
      'other',
      'permessage-deflate;',
      'permessage-deflate; client_no_context_takeover; client_no_context_takeover',
    ].map((offer) => [
      `offer ${offer}`,
      [requestWith({ 'Sec-WebSocket-Extensions': offer }), { perMessageDeflate: true }],
    ]),
  ),
  'all of deflate set': [
    requestWith({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }),
    {
      perMessageDeflate: {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 11,
        clientMaxWindowBits: 12,
      },
    },
  ],
};

function requests(): Scenario[] {
  return Object.entries(REQUESTS).flatMap(([name, [request, options]]) =>
    [false, true].map((hears) => ({
      id: `request: ${name}${hears ? ', with a listener of wsClientError' : ''}`,
      async run(ws: WebSocketClass, log: Log) {
        const wss = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
        await once(wss, 'listening');
        wss.on('headers', (headers) => {
          note(log, 'server', `headers ${headers.length}`);
          headers.push('X-Added: yes');
        });
        if (hears)
          wss.on('wsClientError', (error, socket) => {
            note(log, 'server', `wsClientError ${show(error)}`);
            socket.end('HTTP/1.1 499 Mine\r\nConnection: close\r\n\r\n', () => socket.destroy());
          });
        wss.on('connection', (socket: WebSocket, from) => {
          note(
            log,
            'server',
            `connection ${from.url} ${JSON.stringify(socket.protocol)} ${JSON.stringify(socket.extensions)}`,
          );
          socket.close(4321);
        });
        await raw((wss.address() as AddressInfo).port, request, log, (socket) => {
          socket.write(frame(0x88, Buffer.from([0x10, 0xe1]), true));
        });
        if (log['wire'])
          log['wire'] = log['wire'].filter(
            (line) => !/^(Date|Keep-Alive|HTTP\/1.1 426|Upgrade: websocket):?/.test(line) || /101/.test(line),
          );
        await new Promise<void>((resolve) => wss.close(() => resolve()));
      },
    })),
  );
}

const GOOD = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: KEY'];
const ANSWERS: Readonly<
  Record<string, readonly [answer: readonly string[], options?: ClientOptions, protocols?: string[]]>
> = {
  good: [['HTTP/1.1 101 S', ...GOOD]],
  401: [['HTTP/1.1 401 No', 'Content-Length: 0']],
  200: [['HTTP/1.1 200 OK', 'Content-Length: 0']],
  'a redirect that is not followed': [['HTTP/1.1 302 F', 'Location: ws://127.0.0.1:1/', 'Content-Length: 0']],
  'a redirect to no URL': [['HTTP/1.1 302 F', 'Location: ws://', 'Content-Length: 0'], { followRedirects: true }],
  'a redirect to nobody': [
    ['HTTP/1.1 302 F', 'Location: ws://127.0.0.1:1/', 'Content-Length: 0'],
    { followRedirects: true },
  ],
  'a redirect to a scheme of others': [
    ['HTTP/1.1 302 F', 'Location: ftp://127.0.0.1/', 'Content-Length: 0'],
    { followRedirects: true },
  ],
  'more redirects than are allowed': [
    ['HTTP/1.1 302 F', 'Location: /again', 'Content-Length: 0'],
    { followRedirects: true, maxRedirects: 2 },
  ],
  'another upgrade': [['HTTP/1.1 101 S', 'Upgrade: h2c', ...GOOD.slice(1)]],
  'a wrong accept': [['HTTP/1.1 101 S', ...GOOD.slice(0, 2), 'Sec-WebSocket-Accept: AAAA']],
  'no accept': [['HTTP/1.1 101 S', ...GOOD.slice(0, 2)]],
  'a subprotocol unasked': [['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Protocol: a']],
  'no subprotocol': [['HTTP/1.1 101 S', ...GOOD], {}, ['a']],
  'another subprotocol': [['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Protocol: b'], {}, ['a']],
  'the subprotocol': [['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Protocol: a'], {}, ['a', 'b']],
  'deflate unasked': [
    ['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Extensions: permessage-deflate'],
    { perMessageDeflate: false },
  ],
  deflate: [['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Extensions: permessage-deflate']],
  'another extension': [['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Extensions: other']],
  'deflate with a parameter of others': [
    ['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Extensions: permessage-deflate; x'],
  ],
  'extensions that are none': [['HTTP/1.1 101 S', ...GOOD, 'Sec-WebSocket-Extensions: ;']],
  'no HTTP': [['hello']],
};

function answers(): Scenario[] {
  return Object.entries(ANSWERS).flatMap(([name, [answer, options, protocols]]) =>
    [false, true].map((hears) => ({
      id: `answer: ${name}${hears ? ', with listeners of upgrade and unexpected-response' : ''}`,
      async run(ws: WebSocketClass, log: Log) {
        const server = createTcpServer((socket) => {
          socket.on('error', () => {});
          socket.on('data', (chunk) => {
            const key = /Sec-WebSocket-Key: (\S+)/i.exec(chunk.toString())?.[1];
            if (key === undefined) return;
            for (const line of chunk.toString().split('\r\n'))
              if (!/^(host|sec-websocket-key|$)/i.test(line) && !line.includes('\u0000')) note(log, 'request', line);
            log['request']!.sort();
            socket.write(`${answer.join('\r\n').replace('KEY', acceptKey(key))}\r\n\r\n`);
            if (answer[0]!.includes('101')) socket.end(frame(0x88, Buffer.from([3, 0xe8]), false));
          });
        });
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        const client = new ws(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/x?y`, protocols, options);
        watch(log, 'client', client);
        if (hears) {
          client.on('upgrade', (response) => note(log, 'client', `upgrade ${response.statusCode}`));
          client.on('unexpected-response', (_, response) => {
            note(log, 'client', `unexpected-response ${response.statusCode}`);
            client.terminate();
          });
          client.on('redirect', (url) => note(log, 'client', `redirect ${new URL(url).pathname}`));
        }
        await closed(client);
        note(log, 'client', `end ${client.readyState} ${client.protocol} ${client.extensions}`);
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
    })),
  );
}

const URLS: readonly unknown[] = [
  ...['', 'nothing', 'ftp://x/', 'ws://x/#f', 'ws+unix:', 'ws://', 'ws://a b/', undefined, 7],
];

function arguments_(): Scenario[] {
  const made: Scenario[] = URLS.map((url) => ({
    id: `new WebSocket(${show(url)})`,
    async run(ws, log) {
      attempt(log, 'client', 'new', () => new ws(url as string));
    },
  }));
  for (const protocols of [['a', 'a'], ['a b'], [''], [7]])
    made.push({
      id: `new WebSocket with subprotocols ${show(protocols)}`,
      async run(ws, log) {
        attempt(log, 'client', 'new', () => new ws('ws://127.0.0.1:1', protocols as string[]));
      },
    });
  const options: readonly (readonly [string, object])[] = [
    ['nothing', {}],
    ['port and server', { port: 0, server: createServer() }],
    ['port and noServer', { port: 0, noServer: true }],
    ['server and noServer', { server: createServer(), noServer: true }],
    ['noServer', { noServer: true }],
  ];
  for (const [name, given] of options)
    made.push({
      id: `new WebSocketServer with ${name}`,
      async run(ws, log) {
        attempt(log, 'server', 'new', () => {
          const wss = new ws.WebSocketServer(given as ServerOptions);
          attempt(log, 'server', 'address', () => wss.address());
          note(log, 'server', `clients ${wss.clients.size} state`);
          return wss.shouldHandle({ url: '/' } as IncomingMessage);
        });
      },
    });
  made.push({
    id: 'protocolVersion 9',
    async run(ws, log) {
      attempt(log, 'client', 'new', () => new ws('ws://127.0.0.1:1', { protocolVersion: 9 }));
    },
  });
  return made;
}

function states(): Scenario[] {
  const calls: Readonly<Record<string, (socket: WebSocket, log: Log) => unknown>> = {
    send: (socket, log) => socket.send('x', (error) => note(log, 'client', `called ${show(error ?? undefined)}`)),
    'send without a callback': (socket) => socket.send('x'),
    ping: (socket, log) => socket.ping('x', true, (error) => note(log, 'client', `called ${show(error ?? undefined)}`)),
    pong: (socket, log) => socket.pong('x', true, (error) => note(log, 'client', `called ${show(error ?? undefined)}`)),
    pause: (socket) => socket.pause(),
    resume: (socket) => socket.resume(),
    close: (socket) => socket.close(1000, 'x'),
    'close with a wrong code': (socket) => socket.close(1),
    terminate: (socket) => socket.terminate(),
    isPaused: (socket) => socket.isPaused,
    url: (socket) => typeof socket.url,
    bufferedAmount: (socket) => socket.bufferedAmount,
    _socket: (socket) => socket._socket !== null,
  };
  const made: Scenario[] = [];
  for (const [name, call] of Object.entries(calls)) {
    const use = (socket: WebSocket, log: Log): void => {
      attempt(log, 'client', name, () => call(socket, log));
      note(log, 'client', `then ${socket.readyState} ${socket.bufferedAmount} ${socket.isPaused}`);
    };
    made.push(
      {
        id: `${name} while connecting`,
        async run(ws, log) {
          const client = new ws('ws://127.0.0.1:1');
          watch(log, 'client', client);
          use(client, log);
          await closed(client);
        },
      },
      {
        id: `${name} while open`,
        run: (ws, log) =>
          withPair(ws, log, {}, ({ client }) => {
            use(client, log);
            client.resume();
            client.close();
          }),
      },
      {
        id: `${name} while closing`,
        run: (ws, log) =>
          withPair(ws, log, {}, ({ client }) => {
            client.close(4000);
            use(client, log);
            client.resume();
          }),
      },
      {
        id: `${name} when closed`,
        run: (ws, log) =>
          withPair(ws, log, {}, async ({ client }) => {
            client.close(4000);
            await closed(client);
            use(client, log);
            await new Promise((resolve) => setImmediate(resolve));
          }),
      },
    );
  }
  return made;
}

/** How a Blob is read. */
const BLOBS_NOT_SENT = {
  'it is read at once': {},
  'it takes longer': { arrayBuffer: () => sleep(50, new ArrayBuffer(1)) },
  'reading fails': { arrayBuffer: () => Promise.reject(new Error('the file is gone')) },
};

function listeners(): Scenario[] {
  return [
    {
      id: 'addEventListener: functions, objects, once, twice, removed, attributes',
      run: (ws, log) =>
        withPair(ws, log, {}, ({ client, server }) => {
          const twice = (): void => note(log, 'client', 'twice');
          const gone = (): void => note(log, 'client', 'gone');
          client.addEventListener('message', twice);
          client.addEventListener('message', twice);
          client.addEventListener('message', gone);
          client.removeEventListener('message', gone);
          client.addEventListener('message', { handleEvent: () => note(log, 'client', 'object') });
          client.addEventListener('message', () => note(log, 'client', 'once'), { once: true });
          client.addEventListener('nothing' as 'message', () => note(log, 'client', 'never'));
          client.onmessage = () => note(log, 'client', 'replaced');
          client.onmessage = (event) => note(log, 'client', `attribute ${show(event.data)} ${event.target === client}`);
          client.addEventListener('close', (event) =>
            note(log, 'client', `close event ${event.code} ${event.reason} ${event.wasClean}`),
          );
          note(log, 'client', `${client.listenerCount('message')} ${typeof client.onmessage} ${client.onerror}`);
          closeAfter(client, 2);
          server.send('1');
          server.send(Buffer.from([2]));
        }),
    },
    {
      id: 'handleUpgrade without a server, and emit',
      async run(ws, log) {
        const http = createServer();
        const wss = new ws.WebSocketServer({ noServer: true });
        http.on('upgrade', (request, socket, head) =>
          wss.handleUpgrade(request, socket, head, (made, from) => {
            note(log, 'server', `callback ${made.readyState} ${wss.clients.size} ${from === request}`);
            wss.emit('connection', made, from);
          }),
        );
        wss.on('connection', (made) => {
          watch(log, 'server', made);
          made.send('hi');
        });
        http.listen(0, '127.0.0.1');
        await once(http, 'listening');
        const client = new ws(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
        watch(log, 'client', client);
        closeAfter(client, 1);
        await closed(client);
        await new Promise<void>((resolve) =>
          wss.close((error) => {
            note(log, 'server', `closed ${show(error)}`);
            resolve();
          }),
        );
        await new Promise<void>((resolve) =>
          wss.close((error) => {
            note(log, 'server', `closed again ${show(error)}`);
            resolve();
          }),
        );
        await new Promise<void>((resolve) => http.close(() => resolve()));
      },
    },
    {
      id: 'fragments by fin, with a control frame between',
      run: (ws, log) =>
        withPair(ws, log, {}, ({ client, server }) => {
          closeAfter(server, 4);
          client.send(Buffer.from('bytes, '), { fin: false });
          client.send('then text');
          client.send('a', { fin: false });
          client.ping('p');
          client.send('b', { fin: false });
          client.send('c');
          client.send(Buffer.from([1]), { fin: false });
          client.send(Buffer.from([2]));
          client.send('whole');
        }),
    },
    {
      id: 'callbacks of what was sent right before terminate',
      run: (ws, log) =>
        withPair(ws, log, {}, ({ client, server }) => {
          server.send('x', (error) => note(log, 'server', `sent ${error?.message ?? error}`));
          server.ping('p', undefined, (error) => note(log, 'server', `pinged ${error?.message ?? error}`));
          server.terminate();
          return closed(client);
        }),
    },
    {
      id: 'callbacks of many sends keep their order, and what goes behind a Blob waits',
      run: (ws, log) =>
        withPair(ws, log, {}, ({ client, server }) => {
          closeAfter(server, 6);
          for (let i = 0; i < 3; i++) client.send(`${i}`, () => note(log, 'client', `sent ${i}`));
          client.send(new Blob(['blob']), () => note(log, 'client', 'sent blob'));
          client.send('behind', () => note(log, 'client', 'sent behind'));
          client.send(new Blob(['last']), { binary: false }, () => note(log, 'client', 'sent last'));
        }),
    },
    ...Object.entries(BLOBS_NOT_SENT).map(([name, read]) => ({
      id: `a Blob that is being read when the connection ends: ${name}`,
      async run(ws: WebSocketClass, log: Log) {
        await withPair(ws, log, {}, async ({ client }) => {
          const called = Promise.all(
            ['blob', 'behind', 'ping', 'second blob'].map((what) => {
              return new Promise<void>((resolve) => {
                const callback = (error?: Error): void => {
                  note(log, 'callbacks', `${what} ${show(error)}`);
                  resolve();
                };
                if (what === 'ping') client.ping('', false, callback);
                else client.send(/blob/.test(what) ? Object.assign(new Blob(['x']), read) : what, callback);
              });
            }),
          );
          if (!/fails/.test(name)) client.terminate();
          await Promise.race([called, sleep(500)]);
        });
        log['client'] = log['client']!.filter((line) => !line.startsWith('end')); // ws goes on counting the Blob's bytes
      },
    })),
    {
      id: 'a handshakeTimeout that no timer holds',
      run(ws, log) {
        const finishRequest: ClientOptions['finishRequest'] = (request) => setTimeout(() => request.end(), 20);
        const client = { handshakeTimeout: 2 ** 31, finishRequest };
        return withPair(ws, log, { client }, (pair) => pair.client.close(1000));
      },
    },
    ...(['close', 'terminate'] as const).map((what) => ({
      id: `${what} in finishRequest`,
      async run(ws: WebSocketClass, log: Log) {
        const wss = new ws.WebSocketServer({ port: 0, host: '127.0.0.1' });
        await once(wss, 'listening');
        const client = new ws(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}/`, {
          finishRequest(request, websocket) {
            websocket[what]();
            note(log, 'client', `in ${websocket.readyState}`);
            request.end();
          },
        });
        watch(log, 'client', client);
        await closed(client);
        await new Promise<void>((resolve) => wss.close(() => resolve()));
      },
    })),
    {
      id: 'terminate from each side',
      async run(ws, log) {
        await withPair(ws, log, {}, ({ client }) => client.terminate());
        await withPair(ws, log, {}, ({ server }) => server.terminate());
      },
    },
    {
      id: 'autoPong off',
      run: (ws, log) =>
        withPair(ws, log, { server: { autoPong: false } }, ({ client, server }) => {
          closeAfter(server, 1);
          client.ping('unanswered');
          client.send('x');
        }),
    },
    {
      id: 'clientTracking off',
      async run(ws, log) {
        const wss = new ws.WebSocketServer({ noServer: true, clientTracking: false });
        note(log, 'server', `${String(wss.clients)}`);
        await new Promise<void>((resolve) => wss.close(() => resolve()));
      },
    },
  ];
}

export const SCENARIOS: readonly Scenario[] = [
  ...sends(),
  ...binaryTypes(),
  ...closes(),
  ...controls(),
  ...wrongFramesToServer(),
  ...wrongFramesToClient(),
  ...requests(),
  ...answers(),
  ...arguments_(),
  ...states(),
  ...listeners(),
  ...turns(),
  ...uses(),
];
