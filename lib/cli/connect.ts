/**
 * `barewire connect URL`: a WebSocket client for people and for pipes.
 *
 * On a terminal lines are edited, kept in a history, and may be commands; in a pipe each line is a message and nothing is
 * looked at. Messages go to standard output, everything else to standard error. A reader that is slow holds the server back.
 * The exit code says how the connection ended. Read next: `connect-input.ts`.
 */

import { type CloseEvent, ReconnectingWebSocket, WebSocket, type WebSocketOptions } from '../client/index.ts';
import { CLIENT_HELP, CLIENT_OPTIONS, clientOptions, failure, readUrl, seconds } from './client-options.ts';
import { type Input, type Line, messageOf, openInput } from './connect-input.ts';
import { ReadingTime } from './reading-time.ts';
import { colours, jsonLine, print, shownOn, withinLine } from './standard-streams.ts';
import { oneLine, readArgs, runWith, UsageError } from './usage.ts';

/** As many as wscat follows, and half of what a browser does elsewhere. */
const MAX_REDIRECTS = 10;

const HELP = `Usage: barewire connect URL [options]

Talks to a WebSocket server. On a terminal: lines are messages, /help lists commands. In a pipe: each line of standard input
is a message, and at its end the connection is closed.

  --send MESSAGE       send this and read no input; @FILE sends a file; may be given several times
  --binary             send binary messages, not text
  --protocol NAME      offer this subprotocol; may be given several times
  --origin ORIGIN      send this Origin
  --compress           offer permessage-deflate
  -L, --location       follow up to ${MAX_REDIRECTS} redirects
  --ping SECONDS       send a ping this often and say how long its pong took
  --wait SECONDS       when input has ended, wait this long for messages before closing (default: until a ping is answered)
  --reconnect          come back when the connection breaks
${CLIENT_HELP}
  --help               this text

Exit code: 0 closed with 1000 or 1001, or by you; 1 not connected, broken, or closed with another code; 2 wrong command line.

Examples
  barewire connect ws://127.0.0.1:9001
  echo hello | barewire connect ws://127.0.0.1:9001
  barewire connect wss://api.example/feed -H 'Authorization: Bearer …' --json | jq .data
`;

const OPTIONS = {
  ...CLIENT_OPTIONS,
  send: { type: 'string', multiple: true },
  binary: { type: 'boolean', default: false },
  protocol: { type: 'string', multiple: true, default: [] as string[] },
  origin: { type: 'string' },
  compress: { type: 'boolean', default: false },
  location: { type: 'boolean', short: 'L', default: false },
  ping: { type: 'string' },
  wait: { type: 'string' },
  reconnect: { type: 'boolean', default: false },
} as const;

interface Settings {
  readonly url: URL;
  readonly json: boolean;
  readonly binary: boolean;
  readonly send: readonly (string | Uint8Array<ArrayBuffer>)[] | undefined;
  readonly pingMs: number;
  readonly waitMs: number;
  readonly reconnect: boolean;
  readonly options: WebSocketOptions;
}

export function run(args: string[]): Promise<number> {
  return runWith(() => readSettings(args), HELP, talk);
}

function readSettings(args: string[]): Settings | undefined {
  const { values, positionals } = readArgs({ args, allowPositionals: true, options: OPTIONS });
  if (values.help) return undefined;
  const url = readUrl(positionals, 'connect', ['ws:', 'wss:', 'http:', 'https:', 'ws+unix:']);
  return {
    url,
    json: values.json,
    binary: values.binary,
    send: values.send?.map((text) => messageOf(text, values.binary)),
    pingMs: values.ping === undefined ? 0 : seconds('ping', values.ping),
    waitMs: values.wait === undefined ? 0 : seconds('wait', values.wait),
    reconnect: values.reconnect,
    options: {
      ...clientOptions(values, url),
      protocols: values.protocol,
      ...(values.origin === undefined ? {} : { origin: values.origin }),
      ...(values.compress ? { perMessageDeflate: true } : {}),
      ...(values.location ? { maxRedirects: MAX_REDIRECTS } : {}),
    },
  };
}

