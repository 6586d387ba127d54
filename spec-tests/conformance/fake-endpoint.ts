/**
 * A small WebSocket echo endpoint of either role that is right, or wrong in exactly one way: what the runner must find.
 *
 * Written for clarity of the faults and not shared with the library. `bug` undefined = it passes strictly, which a test
 * makes sure of, so that a failing case is the planted bug's doing.
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Compressor, Decompressor } from '../../lib/conformance/deflate.ts';
import { acceptOf, parseExtensions } from '../../lib/conformance/handshake.ts';
import { encodeFrame, FrameReader, type WireFrame } from '../../lib/conformance/wire.ts';

export type Bug =
  | 'pong missing'
  | 'pong without payload'
  | 'close answered with 1001'
  | 'close not answered'
  | 'second close frame'
  | 'TCP left open'
  | 'invalid close code accepted'
  | 'UTF-8 checked late'
  | 'UTF-8 not checked'
  | 'reserved bits accepted'
  | 'reserved opcode accepted'
  | 'non-minimal length accepted'
  | 'length kept in 32 bits'
  | 'fragmented ping accepted'
  | 'orphan continuation accepted'
  | 'fragments in wrong order'
  | 'last octet of large messages changed'
  | 'mask bit wrong'
  | 'mask not applied'
  | 'wrong masking accepted'
  | 'wrong masking of pings accepted'
  | 'wrong masking of pongs accepted'
  | 'wrong masking of closes accepted'
  | 'wrong masking of continuations accepted'
  | 'text echoed as binary'
  | 'closes by itself'
  | 'sends lengths in 64 bits'
  | 'sends RSV2'
  | 'sends text that is not UTF-8'
  | 'sends a close code that is forbidden'
  | 'context forgotten when inflating'
  | 'window larger than agreed'
  | 'end of the flush kept'
  | 'window too small when inflating'
  | 'messages sent uncompressed enter the context'
  | 'wrong Sec-WebSocket-Accept'
  | 'Sec-WebSocket-Accept not checked'
  | 'any version accepted';

export interface Endpoint {
  readonly role: 'server' | 'client';
  readonly bug: Bug | undefined;
}

/** A text's validity so far: only an unfinished character at the end may be wrong. */
function couldBeUtf8(octets: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function isUtf8(octets: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets);
    return true;
  } catch {
    return false;
  }
}

