/**
 * What bystanders of a chat notice of a flood: their p99 in a flood of each kind, beside that of the calm before it.
 *
 *     node dist/bench/chat-floods.js --help
 *
 * `barewire chat`, with the limits that it has by default, has a core to itself where there is `taskset`. 40 members of one room, each
 * with an address of its own, say two messages a second each; every one of the 3,200 deliveries a second is timed from when its message
 * was due (open loop). The flood comes from another process, at the lowest priority, from one other address, as fast as the server lets
 * it. Phases go calm, flood, calm, flood; a row is the median over the rounds. Exits with 1 where a flood more than doubles the p99.
 * Sections: floods; bystanders; phases.
 */

import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from '../lib/client/websocket.ts';
import { runAsProgram } from './main.ts';
import { numberIn } from './wire/command.ts';
import { columns, median } from './wire/report.ts';

const MEMBERS = 40;
const INTERVAL_MS = 500;
const MAX_RATIO = 2;
const CHAT = fileURLToPath(new URL('../lib/cli/main.js', import.meta.url));
const SELF = fileURLToPath(import.meta.url);

// Floods

const UPGRADE =
  'Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/** A masked frame whose key is zero. */
function frame(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const short = payload.length < 126;
  const head = short ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.of(0x80 | opcode, ...head, 0, 0, 0, 0), payload]);
}

interface Flood {
  readonly what: string;
  /** What is sent first on each connection. */
  readonly opening: string;
  /** What is sent over and over; without it the connection is opened over and over. */
  readonly again?: Buffer;
  readonly connections: number;
}

const join = `GET /rooms/lobby?user=eve HTTP/1.1\r\n${UPGRADE}`;
const request = (line: string, body = ''): Buffer =>
  Buffer.from(
    `${line} HTTP/1.1\r\nHost: a\r\n${line.startsWith('POST') ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`,
  );

const FLOODS: Readonly<Record<string, Flood>> = {
  messages: { what: 'messages', opening: join, again: frame(1, '{"type":"message","text":"x"}'), connections: 4 },
  wrong: { what: 'messages that are no JSON', opening: join, again: frame(1, '{'), connections: 4 },
  pings: { what: 'pings of the chat', opening: join, again: frame(1, '{"type":"ping"}'), connections: 4 },
  control: { what: 'ping frames', opening: join, again: frame(9, 'x'), connections: 4 },
  joins: { what: 'joins, each on a connection of its own', opening: join, connections: 16 },
  posts: {
    what: 'messages by POST',
    opening: '',
    again: request('POST /rooms/lobby/messages?user=eve', 'x'),
    connections: 4,
  },
  tickets: { what: 'tickets', opening: '', again: request('POST /tickets?user=eve'), connections: 4 },
  history: {
    what: 'pages of the history',
    opening: '',
    again: request('GET /rooms/lobby/messages?user=eve'),
    connections: 4,
  },
};

/** Runs in a process of its own until it is ended. */
function flood(kind: string, port: number): void {
  setPriority(19);
  const { opening, again, connections } = FLOODS[kind]!;
  // Some at a time, so that one write is not a system call for each.
  const batch = again === undefined ? undefined : Buffer.concat(Array.from({ length: 64 }, () => again));
  for (let i = 0; i < connections; i++) pour(port, opening, batch);
  process.on('disconnect', () => process.exit());
}

function pour(port: number, opening: string, batch: Buffer | undefined): void {
  const socket: Socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
  const fill = (): void => {
    while (batch !== undefined && !socket.destroyed && socket.write(batch));
  };
  socket.on('error', () => {});
  socket.on('connect', () => {
    socket.write(opening);
    fill();
  });
  socket.on('drain', fill);
  socket.on('data', () => {
    if (batch === undefined) socket.destroy();
  });
  // Whoever floods comes back.
  socket.on('close', () => setImmediate(pour, port, opening, batch));
}

// Bystanders

/** Forty members, and how late their messages come. */
class Bystanders {
  /** Milliseconds from when a message was due until it came, for each delivery of the phase. */
  #lateMs: number[] = [];
  readonly #sockets: WebSocket[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  /** Connections that ended. */
  lost = 0;

  async open(port: number): Promise<void> {
    for (let i = 0; i < MEMBERS; i++) {
      const url = `ws://127.0.0.1:${port}/rooms/lobby?user=b${i}`;
      const socket = new WebSocket(url, [], { tcp: { localAddress: `127.0.1.${i + 1}` } });
      socket.onmessage = ({ data }) => this.#heard(String(data));
      this.#sockets.push(socket);
      await once(socket, 'open');
      socket.onclose = () => void this.lost++;
    }
    const startMs = performance.now() + INTERVAL_MS;
    for (const [i, socket] of this.#sockets.entries()) this.#speak(socket, startMs + (i * INTERVAL_MS) / MEMBERS);
  }

  /** The 99th percentile of one phase, and how many deliveries there were of those that were due. */
  async phase(ms: number): Promise<{ readonly p99: number; readonly share: number }> {
    this.#lateMs = [];
    await new Promise((resolve) => setTimeout(resolve, ms));
    const sorted = this.#lateMs.sort((a, b) => a - b);
    const due = (MEMBERS * MEMBERS * ms) / INTERVAL_MS;
    return { p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY, share: sorted.length / due };
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) {
      socket.onclose = null;
      socket.terminate();
    }
  }

