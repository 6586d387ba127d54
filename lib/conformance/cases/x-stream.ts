/**
 * X.8: event streams (HTML §9.2). 1-19 look at any stream; 20 on need one that echoes events.
 *
 * The echo's contract: asked with any of the query parameters `event`, `id`, `retry`, `data` and `comment`, the endpoint
 * sends one event of just these as its first thing and leaves the stream open; with `report=last-event-id` the data is
 * the request's Last-Event-ID. What it cannot carry it may refuse with an error status. `barewire echo` has one at
 * /events. An endpoint that is not an echo gets UNIMPLEMENTED in those cases.
 */

import type { ProbeCase } from '../case.ts';
import { fieldOf } from '../handshake.ts';
import { failed, informational, nonStrict, ok, type ProbeVerdict, type Stage, unimplemented } from '../probe.ts';
import { type OpenStream, openStream, type StreamEvent, type StreamRequest } from '../stream.ts';
import { preview } from '../wire.ts';

function probe(
  id: string,
  description: string,
  expectation: string,
  run: ProbeCase['probe'],
  more: Partial<ProbeCase> = {},
): ProbeCase {
  return { id, kind: 'probe', subject: 'event-stream', head: true, description, expectation, probe: run, ...more };
}

/** Opens the stream and looks at it; whatever happens it is closed again. */
function onStream(
  id: string,
  description: string,
  expectation: string,
  request: StreamRequest,
  look: (stream: OpenStream) => Promise<ProbeVerdict> | ProbeVerdict,
): ProbeCase {
  return probe(id, description, expectation, async (stage) => {
    const stream = await openStream(stage, request);
    if (typeof stream === 'string') return failed(stream);
    try {
      return await look(stream);
    } finally {
      stream.close();
    }
  });
}

function isStream(stream: OpenStream): boolean {
  return stream.status === 200 && /^text\/event-stream\s*(;|$)/i.test(fieldOf(stream.head, 'content-type'));
}

/** A comment or an event must come within this time for a proxy not to think the stream dead: HTML §9.2.7 says 15 s. */
const KEEP_ALIVE_MS = 16_000;

const PASSIVE: ProbeCase[] = [
  onStream(
    'X.8.1',
    'Asking for the stream.',
    'Status 200 and Content-Type: text/event-stream, UTF-8 if it says so (HTML §9.2.5).',
    {},
    ({ status, head }) => {
      const type = fieldOf(head, 'content-type');
      if (status !== 200) return failed(`status ${status}`);
      if (!/^text\/event-stream\s*(;|$)/i.test(type)) return failed(`Content-Type is ${JSON.stringify(type)}`);
      const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1];
      return charset === undefined || /^utf-8$/i.test(charset)
        ? ok(type)
        : failed(`charset is ${charset}: streams are always UTF-8`);
    },
  ),
  onStream(
    'X.8.2',
    'The Cache-Control field.',
    'no-store or no-cache, so that nobody keeps the stream; without it NON-STRICT.',
    {},
    (stream) => {
      if (!isStream(stream)) return failed('there is no event stream');
      const value = fieldOf(stream.head, 'cache-control');
      return /no-(store|cache)/i.test(value) ? ok(value) : nonStrict(`Cache-Control is ${JSON.stringify(value)}`);
    },
  ),
  onStream('X.8.3', 'The length of the body.', 'No Content-Length: the stream has no end.', {}, (stream) => {
    if (!isStream(stream)) return failed('there is no event stream');
    const length = fieldOf(stream.head, 'content-length');
    return length === '' ? ok('no Content-Length') : failed(`Content-Length is ${length}`);
  }),
  onStream(
    'X.8.4',
    'What comes within three seconds, line by line.',
    'Only fields and comments of the grammar, in UTF-8, whole chunks (HTML §9.2.5).',
    {},
    async (stream) => {
      if (!isStream(stream)) return failed('there is no event stream');
      await stream.until(() => stream.fault !== undefined, 3_000);
      return stream.fault === undefined
        ? ok(`${stream.lines.length} lines, ${stream.events.length} events`)
        : failed(stream.fault);
    },
  ),
  onStream(
    'X.8.5',
    'Asking with HTTP/1.0.',
    'No chunks in the answer (RFC 9112 §7.1).',
    { version: '1.0' },
    ({ head }) => {
      const encoding = fieldOf(head, 'transfer-encoding');
      return encoding === '' ? ok(head.startLine) : failed(`Transfer-Encoding is ${encoding}`);
    },
  ),
  onStream(
    'X.8.6',
    `Silence of ${KEEP_ALIVE_MS / 1_000} seconds.`,
    'A comment or an event keeps the stream alive (HTML §9.2.7); else INFORMATIONAL.',
    {},
    async (stream) => {
      if (!isStream(stream)) return failed('there is no event stream');
      await stream.until(() => false, 200);
      const before = stream.octets;
      await stream.until(() => stream.octets > before, KEEP_ALIVE_MS);
      if (stream.octets > before) return ok('something came');
      return stream.ended
        ? informational('the stream ended')
        : informational(`nothing came within ${KEEP_ALIVE_MS / 1_000} s`);
    },
  ),
  onStream(
    'X.8.7',
    'Last-Event-ID with letters beyond ASCII.',
    'The stream is opened.',
    { fields: [`Last-Event-ID: ${Buffer.from('Grüße-7').toString('latin1')}`] },
    (stream) => (isStream(stream) ? ok('opened') : failed(`status ${stream.status}`)),
  ),
  onStream(
    'X.8.8',
    'Last-Event-ID of 4 KiB.',
    'The stream is opened, or the request refused with an error status.',
    { fields: [`Last-Event-ID: ${'7'.repeat(4_096)}`] },
    (stream) =>
      isStream(stream) || (stream.status >= 400 && stream.status < 500)
        ? ok(`status ${stream.status}`)
        : failed(`status ${stream.status}`),
  ),
  probe(
    'X.8.9',
    'Twenty streams at once, then fifty that are dropped at once.',
    'All are opened, and the server goes on.',
    async (stage) => {
      const many = await Promise.all(Array.from({ length: 20 }, () => openStream(stage)));
      for (const stream of many) if (typeof stream !== 'string') stream.close();
      const bad = many.filter((stream) => typeof stream === 'string' || !isStream(stream));
      if (bad.length > 0) return failed(`${bad.length} of 20 were not opened`);
      for (let i = 0; i < 50; i++) {
        const stream = await openStream(stage);
        if (typeof stream === 'string') return failed(`stream ${i + 1} of 50: ${stream}`);
        stream.close();
      }
      const last = await openStream(stage);
      if (typeof last === 'string') return failed(last);
      last.close();
      return isStream(last) ? ok('70 streams') : failed(`status ${last.status}`);
    },
  ),
];

