/**
 * Requests as octets (one a character) and what a strict server makes of them: data only (RFC 9112).
 * Each refusal is the only thing that comes out of its input, whatever follows it.
 */

export interface AcceptedRequest {
  readonly title: string;
  readonly input: string;
  /** One entry a request: method, target, body, and whether the connection may go on. */
  readonly requests: readonly (readonly [method: string, target: string, body: string, keepAlive: boolean])[];
}

export interface RefusedRequest {
  readonly title: string;
  readonly input: string;
  readonly status: number;
  readonly code: string;
}

const HOST = 'Host: a\r\n';

export const ACCEPTED_REQUESTS: readonly AcceptedRequest[] = [
  // Request line and targets
  { title: 'the smallest request of HTTP/1.1', input: `GET / HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/', '', true]] },
  { title: 'the smallest request of HTTP/1.0 (§2.5): no Host, and the connection ends', input: 'GET / HTTP/1.0\r\n\r\n', requests: [['GET', '/', '', false]] },
  { title: 'a later minor version is read as 1.1 (§2.3)', input: `GET / HTTP/1.9\r\n${HOST}\r\n`, requests: [['GET', '/', '', true]] },
  { title: 'origin-form with a query (§3.2.1)', input: `GET /a/b%20c;d?x=1&y=/?z HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/a/b%20c;d?x=1&y=/?z', '', true]] },
  { title: 'absolute-form (§3.2.2)', input: `GET http://a:80/x?y HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', 'http://a:80/x?y', '', true]] },
  { title: 'absolute-form without a path (§3.2.2)', input: `GET HTTPS://a?x HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', 'HTTPS://a?x', '', true]] },
  { title: 'asterisk-form for OPTIONS (§3.2.4)', input: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, requests: [['OPTIONS', '*', '', true]] },
  { title: 'a method that nobody has heard of is the router’s business (§3.1)', input: `m!#$%&'*+-.^_\`|~9 / HTTP/1.1\r\n${HOST}\r\n`, requests: [["m!#$%&'*+-.^_`|~9", '/', '', true]] },
  { title: 'one empty line in front of a request (§2.2)', input: `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/', '', true]] },
  { title: 'one empty line in front of each pipelined request (§2.2)', input: `\r\nGET /1 HTTP/1.1\r\n${HOST}\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/1', '', true], ['GET', '/2', '', true]] },
  // Host
  { title: 'an empty Host (§3.2)', input: 'GET / HTTP/1.1\r\nHost:\r\n\r\n', requests: [['GET', '/', '', true]] },
  { title: 'a Host with a port, an IPv6 literal and percent-encoding', input: 'GET /1 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\nGET /2 HTTP/1.1\r\nHost: a%20b.example:\r\n\r\n', requests: [['GET', '/1', '', true], ['GET', '/2', '', true]] },
  { title: 'a Host of every kind that RFC 3986 §3.2.2 knows', input: ['[v1.a]', '[V1F.a:b~!]:80', '[::]', '[1::8]:', '[1:2:3:4:5:6:7::]', '[::2:3:4:5:6:7:8]', '[::ffff:192.0.2.1]:8080', '[1:2:3:4:5:6:192.0.2.1]', '192.0.2.1', '999.0.0.1', 'a%7a', '%20', "!$&'()*+,;=-._~:65535", ':80'].map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(''), requests: Array.from({ length: 14 }, () => ['GET', '/', '', true] as const) },
  // Bodies
  { title: 'a body with a length (§6.2)', input: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`, requests: [['POST', '/', 'hello', true]] },
  { title: 'a length of zero', input: `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['POST', '/', '', true], ['GET', '/2', '', true]] },
  { title: 'a length with leading zeros (§6.2 is 1*DIGIT)', input: `POST / HTTP/1.1\r\n${HOST}Content-Length: 0005\r\n\r\nhello`, requests: [['POST', '/', 'hello', true]] },
  { title: 'a body with GET is read, though it means nothing (RFC 9110 §9.3.1)', input: `GET / HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/', 'hi', true], ['GET', '/2', '', true]] },
  { title: 'a chunked body (§7.1)', input: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`, requests: [['POST', '/', 'abcde', true]] },
  { title: 'an empty chunked body', input: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, requests: [['POST', '/', '', true]] },
  { title: 'a chunked body whose data looks like chunks', input: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n`, requests: [['POST', '/', '0\r\n\r\n\r\n', true]] },
  { title: 'chunk sizes in either case and with leading zeros (§7.1)', input: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n00b\r\n0123456789a\r\n000\r\n\r\n`, requests: [['POST', '/', '01234567890123456789a', true]] },
  { title: 'chunk extensions are ignored (§7.1.1)', input: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n1 ; a = "b;\\"c" ;d\r\ny\r\n1\t;\te\t=\tf;g="";h="\\\\ \t\x80"\r\nz\r\n0;last\r\n\r\n`, requests: [['POST', '/', 'xyz', true]] },
  { title: 'trailer fields are read and thrown away (§7.1.2)', input: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nContent-Length: 99\r\nX: y\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['POST', '/', 'x', true], ['GET', '/2', '', true]] },
  // The connection
  { title: 'Connection: close ends it (§9.3)', input: `GET / HTTP/1.1\r\n${HOST}Connection: x, Close\r\n\r\n`, requests: [['GET', '/', '', false]] },
  { title: 'HTTP/1.0 with keep-alive goes on (§9.3)', input: 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', requests: [['GET', '/', '', true]] },
  { title: 'close is stronger than keep-alive (§9.3)', input: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n', requests: [['GET', '/', '', false]] },
  { title: 'three pipelined requests, bodies between them (§9.3.2)', input: `POST /1 HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nabPOST /2 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\nGET /3 HTTP/1.1\r\n${HOST}\r\n`, requests: [['POST', '/1', 'ab', true], ['POST', '/2', 'c', true], ['GET', '/3', '', true]] },
  { title: 'an Upgrade that Connection does not name is ignored (RFC 9110 §7.8)', input: `GET / HTTP/1.1\r\n${HOST}Upgrade: websocket\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/', '', true], ['GET', '/2', '', true]] },
  { title: 'an Upgrade to HTTP/2 is ignored, and costs neither the request nor the connection (RFC 9110 §7.8)', input: `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['GET', '/', '', true], ['GET', '/2', '', true]] },
  { title: 'an Upgrade to HTTP/2 with a body (RFC 9110 §7.8)', input: `POST / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\nhelloGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['POST', '/', 'hello', true], ['GET', '/2', '', true]] },
  { title: 'an Upgrade to anything with a chunked body (RFC 9110 §7.8)', input: `PUT / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nTransfer-Encoding: chunked\r\nUpgrade: websocket2, TLS/1.0, "websocket"\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`, requests: [['PUT', '/', 'x', true], ['GET', '/2', '', true]] },
  { title: 'a WebSocket is opened by GET only: any other request is read whole, and is the last one (RFC 6455 §4.2.1)', input: `POST / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`, requests: [['POST', '/', 'hello', false]] },
  { title: 'an Upgrade in HTTP/1.0 is ignored (RFC 9110 §7.8)', input: 'GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n', requests: [['GET', '/', '', false]] },
  { title: 'an Upgrade to WebSocket in HTTP/1.0 is the last request, also with keep-alive (RFC 9110 §7.8)', input: 'GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade, keep-alive\r\n\r\n', requests: [['GET', '/', '', false]] },
];

const request = (fields: string, body = ''): string => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const chunked = (body: string): string => request('Transfer-Encoding: chunked\r\n', body);

export const REFUSED_REQUESTS: readonly RefusedRequest[] = [
  // Request line (§3)
  { title: 'an empty request line', input: '\r\n\r\n\r\n', status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'two empty lines in front of a request', input: `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'a request line without a version (HTTP/0.9)', input: `GET /\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'a method alone', input: `GET\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'white space in front of the method', input: ` GET / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'a method that is not a token', input: `GE(T / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'a method beyond ASCII', input: `G\xc9T / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'two spaces behind the method', input: `GET  / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'a tab instead of a space', input: `GET\t/\tHTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_REQUEST_LINE' },
  { title: 'two spaces in front of the version', input: `GET /  HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'a space within the target (§3.2)', input: `GET /a b HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'white space behind the version', input: `GET / HTTP/1.1 \r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'a version in lower case (§2.3)', input: `GET / http/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'a version of two digits', input: `GET / HTTP/1.10\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'a version without a dot', input: `GET / HTTP/11\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'another protocol', input: `GET / ICE/1.0\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'HTTP/2.0: 505', input: `GET / HTTP/2.0\r\n${HOST}\r\n`, status: 505, code: 'HTTP_VERSION_UNSUPPORTED' },
  { title: 'the preface of HTTP/2: 505', input: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 505, code: 'HTTP_VERSION_UNSUPPORTED' },
  { title: 'HTTP/0.9 as a version: 505', input: `GET / HTTP/0.9\r\n${HOST}\r\n`, status: 505, code: 'HTTP_VERSION_UNSUPPORTED' },
  // Targets (§3.2)
  { title: 'a target that does not begin with a slash', input: `GET a HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'a fragment in the target', input: `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'octets beyond ASCII in the target', input: `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'a control character in the target', input: `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'DEL in the target', input: `GET /\x7f HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'NUL in the target', input: `GET /\0 HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'asterisk-form for GET (§3.2.4)', input: `GET * HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'authority-form: we are no proxy (§3.2.3)', input: `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'absolute-form of another scheme', input: `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'absolute-form without an authority', input: `GET http:///x HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'absolute-form with a query alone', input: `GET http://?x HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'absolute-form with a port alone', input: `GET http://:80/ HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'absolute-form with user information (RFC 9110 §4.2.4)', input: `GET http://a@b/ HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  // Host (§3.2)
  { title: 'no Host in HTTP/1.1', input: 'GET / HTTP/1.1\r\n\r\n', status: 400, code: 'HTTP_HOST' },
  { title: 'two Hosts', input: `GET / HTTP/1.1\r\n${HOST}host: b\r\n\r\n`, status: 400, code: 'HTTP_HOST' },
  { title: 'two equal Hosts', input: `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, status: 400, code: 'HTTP_HOST' },
  { title: 'two Hosts in HTTP/1.0', input: `GET / HTTP/1.0\r\n${HOST}${HOST}\r\n`, status: 400, code: 'HTTP_HOST' },
  { title: 'two Hosts with an absolute-form target', input: `GET http://c/ HTTP/1.1\r\n${HOST}${HOST}\r\n`, status: 400, code: 'HTTP_HOST' },
  { title: 'a Host with a path', input: 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', status: 400, code: 'HTTP_HOST' },
  { title: 'a Host with user information', input: 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', status: 400, code: 'HTTP_HOST' },
  { title: 'a Host that is a list', input: 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', status: 400, code: 'HTTP_HOST' },
  { title: 'a Host whose port is not a number', input: 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n', status: 400, code: 'HTTP_HOST' },
  ...['[::::::::1.]:80', '[:::]', '[1:2:3:4:5:6:7]', '[1:2:3:4:5:6:7:8:9]', '[1:2:3:4:5:6:7:8::]', '[1::2::3]', '[12345::]', '[::g]', '[::1', '::1', '[]', '[::1.2.3]', '[::1.2.3.256]', '[::01.2.3.4]', '[1.2.3.4::]', '[1.2.3.4]', '[fe80::1%eth0]', '[fe80::1%25eth0]', '[v1.]', '[v.a]', '[vg.a]', '[v1.a b]', '[v1.a%41]', '[::1]80', '[::1]:8x', 'a%zz', 'a%4', '%', 'a[b]', 'a:80:80', 'a\\b', 'a"b', '<a>', 'a^b', 'a`b', 'a{b}', 'a|b', '\xe4'].map((host) => ({ title: `the Host ${host.replace('\xe4', 'beyond ASCII')} (RFC 3986 §3.2.2)`, input: `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, status: 400, code: 'HTTP_HOST' })),
  { title: 'absolute-form whose authority is no IPv6 address', input: `GET http://[::1::]/ HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  { title: 'absolute-form whose authority has a broken percent-encoding', input: `GET http://a%zz/ HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_TARGET' },
  // Lines (§2.2)
  { title: 'a bare LF behind the request line', input: `GET / HTTP/1.1\n${HOST}\r\n`, status: 400, code: 'HTTP_BARE_LF' },
  { title: 'a bare LF behind a field line', input: 'GET / HTTP/1.1\r\nHost: a\n\r\n', status: 400, code: 'HTTP_BARE_LF' },
  { title: 'a bare LF that ends the head', input: `GET / HTTP/1.1\r\n${HOST}\n`, status: 400, code: 'HTTP_BARE_LF' },
  { title: 'a bare LF in front of everything', input: `\nGET / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_BARE_LF' },
  { title: 'a bare CR within a field', input: `GET / HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`, status: 400, code: 'HTTP_BARE_CR' },
  { title: 'a bare CR within the request line', input: `GET /\r HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_BARE_CR' },
  { title: 'a bare CR in front of everything', input: `\rGET / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 'HTTP_BARE_CR' },
  { title: 'a bare CR at the start of a field line', input: `GET / HTTP/1.1\r\n${HOST}\rX: a\r\n\r\n`, status: 400, code: 'HTTP_BARE_CR' },
  { title: 'two CRs in front of the LF of a field line', input: `GET / HTTP/1.1\r\n${HOST}X: a\r\r\n\r\n`, status: 400, code: 'HTTP_FIELD_VALUE' },
  { title: 'two CRs in front of the LF of the request line', input: `GET / HTTP/1.1\r\r\n${HOST}\r\n`, status: 400, code: 'HTTP_VERSION' },
  { title: 'two CRs in front of the LF that ends the head', input: `GET / HTTP/1.1\r\n${HOST}\r\r\n\r\n`, status: 400, code: 'HTTP_FIELD_LINE' },
  // Field lines (§5)
  { title: 'white space in front of the first field line (§2.2)', input: `GET / HTTP/1.1\r\n ${HOST}\r\n`, status: 400, code: 'HTTP_OBS_FOLD' },
  { title: 'a folded field line (obs-fold, §5.2)', input: `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, status: 400, code: 'HTTP_OBS_FOLD' },
  { title: 'a folded field line with a tab (obs-fold, §5.2)', input: `GET / HTTP/1.1\r\n${HOST}X: a\r\n\tb: c\r\n\r\n`, status: 400, code: 'HTTP_OBS_FOLD' },
  { title: 'a space in front of the colon (§5.1)', input: `GET / HTTP/1.1\r\n${HOST}Content-Length : 5\r\n\r\n`, status: 400, code: 'HTTP_FIELD_NAME' },
  { title: 'a tab in front of the colon (§5.1)', input: `GET / HTTP/1.1\r\n${HOST}X\t: 5\r\n\r\n`, status: 400, code: 'HTTP_FIELD_NAME' },
  { title: 'a field line without a colon', input: `GET / HTTP/1.1\r\n${HOST}X\r\n\r\n`, status: 400, code: 'HTTP_FIELD_LINE' },
  { title: 'a field line without a colon in front of one with a colon', input: `GET / HTTP/1.1\r\n${HOST}X\r\nY: z\r\n\r\n`, status: 400, code: 'HTTP_FIELD_LINE' },
  { title: 'an empty field name', input: `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`, status: 400, code: 'HTTP_FIELD_NAME' },
  { title: 'a field name with a quote', input: `GET / HTTP/1.1\r\n${HOST}"X": x\r\n\r\n`, status: 400, code: 'HTTP_FIELD_NAME' },
  { title: 'a field name beyond ASCII', input: `GET / HTTP/1.1\r\n${HOST}\xc4: x\r\n\r\n`, status: 400, code: 'HTTP_FIELD_NAME' },
  { title: 'NUL in a field name', input: `GET / HTTP/1.1\r\n${HOST}X\0: x\r\n\r\n`, status: 400, code: 'HTTP_FIELD_NAME' },
  { title: 'NUL in a field value (RFC 9110 §5.5)', input: `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, status: 400, code: 'HTTP_FIELD_VALUE' },
  { title: 'DEL in a field value (RFC 9110 §5.5)', input: `GET / HTTP/1.1\r\n${HOST}X: a\x7f\r\n\r\n`, status: 400, code: 'HTTP_FIELD_VALUE' },
  { title: 'a control character at the edge of a field value is not white space', input: `GET / HTTP/1.1\r\n${HOST}X: \x0ba\x0c\r\n\r\n`, status: 400, code: 'HTTP_FIELD_VALUE' },
  // Framing (§6)
  { title: 'Content-Length beside Transfer-Encoding (§6.3)', input: request('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), status: 400, code: 'HTTP_LENGTH_AMBIGUOUS' },
  { title: 'Transfer-Encoding beside Content-Length (§6.3)', input: request('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), status: 400, code: 'HTTP_LENGTH_AMBIGUOUS' },
  { title: 'an unknown coding beside Content-Length (§6.3)', input: request('Transfer-Encoding: x\r\nContent-Length: 5\r\n', 'hello'), status: 400, code: 'HTTP_LENGTH_AMBIGUOUS' },
  { title: 'Transfer-Encoding in HTTP/1.0 (§6.1)', input: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', status: 400, code: 'HTTP_CODING_IN_1_0' },
  { title: 'a coding that is not chunked: 501 (§6.1)', input: request('Transfer-Encoding: gzip\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'identity: 501 (§7)', input: request('Transfer-Encoding: identity\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'a coding that only resembles chunked: 501', input: request('Transfer-Encoding: xchunked\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'chunked in quotes: 501', input: request('Transfer-Encoding: "chunked"\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'chunked with a parameter (§7.1)', input: request('Transfer-Encoding: chunked;x=1\r\n', '0\r\n\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'another coding under chunked: 501 (§6.1)', input: request('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'another coding under chunked on a line of its own: 501', input: request('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), status: 501, code: 'HTTP_CODING_UNKNOWN' },
  { title: 'chunked that is not the last coding (§6.3)', input: request('Transfer-Encoding: chunked, gzip\r\n'), status: 400, code: 'HTTP_CHUNKED_NOT_FINAL' },
  { title: 'chunked hidden in front of an open quote (§6.3)', input: request('Transfer-Encoding: chunked, "\\\r\n', '0\r\n\r\n'), status: 400, code: 'HTTP_CHUNKED_NOT_FINAL' },
  { title: 'an empty Transfer-Encoding', input: request('Transfer-Encoding:\r\n'), status: 400, code: 'HTTP_CHUNKED_NOT_FINAL' },
  { title: 'chunked twice (§6.1)', input: request('Transfer-Encoding: chunked, chunked\r\n'), status: 400, code: 'HTTP_CHUNKED_TWICE' },
  { title: 'chunked twice on two lines (§6.1)', input: request('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), status: 400, code: 'HTTP_CHUNKED_TWICE' },
  { title: 'two different lengths (§6.3)', input: request('Content-Length: 5\r\nContent-Length: 6\r\n'), status: 400, code: 'HTTP_CONTENT_LENGTH' },
  { title: 'two equal lengths', input: request('Content-Length: 5\r\nContent-Length: 5\r\n'), status: 400, code: 'HTTP_CONTENT_LENGTH' },
  { title: 'a list of equal lengths', input: request('Content-Length: 5, 5\r\n'), status: 400, code: 'HTTP_CONTENT_LENGTH' },
  ...['', '-1', '+5', '5 5', '0x5', '5.0', '5e1', '５', 'five', '1_0', '5;', '٣'].map((text) => ({
    title: `a length of ${JSON.stringify(text)}`,
    input: request(`Content-Length: ${Buffer.from(text).toString('latin1')}\r\n`),
    status: 400,
    code: 'HTTP_CONTENT_LENGTH',
  })),
  { title: 'a length beyond 2^53 (§6.2: overflow)', input: request('Content-Length: 9007199254740992\r\n'), status: 400, code: 'HTTP_CONTENT_LENGTH' },
  { title: 'a length beyond 2^64 (§6.2: overflow)', input: request('Content-Length: 18446744073709551621\r\n'), status: 400, code: 'HTTP_CONTENT_LENGTH' },
  { title: 'a length of more than 16 digits', input: request('Content-Length: 00000000000000005\r\n'), status: 400, code: 'HTTP_CONTENT_LENGTH' },
  { title: 'a length over the body’s limit: 413 (RFC 9110 §15.5.14)', input: request('Content-Length: 1048577\r\n'), status: 413, code: 'HTTP_BODY_TOO_LONG' },
  // Chunks (§7.1)
  { title: 'a chunk size that is missing', input: chunked('\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a chunk size that is not hexadecimal', input: chunked('g\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a negative chunk size', input: chunked('-1\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a chunk size with a prefix', input: chunked('0x1\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'white space in front of a chunk size', input: chunked(' 1\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'something behind a chunk size that is no extension', input: chunked('1 1\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a chunk size of 13 digits (§7.1: overflow)', input: chunked('1000000000000\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a chunk size that would wrap 64 bits (§7.1: overflow)', input: chunked('10000000000000001\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a bare LF behind a chunk size', input: chunked('1\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a bare CR behind a chunk size', input: chunked('1\ra\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a bare LF within a chunk extension', input: chunked('1;x\ny\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a bare LF within a chunk extension that begins another chunk', input: chunked('2;\nxx\r\n50\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a bare CR within a chunk extension', input: chunked('1;x\ry\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'NUL within a chunk extension', input: chunked('1;\0\r\na\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  ...['1 ', '1\t', '1;', '1;;a', '1;a;', '1;a ', '1;a\t ', '1;a=', '1;a= ', '1;a=b ', '1;a="b" ', '1; ', '1;=b', '1;a==b', '1;a b', '1;a=b c', '1;a="b', '1;a="b\\', '1;a="b\\"', '1;a="b"c', '1;a="b""c"', '1;"a"', '1;a=b"', '1;a="\x01"', '1;a="\\\x01"', '1;a="\x7f"', '1;\x01', '1;a\x1f', '1;a=b\x00', '1;\x80', '1;a=\x80', '1;a(b)', '1,a', '1=a', '1"a"'].map((line) => ({ title: `the chunk-size line ${JSON.stringify(line)} (§7.1.1)`, input: chunked(`${line}\r\na\r\n0\r\n\r\n`), status: 400, code: 'HTTP_CHUNK' })),
  { title: 'chunk data longer than its size', input: chunked('1\r\nab\r\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'chunk data that ends with another octet and LF', input: chunked('1\r\naX\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'chunk data that ends with a bare LF', input: chunked('1\r\na\n0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'chunk data that ends with a bare CR', input: chunked('1\r\na\r0\r\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  // Trailers (§7.1.2)
  { title: 'a bare LF behind the last chunk', input: chunked('0\n\r\n'), status: 400, code: 'HTTP_CHUNK' },
  { title: 'a bare LF that ends the trailer section', input: chunked('0\r\n\n'), status: 400, code: 'HTTP_BARE_LF' },
  { title: 'a bare LF within the trailer section', input: chunked('0\r\nX: a\nY: b\r\n\r\n'), status: 400, code: 'HTTP_BARE_LF' },
  { title: 'a bare CR within the trailer section', input: chunked('0\r\nX: a\rb\r\n\r\n'), status: 400, code: 'HTTP_BARE_CR' },
  { title: 'a folded trailer field', input: chunked('0\r\nX: a\r\n b\r\n\r\n'), status: 400, code: 'HTTP_OBS_FOLD' },
  { title: 'a trailer field without a colon', input: chunked('0\r\nX\r\n\r\n'), status: 400, code: 'HTTP_FIELD_LINE' },
  { title: 'a request where the trailer section belongs', input: chunked('0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'), status: 400, code: 'HTTP_FIELD_LINE' },
  // Upgrades (RFC 9110 §9.3.1)
  { title: 'an upgrade request with a body', input: `GET / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx`, status: 400, code: 'HTTP_UPGRADE_WITH_BODY' },
  { title: 'an upgrade request with a chunked body', input: `GET / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: h2c, WebSocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, status: 400, code: 'HTTP_UPGRADE_WITH_BODY' },
];
