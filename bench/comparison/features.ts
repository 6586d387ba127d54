/**
 * What each library has and has not, by hand, each fact with where it was read or how it was tried. The measured part of
 * docs/comparison.md comes from result files and stands nowhere here.
 *
 * `unknown` is for what nobody has looked up; better than a guess. Pure data. Read next: `page.ts`.
 */

/** Where facts come from. A source that begins with a folder of this repository is a link, and a test sees that it is there. */
export const SOURCES = {
  own: 'README.md',
  limits: 'lib/limits.ts',
  guarantees: 'docs/guarantees.md',
  clients: 'docs/clients.md',
  running: 'docs/running.md',
  large: 'docs/large-messages.md',
  chat: 'docs/chat.md',
  comingFromWs: 'docs/coming-from-ws.md',
  origins:
    'tried with the programs of bench/peers: an opening handshake whose Origin is https://evil.example, answered 101 or 403',
  runs: 'docs/conformance.md',
  cargo: 'bench/peers/hyperlane/Cargo.lock',
  cargoTungstenite: 'bench/peers/tungstenite/Cargo.lock',
  requirements: 'bench/peers/python-websockets/requirements.txt',
  ws: 'ws 8.23.0: README.md, doc/ws.md, lib/sender.js, lib/websocket-server.js',
  wsIssues: 'issues of websockets/ws: 1468 and 617 (broadcasts), 2137 (close), 1659 (limits)',
  uws: 'uWebSockets.js 20.57: docs/index.d.ts and README.md',
  uwsInstall: 'issues of uNetworking: uWebSockets 1933, uWebSockets.js 59 (binaries and how they are installed)',
  bun: 'Bun 1.4: its documentation of Bun.serve, WebSockets',
  deno: 'Deno 2.9: its documentation of Deno.upgradeWebSocket',
  socketIo: 'socket.io 4.8.4, engine.io 6.6, socket.io-adapter 2.5: dist/*.d.ts, lib/transports',
  socketIoDocs:
    'Socket.IO documentation: delivery guarantees, connection state recovery, adapters, client installation',
  hyperlane: 'http-type 22.1.0: src/stream/impl.rs, src/websocket_frame/impl.rs',
  hyperlaneCore: 'hyperlane-core 22.1.0: src/config/enum.rs, src/server/impl.rs, tests/server/impl.rs',
  hyperlanePlugin: 'hyperlane-plugin-websocket 22.1.0: src/impl.rs',
  tungstenite: 'tungstenite 0.30.0: src/protocol/mod.rs, src/handshake; tokio-tungstenite 0.30.0: src/lib.rs, examples',
  gorilla: 'gorilla/websocket 1.5.3: doc.go, conn.go, server.go, prepared.go, client.go',
  python: 'websockets 17.4: asyncio/server.py, asyncio/connection.py, asyncio/client.py, extensions/base.py',
  betterSse: 'better-sse 0.16.1: build/index.mjs and its types',
  betterSseIssue: 'issue 16 of MatthewWid/better-sse (history)',
  hono: 'hono 4.13.19: dist/helper/streaming/sse.js, dist/utils/stream.js',
} as const;
export type SourceId = keyof typeof SOURCES;

export interface Fact {
  readonly mark: 'yes' | 'part' | 'no' | 'unknown';
  readonly sources: readonly SourceId[];
  /** Why `part`; what to know beside `yes` or `no`. */
  readonly note?: string;
}

const yes = (source: SourceId, note?: string): Fact => fact('yes', source, note);
const part = (source: SourceId, note: string): Fact => fact('part', source, note);
const no = (source: SourceId, note?: string): Fact => fact('no', source, note);
const unknown: Fact = { mark: 'unknown', sources: [] };

function fact(mark: Fact['mark'], source: SourceId, note: string | undefined): Fact {
  return { mark, sources: [source], ...(note === undefined ? {} : { note }) };
}

export interface Feature {
  readonly title: string;
  /** By peer id. */
  readonly facts: Readonly<Record<string, Fact>>;
}

/** A table: peers by id in the order of their columns, with the names that stand there. */
export interface FeatureTable {
  readonly title: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly features: readonly Feature[];
}