async function isEcho(stage: Stage): Promise<boolean> {
  const stream = await openStream(stage, { query: { data: 'barewire-conformance' } });
  if (typeof stream === 'string') return false;
  await stream.until(() => stream.events.length > 0, 1_000);
  stream.close();
  return stream.events[0]?.data === 'barewire-conformance';
}

/** Has the endpoint send an event and compares what a client would dispatch. */
function echoes(
  id: string,
  description: string,
  expectation: string,
  request: StreamRequest,
  check: (events: readonly StreamEvent[], stream: OpenStream) => ProbeVerdict,
  waitFor: (stream: OpenStream) => boolean = ({ events }) => events.length > 0,
): ProbeCase {
  return probe(id, description, expectation, async (stage) => {
    if (!(await isEcho(stage))) return unimplemented('the endpoint does not echo events (see --help)');
    const stream = await openStream(stage, request);
    if (typeof stream === 'string') return failed(stream);
    await stream.until(() => waitFor(stream), 700);
    // What was smuggled in would come right behind.
    await stream.until(() => false, 60);
    stream.close();
    if (!isStream(stream)) return check([], stream); // a refusal, whose body is no stream
    if (stream.fault !== undefined) return failed(stream.fault);
    return check(stream.events, stream);
  });
}

function carried(
  id: string,
  description: string,
  query: Readonly<Record<string, string>>,
  expected: Partial<StreamEvent>,
): ProbeCase {
  return echoes(id, description, 'One event that says exactly that.', { query }, (events, { status }) => {
    if (events.length !== 1) return failed(`${events.length} events instead of one (status ${status})`);
    const event = { type: 'message', data: '', lastEventId: '', ...events[0] };
    for (const [name, value] of Object.entries({ type: 'message', lastEventId: '', ...expected })) {
      const actual = event[name as keyof StreamEvent];
      if (actual !== value) return failed(`${name} is ${shown(actual)}, not ${shown(value)}`);
    }
    return ok(`${event.type}: ${shown(event.data)}`);
  });
}

/** A line break where none can be: refusing or leaving it out is fine, letting it through is not. */
function contained(id: string, description: string, query: Readonly<Record<string, string>>): ProbeCase {
  return echoes(
    id,
    description,
    'The endpoint refuses, or sends an event without it. Nothing is injected.',
    { query },
    (events, { status, retry, lines }) => {
      // The data asked for is always "x".
      const evil = events.find(
        ({ type, data, lastEventId }) => type === 'evil' || data !== 'x' || lastEventId === 'evil',
      );
      if (evil !== undefined || retry === '666') return failed('a field was injected');
      if (events.length > 1) return failed(`${events.length} events came out of one`);
      if (lines.some((line) => line.includes('\0') && line.startsWith('id')))
        return failed('an id with NUL was sent: clients ignore it');
      return ok(status === 200 ? 'contained' : `refused with ${status}`);
    },
    (stream) => stream.events.length > 0 || stream.status !== 200,
  );
}

