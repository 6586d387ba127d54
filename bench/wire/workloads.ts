/**
 * The workloads, by id. Each says what the server does and what the load does; nothing here runs anything.
 *
 * Ids read `echo-20x16x64`: octets, connections, and then messages in flight on each where it is not one. A workload that
 * changes takes another id: results of earlier runs are kept by it.
 * Read next: `load.ts`, which turns one into a run.
 */

import type { Compressed } from '../../lib/load/compression.ts';
import type { PeerMode } from '../peers/arguments.ts';
import type { Ability } from '../peers/peers.ts';
import { COMPRESSED_KINDS, type CompressedKind, type CorpusName } from './corpus.ts';

interface Common {
  readonly id: string;
  /** As it stands in a table. */
  readonly title: string;
  readonly group: string;
  /** What is counted. */
  readonly unit: 'messages' | 'deliveries' | 'connections' | 'requests' | 'events';
  /** What decides: a rate, a latency (p99, milliseconds) or memory (bytes a connection); the latter two are better when lower. */
  readonly figure: 'rate' | 'latency' | 'memory';
  readonly mode: PeerMode;
  readonly needs: readonly Ability[];
  /** The peer that ratios are taken against. */
  readonly reference: string;
  /** Each round gets a server that has just been started. */
  readonly freshServer: boolean;
  /** Over TLS. */
  readonly secure: boolean;
  /** One of a series in which there is ever more of something. */
  readonly growth?: { readonly of: GrowthSeries; readonly at: number };
}

interface Shaped {
  readonly sizeBytes: number;
  readonly kind: 'text' | 'utf8' | 'binary';
  readonly compressed: Compressed;
  /** Messages of a set of their own; without it they are generated ones of the kind. */
  readonly corpus?: CorpusName;
}

export type Workload = Common & Shaped & Task;

/** What the load does. */
export type Task =
  | { readonly type: 'echo'; readonly connections: number; readonly inFlight: number }
  | { readonly type: 'fan-out'; readonly members: number; readonly inFlight: number; readonly slowMembers: number }
  | { readonly type: 'roving'; readonly connections: number; readonly inFlight: number; readonly ownPaths: boolean }
  | { readonly type: 'connect'; readonly atOnce: number }
  | { readonly type: 'idle'; readonly connections: number }
  | { readonly type: 'events'; readonly clients: number; readonly inFlight: number }
  | { readonly type: 'http'; readonly connections: number; readonly pipelining: number; readonly streams: number }
  | { readonly type: 'http2'; readonly sessions: number; readonly streams: number; readonly inFlight: number }
  | {
      readonly type: 'paced';
      readonly pattern: 'echo' | 'fan-out';
      readonly connections: number;
      readonly rate: number;
      readonly chat: boolean;
    };

export const GROWTH_SERIES = ['connections', 'rooms', 'members', 'octets'] as const;
export type GrowthSeries = (typeof GROWTH_SERIES)[number];

type Extra = Partial<Common & Shaped>;

function workload(group: string, id: string, title: string, task: Task, extra: Extra): Workload {
  const common: Common & Shaped = {
    id,
    title,
    group,
    unit: 'messages',
    figure: 'rate',
    mode: 'echo',
    needs: ['echo'],
    reference: 'ws',
    freshServer: false,
    secure: false,
    sizeBytes: 20,
    kind: 'binary',
    compressed: false,
  };
  return { ...common, ...task, ...extra };
}

function compressionNeeds(compressed: Compressed | undefined): Ability[] {
  return compressed === 'takeover' ? ['deflate', 'takeover'] : compressed ? ['deflate'] : [];
}

function echo(id: string, title: string, connections: number, inFlight: number, shape: Extra): Workload {
  const compressed: Extra = shape.compressed ? { needs: ['echo', ...compressionNeeds(shape.compressed)] } : {};
  const group = shape.compressed ? 'compression' : 'echo';
  return workload(group, id, title, { type: 'echo', connections, inFlight }, { ...compressed, ...shape });
}

