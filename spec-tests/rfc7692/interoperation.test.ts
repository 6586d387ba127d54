/** permessage-deflate over real sockets: our server and our client with each other, with ws and with undici. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { WebSocketOptions } from '../../lib/client/websocket.ts';
import { createServer, type PerMessageDeflateOptions, prepareMessage, WebSocket } from '../../lib/index.ts';
import type { WebSocketRouteOptions } from '../../lib/net/api.ts';
import { chat, noise } from '../support/deflate.ts';
import { loadPeer, withoutPeer } from '../support/peers.ts';

/** What the tests use of ws. */
interface Ws {
  new (url: string, options?: object): WsSocket;
  readonly WebSocketServer: new (
    options: object,
  ) => {
    on(event: 'connection', listener: (socket: WsSocket) => void): void;
    on(event: 'listening', listener: () => void): void;
    address(): AddressInfo;
    close(): void;
  };
}
interface WsSocket {
  readonly extensions: string;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  on(event: 'open', listener: () => void): void;
  on(event: 'error' | 'close', listener: (error?: unknown) => void): void;
  send(data: string | Uint8Array, options?: object): void;
  close(): void;
}

const MESSAGES: readonly (string | Uint8Array)[] = [
  '',
  'Hello',
  'Hello',
  chat(200),
  chat(200),
  chat(4_096),
  chat(4_096, 2),
  noise(5_000),
  noise(5_000),
  'é€😀'.repeat(3_000),
  chat(200_000),
  chat(200_000),
  new Uint8Array(100_000),
  noise(300_000),
  '',
  chat(1_000),
];

const TAKEOVER: PerMessageDeflateOptions = {
  serverContextTakeover: true,
  clientContextTakeover: true,
  thresholdBytes: 0,
};

/** A message as something that compares. */
function shown(message: string | Uint8Array | ArrayBuffer): string | Buffer {
  return typeof message === 'string' ? message : Buffer.from(message as Uint8Array);
}

/** Our server, which echoes; what it agreed on with each client goes to `agreed`. */
async function echoServer(options: WebSocketRouteOptions) {
  const agreed: string[] = [];
  const server = createServer();
  server.webSocket(
    '/',
    {
      open: (socket) => void agreed.push(socket.extensions),
      message: (socket, message) => void socket.send(message),
    },
    { maxBufferedBytes: 64 * 1_048_576, ...options },
  );
  await server.listen();
  return { url: server.url.replace('http', 'ws'), agreed, close: () => server.close() };
}

/** Sends all messages through a client with the WHATWG interface and answers what came back. */
async function roundTripStandard(socket: WebSocket): Promise<(string | Buffer)[]> {
  socket.binaryType = 'arraybuffer';
  const echoes: (string | Buffer)[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => {
      for (const message of MESSAGES) socket.send(message as string);
    };
    socket.onmessage = (event) => {
      echoes.push(shown(event.data as string | ArrayBuffer));
      if (echoes.length === MESSAGES.length) socket.close(1000);
    };
    socket.onerror = (event) => reject(event);
    socket.onclose = () => resolve();
  });
  return echoes;
}

