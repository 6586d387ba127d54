/**
 * What the compiler must accept, and what it must refuse. Compiled by `handlers.test.ts` with `tsc --strict`, never run: an
 * `@ts-expect-error` above a line that is no error is an error itself.
 */

import { createServer, type EventStream, type HttpRequest, type ServerWebSocket } from 'barewire';

interface User {
  readonly name: string;
}

/** Refuses anything but exactly the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const server = createServer({ maxMessageBytes: 1_000, onError: (error: unknown) => void error });
const upgrade = (request: HttpRequest): { data: User } | { status: number } =>
  request.cookies.has('token') ? { data: { name: 'ann' } } : { status: 401 };

// socket.data has the type that upgrade gives, in both orders of the handlers, sync or async.
server.webSocket('/open-first', upgrade, {
  open(socket) {
    same<typeof socket.data, User>(true);
  },
  message(socket) {
    same<typeof socket.data, User>(true);
    socket.send(socket.data.name);
  },
});
server.webSocket('/message-first', upgrade, {
  message(socket) {
    same<typeof socket.data, User>(true);
    // @ts-expect-error: data has no such field
    socket.data.nmae;
  },
  open: (socket) => same<typeof socket.data, User>(true),
});
server.webSocket('/async', async (request) => (request.secure ? { data: { name: 'b' } } : undefined), {
  close: (socket) => same<typeof socket.data, { name: string } | undefined>(true), // undefined accepts too
});
server.webSocket('/loop', upgrade, async (socket) => {
  same<typeof socket.data, User>(true);
  for await (const data of socket) same<typeof data, string | Uint8Array>(true);
});

// Of an arrow function that answers a refusal or an acceptance, without a type written down.
server.webSocket(
  '/inferred',
  (request) => (request.headers.has('x-user') ? { data: { user: 'ann' } } : { status: 401, body: 'who?' }),
  { open: (socket) => same<typeof socket.data, { user: string }>(true) },
);
server.eventStream(
  '/inferred',
  async (request) => (request.headers.has('x-user') ? { data: { user: 'ann' } } : { status: 401, body: 'who?' }),
  { open: (stream) => same<typeof stream.data, { user: string }>(true) },
);
server.webSocket('/refuses', () => ({ status: 403 }), { open: (socket) => same<typeof socket.data, unknown>(true) });
server.webSocket<User>('/written', () => undefined, { open: (socket) => same<typeof socket.data, User>(true) });

// A message is narrowed by typeof.
server.webSocket('/narrow', {
  message(socket, data) {
    same<typeof data, string | Uint8Array>(true);
    if (typeof data === 'string') socket.send(data.toUpperCase());
    else socket.send(data.subarray(1));
    // @ts-expect-error: data may be octets
    data.toUpperCase();
  },
  textBytes: (socket, utf8) => socket.sendText(utf8), // whatever a handler answers is fine
});

// What is lent is read, sent on or copied; whatever would keep it wants a Uint8Array, and refuses it.
const keeps: Uint8Array[] = [];
server.webSocket('/lent', {
  lentBinary(socket, octets) {
    socket.send(octets);
    keeps.push(octets.slice());
    new TextDecoder().decode(octets);
    // @ts-expect-error: not yours to keep
    keeps.push(octets);
    // @ts-expect-error: write keeps a message until there is room
    void socket.write(octets);
    // @ts-expect-error: a part of it is lent as well
    octets.subarray(1);
    // @ts-expect-error: not yours to change
    octets[0] = 1;
  },
  lentText: (socket, utf8) => socket.sendText(utf8),
});

// Without upgrade, data is unknown.
server.webSocket('/none', (socket) => same<typeof socket.data, unknown>(true));

// An upgrade that may accept without data: then there may be none.
const perhaps = (request: HttpRequest): { data: User } | undefined =>
  request.headers.has('x-user-id') ? { data: { name: 'ann' } } : undefined;
server.webSocket('/perhaps', perhaps, (socket) => same<typeof socket.data, User | undefined>(true));
server.webSocket('/bare', (): undefined => undefined, { open: (socket) => same<typeof socket.data, unknown>(true) });

// stream.data, likewise.
server.eventStream('/stream', upgrade, (stream) => same<typeof stream.data, User>(true));
server.eventStream('/stream-handlers', upgrade, {
  close: (stream) => same<typeof stream.data, User>(true),
  open(stream) {
    same<typeof stream.data, User>(true);
    stream.send({ event: 'x', data: stream.data.name, id: '1', retry: 5 });
  },
});

// What belongs to the application is typed where it is written down.
const sockets: ServerWebSocket<User>[] = [];
const streams: EventStream<User>[] = [];
server.webSocket('/kept', upgrade, { open: (socket) => sockets.push(socket) });
server.eventStream('/kept', upgrade, { open: (stream) => streams.push(stream) });
for (const socket of server.webSockets) same<typeof socket.readyState, number>(true);
for (const stream of server.eventStreams) same<typeof stream.closed, boolean>(true);

// Results.
server.webSocket('/results', {
  async open(socket) {
    same<ReturnType<typeof socket.send>, 'sent' | 'backpressure' | 'dropped'>(true);
    const roundTrip = await socket.ping();
    same<typeof roundTrip, number | undefined>(true);
    same<ReturnType<typeof socket.write>, Promise<void>>(true);
    same<typeof socket.signal, AbortSignal>(true);
  },
});

// Misuse.
// @ts-expect-error: no such option
createServer({ maxMessageSize: 5 });
// @ts-expect-error: a number
createServer({ maxMessageBytes: '1kb' });
// @ts-expect-error: handlers are missing
server.webSocket('/q');
// @ts-expect-error: no such handler
server.webSocket('/q', { onmessage() {} });
// @ts-expect-error: options stand behind the handlers
server.webSocket('/q', { maxMessageBytes: 5 }, { message() {} });
// @ts-expect-error: a handler is a function
server.webSocket('/q', { message: 'x' });
// @ts-expect-error: a refusal has a status that is a number
server.webSocket('/q', () => ({ status: '401' }), { open() {} });
// @ts-expect-error: a handler answers an object
server.get('/q', () => 'text');
// @ts-expect-error: a body is a string or a Uint8Array
server.get('/q', () => ({ body: 5 }));
// @ts-expect-error: GET or POST
server.eventStream('/q', () => {}, { method: 'PUT' });
server.webSocket('/q2', {
  open(socket) {
    // @ts-expect-error: no message is a number
    socket.send(5);
    // @ts-expect-error: a reason is a string
    socket.close(3000, 5);
    // @ts-expect-error: read only
    socket.readyState = 3;
    // @ts-expect-error: no such member
    socket.receive(new Uint8Array(1));
  },
});
// @ts-expect-error: proxies are named
server.listen({ proxyProtocol: true });

// Whoever is told of each connection that a drain closes can say something to it, and can hand it on by its public type.
const hear = (connection: ServerWebSocket | EventStream): unknown => connection.send('we are moving');
void server.drain({ onClose: (connection) => void same<typeof connection, ServerWebSocket | EventStream>(true) });
void server.drain({ onClose: (connection) => void hear(connection) });
