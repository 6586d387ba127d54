/**
 * `barewire listen URL`: prints the events of an event stream as they come.
 *
 * Events go to standard output, everything else to standard error. A reader that is slow holds the server back.
 * Comes back when the stream ends or breaks, as an EventSource does, unless told otherwise.
 * Read next: `client-options.ts`.
 */

import { EventSource, type EventSourceOptions, type StreamEvent } from '../client/index.ts';
import { CLIENT_HELP, CLIENT_OPTIONS, clientOptions, failure, readUrl } from './client-options.ts';
import { colours, jsonLine, print, shownOn } from './standard-streams.ts';
import { oneLine, readArgs, readFile, runWith, UsageError, wholeNumber } from './usage.ts';

const HELP = `Usage: barewire listen URL [options]

Prints the data of each event of an event stream (text/event-stream), on a terminal with its type and ID.

  --method METHOD      default GET, or POST where there is --data
  --data TEXT          the request's body; @FILE is a file's contents
  --last-event-id ID   go on behind this event
  --count N            end after N events
  --once               do not come back when the stream ends or breaks
${CLIENT_HELP}
  --help               this text

Exit code: 0 the stream ended (--once), --count events came, or Ctrl-C; 1 not connected, refused or broken; 2 wrong command line.

Examples
  barewire listen http://127.0.0.1:8080/rooms/lobby/events
  barewire listen https://api.example/answers -H 'Content-Type: application/json' --data '{"question":"why"}' --json
`;

const OPTIONS = {
  ...CLIENT_OPTIONS,
  method: { type: 'string' },
  data: { type: 'string' },
  'last-event-id': { type: 'string' },
  count: { type: 'string' },
  once: { type: 'boolean', default: false },
} as const;

interface Settings {
  readonly url: URL;
  readonly json: boolean;
  readonly count: number;
  readonly options: EventSourceOptions;
}

export function run(args: string[]): Promise<number> {
  return runWith(() => readSettings(args), HELP, listen);
}

function readSettings(args: string[]): Settings | undefined {
  const { values, positionals } = readArgs({ args, allowPositionals: true, options: OPTIONS });
  if (values.help) return undefined;
  const url = readUrl(positionals, 'listen', ['http:', 'https:']);
  const { data } = values;
  const body = data?.startsWith('@') ? new Uint8Array(readFile('--data', data.slice(1))) : data;
  const method = values.method ?? (body === undefined ? undefined : 'POST');
  return {
    url,
    json: values.json,
    count: values.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber('count', values.count, 1, 2 ** 31),
    options: {
      ...clientOptions(values, url),
      ...(method === undefined ? {} : { method }),
      ...(body === undefined ? {} : { body }),
      ...(values['last-event-id'] === undefined ? {} : { lastEventId: values['last-event-id'] }),
      ...(values.once ? { resume: 'never' as const } : {}),
    },
  };
}

async function listen({ url, json, count, options }: Settings): Promise<number> {
  const { dim } = colours(process.stderr);
  const note = (text: string): void => void process.stderr.write(dim(`-- ${shownOn(process.stderr, text)}\n`));
  let source: EventSource;
  try {
    source = new EventSource(url, options);
  } catch (error) {
    throw new UsageError(oneLine(error));
  }
  let interrupted = false;
  process.once('SIGINT', () => {
    interrupted = true;
    source.close();
  });
  source.addEventListener('open', () => note(`connected to ${url.href}`));
  source.addEventListener('error', ({ error }) => {
    if (source.readyState === EventSource.CONNECTING) note(`${failure(error)}; trying again`);
  });
  let left = count;
  try {
    for await (const event of source) {
      const { type, lastEventId, data } = event;
      await print(json ? jsonLine({ type, lastEventId, data }) : shown({ type, lastEventId, data }));
      if (--left === 0) return 0;
    }
  } catch (error) {
    if (interrupted) return 0;
    throw new Error(`${url.href}: ${failure(error)}`);
  }
  if (!interrupted) note('the stream ended');
  return 0;
}

/** An event for people, and for pipes that want its data alone. */
function shown({ type, lastEventId, data }: StreamEvent): string {
  const { stdout } = process;
  if (!stdout.isTTY) return `${data}\n`;
  const { dim } = colours(stdout);
  const name = [type === 'message' ? '' : type, lastEventId === '' ? '' : `#${lastEventId}`].filter(Boolean).join(' ');
  const text = shownOn(stdout, data);
  return name === '' ? `${text}\n` : `${dim(shownOn(stdout, name))} ${text}\n`;
}
