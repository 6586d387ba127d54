/**
 * HTML §9.2: server-sent events.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import { CLIENT_EVENTS, ENCODER, PARSER, RECONNECT, SERVER_EVENTS } from './tests.ts';

export const HTML_9_2: readonly Requirement[] = [
  // HTML §9.2
  {
    id: 'html-9.2.1-204',
    source: 'HTML §9.2.1',
    quote: 'a client can be told to stop reconnecting using the HTTP 204 No Content response code',
    tests: [[RECONNECT, 'every status but 200 fails the connection: 204 is how a server says no more (§9.2.1)']],
  },
  {
    id: 'html-9.2.1-204-sent',
    source: 'HTML §9.2.1',
    quote: 'Clients will reconnect if the connection is closed',
    tests: [
      [
        CLIENT_EVENTS,
        'reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8',
      ],
      [CLIENT_EVENTS, '204, any other status and any other type end it for good'],
      [SERVER_EVENTS, 'accept refuses with a response of its own, at once or later; 204 keeps the connection (§9.2.3)'],
    ],
  },
  {
    id: 'html-9.2.1-redirect',
    source: 'HTML §9.2.1',
    quote: 'can be redirected using HTTP 301 and 307 redirects as with normal HTTP requests',
    tests: [
      [
        CLIENT_EVENTS,
        'redirects are followed, 20 of them; another origin is not shown the headers of the first (CVE-2022-1650)',
      ],
    ],
  },
  {
    id: 'html-9.2.2-network-error',
    source: 'HTML §9.2.2',
    quote: 'if res is a network error, then reestablish the connection',
    tests: [
      [CLIENT_EVENTS, 'a cut connection, in the middle of a chunk or refused, is tried again, later and later'],
      [CLIENT_EVENTS, 'no answer within handshakeTimeoutMs is tried again'],
    ],
  },
  {
    id: 'html-9.2.2-announce',
    source: 'HTML §9.2.2',
    quote: 'announce the connection',
    tests: [[RECONNECT, '200 with text/event-stream announces the connection, whatever the case and the parameters']],
  },
  {
    id: 'html-9.2.2-fail',
    source: 'HTML §9.2.2',
    quote: 'is not `text/event-stream`, then fail the connection',
    tests: [
      [RECONNECT, 'another content type fails the connection'],
      [RECONNECT, 'every status but 200 fails the connection: 204 is how a server says no more (§9.2.1)'],
    ],
  },
  {
    id: 'html-9.2.3-wait',
    source: 'HTML §9.2.3',
    quote: 'a delay equal to the reconnection time of the event source',
    tests: [
      [RECONNECT, 'never less than the reconnection time (step 2.2)'],
      [RECONNECT, 'retry: 0 reconnects at once after a stream, but not again and again to a server that is down'],
    ],
  },
  {
    id: 'html-9.2.3-backoff',
    source: 'HTML §9.2.3',
    quote: 'if the previous attempt failed, then user agents might introduce an exponential backoff delay',
    tests: [
      [
        RECONNECT,
        'some more, at random, from the first wait on: up to a ceiling that doubles with each failure, to a minute (step 2.3)',
      ],
      [RECONNECT, 'retry: 0 reconnects at once after a stream, but not again and again to a server that is down'],
    ],
  },
  {
    id: 'html-9.2.3-last-event-id',
    source: 'HTML §9.2.3',
    quote: 'last event ID string is not the empty string',
    tests: [[PARSER, 'begins with the last event ID that a reconnection brings along (§9.2.3)']],
  },
  {
    id: 'html-9.2.3-header',
    source: 'HTML §9.2.3',
    quote: 'last event ID string, encoded as UTF-8',
    tests: [
      [
        CLIENT_EVENTS,
        'reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8',
      ],
    ],
  },
  {
    id: 'html-9.2.3-failed',
    source: 'HTML §9.2.3',
    quote: 'does not attempt to reconnect',
    tests: [[CLIENT_EVENTS, '204, any other status and any other type end it for good']],
  },
  {
    id: 'html-9.2.4-header',
    source: 'HTML §9.2.4',
    quote: 'reports an `EventSource` object’s last event ID string to the server',
    tests: [
      [
        CLIENT_EVENTS,
        'reconnects when the stream ends, after the time that the server named, with the last event ID in UTF-8',
      ],
      [
        SERVER_EVENTS,
        'the last event ID comes from the header, in UTF-8, else from the query, else it is empty (§9.2.3)',
      ],
    ],
  },
  {
    id: 'html-9.2.5-utf8',
    source: 'HTML §9.2.5',
    quote: 'Event streams in this format must always be encoded as UTF-8',
    tests: [
      [ENCODER, 'lone surrogates become U+FFFD, as in every text that is encoded'],
      [ENCODER, 'encode then parse is identity, one event a message, however it is cut'],
    ],
  },
  {
    id: 'html-9.2.5-lines',
    source: 'HTML §9.2.5',
    quote: 'end-of-line = ( cr lf / cr / lf )',
    tests: [
      [PARSER, 'lines end with all three in turn'],
      [PARSER, 'CR CR LF is two line ends'],
      [PARSER, 'a CR at the end of a chunk ends its line at once, and an LF in the next chunk belongs to it'],
    ],
  },
  {
    id: 'html-9.2.5-grammar',
    source: 'HTML §9.2.5',
    quote: 'field = 1*name-char [ colon [ space ] *any-char ] end-of-line',
    tests: [
      [ENCODER, '<…> in <…> is a TypeError and never an injection'],
      [
        ENCODER,
        'every string either comes through or is refused: nothing is repaired and nothing injected (CVE-2026-33128)',
      ],
    ],
  },
  {
    id: 'html-9.2.6-decode',
    source: 'HTML §9.2.6',
    quote: 'Streams must be decoded using the UTF-8 decode algorithm',
    tests: [
      [PARSER, 'octets that are not UTF-8 become U+FFFD'],
      [PARSER, 'characters of one to four octets'],
    ],
  },
  {
    id: 'html-9.2.6-bom',
    source: 'HTML §9.2.6',
    quote: 'strips one leading UTF-8 Byte Order Mark (BOM), if any',
    tests: [
      [PARSER, 'one byte order mark at the start is taken off'],
      [PARSER, 'of two byte order marks the second belongs to the first line'],
      [PARSER, 'a byte order mark anywhere else stays'],
    ],
  },
  {
    id: 'html-9.2.6-blank',
    source: 'HTML §9.2.6',
    quote: 'If the line is empty (a blank line): Dispatch the event',
    tests: [[PARSER, 'example: three lines of a ticker']],
  },
  {
    id: 'html-9.2.6-comment',
    source: 'HTML §9.2.6',
    quote: 'If the line starts with a U+003A COLON character (:): Ignore the line',
    tests: [[PARSER, 'comments are ignored, in the middle of an event too']],
  },
  {
    id: 'html-9.2.6-space',
    source: 'HTML §9.2.6',
    quote: 'If value starts with a U+0020 SPACE character, remove it from value',
    tests: [[PARSER, 'one leading space is taken off, a second and a tab are not']],
  },
  {
    id: 'html-9.2.6-no-colon',
    source: 'HTML §9.2.6',
    quote: 'using the whole line as the field name, and the empty string as the field value',
    tests: [[PARSER, 'a field without a colon has an empty value']],
  },
  {
    id: 'html-9.2.6-eof',
    source: 'HTML §9.2.6',
    quote: 'Once the end of the file is reached, any pending data must be discarded',
    tests: [
      [PARSER, 'an event that the end of the stream cuts off is thrown away'],
      [PARSER, 'an event whose blank line is cut off is thrown away'],
    ],
  },
  {
    id: 'html-9.2.6-names',
    source: 'HTML §9.2.6',
    quote: 'Field names must be compared literally, with no case folding performed',
    tests: [[PARSER, 'field names are compared as they are: case, space and prefixes matter']],
  },
  {
    id: 'html-9.2.6-event',
    source: 'HTML §9.2.6',
    quote: 'Set the event type buffer to the field value',
    tests: [
      [PARSER, 'the last of several types counts'],
      [PARSER, 'a type is that of the next event only'],
    ],
  },
  {
    id: 'html-9.2.6-data',
    source: 'HTML §9.2.6',
    quote: 'append a single U+000A LINE FEED (LF) character to the data buffer',
    tests: [
      [PARSER, 'data of two empty lines is one line feed'],
      [PARSER, 'only the last line feed is taken off'],
    ],
  },
  {
    id: 'html-9.2.6-id',
    source: 'HTML §9.2.6',
    quote: 'If the field value does not contain U+0000 NULL, then set the last event ID buffer',
    tests: [
      [PARSER, 'an ID with NUL is ignored'],
      [PARSER, 'an empty ID resets it'],
    ],
  },
  {
    id: 'html-9.2.6-retry',
    source: 'HTML §9.2.6',
    quote: 'If the field value consists of only ASCII digits',
    tests: [
      [PARSER, 'retry of ASCII digits only'],
      [PARSER, 'retry takes effect at once, without a blank line'],
    ],
  },
  {
    id: 'html-9.2.6-unknown',
    source: 'HTML §9.2.6',
    quote: 'Otherwise: The field is ignored',
    tests: [[PARSER, 'unknown fields are ignored']],
  },
  {
    id: 'html-9.2.6-dispatch-id',
    source: 'HTML §9.2.6 dispatch step 1',
    quote: 'Set the last event ID string of the event source to the value of the last event ID buffer',
    tests: [
      [PARSER, 'an ID without data moves the last event ID at its blank line'],
      [PARSER, 'an ID counts from its blank line on'],
    ],
  },
  {
    id: 'html-9.2.6-dispatch-empty',
    source: 'HTML §9.2.6 dispatch step 2',
    quote: 'If the data buffer is an empty string, set the data buffer and the event type buffer',
    tests: [
      [PARSER, 'a type without data is forgotten at the blank line'],
      [PARSER, 'empty data is an event, no data is none'],
    ],
  },
  {
    id: 'html-9.2.6-dispatch-lf',
    source: 'HTML §9.2.6 dispatch step 3',
    quote: 'then remove the last character from the data buffer',
    tests: [[PARSER, 'only the last line feed is taken off']],
  },
  {
    id: 'html-9.2.6-dispatch-type',
    source: 'HTML §9.2.6 dispatch',
    quote: 'If the event type buffer has a value other than the empty string, change the type',
    tests: [
      [PARSER, 'any type is allowed'],
      [PARSER, 'an empty type is message'],
    ],
  },
  {
    id: 'html-9.2.7-comments',
    source: 'HTML §9.2.7',
    quote: "include a comment line (one starting with a ':' character) every 15 seconds or so",
    tests: [[ENCODER, 'a comment alone keeps a stream alive (§9.2.7)']],
  },
];