function fanOut(id: string, title: string, members: number, inFlight: number, shape: Extra, slowMembers = 0): Workload {
  return workload(
    shape.compressed ? 'compression' : 'fan-out',
    id,
    title,
    { type: 'fan-out', members, inFlight, slowMembers },
    {
      mode: 'fan-out',
      unit: 'deliveries',
      needs: ['fan-out', ...compressionNeeds(shape.compressed)],
      kind: 'text',
      ...shape,
    },
  );
}

/** As an echo, but the server answers with another text of the same length: JSON that it has read, with one field changed. */
function answered(id: string, title: string, connections: number, inFlight: number, shape: Extra): Workload {
  return echo(id, title, connections, inFlight, { mode: 'answer', needs: ['answer'], ...shape });
}

/** The same over TLS. */
function secureRows(): Workload[] {
  const secure: Extra = { group: 'other doors', secure: true };
  return [
    echo('tls-echo-1kx64', 'echo 1 KiB over TLS, 64 connections', 64, 1, {
      ...secure,
      needs: ['echo', 'tls'],
      sizeBytes: 1_024,
    }),
    echo('tls-echo-1kx64x16', 'echo 1 KiB over TLS, 64 connections, 16 in flight', 64, 16, {
      ...secure,
      needs: ['echo', 'tls'],
      sizeBytes: 1_024,
    }),
    fanOut('tls-fanout-100x100x8', 'fan-out 100 B over TLS to 100, 8 in flight', 100, 8, {
      ...secure,
      needs: ['fan-out', 'tls'],
      sizeBytes: 100,
    }),
  ];
}

const SIZE_NAMES: Readonly<Record<number, string>> = { 100: '100 B', 1024: '1 KiB', 4096: '4 KiB', 65536: '64 KiB' };
const SIZES = [100, 1_024, 4_096, 65_536];

/** A set of messages of one kind, compressed: echo and fan-out, with context takeover and without, in each size. */
function compressedRows(corpus: CompressedKind): Workload[] {
  return [false, true].flatMap((takeover) =>
    SIZES.flatMap((sizeBytes) => {
      const size = sizeBytes >= 1_024 ? `${sizeBytes / 1_024}k` : String(sizeBytes);
      const long = sizeBytes > 4_096;
      const ending = takeover ? '-takeover' : '';
      const words = `${SIZE_NAMES[sizeBytes]} ${CORPUS_NAMES[corpus]}${takeover ? ', with takeover' : ''}`;
      const shape: Extra = {
        sizeBytes,
        corpus,
        kind: corpus === 'game' ? 'binary' : 'text',
        compressed: takeover ? 'takeover' : true,
      };
      const [connections, inFlight] = long ? [8, 1] : [16, 4];
      return [
        echo(`deflate-${corpus}-${size}${ending}`, `compressed echo, ${words}`, connections!, inFlight!, shape),
        fanOut(
          `deflate-fanout-${corpus}-${size}${ending}`,
          `compressed fan-out to 100, ${words}`,
          100,
          long ? 1 : 8,
          shape,
        ),
      ];
    }),
  );
}

const CORPUS_NAMES: Readonly<Record<CompressedKind, string>> = {
  chat: 'of chat JSON',
  log: 'of log lines',
  prose: 'of prose',
  base64: 'of base64',
  game: "of a game's state",
};

function paced(id: string, title: string, task: Omit<Task & { type: 'paced' }, 'type'>, extra: Extra = {}): Workload {
  const mode = task.chat ? 'chat' : task.pattern;
  return workload(
    'latency',
    id,
    title,
    { type: 'paced', ...task },
    { figure: 'latency', mode, needs: [mode, 'frames'], kind: 'text', sizeBytes: 100, ...extra },
  );
}

function events(clients: number): Workload {
  return workload(
    'event streams',
    `events-100x${clients}`,
    `event stream, 100 B to ${clients.toLocaleString('en-US')} clients`,
    { type: 'events', clients, inFlight: 1 },
    { mode: 'events', unit: 'events', needs: ['events'], reference: 'better-sse', sizeBytes: 100, kind: 'text' },
  );
}

