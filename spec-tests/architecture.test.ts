import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The repository: this file runs from dist/spec-tests, beside a dist/lib that is not looked at. */
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The import law. Folders and top-level files of lib, each with its layer: a file may import from its own folder and
 * from any lower layer. Folders of one layer do not know each other, but for what `ALSO` grants.
 */
const LAYERS: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  'limits.ts': 0,
  'options.ts': 0,
  'observe.ts': 0,
  bytes: 0,
  deflate: 0,
  http: 1,
  websocket: 1,
  'event-stream': 1,
  rooms: 1,
  channel: 2,
  conformance: 2.5,
  load: 2.5,
  net: 3,
  client: 3,
  'room-logs': 3,
  mount: 4,
  'server.ts': 5,
  chat: 6,
  ws: 6,
  testing: 6,
  cli: 7,
  'index.ts': 7,
};

/** What one folder may import of its own layer. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  client: ['net'], // a client's connection is the same machine as a server's
  bytes: ['limits.ts', 'errors.ts'],
  deflate: ['bytes', 'limits.ts', 'errors.ts'],
  websocket: ['http'], // an opening handshake is an HTTP request
  'event-stream': ['http'], // an event stream is the body of an HTTP response, content coding included
};

/** What a tool may see of lib/websocket: nothing that reads or writes frames, where it could hide a fault. */
const TOOLS: readonly string[] = ['conformance', 'load'];
const FRAME_CODE: readonly string[] = [
  'control-frames.ts',
  'encoder.ts',
  'frame.ts',
  'frame-parser.ts',
  'mask.ts',
  'message-assembler.ts',
  'message-stream.ts',
  'protocol.ts',
  'prepared-message.ts',
  'deflate.ts',
  'index.ts',
];

/** Inside lib/channel the port owns the interfaces and knows none of its kinds. */
const WITHIN_CHANNEL: Readonly<Record<string, readonly string[]>> = {
  'channel/port.ts': [],
  'channel/node-internals.ts': ['channel/port.ts'],
  'channel/queued-channel.ts': ['channel/port.ts'],
};

/** Modules of Node that a layer may import at all … */
const NODE_BY_FOLDER: Readonly<Record<string, RegExp>> = {
  channel: /^node:(net|tls|stream|buffer|diagnostics_channel)$/,
  net: /^node:(net|tls|buffer)$/,
  mount: /^node:(http|https|http2|net|tls|stream|buffer)$/,
  ws: /^node:(events|http|https|net|tls|stream|crypto)$/,
  'server.ts': /^node:(net|tls|http|https|http2)$/,
  client: /^node:(net|tls|buffer|stream)$/,
  conformance:
    /^node:(net|tls|stream|crypto|fs|fs\/promises|path|url|process|perf_hooks|buffer|zlib|timers\/promises|http)$/,
  load: /^node:(net|tls|crypto|fs|fs\/promises|path|url|process|perf_hooks|os|child_process|worker_threads|buffer|cluster|zlib)$/,
  'room-logs': /^node:(fs\/promises|path|os|crypto)$/,
  chat: /^node:(crypto|fs|fs\/promises|path|url)$/,
  testing: /^node:(crypto|net|stream|events)$/,
  cli: /^node:.*$/,
};

/** … and the files that may import one more: the named exceptions of the design, one module each. */
const NODE_BY_FILE: Readonly<Record<string, readonly string[]>> = {
  'websocket/handshake.ts': ['node:crypto'], // SHA-1 and the client's nonce
  'websocket/mask.ts': ['node:crypto'], // masking keys
  'bytes/utf8.ts': ['node:buffer'], // isAscii, isUtf8
  'client/content-decoder.ts': ['node:zlib'], // a coded response is decoded as a stream
  'net/reports.ts': ['node:diagnostics_channel'],
  'net/api.ts': ['node:http', 'node:http2'], // types alone: what `HttpRequest.raw` is
  'net/descriptors.ts': ['node:fs'], // how many files may be open
};

/** node:zlib stands behind the deflate interface and nowhere else. */
const ZLIB_FOLDER = 'deflate';

/** What a browser runs too: but for types it imports only its like. */
const BROWSER =
  /^(chat\/(page\/[^/]+|client(-heard|-http|-line|-links|-login|-options|-outbox|-speaker)?\.ts)|client\/(browser|reconnecting|backoff)\.ts)$/;

