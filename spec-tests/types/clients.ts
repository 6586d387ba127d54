/** What the compiler knows of the clients' events. Compiled by `handlers.test.ts`, as `handlers.ts` beside it, and never run. */

import { type CloseEvent, type ErrorEvent, EventSource, ReconnectingWebSocket, WebSocket } from 'barewire/client';

/** Refuses anything but exactly the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const socket = new WebSocket('ws://a', ['chat'], { headers: async () => ({ Authorization: 'x' }), maxRedirects: 3 });
socket.addEventListener('open', (event) => same<typeof event, Event>(true));
socket.addEventListener('message', (event) => same<typeof event, MessageEvent>(true));
socket.addEventListener('error', ({ error }) => same<typeof error, Error>(true));
socket.addEventListener('close', ({ code, reason, wasClean }) => {
  same<typeof code, number>(true);
  same<typeof reason, string>(true);
  same<typeof wasClean, boolean>(true);
});
socket.addEventListener('close', { handleEvent: (event) => same<typeof event, CloseEvent>(true) }, { once: true });
socket.onerror = (event) => same<typeof event, ErrorEvent>(true);
socket.onmessage = ({ origin }) => same<typeof origin, string>(true);
// @ts-expect-error: a close event has no data
socket.addEventListener('close', ({ data }) => data);
// @ts-expect-error: no such binaryType
socket.binaryType = 'nodebuffer';
// @ts-expect-error: no such option
new WebSocket('ws://a', { maxRedirect: 3 });
// @ts-expect-error: the constants cannot be changed
WebSocket.OPEN = 2;
same<typeof WebSocket.OPEN, 1>(true);

const source = new EventSource('http://a', { method: 'POST', body: '{}', retryStatus: (status) => status >= 500 });
source.addEventListener('error', ({ error }) => same<typeof error, Error>(true));
source.addEventListener('a type of the server', ({ lastEventId }) => same<typeof lastEventId, string>(true));
// @ts-expect-error: no such option
new EventSource('http://a', { retries: 3 });

const reconnecting = new ReconnectingWebSocket((token) => `ws://a/?token=${token}`, { token: async () => 'x' });
reconnecting.addEventListener('waiting', ({ retryInMs, attempt }) => {
  same<typeof retryInMs, number>(true);
  same<typeof attempt, number>(true);
});
same<ReturnType<typeof reconnecting.send>, boolean>(true);

async function loops(): Promise<void> {
  for await (const message of socket) same<typeof message, string | Uint8Array>(true);
  for await (const event of source) same<typeof event, MessageEvent>(true);
  same<Awaited<ReturnType<typeof socket.ping>>, number | undefined>(true);
}
void loops;
