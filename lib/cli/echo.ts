/**
 * `barewire echo`: answers on every path, for conformance and load runs.
 *
 * Accepts any origin and messages up to 64 MiB, because that is what such tools need; it holds back a peer that does not
 * read its echoes instead of dropping any. Not for the open internet, and it says so.
 */

import { COMPRESSION_DEFAULTS } from '../limits.ts';
import type { ServerWebSocket } from '../net/api.ts';
import { createServer, type Server } from '../server.ts';
import type { PerMessageDeflate } from '../websocket/extension.ts';
import { prepareMessage } from '../websocket/prepared-message.ts';
import { addEventEcho } from './echo-events.ts';
import { hostName, listenError, readArgs, runWith, UsageError, untilInterrupted, wholeNumber } from './usage.ts';

const MAX_MESSAGE_BYTES = 67_108_864;

const HELP = `Usage: barewire echo [options]

Sends every message back to its sender, on every path, whatever the Origin. GET /events?data=hello is an event stream
that sends the event it was asked for (parameters event, id, retry, data, comment).

  --port N       port to listen on (default 9001; 0 = any free one)
  --host HOST    address to listen on (default 127.0.0.1)
  --deflate      accept permessage-deflate (RFC 7692) from clients that offer it
  --takeover     with --deflate: let messages refer to earlier ones, both ways, where the client allows it
  --threshold N  with --deflate: compress messages of N bytes and more (default ${COMPRESSION_DEFAULTS.thresholdBytes})
  --fanout       send each message to every connection instead
  --help         this text

A tool for tests on a machine of your own. A peer that sends messages that grow a thousandfold when decompressed (--deflate)
keeps it busy for up to a third of a second each, and all others wait meanwhile.
`;

interface Settings {
  readonly port: number;
  readonly host: string;
  readonly fanOut: boolean;
  readonly perMessageDeflate: PerMessageDeflate;
}

/** Undefined: the help was asked for. @throws UsageError */
function readSettings(args: string[]): Settings | undefined {
  const { values } = readArgs({
    args,
    options: {
      port: { type: 'string', default: '9001' },
      host: { type: 'string', default: '127.0.0.1' },
      deflate: { type: 'boolean', default: false },
      takeover: { type: 'boolean', default: false },
      threshold: { type: 'string' },
      fanout: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { threshold = String(COMPRESSION_DEFAULTS.thresholdBytes) } = values;
  if (!values.deflate && (values.takeover || values.threshold !== undefined))
    throw new UsageError('--takeover and --threshold go with --deflate');
  return {
    port: wholeNumber('port', values.port, 0, 65_535),
    host: hostName(values.host),
    fanOut: values.fanout,
    perMessageDeflate: values.deflate && {
      serverContextTakeover: values.takeover,
      clientContextTakeover: values.takeover,
      thresholdBytes: wholeNumber('threshold', threshold, 0, MAX_MESSAGE_BYTES),
    },
  };
}

export function run(args: string[]): Promise<number> {
  return runWith(() => readSettings(args), HELP, echo);
}

async function echo({ port, host, fanOut, perMessageDeflate }: Settings): Promise<number> {
  const server = createServer({
    allowedOrigins: '*',
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxBufferedBytes: MAX_MESSAGE_BYTES,
    keepAliveTimeoutMs: 60_000,
    perMessageDeflate,
  });
  addEcho(server, fanOut);
  addEventEcho(server);
  server.get('/*', () => ({ body: 'This is an echo server: connect with a WebSocket.\n' }));
  await server.listen({ port, host }).catch((error: unknown) => {
    throw listenError(error, `${host}:${port}`);
  });
  const interrupted = untilInterrupted(); // before anybody knows that there is something to interrupt
  process.stdout.write(
    `Echoing on ${server.url.replace('http', 'ws')} (every path, any origin, messages up to 64 MiB). Ctrl-C ends it.\n`,
  );
  await interrupted;
  await server.close();
  return 0;
}

/** Sends each message back, with `fanOut` to every connection. */
function addEcho(server: Server, fanOut: boolean): void {
  const members = new Set<ServerWebSocket>();
  server.webSocket('/*', {
    open(socket) {
      members.add(socket);
    },
    message(socket, message) {
      if (fanOut) {
        const prepared = prepareMessage(message);
        for (const member of members) member.send(prepared);
      } else if (socket.send(message) !== 'sent') {
        socket.pause(); // what has been read is still echoed; the rest waits in TCP until `drain`
      }
    },
    drain(socket) {
      socket.resume();
    },
    close(socket) {
      members.delete(socket);
    },
  });
}