/** Makes the client. @throws UsageError for what its constructor refuses */
function open({ url, options, reconnect }: Settings): Line {
  try {
    if (!reconnect) {
      const socket = new WebSocket(url, options);
      socket.binaryType = 'arraybuffer'; // the other's default
      return { socket, current: () => socket };
    }
    let latest: WebSocket | undefined;
    class Remembered extends WebSocket {
      constructor(...given: ConstructorParameters<typeof WebSocket>) {
        super(...given);
        latest = this;
      }
    }
    const { protocols = [], ...socketOptions } = options;
    const socket = new ReconnectingWebSocket(url.href, { protocols, socketOptions, WebSocket: Remembered });
    return { socket, current: () => latest };
  } catch (error) {
    throw new UsageError(oneLine(error));
  }
}

function talk(settings: Settings): Promise<number> {
  return new Promise((resolve) => new Talk(settings, resolve));
}

/** One connection, or with --reconnect one after the other, and the input that goes with it. */
class Talk {
  readonly #settings: Settings;
  readonly #end: (exitCode: number) => void;
  readonly #line: Line;
  readonly #words: Words;
  readonly #reading = new ReadingTime();
  #input: Input | undefined = undefined;
  #lastError: unknown = undefined;
  /** We have asked for the end, so that however it comes is in order. */
  #closedHere = false;
  #stopPings = (): void => undefined;

  constructor(settings: Settings, end: (exitCode: number) => void) {
    this.#settings = settings;
    this.#end = end;
    this.#words = new Words(settings);
    this.#line = open(settings);
    const { socket } = this.#line;
    socket.addEventListener('open', () => this.#opened());
    socket.addEventListener('message', (event: Event) => this.#message((event as MessageEvent).data));
    socket.addEventListener('error', (event: Event & { readonly error?: unknown }) => {
      this.#lastError = event.error;
    });
    if (socket instanceof ReconnectingWebSocket) {
      socket.addEventListener('waiting', ({ retryInMs, code, reason }) => {
        this.#say(`${this.#why(code, reason)}; again in ${(retryInMs / 1_000).toFixed(1)} s`);
        this.#lastError = undefined;
      });
    }
    socket.addEventListener('close', (event: Event) => this.#closed(event as CloseEvent));
    process.once('SIGINT', () => {
      this.#closedHere = true;
      socket.close(1000);
      process.once('SIGINT', () => process.exit(130));
    });
  }

  #opened(): void {
    const { send, binary, url, pingMs } = this.#settings;
    this.#say(`connected to ${url.href}${agreed(this.#line.current())}`);
    const ended = (): void => this.#finish();
    if (this.#input === undefined && send !== undefined) {
      for (const message of send) this.#line.socket.send(message);
      this.#input = { end() {}, above: (show) => show() };
      ended();
    }
    const closing = (): void => {
      this.#closedHere = true;
    };
    this.#input ??= openInput(this.#line, { binary, say: (text) => this.#say(text), closing, ended });
    this.#stopPings();
    this.#stopPings = startPings(this.#line, pingMs, (text) => this.#say(text));
  }

  #message(data: string | ArrayBuffer): void {
    const slow = this.#words.message(data, this.#input);
    const socket = this.#line.current();
    if (slow === undefined || socket === undefined) return;
    socket.pause(); // TCP holds the server back while nobody reads
    this.#reading.hold(slow);
    slow.then(() => socket.resume());
  }

  #closed({ code, reason }: CloseEvent): void {
    const peaceful = this.#closedHere || code === 1000 || code === 1001 || code === 1005;
    this.#say(peaceful ? closed(code, reason) : this.#why(code, reason));
    this.#words.closed(code, reason);
    this.#stopPings();
    this.#input?.end();
    this.#end(peaceful ? 0 : 1);
  }

