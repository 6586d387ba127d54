/**
 * Doors to servers under test that are not a port: a pair of streams in memory, and an extended CONNECT of HTTP/2.
 *
 * They fill the runner's two ports (`Target`, `Entrance`) and know nothing of cases. Read next: `doors.test.ts`.
 */

import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';
import type { MemoryChannel } from '../../lib/channel/memory.ts';
import type { Entered, Entrance, Target } from '../../lib/conformance/index.ts';
import type { Server } from '../../lib/server.ts';
import { join } from '../../lib/testing/raw.ts';

/** Two streams, each of which reads what the other writes; a write is taken once the other side has asked for more. */
export function streamPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): { readonly stream: Duplex; readonly asked: { call?: () => void } } => {
    const asked: { call?: () => void } = {};
    const stream = new Duplex({
      read() {
        const { call } = asked;
        delete asked.call;
        call?.();
      },
      write(chunk: Buffer, _encoding, done) {
        pass(chunk, done);
      },
      final(done) {
        pass(null, done);
      },
      destroy(error, done) {
        process.nextTick(() => other().destroy());
        done(error);
      },
    });
    const pass = (chunk: Buffer | null, done: () => void): void => {
      const peer = other();
      if (peer.destroyed) done();
      else if (peer.push(chunk) || chunk === null) done();
      else (peer === left.stream ? left : right).asked.call = done;
    };
    return { stream, asked };
  };
  const left = make(() => right.stream);
  const right = make(() => left.stream);
  return [left.stream, right.stream];
}

/** The client's end of a pair of channels in memory, as a stream: what the runner drives. */
function streamOf(channel: MemoryChannel): Duplex {
  let written: (() => void) | undefined;
  const stream = new Duplex({
    read() {
      channel.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      channel.output.append(chunk, 0, chunk.length);
      channel.flush();
      if (channel.bufferedAmount > 0) written = done;
      else done();
    },
    final(done) {
      channel.end();
      done();
    },
    destroy(error, done) {
      channel.destroy();
      done(error);
    },
  });
  channel.sink = {
    receive(chunk) {
      if (!stream.push(Buffer.from(chunk))) channel.pause();
    },
    receiveEnd: () => void stream.push(null),
    drained() {
      written?.();
      written = undefined;
    },
    gone: (error) => void stream.destroy(error),
  };
  return stream;
}

/** Our own server through a pair of channels in memory, as `barewire/testing` has it; it does not listen. */
export function channelTarget(server: Server): Target {
  return {
    ...memoryTarget(() => {}),
    name: 'a pair of channels in memory',
    connect: () => Promise.resolve(streamOf(join('conformance', server, {}).channel)),
  };
}

/** A server that `serve` runs on streams in memory. */
export function memoryTarget(serve: (stream: Duplex) => void): Target {
  return {
    name: 'a pair of streams in memory',
    authority: 'memory.example',
    resource: '/',
    headers: [],
    connect: () => {
      const [ours, theirs] = streamPair();
      serve(theirs);
      return Promise.resolve(ours);
    },
  };
}

/**
 * A server that takes WebSockets over HTTP/2 at `http://host:port` (RFC 8441): each is a stream of the one session.
 * `close` ends the session. @throws Error where the server does not allow extended CONNECT (§3)
 */
export async function http2Entrance(
  url: string,
  path: string,
): Promise<{ readonly entrance: Entrance; readonly close: () => void }> {
  const session = connect(url, { maxSessionMemory: 1_000 });
  session.on('error', () => {});
  const allowed = await new Promise<boolean>((resolve) => {
    session.once('remoteSettings', (settings) => resolve(settings.enableConnectProtocol === true));
    session.once('close', () => resolve(false));
  });
  if (!allowed) {
    session.destroy();
    throw new Error(`${url} does not send SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3)`);
  }
  return {
    entrance: { name: 'HTTP/2', enter: (offer) => enter(session, path, offer) },
    close: () => session.destroy(),
  };
}

/** RFC 8441 §4 and §5. */
function enter(session: ClientHttp2Session, path: string, offer: string | undefined): Promise<Entered | string> {
  return new Promise((resolve) => {
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'http',
        ':path': path,
        ':authority': 'localhost',
        'sec-websocket-version': '13',
        ...(offer === undefined ? {} : { 'sec-websocket-extensions': offer }),
      },
      { endStream: false },
    );
    stream.on('error', (error) => resolve(`the stream failed: ${error.message}`));
    stream.once('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
      const status = headers[':status'];
      if (status === 200) resolve({ stream, extensions: String(headers['sec-websocket-extensions'] ?? '') });
      else {
        stream.destroy();
        resolve(`the server answered ${status} instead of 200`);
      }
    });
  });
}