function growth(what: 'connections' | 'rooms', count: number): Workload {
  const task: Task = { type: 'roving', connections: count, inFlight: Math.min(64, count), ownPaths: what === 'rooms' };
  const title =
    what === 'rooms'
      ? `growth: ${count.toLocaleString('en-US')} room${count === 1 ? '' : 's'} of one member`
      : `growth: ${count.toLocaleString('en-US')} connections`;
  return workload('growth', `growth-${what}-${count}`, title, task, {
    growth: { of: what, at: count },
    mode: what === 'rooms' ? 'fan-out' : 'echo',
    needs: what === 'rooms' ? ['fan-out', 'frames'] : ['echo'],
  });
}

function growthOfMembers(count: number): Workload {
  const extra: Extra = { group: 'growth', growth: { of: 'members', at: count }, sizeBytes: 100 };
  const title = `growth: fan-out to ${count.toLocaleString('en-US')}`;
  return fanOut(`growth-members-${count}`, title, count, Math.ceil(64 / count), extra);
}

function growthOfOctets(sizeBytes: number): Workload {
  const extra: Extra = { group: 'growth', growth: { of: 'octets', at: sizeBytes }, sizeBytes };
  return echo(
    `growth-octets-${sizeBytes}`,
    `growth: echo of ${sizeBytes.toLocaleString('en-US')} octets`,
    16,
    1,
    extra,
  );
}

