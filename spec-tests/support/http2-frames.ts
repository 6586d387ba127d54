/**
 * A client of HTTP/2 made of frames (RFC 9113 §4), for what `node:http2`'s own client cannot be made to send, and for what it does not
 * show: in which frames an answer comes. Header blocks are written without indexing (RFC 7541 §6.2.2), and not read.
 */

import type { Socket } from 'node:net';
import { RawClient, until } from './sockets.ts';

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const WINDOW_UPDATE = 8;
const FRAME_HEAD_BYTES = 9;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;

/** Every stream's window, and the connection's, unless it is widened (RFC 9113 §6.9.2). */
export const WINDOW_BYTES = 65_535;

/** The head of an extended CONNECT (RFC 8441 §5.1). */
export const CONNECT_HEAD: Readonly<Record<string, string>> = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'http',
  ':path': '/',
  ':authority': 'localhost',
  'sec-websocket-version': '13',
};

/** The head of a request. */
export function requestHead(method: string, path: string): Readonly<Record<string, string>> {
  return { ':method': method, ':scheme': 'http', ':path': path, ':authority': 'localhost' };
}

export class FrameClient {
  readonly socket: Socket;
  readonly #frames = new Map<number, string[]>();
  readonly #dataBytes = new Map<number, number>();
  #bytes = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#take();
    });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.#send(SETTINGS, 0, 0, Buffer.alloc(0));
  }

  static async connect(port: number): Promise<FrameClient> {
    return new FrameClient((await RawClient.connect(port)).socket);
  }

  /** What has come on a stream: `HEADERS`, `DATA`, `RST_STREAM(0)`, with `+END_STREAM` where that flag is set. Several DATA in a row are one. */
  frames(stream: number): readonly string[] {
    return this.#frames.get(stream) ?? [];
  }

  dataBytes(stream: number): number {
    return this.#dataBytes.get(stream) ?? 0;
  }

  /** Waits for as many octets of DATA on a stream. */
  data(stream: number, bytes: number): Promise<void> {
    return until(`${bytes} octets have come on stream ${stream}`, () => this.dataBytes(stream) >= bytes);
  }

  /** Waits for the RST_STREAM of a stream, and answers all its frames. */
  async reset(stream: number): Promise<readonly string[]> {
    const isReset = (): boolean => this.frames(stream).at(-1)?.startsWith('RST_STREAM') === true;
    await until(`stream ${stream} is reset`, isReset);
    return this.frames(stream);
  }

  /** `end`: the request is over. */
  sendHead(stream: number, head: Readonly<Record<string, string>>, end: boolean): void {
    const block = Object.entries(head).flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]);
    this.#send(HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, Buffer.concat(block));
  }

  /** `end`: and the request is over. */
  sendData(stream: number, data: Uint8Array, end = false): void {
    this.#send(DATA, end ? END_STREAM : 0, stream, data);
  }

  /** Resets a stream. */
  sendReset(stream: number, code: number): void {
    this.#send(RST_STREAM, 0, stream, uint32(code));
  }

  /** 0: the connection's window. */
  widen(stream: number, bytes: number): void {
    this.#send(WINDOW_UPDATE, 0, stream, uint32(bytes));
  }

  #send(type: number, flags: number, stream: number, payload: Uint8Array): void {
    const lengthOf = uint32(payload.length).subarray(1); // 24 bits
    this.socket.write(Buffer.concat([lengthOf, Buffer.of(type, flags), uint32(stream), payload]));
  }

  #take(): void {
    while (this.#bytes.length >= FRAME_HEAD_BYTES) {
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < FRAME_HEAD_BYTES + length) return;
      const [, , , type = 0, flags = 0] = this.#bytes;
      const stream = this.#bytes.readUInt32BE(5) & 0x7fff_ffff;
      const payload = this.#bytes.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length);
      this.#bytes = this.#bytes.subarray(FRAME_HEAD_BYTES + length);
      if (type === SETTINGS && (flags & ACK) === 0) this.#send(SETTINGS, ACK, 0, Buffer.alloc(0));
      this.#note(stream, type, flags, payload);
    }
  }

  #note(stream: number, type: number, flags: number, payload: Buffer): void {
    const frames = this.#frames.get(stream) ?? [];
    this.#frames.set(stream, frames);
    const end = (flags & END_STREAM) === 0 ? '' : '+END_STREAM';
    if (type === HEADERS) frames.push(`HEADERS${end}`);
    else if (type === RST_STREAM) frames.push(`RST_STREAM(${payload.readUInt32BE(0)})`);
    else if (type === DATA) {
      this.#dataBytes.set(stream, this.dataBytes(stream) + payload.length);
      if (frames.at(-1) === 'DATA') frames.pop();
      frames.push(`DATA${end}`);
    }
  }
}

/** A string literal of HPACK, shorter than 127 octets, without Huffman coding (RFC 7541 §5.2). */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
