/**
 * RFC 9112 §6 to §9: bodies and connections.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import { DEADLINES, REQUESTS, RESPONSES, SERVER_EVENTS, SERVER_HTTP, SERVER_WS, TLS } from './tests.ts';

export const RFC9112_CONNECTIONS: readonly Requirement[] = [
  // §6-7: bodies
  {
    id: '9112-6.1-chunked',
    source: 'RFC 9112 §6.1',
    quote: 'A recipient MUST be able to parse the chunked transfer coding',
    tests: [
      [REQUESTS, 'a chunked body (§7.1)'],
      [RESPONSES, 'chunked'],
    ],
  },
  {
    id: '9112-6.1-twice',
    source: 'RFC 9112 §6.1',
    quote: 'A sender MUST NOT apply the chunked transfer coding more than once',
    tests: [
      [REQUESTS, 'chunked twice (§6.1)'],
      [REQUESTS, 'chunked twice on two lines (§6.1)'],
    ],
  },
  {
    id: '9112-6.1-unknown',
    source: 'RFC 9112 §6.1',
    quote: 'A server that receives a request message with a transfer coding it does not understand SHOULD',
    tests: [
      [REQUESTS, 'a coding that is not chunked: 501 (§6.1)'],
      [REQUESTS, 'another coding under chunked: 501 (§6.1)'],
    ],
  },
  {
    id: '9112-6.1-both',
    source: 'RFC 9112 §6.1',
    quote: 'Regardless, the server MUST close the connection after responding to such a request',
    tests: [
      [
        SERVER_HTTP,
        'ambiguous framing is refused with Connection: close, and nothing behind it is parsed (§6.3, §11.2)',
      ],
    ],
  },
  {
    id: '9112-6.1-http10',
    source: 'RFC 9112 §6.1',
    quote: 'MUST treat the message as if the framing is faulty',
    tests: [
      [REQUESTS, 'Transfer-Encoding in HTTP/1.0 (§6.1)'],
      [RESPONSES, 'Transfer-Encoding in HTTP/1.0 (§6.1)'],
    ],
  },
  {
    id: '9112-6.1-no-body-statuses',
    source: 'RFC 9112 §6.1',
    quote: 'in any response with a status code of 1xx (Informational) or 204 (No Content)',
    tests: [[SERVER_HTTP, 'no Transfer-Encoding in 100, 101, 204 and 304, nor in any answer to HTTP/1.0 (§6.1)']],
  },
  {
    id: '9112-6.1-to-http10',
    source: 'RFC 9112 §6.1',
    quote: 'unless the corresponding request indicates HTTP/1.1 (or later minor revisions)',
    tests: [
      [SERVER_HTTP, 'no Transfer-Encoding in 100, 101, 204 and 304, nor in any answer to HTTP/1.0 (§6.1)'],
      [SERVER_EVENTS, 'HTTP/1.0 gets the stream without chunks, ended by the connection (RFC 9112 §6.1, §6.3)'],
    ],
  },
  {
    id: '9112-6.3-head',
    source: 'RFC 9112 §6.3 rule 1',
    quote: 'cannot contain a message body',
    tests: [
      [RESPONSES, 'the answer to HEAD has no body, whatever it announces (rule 1)'],
      [RESPONSES, '204 has no body, whatever it announces (rule 1)'],
      [RESPONSES, '304 has no body, whatever it announces (rule 1)'],
    ],
  },
  {
    id: '9112-6.3-both',
    source: 'RFC 9112 §6.3 rule 3',
    quote:
      'perform request smuggling (Section 11.2) or response splitting (Section 11.1) and ought to be handled as an error',
    tests: [
      [REQUESTS, 'Content-Length beside Transfer-Encoding (§6.3)'],
      [REQUESTS, 'Transfer-Encoding beside Content-Length (§6.3)'],
      [RESPONSES, 'both framings (§6.3)'],
    ],
  },
  {
    id: '9112-6.3-final',
    source: 'RFC 9112 §6.3 rule 4',
    quote: 'the message body length cannot be determined reliably; the server MUST respond with the 400',
    tests: [
      [REQUESTS, 'chunked that is not the last coding (§6.3)'],
      [REQUESTS, 'chunked hidden in front of an open quote (§6.3)'],
    ],
  },
  {
    id: '9112-6.3-invalid-length',
    source: 'RFC 9112 §6.3 rule 5',
    quote: 'the message framing is invalid and the recipient MUST treat it as an unrecoverable error',
    tests: [
      [REQUESTS, 'two different lengths (§6.3)'],
      [REQUESTS, 'a length of <…>'],
      [RESPONSES, 'two lengths (§6.3)'],
    ],
  },
  {
    id: '9112-6.3-list',
    source: 'RFC 9112 §6.3 rule 5',
    quote: 'the message framing is invalid and the recipient MUST treat it as an unrecoverable error, unless',
    tests: [
      [REQUESTS, 'two equal lengths'],
      [REQUESTS, 'a list of equal lengths'],
    ],
    deviation: 'The clause lets a list of equal numbers pass. Stricter than the RFC: we refuse it too.',
  },
  {
    id: '9112-6.3-incomplete',
    source: 'RFC 9112 §6.3 rule 6',
    quote: 'the recipient MUST consider the message to be incomplete and close the connection',
    tests: [[RESPONSES, 'a length that is never reached']],
  },
  {
    id: '9112-6.3-extra',
    source: 'RFC 9112 §6.3',
    quote: 'A client MUST NOT process, cache, or forward such extra data as a separate response',
    tests: [[RESPONSES, 'bytes behind the end belong to nothing']],
  },
  {
    id: '9112-7.1-chunked',
    source: 'RFC 9112 §7.1',
    quote: 'A recipient MUST be able to parse and decode the chunked transfer coding',
    tests: [
      [REQUESTS, 'a chunked body whose data looks like chunks'],
      [REQUESTS, 'chunk sizes in either case and with leading zeros (§7.1)'],
    ],
  },
  {
    id: '9112-7.1-overflow',
    source: 'RFC 9112 §7.1',
    quote: 'recipients MUST anticipate potentially large hexadecimal numerals and prevent parsing errors',
    tests: [
      [REQUESTS, 'a chunk size of 13 digits (§7.1: overflow)'],
      [REQUESTS, 'a chunk size that would wrap 64 bits (§7.1: overflow)'],
    ],
  },
  {
    id: '9112-7.1-parameters',
    source: 'RFC 9112 §7.1',
    quote: 'The chunked coding does not define any parameters. Their presence SHOULD be treated as an error',
    tests: [[REQUESTS, 'chunked with a parameter (§7.1)']],
  },
  {
    id: '9112-7.1.1-ignore',
    source: 'RFC 9112 §7.1.1',
    quote: 'A recipient MUST ignore unrecognized chunk extensions',
    tests: [
      [REQUESTS, 'chunk extensions are ignored (§7.1.1)'],
      [RESPONSES, 'chunk extensions, trailer fields and their limits are those of requests'],
    ],
  },
  {
    id: '9112-7.1.1-limit',
    source: 'RFC 9112 §7.1.1',
    quote: 'A server ought to limit the total length of chunk extensions received in a request',
    tests: [[REQUESTS, 'maxChunkExtensionBytes are for all chunks of a body together; white space counts (§7.1.1)']],
  },
  {
    id: '9112-7.1.2-trailers',
    source: 'RFC 9112 §7.1.2',
    quote: 'A recipient MUST NOT merge a received trailer field into the header section',
    tests: [[REQUESTS, 'trailer fields are read and thrown away (§7.1.2)']],
  },
  // §8-9: connections
  {
    id: '9112-8-incomplete',
    source: 'RFC 9112 §8',
    quote: 'MUST record the message as incomplete',
    tests: [
      [RESPONSES, 'chunked without its last chunk (§8)'],
      [RESPONSES, 'a connection that ends before or within the head is a failure (§8)'],
    ],
  },
  {
    id: '9112-9.3-persist',
    source: 'RFC 9112 §9.3',
    quote: 'HTTP implementations SHOULD support persistent connections',
    tests: [
      [REQUESTS, 'three pipelined requests, bodies between them (§9.3.2)'],
      [SERVER_HTTP, 'HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)'],
    ],
  },
  {
    id: '9112-9.3-read-body',
    source: 'RFC 9112 §9.3',
    quote: 'MUST read the entire request message body or close the connection after sending its response',
    tests: [
      [REQUESTS, 'a body with GET is read, though it means nothing (RFC 9110 §9.3.1)'],
      [REQUESTS, 'a length over the body’s limit: 413 (RFC 9110 §15.5.14)'],
    ],
  },
  {
    id: '9112-9.3.2-order',
    source: 'RFC 9112 §9.3.2',
    quote: 'MUST send the corresponding responses in the same order that the requests were received',
    tests: [[SERVER_HTTP, 'pipelined requests are answered in order, however long each takes (§9.3.2)']],
  },
  {
    id: '9112-9.5-graceful',
    source: 'RFC 9112 §9.5',
    quote: 'A client or server that wishes to time out SHOULD issue a graceful close on the connection',
    tests: [
      [
        DEADLINES,
        'an idle connection is closed after keepAliveTimeoutMs without a word, and each request moves that on',
      ],
      [DEADLINES, 'a client that does not end its direction is dropped closeTimeoutMs after the last answer'],
    ],
  },
  {
    id: '9112-9.5-monitor',
    source: 'RFC 9112 §9.5',
    quote: 'SHOULD constantly monitor open connections for a received closure signal',
    tests: [
      [SERVER_EVENTS, 'a client that leaves, by FIN or reset or while accept decides, is told once and released'],
      [SERVER_WS, 'a client that leaves while upgrade decides is never opened'],
    ],
  },
  {
    id: '9112-9.5-flow-control',
    source: 'RFC 9112 §9.5',
    quote: "allow the underlying transport's flow-control mechanisms to resolve temporary overloads",
    tests: [
      [SERVER_HTTP, 'more than maxPipelinedRequests waiting requests are left in TCP until the first is answered'],
      [SERVER_HTTP, 'a client that reads no responses is not read from either: unsent responses are bounded'],
    ],
  },
  {
    id: '9112-9.6-close',
    source: 'RFC 9112 §9.6',
    quote: 'A server that receives a "close" connection option MUST initiate closure of the connection',
    tests: [
      [SERVER_HTTP, 'HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)'],
      [REQUESTS, 'Connection: close ends it (§9.3)'],
    ],
  },
  {
    id: '9112-9.6-say-close',
    source: 'RFC 9112 §9.6',
    quote: 'The server SHOULD send a "close" connection option in its final response on that connection',
    tests: [
      [SERVER_HTTP, 'HTTP/1.1 persists, Connection: close ends it, HTTP/1.0 persists only when asked (§9.3)'],
      [SERVER_HTTP, 'a connection is closed behind maxRequestsPerConnection answers'],
    ],
  },
  {
    id: '9112-9.6-nothing-behind',
    source: 'RFC 9112 §9.6',
    quote: 'The server MUST NOT process any further requests received on that connection',
    tests: [
      [
        SERVER_HTTP,
        'what follows a request with Connection: close is never processed, nor what follows a response that said so (§9.6)',
      ],
    ],
  },
  {
    id: '9112-9.6-stages',
    source: 'RFC 9112 §9.6',
    quote: 'continues to read from the connection until it receives a corresponding close by the client',
    tests: [
      [DEADLINES, 'a client that does not end its direction is dropped closeTimeoutMs after the last answer'],
      [
        SERVER_HTTP,
        'what follows a request with Connection: close is never processed, nor what follows a response that said so (§9.6)',
      ],
    ],
  },
  {
    id: '9112-9.6-half-closed',
    source: 'RFC 9112 §9.6',
    quote: 'nor does it imply that the client is no longer interested in a response',
    tests: [
      [SERVER_HTTP, 'all that was pipelined before the client’s FIN is answered (§9.6)'],
      [TLS, 'a client that ends its direction behind its request still reads a late answer (RFC 9112 §9.6)'],
    ],
  },
  {
    id: '9112-9.8-client-alert',
    source: 'RFC 9112 §9.8',
    quote: 'Clients MUST send a closure alert before closing the connection',
    tests: [
      [TLS, 'both sides send a closure alert as their last record before they end (RFC 9112 §9.8, RFC 6455 §7.1.1)'],
    ],
  },
  {
    id: '9112-9.8-server-alert',
    source: 'RFC 9112 §9.8',
    quote: 'Servers MUST attempt to initiate an exchange of closure alerts with the client',
    tests: [
      [TLS, 'both sides send a closure alert as their last record before they end (RFC 9112 §9.8, RFC 6455 §7.1.1)'],
    ],
  },
  {
    id: '9112-9.8-incomplete',
    source: 'RFC 9112 §9.8',
    quote: 'Servers SHOULD be prepared to receive an incomplete close from the client',
    tests: [[TLS, 'a reset in the middle, and a client that is over the limit']],
  },
];