/** What a pure layer never mentions, found in code without comments and strings. */
const IMPURE: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Date', /\bDate\b/],
  ['a timer', /\b(?:setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|queueMicrotask|nextTick)\b/],
  ['performance', /\bperformance\b/],
  ['EventEmitter', /\bEventEmitter\b|\bEventTarget\b/],
  ['a promise', /\bPromise\b|\basync\b|\bawait\b/],
  ['a socket', /\bSocket\b(?!\s*[:'"])/],
  ['a stream', /\b(?:Readable|Writable|Duplex|Transform|ReadableStream|WritableStream)\b/],
  ['Math.random', /\bMath\.random\b/],
  ['the process', /\bprocess\./],
];

/** Files of a pure layer that may mention one of these: the named exceptions of the design. */
const IMPURE_BY_FILE: Readonly<Record<string, readonly string[]>> = {
  'rooms/system.ts': ['a timer', 'performance'], // the clock where none is passed in
  'rooms/log.ts': ['a promise'], // the port of the log, and those through whom its answers pass
  'rooms/memory-log.ts': ['a promise'],
  'rooms/shared-presence.ts': ['a promise'], // asks the log for the names of all nodes
  'rooms/publisher.ts': ['a promise'],
  'rooms/room.ts': ['a promise'], // passes on what publisher.ts answers
  'rooms/hub.ts': ['a promise'],
};

interface SourceFile {
  /** Relative to lib, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Blanks comments and the contents of strings; code in template placeholders goes with them. */
function codeOnly(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    (match) => (match.startsWith('/') ? ' ' : "''"),
  );
}

function importsOf(text: string): string[] {
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*$/gm, '');
  const statement = /^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"\n]+)\1/gm;
  const late = /\b(?:import|require|getBuiltinModule)\s*\(\s*(['"])([^'"\n]+)\1/g;
  return [statement, late].flatMap((pattern) => [...withoutComments.matchAll(pattern)].map((match) => match[2]!));
}

/** Imports of types alone leave nothing behind when the code runs. */
function withoutTypes(text: string): string {
  return text.replace(/^\s*(?:import|export)\s+type\b[^;]*;/gm, '');
}

const folderOf = (path: string): string => path.split('/', 1)[0]!;

/** Everything that breaks the law, as sentences; none for a lawful source. */
function violations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  const known = new Set(files.map(({ path }) => path));
  for (const { path, text } of files) {
    const say = (what: string): void => void found.push(`${path}: ${what}`);
    const folder = folderOf(path);
    if (BROWSER.test(path)) {
      for (const specifier of importsOf(withoutTypes(text))) {
        const target = posix.normalize(posix.join(posix.dirname(path), specifier));
        if (!specifier.startsWith('.') || !BROWSER.test(target)) say(`runs in a browser and imports ${specifier}`);
      }
    }
    if (path.startsWith('chat/page/')) continue; // a program of its own, with a header of its own
    const layer = LAYERS[folder];
    if (layer === undefined) {
      say('belongs to no layer');
      continue;
    }
    if (!/^(#![^\n]*\n)?\/\*\*?[\s\S]*?\*\//.test(text) && !/^\/\//.test(text))
      say('does not open with a header comment');

    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('node:')) {
        const allowed =
          (NODE_BY_FOLDER[folder]?.test(specifier) ?? false) ||
          (NODE_BY_FILE[path]?.includes(specifier) ?? false) ||
          (specifier === 'node:zlib' && folder === ZLIB_FOLDER);
        if (!allowed) say(`may not import ${specifier}`);
        continue;
      }
      if (!specifier.startsWith('.')) {
        say(`imports ${specifier}, and barewire has no dependencies`);
        continue;
      }
      if (!specifier.endsWith('.ts')) say(`imports ${specifier} without its ending .ts`);
      const target = posix.normalize(posix.join(posix.dirname(path), specifier));
      if (target.startsWith('..')) {
        say(`imports ${specifier} from outside lib`);
        continue;
      }
      if (!known.has(target)) say(`imports ${specifier}, which does not exist`);
      const other = folderOf(target);
      const otherLayer = LAYERS[other];
      if (WITHIN_CHANNEL[path] !== undefined && other === 'channel' && !WITHIN_CHANNEL[path].includes(target))
        say(`the port knows none of its kinds, and this imports ${target}`);
      if (other === folder) continue;
      if (otherLayer === undefined || otherLayer > layer)
        say(`layer ${layer} imports ${target} of layer ${otherLayer}`);
      else if (otherLayer === layer && !(ALSO[folder]?.includes(other) ?? false))
        say(`imports ${target}, its neighbour`);
      if (TOOLS.includes(folder) && other === 'websocket' && FRAME_CODE.includes(posix.basename(target)))
        say(`a tool imports frame code: ${target}`);
      if (TOOLS.includes(other) && folder !== 'cli') say(`imports ${target}: tools are for the command line`);
    }

    if (layer <= 1) {
      const code = codeOnly(text);
      for (const [name, pattern] of IMPURE)
        if (pattern.test(code) && !(IMPURE_BY_FILE[path]?.includes(name) ?? false))
          say(`a pure layer mentions ${name}`);
    }
  }
  return found;
}

/** Cycles among values are found at import time, if at all: a file's imports must not lead back to it. */
function cycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(
    files.map(({ path, text }) => [
      path,
      importsOf(withoutTypes(text))
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => posix.normalize(posix.join(posix.dirname(path), specifier))),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

const LIB: readonly SourceFile[] = readdirSync(join(ROOT, 'lib'), { recursive: true })
  .map((path) => String(path).replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .sort()
  .map((path) => ({ path, text: readFileSync(join(ROOT, 'lib', path), 'utf8') }));

describe('the import law', () => {
  it('and what a header says to read next is there', () => {
    let named = 0;
    for (const { path, text } of LIB) {
      const header = text.slice(0, text.indexOf('*/'));
      const from = header.indexOf('Read next');
      if (from === -1) continue;
      for (const [, next] of header.slice(from).matchAll(/\x60([^\x60]+\.ts)\x60/g)) {
        assert.ok(existsSync(join(ROOT, 'lib', dirname(path), next!)), `${path} leads to ${next}`);
        named++;
      }
    }
    assert.ok(named > 50, `${named} were found`);
  });

  it('every file of lib keeps it', () => {
    assert.ok(LIB.length > 30, 'lib was found');
    assert.deepEqual(violations(LIB), []);
  });

  it('no file imports itself by a detour', () => {
    assert.deepEqual(cycles(LIB), []);
  });

  it('each named exception is still needed', () => {
    for (const [path, modules] of Object.entries(NODE_BY_FILE)) {
      const file = LIB.find((each) => each.path === path);
      assert.ok(file !== undefined, `${path} does not exist`);
      for (const name of modules) assert.ok(importsOf(file.text).includes(name), `${path} no longer imports ${name}`);
    }
    for (const [path, names] of Object.entries(IMPURE_BY_FILE)) {
      const file = LIB.find((each) => each.path === path);
      assert.ok(file !== undefined, `${path} does not exist`);
      for (const [name, pattern] of IMPURE)
        if (names.includes(name)) assert.match(codeOnly(file.text), pattern, `${path} no longer mentions ${name}`);
    }
  });

  const header = '/** What it knows. */\n';
  const lawful: readonly SourceFile[] = [
    { path: 'limits.ts', text: `${header}export const A = 1;` },
    { path: 'bytes/a.ts', text: `${header}import { A } from '../limits.ts';` },
    {
      path: 'http/a.ts',
      text: `${header}// Date, setTimeout and Promise in a comment\nimport '../bytes/a.ts';\nconst x = 'new Date()';`,
    },
    { path: 'websocket/a.ts', text: `${header}import { x } from '../http/a.ts';` },
    { path: 'websocket/frame.ts', text: header },
    { path: 'websocket/close.ts', text: header },
    { path: 'websocket/handshake.ts', text: `${header}import { createHash } from 'node:crypto';` },
    { path: 'net/a.ts', text: `${header}import type { Socket } from 'node:net';\nsetTimeout(() => new Date(), 1);` },
    { path: 'channel/socket.ts', text: header },
    { path: 'mount/a.ts', text: `${header}import '../net/a.ts';` },
    { path: 'rooms/a.ts', text: header },
    { path: 'chat/a.ts', text: `${header}import '../rooms/a.ts';\nimport '../net/a.ts';` },
    { path: 'conformance/a.ts', text: `${header}import { CloseCode } from '../websocket/close.ts';` },
    { path: 'cli/a.ts', text: `${header}import '../conformance/a.ts';\nimport '../chat/a.ts';` },
    { path: 'deflate/a.ts', text: `${header}import { inflateRawSync } from 'node:zlib';` },
  ];

  it('a lawful source has nothing to say about it', () => {
    assert.deepEqual(violations(lawful), []);
    assert.deepEqual(cycles(lawful), []);
  });

  const broken: readonly (readonly [rule: string, path: string, text: string, expected: RegExp])[] = [
    ['layer 0 imports nothing above', 'bytes/b.ts', "import '../http/a.ts';", /layer 0 imports http\/a\.ts of layer 1/],
    [
      'layer 1 imports no net',
      'websocket/b.ts',
      "import { x } from '../net/a.ts';",
      /layer 1 imports net\/a\.ts of layer 3/,
    ],
    ['rooms import no net', 'rooms/b.ts', "export * from '../net/a.ts';", /layer 1 imports net\/a\.ts of layer 3/],
    ['rooms do not know websocket', 'rooms/b.ts', "import '../websocket/a.ts';", /its neighbour/],
    ['rooms import no chat', 'rooms/b.ts', "import '../chat/a.ts';", /layer 1 imports chat\/a\.ts of layer 6/],
    ['nothing imports the command line', 'chat/b.ts', "import '../cli/a.ts';", /imports cli\/a\.ts of layer 7/],
    [
      'event-stream and websocket do not know each other',
      'event-stream/b.ts',
      "import '../websocket/a.ts';",
      /its neighbour/,
    ],
    ['http does not know websocket', 'http/b.ts', "import '../websocket/a.ts';", /its neighbour/],
    ['bytes does not know deflate', 'bytes/b.ts', "import '../deflate/a.ts';", /its neighbour/],
    [
      'tools use no frame code',
      'conformance/b.ts',
      "import { x } from '../websocket/frame.ts';",
      /a tool imports frame code/,
    ],
    [
      'tools use no frame code by a type either',
      'load/b.ts',
      "import type { X } from '../websocket/frame.ts';",
      /a tool imports frame code/,
    ],
    ['tools know no chat', 'load/b.ts', "import '../chat/a.ts';", /layer 2\.5 imports chat\/a\.ts of layer 6/],
    ['tools do not know each other', 'load/b.ts', "import '../conformance/a.ts';", /its neighbour/],
    [
      'only the command line uses tools',
      'chat/b.ts',
      "import '../conformance/a.ts';",
      /tools are for the command line/,
    ],
    ['node:net only in net', 'http/b.ts', "import net from 'node:net';", /may not import node:net/],
    [
      'node:net only in net, also when imported late',
      'http/b.ts',
      "const net = import('node:net');",
      /may not import node:net/,
    ],
    ['net does not know the mounts', 'net/b.ts', "import '../mount/a.ts';", /layer 3 imports mount\/a\.ts of layer 4/],
    [
      'node:net only in net, also when asked of the process',
      'http/b.ts',
      "const net = process.getBuiltinModule('node:net');",
      /may not import node:net/,
    ],
    ['the port knows none of its kinds', 'channel/port.ts', "import './socket.ts';", /knows none of its kinds/],
    [
      'channels know no protocol above them',
      'channel/b.ts',
      "import '../net/a.ts';",
      /layer 2 imports net\/a\.ts of layer 3/,
    ],
    ['node:fs nowhere in net', 'net/b.ts', "import { readFileSync } from 'node:fs';", /may not import node:fs/],
    [
      'node:crypto only in handshake and mask',
      'websocket/b.ts',
      "import { randomBytes } from 'node:crypto';",
      /may not import node:crypto/,
    ],
    ['node:zlib only behind deflate', 'websocket/b.ts', "import zlib from 'node:zlib';", /may not import node:zlib/],
    [
      'node:buffer only in bytes/utf8',
      'bytes/b.ts',
      "import { isUtf8 } from 'node:buffer';",
      /may not import node:buffer/,
    ],
    [
      'node:events in no pure layer',
      'websocket/b.ts',
      "import { EventEmitter } from 'node:events';",
      /may not import node:events/,
    ],
    ['nothing from npm', 'cli/b.ts', "import ws from 'ws';", /no dependencies/],
    ['nothing from npm by require', 'cli/b.ts', "const ws = require('ws');", /no dependencies/],
    ['no built-in without its node: prefix', 'net/b.ts', "import net from 'net';", /no dependencies/],
    ['nothing from outside lib', 'http/b.ts', "import '../../bench/a.ts';", /from outside lib/],
    ['endings are written', 'http/b.ts', "import './a';", /without its ending/],
    ['imports exist', 'http/b.ts', "import './gone.ts';", /does not exist/],
    ['no folder without a layer', 'stuff/b.ts', '', /belongs to no layer/],
    ['the page of the chat imports nothing of the server', 'chat/page/b.ts', "import '../a.ts';", /runs in a browser/],
    ['the client of the chat imports nothing of Node', 'chat/client.ts', "import 'node:crypto';", /runs in a browser/],
    ['no Date in a pure layer', 'http/b.ts', 'const now = Date.now();', /mentions Date/],
    ['no timers in a pure layer', 'bytes/b.ts', 'setTimeout(() => {}, 1);', /mentions a timer/],
    ['no microtasks in a pure layer', 'bytes/b.ts', 'queueMicrotask(() => {});', /mentions a timer/],
    ['no EventEmitter in a pure layer', 'websocket/b.ts', 'class A extends EventEmitter {}', /mentions EventEmitter/],
    ['no promises in a pure layer', 'event-stream/b.ts', 'async function f(): Promise<void> {}', /mentions a promise/],
    ['no await in a pure layer', 'event-stream/b.ts', 'for await (const x of y) {}', /mentions a promise/],
    ['no streams in a pure layer', 'http/b.ts', 'class A extends Transform {}', /mentions a stream/],
    ['no sockets in a pure layer', 'http/b.ts', 'function f(socket: Socket) {}', /mentions a socket/],
    ['no weak randomness in a pure layer', 'websocket/b.ts', 'const key = Math.random();', /mentions Math\.random/],
    ['no process in a pure layer', 'websocket/b.ts', 'process.exit();', /mentions the process/],
  ];
  for (const [rule, path, text, expected] of broken) {
    it(`finds a source that breaks it: ${rule}`, () => {
      const found = violations([...lawful, { path, text: header + text }]);
      assert.equal(found.length >= 1, true, 'found nothing');
      assert.ok(found.every((each) => each.startsWith(`${path}: `)));
      assert.ok(
        found.some((each) => expected.test(each)),
        found.join('\n'),
      );
    });
  }

  it('finds a source without a header, and a cycle', () => {
    assert.match(violations([{ path: 'http/b.ts', text: 'export {};' }]).join(), /does not open with a header comment/);
    const a = { path: 'http/a.ts', text: `${header}import { b } from './b.ts';` };
    assert.deepEqual(cycles([a, { path: 'http/b.ts', text: `${header}import { a } from './a.ts';` }]), [
      'http/a.ts -> http/b.ts -> http/a.ts',
    ]);
    assert.deepEqual(cycles([a, { path: 'http/b.ts', text: `${header}import type { A } from './a.ts';` }]), []);
  });
});

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly [key: string]: unknown;
    readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
    readonly bin: Readonly<Record<string, string>>;
    readonly scripts: Readonly<Record<string, string>>;
  };

  it('has no dependencies of any kind at run time', () => {
    for (const kind of [
      'dependencies',
      'peerDependencies',
      'optionalDependencies',
      'bundleDependencies',
      'bundledDependencies',
    ])
      assert.deepEqual(Object.keys(manifest[kind] ?? {}), [], kind);
  });

  it('runs nothing when it is installed', () => {
    for (const script of ['preinstall', 'install', 'postinstall']) assert.equal(manifest.scripts[script], undefined);
  });

  it('exports what exists, each with its types', (test) => {
    const missing: string[] = [];
    for (const [name, target] of Object.entries(manifest.exports)) {
      // A subpath whose folder nobody has written yet is a plan; from its first file on it must be importable.
      if (name.startsWith('./') && !name.includes('.json') && !existsSync(join(ROOT, 'lib', name))) {
        test.diagnostic(`${name} is announced and not written yet`);
        continue;
      }
      for (const path of typeof target === 'string' ? [target] : [target.types, target.default])
        if (!existsSync(join(ROOT, path))) missing.push(`${name}: ${path}`);
    }
    for (const [name, path] of Object.entries(manifest.bin))
      if (!existsSync(join(ROOT, path))) missing.push(`${name}: ${path}`);
    assert.deepEqual(missing, []);
  });
});
