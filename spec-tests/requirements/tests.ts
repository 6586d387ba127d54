/**
 * Names for the test files that many requirements point to. Paths are from `spec-tests`. Read next: `requirement.ts`.
 */

export const OPENING = 'rfc6455/04-opening-handshake.test.ts';
export const FRAMING = 'rfc6455/05.2-base-framing.test.ts';
export const FRAGMENTS = 'rfc6455/05.4-fragmentation.test.ts';
export const PARTS = 'rfc6455/06-parts.test.ts';
export const CONTROL = 'rfc6455/05.5-control-frames.test.ts';
export const CLOSING = 'rfc6455/07-closing.test.ts';
export const UTF8 = 'rfc6455/08-errors-utf8.test.ts';
export const FRAMES = 'properties/frames.test.ts';
export const PMD_FRAMING = 'rfc7692/06-framing.test.ts';
export const PMD_NEGOTIATION = 'rfc7692/07.1-negotiation.test.ts';
export const PMD_OUT = 'rfc7692/07.2-compression.test.ts';
export const PMD_IN = 'rfc7692/07.2-decompression.test.ts';
export const REQUESTS = 'rfc9112/requests.test.ts';
export const RESPONSES = 'rfc9112/responses.test.ts';
export const SERVER_HTTP = 'net/server-http.test.ts';
export const SERVER_WS = 'net/server-websocket.test.ts';
export const SERVER_EVENTS = 'net/server-event-stream.test.ts';
export const CLIENT_WS = 'client/websocket.test.ts';
export const CLIENT_EVENTS = 'client/event-source.test.ts';
export const TLS = 'net/tls-unix.test.ts';
export const DEADLINES = 'net/deadlines.test.ts';
export const ATTACKS = 'attacks/sockets.test.ts';
export const PARSER = 'html-9.2-sse/parser.test.ts';
export const ENCODER = 'html-9.2-sse/encoder.test.ts';
export const RECONNECT = 'html-9.2-sse/reconnect.test.ts';