  #speak(socket: WebSocket, dueMs: number): void {
    this.#timers.push(
      setTimeout(() => {
        this.#timers.splice(0, this.#timers.length - 2 * MEMBERS);
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'message', text: String(dueMs) }));
        this.#speak(socket, dueMs + INTERVAL_MS);
      }, dueMs - performance.now()),
    );
  }

  #heard(event: string): void {
    const dueMs = Number(/"text":"([0-9.]+)"/.exec(event)?.[1]);
    if (dueMs > 0) this.#lateMs.push(performance.now() - dueMs);
  }
}

// Phases

const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;

async function startChat(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const args = [CHAT, 'chat', '--port', '0'];
  const child = canPin ? spawn('taskset', ['-c', '0', process.execPath, ...args]) : spawn(process.execPath, args);
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]);
  if (!(port > 0)) throw new Error(`barewire chat did not start: ${line.toString()}`);
  return { child, port };
}

async function inFlood<T>(kind: string, port: number, body: () => Promise<T>): Promise<T> {
  const child = fork(SELF, ['--flood', kind, '--port', String(port)]);
  try {
    await new Promise((resolve) => setTimeout(resolve, 500)); // until it is at its height
    return await body();
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

async function measure(kinds: readonly string[], rounds: number, ms: number): Promise<boolean> {
  const { child, port } = await startChat();
  const bystanders = new Bystanders();
  const rows: string[][] = [['flood of', 'calm p99', 'flood p99', 'ratio', 'delivered']];
  let isBorne = true;
  try {
    await bystanders.open(port);
    await bystanders.phase(1_000); // warm-up
    for (const kind of kinds) {
      const calm: number[] = [];
      const flooded: number[] = [];
      const shares: number[] = [];
      for (let round = 0; round < rounds; round++) {
        calm.push((await bystanders.phase(ms)).p99);
        const { p99, share } = await inFlood(kind, port, () => bystanders.phase(ms));
        flooded.push(p99);
        shares.push(share);
        await bystanders.phase(300); // what was under way is not the next calm's
      }
      const [before, during] = [median(calm), median(flooded)];
      const ratio = during / before;
      if (ratio > MAX_RATIO) isBorne = false;
      const times = [before, during].map((value) => `${value.toFixed(2)} ms`);
      rows.push([FLOODS[kind]!.what, ...times, ratio.toFixed(2), `${(100 * median(shares)).toFixed(0)} %`]);
    }
    console.log(columns(rows));
    console.log(`connections of bystanders that ended: ${bystanders.lost}`);
  } finally {
    bystanders.close();
    child.kill('SIGKILL');
  }
  return isBorne && bystanders.lost === 0;
}

const ROUNDS = 3;
const SECONDS = 3;
/** Of a round: two phases, and what stands between them. */
const BETWEEN_SECONDS = 1;
const minutesOf = (rounds: number, seconds: number): number =>
  Math.ceil((rounds * (2 * seconds + BETWEEN_SECONDS)) / 30) / 2;

export const HELP: string = `Usage: npm run bench:floods -- [options]

Measures what 40 bystanders of \`barewire chat\` notice of one address that sends as much as the server lets it. Each kind takes
rounds x (2 x seconds + ${BETWEEN_SECONDS}) seconds: some ${minutesOf(ROUNDS, SECONDS)} minutes as it is, all of them some ${Object.keys(FLOODS).length * minutesOf(ROUNDS, SECONDS)}. Exit code 1: a flood more than doubled their
p99, or ended a connection.

  --kinds A,B    which floods (default: all):
${Object.entries(FLOODS)
  .map(([kind, { what }]) => `                 ${kind.padEnd(10)}${what}\n`)
  .join('')}  --rounds N     calm and flood, so many times (default ${ROUNDS})
  --seconds N    length of each of the two (default ${SECONDS})
  --help         this text
`;

interface Command {
  readonly help: boolean;
  readonly kinds: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  /** What this process floods with, where it is the one that does. */
  readonly flood: string | undefined;
  readonly port: number;
}

/** Checks all of it before anything is started. @throws Error for the first mistake */
export function readCommand(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: String(ROUNDS) },
      seconds: { type: 'string', default: String(SECONDS) },
      kinds: { type: 'string', default: Object.keys(FLOODS).join() },
      help: { type: 'boolean', default: false },
      flood: { type: 'string' },
      port: { type: 'string' },
    },
  });
  const kinds = values.kinds.split(',');
  const unknown = kinds.find((kind) => !Object.hasOwn(FLOODS, kind));
  if (unknown !== undefined)
    throw new Error(`there is no flood "${unknown}"; there are ${Object.keys(FLOODS).join(', ')}`);
  return {
    help: values.help,
    kinds,
    rounds: numberIn('--rounds', values.rounds, 1, Number.isInteger, 'a whole number of at least 1'),
    seconds: numberIn('--seconds', values.seconds, 0.1, Number.isFinite, 'a number of at least 0.1'),
    flood: values.flood,
    port: Number(values.port),
  };
}

async function main(): Promise<number> {
  const { help, kinds, rounds, seconds, flood: kind, port } = readCommand(process.argv.slice(2));
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (kind !== undefined) {
    flood(kind, port);
    return 0;
  }
  return (await measure(kinds, rounds, seconds * 1_000)) ? 0 : 1;
}

runAsProgram(import.meta.url, main);