export const WORKLOADS: readonly Workload[] = [
  echo('echo-20x1', 'echo 20 B, 1 connection', 1, 1, {}),
  echo('echo-20x64', 'echo 20 B, 64 connections', 64, 1, {}),
  echo('echo-20x1000', 'echo 20 B, 1,000 connections', 1_000, 1, {}),
  echo('echo-20x1x64', 'echo 20 B, 1 connection, 64 in flight', 1, 64, {}),
  echo('echo-20x16x64', 'echo 20 B, 16 connections, 64 in flight', 16, 64, {}),
  echo('echo-20x64x64', 'echo 20 B, 64 connections, 64 in flight', 64, 64, {}),
  echo('echo-20x1000x64', 'echo 20 B, 1,000 connections, 64 in flight', 1_000, 64, {}),
  echo('echo-100tx16x64', 'echo 100 B text, 16 connections, 64 in flight', 16, 64, { sizeBytes: 100, kind: 'text' }),
  echo('echo-1kx64x4', 'echo 1 KiB, 64 connections, 4 in flight', 64, 4, { sizeBytes: 1_024 }),
  echo('echo-16kx32x2', 'echo 16 KiB, 32 connections, 2 in flight', 32, 2, { sizeBytes: 16_384 }),
  echo('echo-16ktx32x2', 'echo 16 KiB text, 32 x 2', 32, 2, { sizeBytes: 16_384, kind: 'text' }),
  echo('echo-16kux32x2', 'echo 16 KiB text beyond ASCII, 32 x 2', 32, 2, { sizeBytes: 16_384, kind: 'utf8' }),
  answered('answer-100tx16x64', 'answer to 100 B of JSON, 16 connections, 64 in flight', 16, 64, {
    sizeBytes: 100,
    kind: 'text',
    corpus: 'document',
  }),
  answered('answer-16ktx32x2', 'answer to 16 KiB of JSON, 32 x 2', 32, 2, {
    sizeBytes: 16_384,
    kind: 'text',
    corpus: 'document',
  }),
  answered('answer-16kux32x2', 'answer to 16 KiB of JSON beyond ASCII, 32 x 2', 32, 2, {
    sizeBytes: 16_384,
    kind: 'utf8',
    corpus: 'document-utf8',
  }),
  echo('echo-mixed-gamex16x16', "echo of a game's states of 16 B to 16 KiB, 16 connections, 16 in flight", 16, 16, {
    sizeBytes: 16_384,
    corpus: 'mixed-game',
  }),
  echo('echo-mixed-chatx16x16', 'echo of chat texts of 16 B to 16 KiB, 16 connections, 16 in flight', 16, 16, {
    sizeBytes: 16_384,
    kind: 'text',
    corpus: 'mixed-chat',
  }),
  echo('echo-1mx4', 'echo 1 MiB, 4 connections', 4, 1, { sizeBytes: 1_048_576 }),
  fanOut('fanout-100x100x8', 'fan-out 100 B to 100, 8 in flight', 100, 8, { sizeBytes: 100 }),
  fanOut('fanout-100x1000', 'fan-out 100 B to 1,000', 1_000, 1, { sizeBytes: 100 }),
  fanOut('fanout-100x2x64', 'relay of 100 B text to 2, 64 in flight', 2, 64, { sizeBytes: 100 }),
  fanOut('fanout-16kx2x8', 'relay of 16 KiB text to 2, 8 in flight', 2, 8, { sizeBytes: 16_384 }),
  fanOut('fanout-16kux2x8', 'relay of 16 KiB text beyond ASCII to 2, 8 in flight', 2, 8, {
    sizeBytes: 16_384,
    kind: 'utf8',
  }),
  fanOut('fanout-16kux100x4', 'fan-out of 16 KiB text beyond ASCII to 100, 4 in flight', 100, 4, {
    sizeBytes: 16_384,
    kind: 'utf8',
  }),
  fanOut('fanout-mixed-chatx100x8', 'fan-out of chat texts of 16 B to 16 KiB to 100, 8 in flight', 100, 8, {
    sizeBytes: 16_384,
    corpus: 'mixed-chat',
  }),
  fanOut(
    'fanout-slow',
    'fan-out 16 KiB to 9, and 1 who reads nothing',
    9,
    4,
    { sizeBytes: 16_384, freshServer: true },
    1,
  ),
  echo('deflate-200x16x4', 'compressed echo 200 B, 16 connections, 4 in flight', 16, 4, {
    sizeBytes: 200,
    kind: 'text',
    compressed: true,
  }),
  echo('deflate-4kx16x4', 'compressed echo 4 KiB, 16 connections, 4 in flight', 16, 4, {
    sizeBytes: 4_096,
    kind: 'text',
    compressed: true,
  }),
  fanOut('deflate-fanout-1kx100x8', 'compressed fan-out 1 KiB to 100, 8 in flight', 100, 8, {
    sizeBytes: 1_024,
    compressed: true,
  }),
  ...COMPRESSED_KINDS.flatMap(compressedRows),
  ...secureRows(),
  workload(
    'other doors',
    'http2-1kx64',
    'echo 1 KiB over HTTP/2, 64 streams of 4 connections',
    { type: 'http2', sessions: 4, streams: 64, inFlight: 1 },
    { needs: ['http2'], reference: 'http2-bare', sizeBytes: 1_024 },
  ),
  workload(
    'other doors',
    'http2-1kx64x16',
    'echo 1 KiB over HTTP/2, 64 streams of 4 connections, 16 in flight',
    { type: 'http2', sessions: 4, streams: 64, inFlight: 16 },
    { needs: ['http2'], reference: 'http2-bare', sizeBytes: 1_024 },
  ),
  workload(
    'connections',
    'connect',
    'connections opened and closed, 128 at a time',
    { type: 'connect', atOnce: 128 },
    {
      unit: 'connections',
      needs: ['handshake', 'frames'],
    },
  ),
  workload(
    'connections',
    'idle-10000',
    'memory of an idle connection, of 10,000',
    { type: 'idle', connections: 10_000 },
    {
      unit: 'connections',
      figure: 'memory',
      needs: ['handshake'],
      freshServer: true,
    },
  ),
  events(100),
  events(1_000),
  workload(
    'http',
    'http-64',
    'HTTP GET, 64 connections (autocannon)',
    { type: 'http', connections: 64, pipelining: 1, streams: 0 },
    {
      mode: 'events',
      unit: 'requests',
      needs: ['http'],
      reference: 'node-http',
    },
  ),
  workload(
    'http',
    'http-publish-100',
    'HTTP POST, each sent to 100 event streams (autocannon)',
    { type: 'http', connections: 4, pipelining: 1, streams: 100 },
    { mode: 'events', unit: 'requests', needs: ['events'], reference: 'node-http', sizeBytes: 100, kind: 'text' },
  ),
  paced('paced-echo-64', 'latency of echo, 64 connections, 10,000 a second', {
    pattern: 'echo',
    connections: 64,
    rate: 10_000,
    chat: false,
  }),
  paced('paced-fanout-1000', 'latency to the last of 1,000, 20 a second', {
    pattern: 'fan-out',
    connections: 1_000,
    rate: 20,
    chat: false,
  }),
  paced(
    'paced-chat-1000',
    'chat: latency from POST to the last of 1,000, 20 a second',
    {
      pattern: 'fan-out',
      connections: 1_000,
      rate: 20,
      chat: true,
    },
    { reference: 'barewire' },
  ),
  ...[10, 100, 1_000, 10_000].map((count) => growth('connections', count)),
  ...[1, 100, 1_000, 10_000].map((count) => growth('rooms', count)),
  ...[1, 10, 100, 1_000].map((count) => growthOfMembers(count)),
  ...[10, 100, 1_000, 10_000, 100_000, 1_000_000].map((sizeBytes) => growthOfOctets(sizeBytes)),
];

