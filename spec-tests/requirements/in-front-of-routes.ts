/**
 * What stands in front of routes: RFC 9110, 6454, 6265, 7239, Fetch and the PROXY protocol.
 * Data only: see `requirement.ts` for what a line says. Read next: `index.ts`.
 */

import type { Requirement } from './requirement.ts';
import { REQUESTS } from './tests.ts';

export const IN_FRONT_OF_ROUTES: readonly Requirement[] = [
  // What stands in front of routes: RFC 9110, RFC 9112 §3.2 and §7.1.1, RFC 6454, RFC 6265, RFC 7239, Fetch, PROXY
  {
    id: '9110-7.4-misdirected',
    source: 'RFC 9110 §7.4',
    quote: 'a request for an "https" resource MUST be rejected unless it has been received over a connection that',
    tests: [
      ['rfc9112/targets.test.ts', 'a request for an https resource is rejected unless its connection is secured'],
    ],
  },
  {
    id: '9110-7.8-ignore',
    source: 'RFC 9110 §7.8',
    quote: 'A server MAY ignore a received Upgrade header field if it wishes to continue using the current protocol',
    tests: [
      [REQUESTS, 'an Upgrade to HTTP/2 is ignored, and costs neither the request nor the connection (RFC 9110 §7.8)'],
      [REQUESTS, 'an Upgrade to HTTP/2 with a body (RFC 9110 §7.8)'],
      [REQUESTS, 'an Upgrade to anything with a chunked body (RFC 9110 §7.8)'],
      [
        'net/curl.test.ts',
        '--http2, which offers to go on in HTTP/2, is answered in HTTP/1.1 on one connection, body or not (RFC 9110 §7.8)',
      ],
    ],
  },
  {
    id: '9110-7.8-http10',
    source: 'RFC 9110 §7.8',
    quote: 'A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request',
    tests: [
      [REQUESTS, 'an Upgrade in HTTP/1.0 is ignored (RFC 9110 §7.8)'],
      [REQUESTS, 'an Upgrade to WebSocket in HTTP/1.0 is the last request, also with keep-alive (RFC 9110 §7.8)'],
    ],
  },
  {
    id: '9110-9.3.1-get-content',
    source: 'RFC 9110 §9.3.1',
    quote: 'to reject the request and close the connection because of its potential as a request smuggling attack',
    tests: [
      [REQUESTS, 'an upgrade request with a body'],
      [REQUESTS, 'an upgrade request with a chunked body'],
      [REQUESTS, 'a body with GET is read, though it means nothing (RFC 9110 §9.3.1)'],
    ],
  },
  {
    id: '9110-9.3.2-head',
    source: 'RFC 9110 §9.3.2',
    quote: 'the server MUST NOT send content in the response',
    tests: [
      [REQUESTS, '<…> is at fault'],
      [REQUESTS, 'what fails behind a HEAD is not its refusal'],
    ],
  },
  {
    id: '9112-3.2-host-grammar',
    source: 'RFC 9112 §3.2',
    quote: 'or a Host header field with an invalid field value',
    tests: [
      [REQUESTS, 'a Host of every kind that RFC 3986 §3.2.2 knows'],
      [REQUESTS, 'the Host <…> (RFC 3986 §3.2.2)'],
    ],
  },
  {
    id: '9112-7.1.1-grammar',
    source: 'RFC 9112 §7.1.1',
    quote: 'chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )',
    tests: [
      [REQUESTS, 'the chunk-size line <…> (§7.1.1)'],
      [REQUESTS, 'chunk extensions are ignored (§7.1.1)'],
    ],
  },
  {
    id: '9112-7.1-sent',
    source: 'RFC 9112 §7.1',
    quote: 'The chunk-size field is a string of hex digits indicating the size of the chunk-data in octets',
    tests: [
      ['rfc9112/chunked-writer.test.ts', 'a size in hexadecimal without leading zeros, and CR LF behind size and data'],
      ['rfc9112/chunked-writer.test.ts', 'an empty part is no chunk, which would end the body; the last chunk does'],
    ],
  },
  {
    id: '6454-4-port',
    source: 'RFC 6454 §4',
    quote: 'Let uri-port be the default port for the protocol given by uri-scheme',
    tests: [
      ['rfc6454/origin.test.ts', '<…> is <…> origin for Host <…> <…>'],
      ['rfc6454/origin.test.ts', '<…> is <…>'],
    ],
  },
  {
    id: '6265-5.4-order',
    source: 'RFC 6265 §5.4',
    quote: 'Cookies with longer paths are listed before cookies with shorter paths',
    tests: [['http/cookies.test.ts', 'the first of two counts']],
  },
  {
    id: '7239-4-once',
    source: 'RFC 7239 §4',
    quote: 'Each parameter MUST NOT occur more than once per field-value',
    tests: [['http/forwarded.test.ts', '<…> is <…>']],
  },
  {
    id: '7239-6-node',
    source: 'RFC 7239 §6',
    quote: 'nodename = IPv4address / "[" IPv6address "]" / "unknown" / obfnode',
    tests: [['http/forwarded.test.ts', '<…> is <…>']],
  },
  {
    id: 'fetch-3.3.3-origin',
    source: 'Fetch §3.3.3',
    quote: 'via returning the literal value of the `Origin` request header (which can be `null`) or `*` in a response',
    tests: [
      ['http/cors.test.ts', 'an origin of the list is named, with credentials'],
      ['http/cors.test.ts', 'null is named where the list has it, never with credentials'],
      ['http/cors.test.ts', '* is for everybody, never with credentials, and does not vary'],
    ],
  },
  {
    id: 'fetch-3.3.3-preflight',
    source: 'Fetch §3.3.3',
    quote: 'is restricted to an ok status, e.g., 200 or 204',
    tests: [
      ['http/cors.test.ts', 'an allowed origin is told the methods of the path and gets the fields that it asks for'],
      ['http/cors.test.ts', 'a refused origin is told nothing, with 403'],
    ],
  },
  {
    id: 'fetch-3.3.5-credentials',
    source: 'Fetch §3.3.5',
    quote: 'If credentials mode is "include", then `Access-Control-Allow-Origin` cannot be `*`',
    tests: [['http/cors.test.ts', '* is for everybody, never with credentials, and does not vary']],
  },
  {
    id: 'proxy-2.1-crlf',
    source: 'PROXY §2.1',
    quote: 'The receiver must not tolerate a single CR or LF character to end the line',
    tests: [['http/proxy-protocol.test.ts', '<…> is refused']],
  },
  {
    id: 'proxy-2.1-length',
    source: 'PROXY §2.1',
    quote:
      'If the CRLF sequence is not found in the first 107 characters, the receiver should declare the line invalid',
    tests: [['http/proxy-protocol.test.ts', 'a line of 107 bytes passes, one that has no end by then is refused']],
  },
  {
    id: 'proxy-2.2-command',
    source: 'PROXY §2.2',
    quote: 'Receivers must drop connections presenting unexpected values here',
    tests: [['http/proxy-protocol.test.ts', 'another command']],
  },
  {
    id: 'proxy-2.2-local',
    source: 'PROXY §2.2',
    quote: 'Receivers MUST always consider this field to skip the appropriate number of bytes',
    tests: [
      ['http/proxy-protocol.test.ts', 'LOCAL with addresses, which are skipped'],
      ['http/proxy-protocol.test.ts', 'UNSPEC with anything behind it'],
    ],
  },
  {
    id: 'proxy-2.2.3-checksum',
    source: 'PROXY §2.2.3',
    quote: 'If it is not, the receiver MUST treat the TCP connection providing the header as invalid',
    tests: [
      ['http/proxy-protocol.test.ts', 'a checksum is verified over the whole header, wherever it stands (§2.2.3)'],
      ['http/proxy-protocol.test.ts', 'another checksum'],
    ],
  },
];