const ECHOED: ProbeCase[] = [
  carried('X.8.20', 'An event with data.', { data: 'hello' }, { data: 'hello' }),
  carried(
    'X.8.21',
    'An event with a type, an id and data.',
    { event: 'tick', id: '7', data: 'x' },
    { type: 'tick', lastEventId: '7', data: 'x' },
  ),
  carried('X.8.22', 'Data of two lines, ended by LF.', { data: 'a\nb' }, { data: 'a\nb' }),
  carried('X.8.23', 'Data of two lines, ended by CR LF.', { data: 'a\r\nb' }, { data: 'a\nb' }),
  carried('X.8.24', 'Data of two lines, ended by CR.', { data: 'a\rb' }, { data: 'a\nb' }),
  carried('X.8.25', 'Data that ends with a line break.', { data: 'a\n' }, { data: 'a\n' }),
  carried('X.8.26', 'Empty data.', { data: '' }, { data: '' }),
  carried('X.8.27', 'Data that begins with spaces and a colon.', { data: '  :a' }, { data: '  :a' }),
  carried(
    'X.8.28',
    'Data with letters beyond ASCII, a byte order mark, U+2028 and NUL.',
    { data: 'ü€🎈\ufeff\u2028\0z' },
    { data: 'ü€🎈\ufeff\u2028\0z' },
  ),
  carried('X.8.29', 'An id that begins with a space.', { id: ' 7', data: 'x' }, { lastEventId: ' 7', data: 'x' }),
  carried(
    'X.8.30',
    'Data that is an event itself, with LF.',
    { data: 'a\n\nevent: evil\ndata: evil\n\n' },
    { data: 'a\n\nevent: evil\ndata: evil\n\n' },
  ),
  carried(
    'X.8.31',
    'Data that is an event itself, with CR.',
    { data: 'a\r\revent: evil\rdata: evil\r\r' },
    { data: 'a\n\nevent: evil\ndata: evil\n\n' },
  ),
  contained('X.8.40', 'A type with LF and a field behind it.', { event: 'x\ndata: evil', data: 'x' }),
  contained('X.8.41', 'A type with CR and a field behind it.', { event: 'x\rid: evil', data: 'x' }),
  contained('X.8.42', 'An id with LF and an event behind it.', { id: '1\n\ndata: evil', data: 'x' }),
  contained('X.8.43', 'An id with CR and a field behind it.', { id: '1\revent: evil', data: 'x' }),
  contained('X.8.44', 'An id with NUL (HTML §9.2.6: clients ignore such an id).', { id: 'a\0b', data: 'x' }),
  contained('X.8.45', 'A comment with LF and a field behind it.', { comment: 'x\nretry: 666', data: 'x' }),
  contained('X.8.46', 'A comment with CR and an event behind it.', { comment: 'x\r\rdata: evil\r\r', data: 'x' }),
  contained('X.8.47', 'A reconnection time with a field behind it.', { retry: '1\ndata: evil', data: 'x' }),
  echoes('X.8.50', 'A reconnection time.', 'retry: 2500.', { query: { retry: '2500', data: 'x' } }, (_, { retry }) =>
    retry === '2500' ? ok('retry: 2500') : failed(`retry is ${retry ?? 'absent'}`),
  ),
  echoes(
    'X.8.51',
    'Last-Event-ID: 41.',
    'The endpoint gets it.',
    { query: { report: 'last-event-id', data: '' }, fields: ['Last-Event-ID: 41'] },
    reports('41'),
  ),
  echoes(
    'X.8.52',
    'Last-Event-ID with letters beyond ASCII, as EventSource sends it: in UTF-8.',
    'The endpoint gets it.',
    {
      query: { report: 'last-event-id', data: '' },
      fields: [`Last-Event-ID: ${Buffer.from('Grüße-7').toString('latin1')}`],
    },
    reports('Grüße-7'),
  ),
];

function reports(value: string): (events: readonly StreamEvent[]) => ProbeVerdict {
  return ([event]) => {
    if (event === undefined) return failed('no event came');
    return event.data === value ? ok(value) : failed(`the endpoint got ${shown(event.data)}, not ${shown(value)}`);
  };
}

function shown(text: string): string {
  return text.length > 60 ? preview(Buffer.from(text)) : JSON.stringify(text);
}

export const STREAM_CASES: readonly ProbeCase[] = [...PASSIVE, ...ECHOED];