/** The rows of the tables in README.md, in their order. */
export const README_ROWS: readonly string[] = [
  'echo-20x64',
  'echo-20x1000',
  'echo-20x16x64',
  'answer-100tx16x64',
  'echo-1kx64x4',
  'echo-16kx32x2',
  'answer-16ktx32x2',
  'echo-1mx4',
  'echo-mixed-chatx16x16',
  'fanout-100x100x8',
  'fanout-100x1000',
  'deflate-chat-100',
  'deflate-chat-4k',
  'deflate-chat-4k-takeover',
  'deflate-fanout-chat-1k',
  'connect',
  'idle-10000',
  'events-100x100',
  'events-100x1000',
];

/** Of a few minutes: one of each kind. */
export const QUICK: readonly string[] = [
  'echo-20x64',
  'echo-20x16x64',
  'answer-100tx16x64',
  'echo-1kx64x4',
  'echo-16kx32x2',
  'echo-1mx4',
  'fanout-100x100x8',
  'fanout-100x1000',
  'deflate-chat-4k',
  'events-100x1000',
];

/** Workloads and peers that answer one question together. */
export interface NamedSet {
  readonly about: string;
  readonly workloads: readonly string[];
  /** Without it: all. */
  readonly peers?: readonly string[];
}

export const SETS: Readonly<Record<string, NamedSet>> = {
  readme: {
    about: 'the rows of the tables in README.md, and the peers in them',
    workloads: README_ROWS,
    peers: ['barewire', 'ws', 'ws-level-1', 'better-sse', 'uws', 'bun', 'deno', 'node-http', 'net'],
  },
  quick: { about: 'one row of each kind', workloads: QUICK },
  compressed: {
    about: 'five kinds of message, compressed, of four sizes, with context takeover and without',
    workloads: COMPRESSED_KINDS.flatMap((kind) => [`deflate-${kind}-`, `deflate-fanout-${kind}-`]),
    peers: ['barewire', 'ws', 'ws-level-1', 'uws', 'bun'],
  },
  ways: {
    about:
      'the rows of README.md through server.attach, with text as bytes, with lent messages, and through barewire/ws',
    workloads: README_ROWS,
    peers: ['barewire', 'barewire-attached', 'barewire-bytes', 'barewire-lent', 'barewire-ws'],
  },
  lent: {
    about: 'echoes of lent messages beside the native servers',
    workloads: ['echo-20x16x64', 'echo-100tx16x64', 'echo-1kx64x4', 'echo-16kx32x2', 'echo-16ktx32x2', 'echo-1mx4'],
    peers: ['barewire', 'barewire-lent', 'uws', 'bun'],
  },
  growth: {
    about: 'what a message costs as there is more of everything',
    workloads: ['growth'],
    peers: ['barewire', 'ws', 'uws', 'bun', 'net'],
  },
};

/** Those that ids, or beginnings of ids, name. @throws Error for one that names nothing */
export function chooseWorkloads(ids: readonly string[]): readonly Workload[] {
  const chosen = new Set<Workload>();
  for (const id of ids) {
    const exact = WORKLOADS.filter((each) => each.id === id);
    const found = exact.length > 0 ? exact : WORKLOADS.filter((each) => each.id.startsWith(id) || each.group === id);
    if (found.length === 0) throw new Error(`no workload is called "${id}"; --list shows them`);
    for (const each of found) chosen.add(each);
  }
  return WORKLOADS.filter((each) => chosen.has(each));
}