  /** Input has ended. */
  #finish(): void {
    this.#closedHere = true;
    void this.#closeLater();
  }

  /**
   * Closes once the answers have had their time. What comes behind our close is dropped (WebSockets §4), so a ping goes first: a
   * server that answers in order has answered everything when its pong comes. Time in which we do not read does not count.
   */
  async #closeLater(): Promise<void> {
    const { socket, current } = this.#line;
    const { waitMs } = this.#settings;
    if (waitMs > 0) await this.#reading.pass(waitMs);
    else {
      const late = this.#reading.pass(PONG_WAIT_MS).then(() => 'late' as const);
      const answer = await Promise.race([current()?.ping(), late]);
      if (answer === 'late')
        this.#say(`no pong within ${PONG_WAIT_MS / 1_000} s: answers that are still to come are lost`);
    }
    socket.close(1000);
  }

  #why(code: number, reason: string): string {
    return this.#lastError === undefined ? closed(code, reason) : failure(this.#lastError);
  }

  /** A word about the connection, above the line that is being edited. */
  #say(text: string): void {
    if (this.#input === undefined) this.#words.note(text);
    else this.#input.above(() => this.#words.note(text));
  }
}

function closed(code: number, reason: string): string {
  const named =
    code === 1005 ? 'closed without a code' : code === 1006 ? 'broken without a close' : `closed with ${code}`;
  return reason === '' ? named : `${named} ${withinLine(reason)}`;
}

/** How long a server that answers no ping is waited for. */
const PONG_WAIT_MS = 5_000;

function startPings({ current }: Line, pingMs: number, say: (text: string) => void): () => void {
  if (pingMs === 0) return () => undefined;
  const timer = setInterval(async () => {
    const roundTripMs = await current()?.ping();
    if (roundTripMs !== undefined) say(`pong after ${roundTripMs.toFixed(1)} ms`);
  }, pingMs);
  return () => clearInterval(timer);
}

/** On a terminal this much of a binary message is shown: eight lines of 80 columns. A pipe gets all of it. */
const MAX_SHOWN_BYTES = 256;

function hexOf(data: ArrayBuffer): string {
  return Buffer.from(data).toString('hex');
}

function jsonOf(data: string | ArrayBuffer): string {
  return jsonLine(typeof data === 'string' ? { type: 'text', data } : { type: 'binary', hex: hexOf(data) });
}

/** The subprotocol and the extensions, for the word that tells of a connection. */
function agreed(socket: WebSocket | undefined): string {
  const parts = [socket?.protocol, socket?.extensions].filter(Boolean);
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

/** What is shown, and where. */
class Words {
  readonly #json: boolean;
  readonly #colours = colours(process.stderr);

  constructor({ json }: Settings) {
    this.#json = json;
  }

  /** A word about the connection. */
  note(text: string): void {
    process.stderr.write(this.#colours.dim(`-- ${shownOn(process.stderr, text)}\n`));
  }

  /** A message; the answer waits for a slow reader. */
  message(data: string | ArrayBuffer, input: Input | undefined): Promise<void> | undefined {
    const line = this.#json ? jsonOf(data) : `${this.#plain(data)}\n`;
    let slow: Promise<void> | undefined;
    const show = (): void => {
      slow = print(line);
    };
    if (input === undefined) show();
    else input.above(show);
    return slow;
  }

  #plain(data: string | ArrayBuffer): string {
    const { stdout } = process;
    if (!stdout.isTTY) return typeof data === 'string' ? data : hexOf(data);
    if (typeof data === 'string') return `${this.#colours.dim('< ')}${shownOn(stdout, data)}`;
    const { byteLength } = data;
    const rest = byteLength > MAX_SHOWN_BYTES ? ' …' : '';
    return `${this.#colours.dim(`< ${byteLength} bytes:`)} ${hexOf(data.slice(0, MAX_SHOWN_BYTES))}${rest}`;
  }

  closed(code: number, reason: string): void {
    if (this.#json) print(jsonLine({ type: 'close', code, reason }));
  }
}