/** Echoes on an established connection. */
export function echoOn(socket: Duplex, endpoint: Endpoint, rest: Buffer, extension?: string): void {
  const { role, bug } = endpoint;
  const reader = new FrameReader();
  let message: { opcode: number; compressed: boolean; parts: Buffer[] } | undefined;
  let closing = false;
  const deflate = codecs(extension, role, bug);

  const send = (opcode: number, payload: Uint8Array, rsv = 0): void => {
    if (socket.destroyed || socket.writableEnded) return;
    const masks = (role === 'client') !== (bug === 'mask bit wrong');
    const key = masks ? Buffer.from([1, 2, 3, 4]) : undefined;
    const more = bug === 'sends RSV2' ? 2 : 0;
    const octets = encodeFrame(
      { opcode, payload, rsv: rsv | more, ...(bug === 'sends lengths in 64 bits' ? { lengthBits: 64 } : {}) },
      key,
    );
    if (key !== undefined && bug === 'mask not applied') octets.set(payload, octets.length - payload.length);
    socket.write(octets);
  };
  const end = (): void => {
    if (bug === 'TCP left open') return;
    socket.end();
  };
  const fail = (code: number): undefined => {
    if (closing) return;
    closing = true;
    send(8, Buffer.from([code >> 8, code & 255]));
    end();
  };
  const echo = (opcode: number, payload: Buffer): undefined => {
    let octets: Buffer = payload;
    if (bug === 'last octet of large messages changed' && octets.length >= 65_536) {
      octets = Buffer.from(octets);
      octets[octets.length - 1]! ^= 1;
    }
    if (bug === 'sends text that is not UTF-8') octets = Buffer.of(0xff);
    const type = bug === 'text echoed as binary' ? 2 : opcode;
    const compressed = deflate?.compress(octets);
    const plain = bug === 'messages sent uncompressed enter the context' && octets.length < 128;
    if (compressed === undefined || plain) send(type, octets);
    else send(type, compressed, 4);
    if (bug === 'closes by itself') fail(1000);
  };

  const take = (frame: WireFrame): undefined => {
    if (closing) return;
    const allowed = deflate !== undefined && frame.opcode > 0 && frame.opcode < 8 ? 4 : 0;
    if ((frame.rsv & ~allowed) !== 0 && bug !== 'reserved bits accepted') return fail(1002);
    if (frame.masked !== (role === 'server') && !takesMasking(bug, frame.opcode)) return fail(1002);
    if (!frame.minimal && bug !== 'non-minimal length accepted') return fail(1002);
    const { opcode, payload, fin } = frame;
    if ((opcode > 2 && opcode < 8) || opcode > 10) {
      if (bug !== 'reserved opcode accepted') fail(1002);
      return;
    }
    if (opcode >= 8) {
      if (frame.length > 125 || (!fin && bug !== 'fragmented ping accepted')) return fail(1002);
      if (opcode === 9 && bug !== 'pong missing') send(10, bug === 'pong without payload' ? Buffer.alloc(0) : payload);
      if (opcode === 8) answerClose(payload);
      return;
    }
    if (opcode === 0 && message === undefined) {
      if (bug === 'orphan continuation accepted') return echo(1, payload);
      return fail(1002);
    }
    if (opcode !== 0 && message !== undefined) return fail(1002);
    message ??= { opcode, compressed: (frame.rsv & 4) !== 0 && deflate !== undefined, parts: [] };
    if (bug === 'fragments in wrong order') message.parts.unshift(payload);
    else message.parts.push(payload);
    const whole = Buffer.concat(message.parts);
    const checks = message.opcode === 1 && bug !== 'UTF-8 not checked';
    if (checks && !message.compressed && bug !== 'UTF-8 checked late' && !couldBeUtf8(whole)) return fail(1007);
    if (!fin) return;
    const { opcode: kind, compressed } = message;
    message = undefined;
    let plain: Buffer = whole;
    if (compressed) {
      try {
        plain = deflate!.inflate(whole);
      } catch {
        return fail(1007);
      }
    }
    if (checks && !isUtf8(plain)) return fail(1007);
    echo(kind, plain);
  };

  const answerClose = (payload: Buffer): undefined => {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    const permitted =
      payload.length === 0 ||
      (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
      (code >= 3000 && code < 5000);
    if (!permitted && bug !== 'invalid close code accepted') return fail(1002);
    if (!isUtf8(payload.subarray(2))) return fail(1007);
    closing = true;
    if (bug === 'close not answered') return;
    if (bug === 'close answered with 1001') send(8, Buffer.from([0x03, 0xe9]));
    else if (bug === 'sends a close code that is forbidden') send(8, Buffer.from([0x03, 0xed]));
    else send(8, payload.subarray(0, 2));
    if (bug === 'second close frame') send(8, payload.subarray(0, 2));
    if (role === 'server') end();
  };

  // Early UTF-8 within one frame (6.4.3, 6.4.4) is looked at as the octets come.
  let partial: Buffer = Buffer.alloc(0);
  const receive = (chunk: Buffer): undefined => {
    let octets: Buffer = chunk;
    if (bug === 'length kept in 32 bits') octets = cutLength(chunk);
    partial = Buffer.concat([partial, octets]);
    for (const frame of reader.read(octets)) {
      partial = partial.subarray(frame.total);
      take(frame);
    }
    if (reader.tooLong !== undefined) return fail(1009);
    if (closing || partial.length < 6 || (partial[0]! & 15) > 1 || deflate !== undefined) return;
    if (bug === 'UTF-8 checked late' || bug === 'UTF-8 not checked' || (partial[1]! & 127) > 125) return;
    if ((message?.opcode ?? partial[0]! & 15) !== 1) return;
    const masked = (partial[1]! & 128) !== 0;
    const body = Buffer.from(partial.subarray(masked ? 6 : 2));
    if (masked) for (let i = 0; i < body.length; i++) body[i]! ^= partial[2 + (i & 3)]!;
    if (!couldBeUtf8(Buffer.concat([...(message?.parts ?? []), body]))) fail(1007);
  };
  socket.on('data', receive);
  socket.on('end', () => socket.end());
  if (rest.length > 0) receive(rest);
}

function takesMasking(bug: Bug | undefined, opcode: number): boolean {
  const one: Readonly<Record<number, Bug>> = {
    0: 'wrong masking of continuations accepted',
    8: 'wrong masking of closes accepted',
    9: 'wrong masking of pings accepted',
    10: 'wrong masking of pongs accepted',
  };
  return bug === 'wrong masking accepted' || (bug !== undefined && bug === one[opcode]);
}

/** Clears the upper half of a 64-bit length at the beginning of a chunk. */
function cutLength(chunk: Buffer): Buffer {
  if (chunk.length < 10 || (chunk[1]! & 127) !== 127) return chunk;
  const octets = Buffer.from(chunk);
  octets.fill(0, 2, 6);
  // What is left may be short enough for the short form: the reader does not mind, `minimal` must not either.
  const key = octets.subarray(10, 14);
  const length = octets.readUInt32BE(6);
  if (length > 125) return octets;
  return Buffer.concat([Buffer.from([octets[0]!, (octets[1]! & 128) | length]), key, octets.subarray(14)]);
}

function codecs(
  extension: string | undefined,
  role: Endpoint['role'],
  bug: Bug | undefined,
): { compress: (plain: Buffer) => Buffer; inflate: (octets: Buffer) => Buffer } | undefined {
  if (extension === undefined) return undefined;
  const { params } = parseExtensions(extension)[0]!;
  const side = (name: 'server' | 'client') => ({
    takeover: !params.has(`${name}_no_context_takeover`),
    windowBits: Number(params.get(`${name}_max_window_bits`) ?? 15),
  });
  const own = side(role);
  const theirs = side(role === 'server' ? 'client' : 'server');
  const compressor = new Compressor(bug === 'window larger than agreed' ? { ...own, windowBits: 15 } : own);
  const decompressor = new Decompressor({
    takeover: theirs.takeover && bug !== 'context forgotten when inflating',
    windowBits: bug === 'window too small when inflating' ? 9 : theirs.windowBits,
  });
  let k = 0;
  const compress = (plain: Buffer): Buffer => {
    const octets = compressor.compress(plain, k++);
    return bug === 'end of the flush kept' ? Buffer.concat([octets, Buffer.from('0000ffff', 'hex')]) : octets;
  };
  return { compress, inflate: (octets) => decompressor.inflate(octets) };
}

/** What the endpoint grants of the first offer; undefined = no extension. */
export function answerToOffer(offers: string): string | undefined {
  const offer = parseExtensions(offers)[0];
  if (offer === undefined) return undefined;
  const granted = ['server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits'];
  const parameters = granted.flatMap((name) => {
    const value = offer.params.get(name);
    return value === undefined ? [] : [value === true ? name : `${name}=${value}`];
  });
  return ['permessage-deflate', ...parameters].join('; ');
}

/** Serves one connection of any kind: reads the opening handshake, answers it and echoes. */
export function serveFake(stream: Duplex, bug: Bug | undefined): void {
  stream.on('error', () => {});
  let held: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const at = held.indexOf('\r\n\r\n');
    if (at < 0) return;
    stream.removeListener('data', onData);
    const head = held.toString('latin1', 0, at);
    const field = (name: string): string => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1] ?? '';
    if (field('Sec-WebSocket-Version') !== '13' && bug !== 'any version accepted') {
      stream.end('HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const accept = acceptOf(bug === 'wrong Sec-WebSocket-Accept' ? 'wrong' : field('Sec-WebSocket-Key'));
    const answer = answerToOffer(field('Sec-WebSocket-Extensions'));
    stream.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${answer === undefined ? '' : `Sec-WebSocket-Extensions: ${answer}\r\n`}\r\n`,
    );
    echoOn(stream, { role: 'server', bug }, held.subarray(at + 4), answer);
  };
  stream.on('data', onData);
}

/** An echo server with this bug, on a port of its own. */
export async function startFakeServer(bug: Bug | undefined): Promise<{ url: string; close: () => void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveFake(socket, bug);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `ws://127.0.0.1:${port}/`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Connects an echo client with this bug; resolves when the connection has ended. */
export function runFakeClient(url: string, bug: Bug | undefined, connect: (port: number) => Socket): Promise<void> {
  const { port, pathname, search, host } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port));
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    let held: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      const at = held.indexOf('\r\n\r\n');
      if (at < 0) return;
      socket.removeListener('data', onData);
      const head = held.toString('latin1', 0, at);
      const right = head.startsWith('HTTP/1.1 101') && head.includes(acceptOf(key));
      if (!right && bug !== 'Sec-WebSocket-Accept not checked') socket.destroy();
      else echoOn(socket, { role: 'client', bug }, held.subarray(at + 4));
    };
    socket.on('data', onData);
  });
}
