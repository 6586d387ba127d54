/**
 * `barewire chat`: the chat server with its web page. What `npm start` runs.
 */

import { parseArgs } from 'node:util';
import { mountChat } from '../chat/server.ts';
import { createServer } from '../server.ts';
import { listenError, UsageError, untilInterrupted, wholeNumber } from './usage.ts';

const HELP = `Usage: barewire chat [options]

Serves chat rooms: a web page, WebSockets, event streams and plain HTTP.

  --port N         port to listen on (default 8080; 0 = any free one)
  --host HOST      address to listen on (default 127.0.0.1: this machine only; 0.0.0.0: all)
  --history N      messages a room keeps for those who join later (default 100)
  --origin ORIGIN  another origin that may join, such as https://app.example; may be given several times
  --help           this text

In a terminal:
  curl -N http://127.0.0.1:8080/rooms/lobby/events
  curl -d 'hello' -H 'X-User-Id: ann' http://127.0.0.1:8080/rooms/lobby/messages
`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      history: { type: 'string', default: '100' },
      origin: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const port = wholeNumber('port', values.port, 0, 65_535);
  for (const origin of values.origin) {
    // Compared with what browsers send, which is this form and no other (RFC 6454 §6.2).
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new UsageError(
        `--origin is ${JSON.stringify(origin)}, must be like https://app.example or http://127.0.0.1:3000`,
      );
  }
  const server = createServer();
  const chat = mountChat(server, {
    allowedOrigins: values.origin,
    maxHistoryMessages: wholeNumber('history', values.history, 0, 100_000),
  });
  await server.listen({ port, host: values.host }).catch((error: unknown) => {
    throw listenError(error, `${values.host}:${port}`);
  });
  const interrupted = untilInterrupted(); // before anybody knows that there is something to interrupt
  const { url } = server;
  process.stdout.write(`Chat is open at ${url}  (Ctrl-C ends it)

  in a browser   ${url}/rooms/lobby
  listen         curl -N ${url}/rooms/lobby/events
  say            curl -d 'hello' -H 'X-User-Id: ann' ${url}/rooms/lobby/messages
`);
  await interrupted;
  process.stdout.write(
    `\nClosing: ${chat.members} ${chat.members === 1 ? 'member is' : 'members are'} told to come back later.\n`,
  );
  await server.close();
  return 0;
}