const combinations: readonly [
  title: string,
  server: PerMessageDeflateOptions | boolean,
  client: PerMessageDeflateOptions | boolean,
][] = [
  ['the defaults of both', true, true],
  ['takeover both ways', TAKEOVER, TAKEOVER],
  ['takeover of the server only', { ...TAKEOVER, clientContextTakeover: false }, TAKEOVER],
  ['takeover of the client only', { ...TAKEOVER, serverContextTakeover: false }, TAKEOVER],
  ['a client that wants none', TAKEOVER, { serverContextTakeover: false, clientContextTakeover: false }],
  ['small windows', { ...TAKEOVER, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }, TAKEOVER],
  ['the smallest windows', { ...TAKEOVER, serverMaxWindowBits: 8, clientMaxWindowBits: 8 }, TAKEOVER],
  ['a client that asks for small windows', TAKEOVER, { ...TAKEOVER, serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
  ['level 1 and level 9', { ...TAKEOVER, level: 1 }, { ...TAKEOVER, level: 9 }],
];

describe('permessage-deflate between our client and our server', { timeout: 30_000 }, () => {
  for (const [title, ofServer, ofClient] of combinations) {
    it(`${title}: every message comes back as it was sent`, async () => {
      const server = await echoServer({ perMessageDeflate: ofServer });
      try {
        const socket = new WebSocket(server.url, { perMessageDeflate: ofClient });
        assert.deepEqual(await roundTripStandard(socket), MESSAGES.map(shown));
        assert.match(socket.extensions, /^permessage-deflate/);
        assert.deepEqual(server.agreed, [socket.extensions]);
      } finally {
        await server.close();
      }
    });
  }

  const none: readonly [title: string, server: WebSocketRouteOptions, client: WebSocketOptions][] = [
    ['a server that has it off, which is the default', {}, { perMessageDeflate: true }],
    ['a client that does not offer it, which is the default', { perMessageDeflate: true }, {}],
  ];
  for (const [title, ofServer, ofClient] of none) {
    it(`${title}: no compression, and everything arrives`, async () => {
      const server = await echoServer(ofServer);
      try {
        const socket = new WebSocket(server.url, ofClient);
        assert.deepEqual(await roundTripStandard(socket), MESSAGES.map(shown));
        assert.equal(socket.extensions, '');
      } finally {
        await server.close();
      }
    });
  }

  it('the option of a server is the default of its routes', async () => {
    const server = createServer({ perMessageDeflate: true });
    server.webSocket('/on', {});
    server.webSocket('/off', {}, { perMessageDeflate: false });
    await server.listen();
    try {
      for (const [path, extensions] of [
        ['/on', /^permessage-deflate/],
        ['/off', /^$/],
      ] as const) {
        const socket = new WebSocket(server.url + path, { perMessageDeflate: true });
        await once(socket as unknown as EventTarget, 'open');
        assert.match(socket.extensions, extensions);
        socket.close();
      }
    } finally {
      await server.close();
    }
  });

  it('a bad option throws where it is given', () => {
    assert.throws(() => createServer().webSocket('/', {}, { perMessageDeflate: { level: 10 } }), RangeError);
    assert.throws(() => new WebSocket('ws://127.0.0.1:1', { perMessageDeflate: { level: 10 } }), RangeError);
  });
});

describe('permessage-deflate with ws', { skip: withoutPeer('ws'), timeout: 30_000 }, () => {
  const load = () => loadPeer<Ws>('ws');

  for (const [title, perMessageDeflate] of [
    ['its defaults', true],
    ['takeover both ways, everything compressed', { threshold: 0 }],
    ['no takeover of its own', { threshold: 0, clientNoContextTakeover: true, serverNoContextTakeover: true }],
    ['small windows', { threshold: 0, clientMaxWindowBits: 9, serverMaxWindowBits: 9 }],
  ] as const) {
    for (const [ours, options] of [
      ['our defaults', true],
      ['takeover', TAKEOVER],
    ] as const) {
      it(`as a client with ${title}, our server with ${ours}`, async () => {
        const server = await echoServer({ perMessageDeflate: options });
        try {
          const socket = new (load())(server.url, { perMessageDeflate });
          const echoes: (string | Buffer)[] = [];
          await new Promise<void>((resolve, reject) => {
            socket.on('open', () => {
              for (const message of MESSAGES) socket.send(message);
            });
            socket.on('message', (data, isBinary) => {
              echoes.push(isBinary ? data : data.toString());
              if (echoes.length === MESSAGES.length) socket.close();
            });
            socket.on('error', reject);
            socket.on('close', () => resolve());
          });
          assert.deepEqual(echoes, MESSAGES.map(shown));
          assert.match(server.agreed[0]!, /^permessage-deflate/);
        } finally {
          await server.close();
        }
      });

      it(`as a server with ${title}, our client with ${ours}`, async () => {
        const server = new (load().WebSocketServer)({ port: 0, host: '127.0.0.1', perMessageDeflate });
        server.on('connection', (socket) => {
          socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
          socket.on('error', () => {});
        });
        await new Promise<void>((resolve) => server.on('listening', resolve));
        try {
          const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: options });
          assert.deepEqual(await roundTripStandard(socket), MESSAGES.map(shown));
          assert.match(socket.extensions, /^permessage-deflate/);
        } finally {
          server.close();
        }
      });
    }
  }

  it('fragments that ws compresses and cuts arrive whole', async () => {
    const server = await echoServer({ perMessageDeflate: TAKEOVER });
    try {
      const socket = new (load())(server.url, { perMessageDeflate: { threshold: 0 } });
      const echoes: (string | Buffer)[] = [];
      await new Promise<void>((resolve, reject) => {
        socket.on('open', () => {
          for (let i = 0; i < 3; i++) {
            socket.send(chat(3_000, i), { fin: false });
            socket.send(chat(3_000, i + 1), { fin: false });
            socket.send('', { fin: true });
          }
        });
        socket.on('message', (data) => {
          echoes.push(data.toString());
          if (echoes.length === 3) socket.close();
        });
        socket.on('error', reject);
        socket.on('close', () => resolve());
      });
      assert.deepEqual(
        echoes,
        [0, 1, 2].map((i) => chat(3_000, i) + chat(3_000, i + 1)),
      );
    } finally {
      await server.close();
    }
  });
});

