/**
 * Where the messages of `barewire connect` come from: a terminal with line editing, history and commands, or a pipe.
 *
 * Lines of a pipe are sent as they are, each awaited, so that a fast producer is held back by a slow server.
 * Read next: `connect.ts`.
 */

import { createInterface } from 'node:readline';
import type { ReconnectingWebSocket, WebSocket } from '../client/index.ts';
import { oneLine, readFile } from './usage.ts';

/** What `connect` talks through. */
export interface Line {
  readonly socket: WebSocket | ReconnectingWebSocket;
  /** The connection of now: the socket itself, or with --reconnect the latest that it has made. */
  readonly current: () => WebSocket | undefined;
}

/** Input that is being read. */
export interface Input {
  /** Reads no more. */
  end(): void;
  /** Shows something above the line that is being edited. */
  above(show: () => void): void;
}

export interface InputOptions {
  /** Lines are sent as binary messages. */
  readonly binary: boolean;
  /** Told before a command closes the connection. */
  readonly closing: () => void;
  /** Tells something about the connection. */
  readonly say: (text: string) => void;
  /** Input has ended, and all of it was sent. */
  readonly ended: () => void;
}

const COMMANDS = `/ping                sends a ping and says how long its pong took
/close [CODE [WHY]]  closes
/hex OCTETS          sends a binary message: /hex 00 ff 10
@FILE                sends a file: as text if it is UTF-8, else as binary
/help                this list
//…  @@…             a message that begins with / or @`;

/** Begins to read. */
export function openInput(line: Line, options: InputOptions): Input {
  return process.stdin.isTTY === true ? openTerminal(line, options) : openPipe(line, options);
}

/** A message from the command line: `@FILE` is the file's contents. @throws Error for a file that cannot be read */
export function messageOf(text: string, binary: boolean): string | Uint8Array<ArrayBuffer> {
  const octets = text.startsWith('@') && !text.startsWith('@@') ? readFile('a message', text.slice(1)) : undefined;
  const plain = text.startsWith('@@') ? text.slice(1) : text;
  if (octets === undefined) return binary ? new TextEncoder().encode(plain) : plain;
  const copy = new Uint8Array(octets);
  if (binary) return copy;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(copy);
  } catch {
    return copy; // not UTF-8, so no text (RFC 6455 §5.6)
  }
}

function openPipe(line: Line, { binary, say, ended }: InputOptions): Input {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  const encode = (text: string) => (binary ? new TextEncoder().encode(text) : text);
  const pump = async (): Promise<void> => {
    for await (const text of lines) await write(line, encode(text));
    ended();
  };
  pump().catch((error: unknown) => say(oneLine(error)));
  return { end: () => lines.close(), above: (show) => show() };
}

/** Writes once there is room. With --reconnect, what a lost connection has not taken is written to the next one. */
async function write({ socket, current }: Line, data: string | Uint8Array<ArrayBuffer>): Promise<void> {
  if ('write' in socket) return socket.write(data);
  for (;;) {
    try {
      return await current()?.write(data);
    } catch (error) {
      if (socket.state === 'closed') throw error;
    }
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  }
}

function openTerminal(connection: Line, options: InputOptions): Input {
  const { say, ended } = options;
  const terminal = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ', historySize: 1_000 });
  // To prompt when the terminal has been closed would read standard input again, and the process would never end.
  let isOpen = true;
  const prompt = (preserveCursor: boolean): void => {
    if (isOpen) terminal.prompt(preserveCursor);
  };
  const above = (show: () => void): void => {
    // The line that is being edited is taken away and comes back below.
    process.stderr.write('\r\x1b[K');
    show();
    prompt(true);
  };
  terminal.on('line', (line) => {
    if (line !== '') obey(connection, line, options, (text) => above(() => process.stderr.write(`${text}\n`)));
    prompt(false);
  });
  terminal.on('SIGINT', () => process.emit('SIGINT'));
  terminal.on('close', () => {
    if (isOpen) ended(); // Ctrl-D
    isOpen = false;
    process.stderr.write('\r\x1b[K');
  });
  say('type a message, /help for commands, Ctrl-D to close');
  prompt(false);
  return {
    end() {
      isOpen = false;
      terminal.close();
    },
    above,
  };
}

/** Carries out one line of a terminal. */
function obey({ socket, current }: Line, line: string, options: InputOptions, show: (text: string) => void): void {
  const { binary, say, closing } = options;
  const [command = '', ...rest] = line.split(' ');
  try {
    if (line.startsWith('//')) socket.send(line.slice(1));
    else if (!line.startsWith('/')) socket.send(messageOf(line, binary));
    else if (command === '/help') show(COMMANDS);
    else if (command === '/ping') ping(current(), say);
    else if (command === '/hex') socket.send(octetsOf(rest.join('')));
    else if (command === '/close') {
      closeWith(socket, rest);
      closing();
    } else show(`there is no command ${command}; /help lists them, and // begins a message with /`);
  } catch (error) {
    show(oneLine(error));
  }
}

function ping(socket: WebSocket | undefined, say: (text: string) => void): void {
  Promise.resolve(socket?.ping()).then((roundTripMs) => {
    say(roundTripMs === undefined ? 'no pong' : `pong after ${roundTripMs.toFixed(1)} ms`);
  });
}

function closeWith(socket: Line['socket'], [code, ...reason]: string[]): void {
  if (code === undefined) socket.close(1000);
  else socket.close(Number(code), reason.join(' '));
}

function octetsOf(hex: string): Uint8Array<ArrayBuffer> {
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new Error(`${hex} is not pairs of hexadecimal digits`);
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
