/**
 * `barewire/testing`: a server's handlers without ports and without real time.
 *
 * `connectPair`, `openStream` and `request` go through a pair of channels in memory into the server's own dispatch; `connectRaw`
 * speaks octets; `network` of each makes faults; `FakeClock` is the option `clock` of a server whose deadlines are to be tried.
 * `docs/testing.md` shows how. Read next: `websocket.ts`.
 */

export { FakeClock } from './clock.ts';
export { openStream, Refused, type RequestOptions, request, type TestEvent, TestResponse, TestStream } from './http.ts';
export type { Direction, Network } from './network.ts';
export { connectRaw, RawConnection, type RawOptions } from './raw.ts';
export { type Closed, type ConnectOptions, connectPair, TestSocket } from './websocket.ts';