describe('permessage-deflate with undici', { skip: withoutPeer('undici'), timeout: 30_000 }, () => {
  for (const [ours, options] of [
    ['our defaults', true],
    ['takeover', TAKEOVER],
  ] as const) {
    it(`as a client of our server with ${ours}`, async () => {
      const { WebSocket: UndiciWebSocket } = loadPeer<{ WebSocket: typeof WebSocket }>('undici');
      const server = await echoServer({ perMessageDeflate: options });
      try {
        const socket = new UndiciWebSocket(server.url);
        assert.deepEqual(await roundTripStandard(socket), MESSAGES.map(shown));
        assert.match(server.agreed[0]!, /^permessage-deflate/);
      } finally {
        await server.close();
      }
    });
  }
});

describe('a broadcast to members with and without compression', { timeout: 30_000 }, () => {
  it('every member gets every message, prepared once', async () => {
    const server = createServer();
    const members = new Set<{ send(message: unknown): unknown }>();
    const texts = Array.from({ length: 20 }, (_, i) => chat(1_000, i));
    for (const [path, perMessageDeflate] of [
      ['/off', false],
      ['/on', true],
      ['/takeover', TAKEOVER],
      ['/small', { serverMaxWindowBits: 10 }],
    ] as const) {
      server.webSocket(path, { open: (socket) => void members.add(socket as never) }, { perMessageDeflate });
    }
    await server.listen();
    try {
      const clients = ['/off', '/on', '/on', '/takeover', '/takeover', '/small'].map((path) => {
        const received: string[] = [];
        const socket = new WebSocket(server.url + path, { perMessageDeflate: true });
        const done = new Promise<void>((resolve, reject) => {
          socket.onmessage = (event) => {
            received.push(event.data as string);
            if (received.length === texts.length) resolve();
          };
          socket.onerror = reject;
        });
        return { received, done, socket };
      });
      await Promise.all(clients.map(({ socket }) => once(socket as unknown as EventTarget, 'open')));
      for (const text of texts) {
        const message = prepareMessage(text);
        for (const member of members) member.send(message);
      }
      await Promise.all(clients.map(({ done }) => done));
      for (const { received } of clients) assert.deepEqual(received, texts);
    } finally {
      await server.close();
    }
  });
});
