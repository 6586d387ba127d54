/**
 * Echo over WebSockets in HTTP/2 (RFC 8441): streams of a few sessions, each with so many messages in flight. The streams are
 * those of `node:http2`, whose cost is a large part of both sides'.
 */

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { requestsOf } from '../../lib/load/echo.ts';
import { failureSignal, type Measurement, measure, type Window } from '../../lib/load/measure.ts';
import { type MessageShape, replyCycle } from '../../lib/load/messages.ts';
import { ReplyCounter } from '../../lib/load/replies.ts';

export interface Http2EchoLoad extends Window {
  readonly origin: URL;
  readonly sessions: number;
  /** Over all sessions. */
  readonly streams: number;
  readonly inFlight: number;
  readonly shape: MessageShape;
}

/** More than one DATA frame: what a stream hands over at once is not bounded by it. */
const MAX_CHUNK_BYTES = 1_048_576;
const WINDOW_BYTES = 1_048_576;

/** @throws WrongReply, Error */
export async function runHttp2Echo(load: Http2EchoLoad): Promise<Measurement> {
  const { failure, fail } = failureSignal();
  const requests = requestsOf(load.shape, false, load.inFlight);
  const replies = replyCycle(load.shape, MAX_CHUNK_BYTES);
  const sessions = await Promise.all(Array.from({ length: load.sessions }, () => openSession(load.origin)));
  let total = 0;
  let running = true;
  try {
    const streams = await Promise.all(
      Array.from({ length: load.streams }, (_, i) => openStream(sessions[i % sessions.length]!)),
    );
    for (const stream of streams) {
      const counter = new ReplyCounter(replies);
      let next = load.inFlight;
      stream.on('data', (chunk: Buffer) => {
        if (!running) return;
        try {
          const whole = counter.receive(chunk, chunk.length);
          if (whole === 0) return;
          total += whole;
          stream.write(requests.take(next, whole));
          next += whole;
        } catch (error) {
          fail(error as Error);
        }
      });
      stream.on('close', () => running && fail(new Error('the server ended a stream')));
      stream.write(requests.take(0, load.inFlight));
    }
    return await measure(load, () => total, failure);
  } finally {
    running = false;
    for (const session of sessions) session.destroy();
  }
}

/** Resolves when the server has said that it takes WebSockets (RFC 8441 §3). */
function openSession(origin: URL): Promise<ClientHttp2Session> {
  const session = connect(origin, { settings: { initialWindowSize: WINDOW_BYTES } });
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.on('remoteSettings', ({ enableConnectProtocol }) => {
      session.setLocalWindowSize(WINDOW_BYTES * 16);
      if (enableConnectProtocol === true) resolve(session);
    });
  });
}

function openStream(session: ClientHttp2Session): Promise<ClientHttp2Stream> {
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/', ':scheme': 'http', 'sec-websocket-version': '13' },
    { endStream: false },
  );
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.once('response', (headers) => {
      const status = headers[':status'];
      if (status === 200) resolve(stream);
      else reject(new Error(`the server answered ${status} instead of 200: no WebSocket over HTTP/2 at this path`));
    });
  });
}
