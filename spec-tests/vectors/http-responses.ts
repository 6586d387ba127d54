/** Responses as octets (one a character) and what a client makes of them: data only (RFC 9112 §4, §6). */

export interface ResponseVector {
  readonly title: string;
  readonly input: string;
  readonly method?: string;
  readonly status: number;
  readonly body: string;
  /** Whether the response is complete: at once, only when the connection ends, or not even then. */
  readonly ends: 'at once' | 'with the connection' | 'never';
}

export interface RefusedResponse {
  readonly title: string;
  readonly input: string;
  readonly code: string;
}

const OK = 'HTTP/1.1 200 OK\r\n';

export const RESPONSES: readonly ResponseVector[] = [
  // Status line (§4)
  { title: 'a status line without a phrase', input: 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', status: 200, body: '', ends: 'at once' },
  { title: 'a status line without a phrase and its space', input: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', status: 200, body: '', ends: 'at once' },
  { title: 'a phrase with white space and octets beyond ASCII', input: 'HTTP/1.1 299 \ta  b \xe9\r\nContent-Length: 0\r\n\r\n', status: 299, body: '', ends: 'at once' },
  { title: 'HTTP/1.0', input: 'HTTP/1.0 200 OK\r\n\r\nbody', status: 200, body: 'body', ends: 'with the connection' },
  { title: 'a status that nobody has defined', input: 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', status: 999, body: '', ends: 'at once' },
  // Bodies (§6.3)
  { title: 'a length', input: `${OK}Content-Length: 3\r\n\r\nabc`, status: 200, body: 'abc', ends: 'at once' },
  { title: 'a length that is never reached', input: `${OK}Content-Length: 4\r\n\r\nabc`, status: 200, body: 'abc', ends: 'never' },
  { title: 'bytes behind the end belong to nothing', input: `${OK}Content-Length: 3\r\n\r\nabcHTTP/1.1 500 X\r\n\r\n`, status: 200, body: 'abc', ends: 'at once' },
  { title: 'chunked', input: `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: x\r\n\r\nmore`, status: 200, body: 'abcd', ends: 'at once' },
  { title: 'chunked without its last chunk (§8)', input: `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, status: 200, body: 'abc', ends: 'never' },
  { title: 'chunked without the end of its trailer (§8)', input: `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n`, status: 200, body: 'abc', ends: 'never' },
  { title: 'neither length nor chunked: until the connection ends (rule 8)', input: `${OK}\r\nabc`, status: 200, body: 'abc', ends: 'with the connection' },
  { title: 'nothing at all until the connection ends', input: `${OK}\r\n`, status: 200, body: '', ends: 'with the connection' },
  { title: 'an unknown transfer coding: until the connection ends (rule 4)', input: `${OK}Transfer-Encoding: gzip\r\n\r\nabc`, status: 200, body: 'abc', ends: 'with the connection' },
  { title: 'chunked that is not the last coding: until the connection ends (rule 4)', input: `${OK}Transfer-Encoding: chunked, gzip\r\n\r\nabc`, status: 200, body: 'abc', ends: 'with the connection' },
  // No body (rule 1)
  { title: 'the answer to HEAD has no body, whatever it announces (rule 1)', input: `${OK}Content-Length: 3\r\n\r\n`, method: 'HEAD', status: 200, body: '', ends: 'at once' },
  { title: '204 has no body, whatever it announces (rule 1)', input: 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n', status: 204, body: '', ends: 'at once' },
  { title: '304 has no body, whatever it announces (rule 1)', input: 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', status: 304, body: '', ends: 'at once' },
  // Interim responses (RFC 9110 §15.2)
  { title: 'interim responses in front of the final one', input: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`, status: 200, body: 'x', ends: 'at once' },
  { title: 'eight interim responses', input: `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(8)}${OK}Content-Length: 0\r\n\r\n`, status: 200, body: '', ends: 'at once' },
];

export const REFUSED_RESPONSES: readonly RefusedResponse[] = [
  { title: 'no status line at all', input: '\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'another protocol', input: 'ICY 200 OK\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'HTTP/2.0', input: 'HTTP/2.0 200 OK\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'a status of two digits', input: 'HTTP/1.1 20\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'a status of four digits', input: 'HTTP/1.1 2000 OK\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'a status that begins with 0', input: 'HTTP/1.1 000 OK\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'a status that is no number', input: 'HTTP/1.1 2x0 OK\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'a tab behind the version', input: 'HTTP/1.1\t200 OK\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'NUL in the phrase', input: 'HTTP/1.1 200 O\0K\r\n\r\n', code: 'HTTP_STATUS_LINE' },
  { title: 'a bare LF', input: 'HTTP/1.1 200 OK\n\n', code: 'HTTP_BARE_LF' },
  { title: 'a folded field line', input: `${OK}A: b\r\n c\r\n\r\n`, code: 'HTTP_OBS_FOLD' },
  { title: 'white space in front of a colon', input: `${OK}Content-Length : 5\r\n\r\n`, code: 'HTTP_FIELD_NAME' },
  { title: 'both framings (§6.3)', input: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, code: 'HTTP_LENGTH_AMBIGUOUS' },
  { title: 'two lengths (§6.3)', input: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, code: 'HTTP_CONTENT_LENGTH' },
  { title: 'Transfer-Encoding in HTTP/1.0 (§6.1)', input: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', code: 'HTTP_CODING_IN_1_0' },
  { title: 'a chunk size that is none', input: `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, code: 'HTTP_CHUNK' },
  { title: 'interim responses without end', input: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9), code: 'HTTP_TOO_MANY_INTERIM' },
  { title: 'a head without end', input: `${OK}A: ${'b'.repeat(17_000)}`, code: 'HTTP_HEAD_TOO_LONG' },
  { title: 'a status line without end', input: `HTTP/1.1 200 ${'b'.repeat(17_000)}`, code: 'HTTP_HEAD_TOO_LONG' },
  { title: 'field lines without end', input: `${OK}${'A: b\r\n'.repeat(101)}\r\n`, code: 'HTTP_TOO_MANY_FIELDS' },
];