const WEBSOCKET: FeatureTable = {
  title: 'WebSocket',
  columns: {
    barewire: 'barewire',
    ws: 'ws',
    uws: 'uWebSockets.js',
    bun: 'Bun',
    deno: 'Deno',
    'socket-io': 'Socket.IO',
    hyperlane: 'Hyperlane',
    tungstenite: 'tokio-tungstenite',
    gorilla: 'gorilla',
    python: 'Python websockets',
  },
  features: [
    {
      title: 'A page of another origin is refused unless it was allowed',
      facts: {
        barewire: yes('own'),
        ws: no('origins'),
        uws: no('origins'),
        bun: no('origins'),
        deno: no('origins'),
        'socket-io': no('origins'),
        hyperlane: no('origins'),
        tungstenite: no('origins'),
        gorilla: yes('origins'),
        python: part('python', '`origins=` does it, and is off by default'),
      },
    },
    {
      title: 'permessage-deflate',
      facts: {
        barewire: yes('own'),
        ws: yes('ws'),
        uws: yes('uws'),
        bun: yes('bun'),
        deno: no('runs', 'the offer is ignored'),
        'socket-io': yes('socketIo'),
        hyperlane: no('runs'),
        tungstenite: no('runs'),
        gorilla: part('gorilla', 'without context takeover alone'),
        python: yes('python'),
      },
    },
    {
      title: 'A broadcast is compressed once for all who receive it',
      facts: {
        barewire: yes('own'),
        ws: no('wsIssues'),
        uws: no('uws', 'prepared messages are in C++ alone'),
        bun: unknown,
        deno: no('deno'),
        'socket-io': no('socketIo', 'encoded once, where it is not compressed'),
        hyperlane: no('hyperlanePlugin'),
        tungstenite: no('tungstenite'),
        gorilla: yes('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Messages in parts, sent and received',
      facts: {
        barewire: yes('large'),
        ws: part('ws', '`send` takes fragments; received ones are put together first'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': no('socketIo'),
        hyperlane: no('hyperlane', 'fragmented messages end the connection'),
        tungstenite: part('tungstenite', 'single frames can be sent'),
        gorilla: yes('gorilla'),
        python: yes('python'),
      },
    },
    {
      title: 'What waits for a slow peer has a bound',
      facts: {
        barewire: yes('limits'),
        ws: no('ws', '`bufferedAmount` says how much waits'),
        uws: yes('uws'),
        bun: yes('bun'),
        deno: unknown,
        'socket-io': no('socketIo', '`volatile` events are dropped when the transport is busy'),
        hyperlane: part('hyperlanePlugin', 'who falls behind a broadcast by more than its capacity is disconnected'),
        tungstenite: part('tungstenite', '`max_write_buffer_size`, unlimited by default'),
        gorilla: part('gorilla', 'a write blocks; deadlines are set by hand'),
        python: part('python', '`send` waits; `broadcast` says of itself that it does not'),
      },
    },
    {
      title: 'Pings, and an end of peers who do not answer',
      facts: {
        barewire: yes('limits'),
        ws: no('ws', 'its README has a recipe'),
        uws: yes('uws'),
        bun: yes('bun'),
        deno: yes('deno'),
        'socket-io': yes('socketIo'),
        hyperlane: part('hyperlane', 'one ping after half of the time for reading; pings of the peer are not answered'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: yes('python'),
      },
    },
    {
      title: 'Behind an HTTP server that is there already',
      facts: {
        barewire: yes('own'),
        ws: yes('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIo'),
        hyperlane: no('hyperlaneCore'),
        tungstenite: yes('tungstenite'),
        gorilla: yes('gorilla'),
        python: part('python', 'a listening socket, or its core without input and output'),
      },
    },
    {
      title: 'WebSocket over HTTP/2 (RFC 8441)',
      facts: {
        barewire: yes('own'),
        ws: no('ws'),
        uws: no('uws'),
        bun: unknown,
        deno: unknown,
        'socket-io': no('socketIo'),
        hyperlane: no('hyperlaneCore'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'HTTP/3 or WebTransport',
      facts: {
        barewire: no('own'),
        ws: no('ws'),
        uws: unknown,
        bun: unknown,
        deno: unknown,
        'socket-io': yes('socketIo'),
        hyperlane: yes('hyperlaneCore', 'HTTP/3 for requests'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Routes with parameters',
      facts: {
        barewire: yes('own'),
        ws: no('ws'),
        uws: yes('uws'),
        bun: yes('bun'),
        deno: no('deno'),
        'socket-io': part('socketIo', 'namespaces, by name or pattern'),
        hyperlane: yes('hyperlaneCore'),
        tungstenite: no('tungstenite'),
        gorilla: part('gorilla', 'those of net/http'),
        python: part('python', '`route`, with werkzeug'),
      },
    },
    {
      title: 'Rooms or topics',
      facts: {
        barewire: yes('guarantees'),
        ws: no('ws'),
        uws: yes('uws'),
        bun: yes('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIo'),
        hyperlane: part('hyperlanePlugin', 'one group for a connection, for as long as it lasts'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla', 'an example has a hub'),
        python: part('python', '`broadcast` to a set of connections'),
      },
    },
    {
      title: 'History, and resuming after a broken connection',
      facts: {
        barewire: yes('guarantees'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': part('socketIoDocs', 'connection state recovery: two minutes, and not with every adapter'),
        hyperlane: no('hyperlanePlugin'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Receipts or acknowledgements',
      facts: {
        barewire: yes('guarantees'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIoDocs'),
        hyperlane: no('hyperlanePlugin'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Who is in a room',
      facts: {
        barewire: yes('guarantees'),
        ws: no('ws'),
        uws: part('uws', 'a number'),
        bun: part('bun', 'a number'),
        deno: no('deno'),
        'socket-io': part('socketIo', '`fetchSockets`, without news of who comes and goes'),
        hyperlane: part('hyperlanePlugin', 'a number'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Rooms over several machines',
      facts: {
        barewire: yes('running', 'Redis'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIoDocs', 'Redis, MongoDB, PostgreSQL, clusters and more'),
        hyperlane: no('hyperlanePlugin'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Another way where WebSocket is blocked',
      facts: {
        barewire: part('chat', 'the chat’s client changes to event streams and POST; plain sockets do not'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIoDocs', 'long polling'),
        hyperlane: no('hyperlaneCore'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'A client for programs',
      facts: {
        barewire: yes('clients'),
        ws: yes('ws'),
        uws: no('uws'),
        bun: yes('bun'),
        deno: yes('deno'),
        'socket-io': yes('socketIoDocs'),
        hyperlane: no('hyperlaneCore'),
        tungstenite: yes('tungstenite'),
        gorilla: yes('gorilla'),
        python: yes('python'),
      },
    },
    {
      title: 'A client that connects again by itself',
      facts: {
        barewire: yes('clients'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIoDocs'),
        hyperlane: no('hyperlaneCore'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: yes('python'),
      },
    },
    {
      title: 'Clients for its rooms in other languages',
      facts: {
        barewire: no('chat', 'the protocol is written down; the client is JavaScript'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': yes('socketIoDocs'),
        hyperlane: no('hyperlanePlugin'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Connections are moved away before the process ends',
      facts: {
        barewire: yes('running'),
        ws: no('wsIssues'),
        uws: no('uws'),
        bun: part('bun', '`stop` waits for them, or ends them'),
        deno: unknown,
        'socket-io': part('socketIo', '`close` ends all at once'),
        hyperlane: no('hyperlaneCore'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: part('python', '`close` ends all at once, with 1001'),
      },
    },
    {
      title: 'Threads that share a port and its rooms',
      facts: {
        barewire: no('own', 'processes, with Redis between them'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': no('socketIo'),
        hyperlane: yes('hyperlaneCore'),
        tungstenite: yes('tungstenite'),
        gorilla: yes('gorilla'),
        python: no('python'),
      },
    },
    {
      title: 'Extensions of one’s own',
      facts: {
        barewire: no('own'),
        ws: no('ws'),
        uws: no('uws'),
        bun: no('bun'),
        deno: no('deno'),
        'socket-io': no('socketIo', 'parsers of one’s own for its packets'),
        hyperlane: no('hyperlane'),
        tungstenite: no('tungstenite'),
        gorilla: no('gorilla'),
        python: yes('python'),
      },
    },
    {
      title: 'Needs no other package',
      facts: {
        barewire: yes('own'),
        ws: yes('ws', 'two native helpers, if one wants them'),
        uws: part('uwsInstall', 'one binary for each version of Node; not on npm'),
        bun: yes('bun', 'a runtime of its own'),
        deno: yes('deno', 'a runtime of its own'),
        'socket-io': no('socketIo', 'six, which need more'),
        hyperlane: no('cargo', 'the file lists them'),
        tungstenite: no('cargoTungstenite', 'the file lists them'),
        gorilla: yes('gorilla'),
        python: yes('requirements'),
      },
    },
  ],
};

const EVENT_STREAMS: FeatureTable = {
  title: 'Event streams',
  columns: {
    barewire: 'barewire',
    'better-sse': 'better-sse',
    hono: 'Hono',
    bun: 'Bun',
    hyperlane: 'Hyperlane',
  },
  features: [
    {
      title: 'Events, IDs, reconnection time and comments are written for you',
      facts: {
        barewire: yes('own'),
        'better-sse': yes('betterSse'),
        hono: part('hono', 'no comments'),
        bun: no('bun', 'by hand'),
        hyperlane: no('hyperlaneCore', 'by hand'),
      },
    },
    {
      title: 'A line end in a field cannot make another field',
      facts: {
        barewire: yes('own'),
        'better-sse': yes('betterSse'),
        hono: yes('hono'),
        bun: no('bun', 'by hand'),
        hyperlane: no('hyperlaneCore', 'by hand'),
      },
    },
    {
      title: 'The last event ID is read',
      facts: {
        barewire: yes('own'),
        'better-sse': yes('betterSse'),
        hono: no('hono', 'by hand'),
        bun: no('bun', 'by hand'),
        hyperlane: no('hyperlaneCore', 'by hand'),
      },
    },
    {
      title: 'What was missed is sent again',
      facts: {
        barewire: yes('guarantees', 'in rooms'),
        'better-sse': no('betterSseIssue'),
        hono: no('hono'),
        bun: no('bun'),
        hyperlane: no('hyperlaneCore'),
      },
    },
    {
      title: 'Comments keep an idle stream open',
      facts: {
        barewire: yes('limits'),
        'better-sse': yes('betterSse'),
        hono: no('hono', 'by hand'),
        bun: no('bun', 'by hand'),
        hyperlane: no('hyperlaneCore', 'by hand'),
      },
    },
    {
      title: 'A slow client is noticed',
      facts: {
        barewire: yes('limits'),
        'better-sse': no('betterSse', 'what `write` answers is not looked at'),
        hono: yes('hono'),
        bun: yes('bun'),
        hyperlane: yes('hyperlane'),
      },
    },
    {
      title: 'In handlers that answer a web Response',
      facts: {
        barewire: yes('own'),
        'better-sse': yes('betterSse'),
        hono: yes('hono'),
        bun: yes('bun'),
        hyperlane: no('hyperlaneCore'),
      },
    },
    {
      title: 'A client for programs',
      facts: {
        barewire: yes('clients'),
        'better-sse': no('betterSse'),
        hono: no('hono'),
        bun: unknown,
        hyperlane: no('hyperlaneCore'),
      },
    },
  ],
};

export const FEATURE_TABLES: readonly FeatureTable[] = [WEBSOCKET, EVENT_STREAMS];

/** What no table has room for, and is a reason to take the other one. By peer id. */
export const STRENGTHS: Readonly<Record<string, readonly { readonly text: string; readonly source: SourceId }[]>> = {
  ws: [
    {
      text: 'Packages for Node that speak WebSocket are written against it. `barewire/ws` has its interface, and differs in some points.',
      source: 'comingFromWs',
    },
  ],
  uws: [{ text: 'Its core is also a library for C++.', source: 'uws' }],
  bun: [{ text: 'Server, client and runtime come in one program, without a package.', source: 'bun' }],
  deno: [{ text: 'Its server runs with permissions: a program gets the network and nothing else.', source: 'deno' }],
  'socket-io': [
    {
      text: 'Events have names and types on both sides, and there is a page to administer it.',
      source: 'socketIoDocs',
    },
  ],
  hyperlane: [
    { text: 'A web framework in Rust, with middleware and hooks for each step of a request.', source: 'hyperlaneCore' },
  ],
  tungstenite: [
    {
      text: 'It runs on any stream of bytes of the Rust ecosystem, and leaves all policy to the program.',
      source: 'tungstenite',
    },
  ],
  gorilla: [
    { text: 'Handlers block, so that a program reads from top to bottom and uses every core.', source: 'gorilla' },
  ],
  python: [
    { text: 'It has servers for asyncio, threads and trio on one core without input and output.', source: 'python' },
  ],
  'better-sse': [{ text: 'Serializers and sanitizers are functions that one can replace.', source: 'betterSse' }],
  hono: [{ text: 'The same handlers run on Node, Bun, Deno and edge platforms.', source: 'hono' }],
};
