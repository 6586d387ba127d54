/**
 * A message larger than memory, in parts, in both directions: how far resident memory grows at either end, and the rate beside that
 * of whole messages of 1 MiB. `node dist/bench/wire/parts.js --bytes 4294967296`; `--json` for programs.
 *
 * The client is this process and the server one that it forks; each looks at its own memory every few milliseconds while a message
 * passes. Growth counts from when the connection is open and nothing has been sent (cold), and from behind a first message of 64 MiB each
 * way (warm): V8 lets 32 MiB of new array buffers wait for their collection, whoever makes them. Whole and in parts take turns, and
 * rates are medians. Sections: the server, the client, the report.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from '../../lib/client/websocket.ts';
import type { StreamedMessage } from '../../lib/net/api.ts';
import { createServer } from '../../lib/server.ts';
import { median } from './report.ts';

const PART_BYTES = 65_536;
const WHOLE_BYTES = 1_048_576;
const SAMPLE_MS = 5;
const WARM_UP_BYTES = 67_108_864;

/** One passage, as the process that received sees it. */
interface Passage {
  readonly bytes: number;
  readonly ms: number;
}

/** Yields `bytes` octets in parts of one size. */
function* partsOf(bytes: number, partBytes: number): Generator<Uint8Array> {
  const part = new Uint8Array(partBytes).fill(0x61);
  for (let sent = 0; sent < bytes; sent += part.length) yield part.subarray(0, Math.min(part.length, bytes - sent));
}

/** How far resident memory has grown, at the most. */
interface Growth {
  readonly coldBytes: number;
  readonly warmBytes: number;
}

/** Looks at resident memory from now on, until `growth` is asked for. `warm`: the first message has passed. */
function watchMemory(): { warm(): void; growth(): Growth } {
  const cold = process.memoryUsage.rss();
  let warm = cold;
  let most = cold;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    warm() {
      warm = process.memoryUsage.rss();
    },
    growth() {
      look();
      clearInterval(timer);
      return { coldBytes: most - cold, warmBytes: most - warm };
    },
  };
}

/** Reads a message to its end. */
async function lengthOf(message: StreamedMessage): Promise<number> {
  let length = 0;
  for await (const part of message) length += part.length;
  return length;
}

/** What either end sends: one message in parts, or whole ones of 1 MiB until it is `bytes`. */
interface Sender {
  write(message: Uint8Array): Promise<void>;
  writeMessage(parts: Iterable<Uint8Array>): Promise<void>;
}

async function send(socket: Sender, bytes: number, inParts: boolean): Promise<void> {
  if (inParts) await socket.writeMessage(partsOf(bytes, PART_BYTES));
  else for (const whole of partsOf(bytes, WHOLE_BYTES)) await socket.write(whole);
}

// The server: what it is sent goes no further; what it sends is asked for as text, `BYTES parts` or `BYTES whole`.

async function serve(): Promise<void> {
  let memory: ReturnType<typeof watchMemory> | undefined;
  const server = createServer({ allowedOrigins: '*', maxMessageBytes: WHOLE_BYTES });
  server.webSocket('/parts', {
    open: () => {
      memory = watchMemory();
    },
    async messageStream(socket, message) {
      if (message.type === 'text') {
        let asked = '';
        for await (const part of message) asked += part;
        await send(socket, Number(asked), true);
      } else await socket.write(String(await lengthOf(message)));
    },
  });
  server.webSocket('/whole', async (socket) => {
    let length = 0;
    for await (const message of socket) {
      if (typeof message === 'string') {
        const [verb, bytes] = message.split(' ');
        if (verb === 'send') await send(socket, Number(bytes), false);
        else length = Number(bytes);
      } else {
        length -= message.length;
        if (length === 0) await socket.write('all');
      }
    }
  });
  await server.listen();
  process.on('message', (what) => {
    if (what === 'warm') memory?.warm();
    process.send!(what === 'warm' ? {} : memory!.growth());
  });
  process.on('disconnect', () => process.exit());
  process.send!({ url: server.url.replace('http', 'ws') });
}

// The client

/** Runs passages over one connection. */
class PartsClient {
  readonly #socket: WebSocket;
  readonly #messages: { resolve(length: number | string): void }[] = [];
  readonly #arrived: (number | string)[] = [];

  constructor(url: string) {
    this.#socket = new WebSocket(`${url}/parts`, {
      messageStream: async (message) => {
        if (message.type === 'binary') this.#tell(await lengthOf(message));
        else for await (const part of message) this.#tell(String(part));
      },
    });
  }

  async opened(): Promise<void> {
    await once(this.#socket, 'open');
  }

  async upload(bytes: number): Promise<Passage> {
    const start = performance.now();
    await send(this.#socket, bytes, true);
    return { bytes: Number(await this.#next()), ms: performance.now() - start };
  }

  async download(bytes: number): Promise<Passage> {
    const start = performance.now();
    await this.#socket.write(String(bytes));
    return { bytes: Number(await this.#next()), ms: performance.now() - start };
  }

  close(): void {
    this.#socket.close();
  }

  #tell(what: number | string): void {
    const waiting = this.#messages.shift();
    if (waiting === undefined) this.#arrived.push(what);
    else waiting.resolve(what);
  }

  #next(): Promise<number | string> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    return new Promise((resolve) => this.#messages.push({ resolve }));
  }
}

/** The same octets as whole messages of 1 MiB. */
async function whole(socket: WebSocket, direction: Direction, bytes: number): Promise<Passage> {
  const start = performance.now();
  const messages = socket[Symbol.asyncIterator]();
  let received = 0;
  if (direction === 'upload') {
    await socket.write(`receive ${bytes}`);
    await send(socket, bytes, false);
    await messages.next();
    received = bytes;
  } else {
    await socket.write(`send ${bytes}`);
    while (received < bytes) received += ((await messages.next()).value as Uint8Array).length;
  }
  return { bytes: received, ms: performance.now() - start };
}

type Direction = 'upload' | 'download';

// The report

interface Report {
  readonly bytes: number;
  readonly upload: Figures;
  readonly download: Figures;
  readonly client: Growth;
  readonly server: Growth;
}

interface Figures {
  readonly mebibytesPerSecond: number;
  /** Of whole messages of 1 MiB, in the same run. */
  readonly wholeMebibytesPerSecond: number;
}

function rate({ bytes, ms }: Passage): number {
  return bytes / WHOLE_BYTES / (ms / 1_000);
}

/** Both ends' memory with one message of `bytes` each way; then rates, with messages of `rateBytes`, in `rounds`. */
async function measure(bytes: number, rateBytes: number, rounds: number): Promise<Report> {
  const server = fork(fileURLToPath(import.meta.url), ['--serve']);
  const [{ url }] = (await once(server, 'message')) as [{ url: string }];
  const client = new PartsClient(url);
  await client.opened();
  const memory = watchMemory();
  await client.upload(WARM_UP_BYTES);
  await client.download(WARM_UP_BYTES);
  memory.warm();
  await ask(server, 'warm');
  const large = { upload: await client.upload(bytes), download: await client.download(bytes) };
  for (const passage of Object.values(large))
    if (passage.bytes !== bytes) throw new Error(`${passage.bytes} of ${bytes} octets have arrived`);
  const growth = { client: memory.growth(), server: (await ask(server, 'growth')) as Growth };

  const socket = new WebSocket(`${url}/whole`);
  await once(socket, 'open');
  const rates = {
    upload: { parts: [] as number[], whole: [] as number[] },
    download: { parts: [] as number[], whole: [] as number[] },
  };
  for (let round = 0; round < rounds; round++) {
    for (const direction of ['upload', 'download'] as const) {
      rates[direction].whole.push(rate(await whole(socket, direction, rateBytes)));
      rates[direction].parts.push(rate(await client[direction](rateBytes)));
    }
  }
  socket.terminate();
  client.close();
  server.disconnect();
  const figures = (direction: Direction): Figures => ({
    mebibytesPerSecond: rounds === 0 ? rate(large[direction]) : median(rates[direction].parts),
    wholeMebibytesPerSecond: rounds === 0 ? 0 : median(rates[direction].whole),
  });
  return { bytes, upload: figures('upload'), download: figures('download'), ...growth };
}

async function ask(server: ChildProcess, what: 'warm' | 'growth'): Promise<unknown> {
  const answer = once(server, 'message');
  server.send(what);
  return (await answer)[0];
}

function print(report: Report): void {
  const mebibytes = (bytes: number): string => (bytes / WHOLE_BYTES).toFixed(1);
  const lines = [`one message of ${mebibytes(report.bytes)} MiB each way, in parts of ${PART_BYTES / 1_024} KiB`];
  for (const direction of ['upload', 'download'] as const) {
    const { mebibytesPerSecond: parts, wholeMebibytesPerSecond: whole } = report[direction];
    const beside =
      whole === 0 ? '' : `, whole messages of 1 MiB ${whole.toFixed(0)} MiB/s: ${(parts / whole).toFixed(2)}x`;
    lines.push(`${direction}: ${parts.toFixed(0)} MiB/s${beside}`);
  }
  for (const end of ['client', 'server'] as const) {
    const { coldBytes, warmBytes } = report[end];
    const cold = `${mebibytes(coldBytes)} MiB with its first message`;
    lines.push(`resident memory of the ${end} grew by ${mebibytes(warmBytes)} MiB, by ${cold}`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

const { values } = parseArgs({
  options: {
    serve: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    bytes: { type: 'string', default: '1073741824' },
    'rate-bytes': { type: 'string', default: '268435456' },
    rounds: { type: 'string', default: '5' },
  },
});
if (values.serve) await serve();
else {
  const report = await measure(Number(values.bytes), Number(values['rate-bytes']), Number(values.rounds));
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else print(report);
}
