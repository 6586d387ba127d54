/**
 * The life of a connection as one table (RFC 6455 §4, §5.5.1, §7).
 *
 * Rules for this file: every change of state is a row here, and nothing here knows whether we are the client or the
 * server, so that the same rules hold for both. What to send, and when to give up waiting, is decided elsewhere.
 *
 *     OPEN ──sendClose──► CLOSE_SENT ──receiveClose──► CLOSED_CLEAN     both close frames have passed (§7.1.4)
 *      │ └─receiveClose──► CLOSE_RECEIVED ──sendClose──┘
 *      └──fail──► FAILED                                                 _Fail the WebSocket Connection_ (§7.1.7)
 *
 * `end` (TCP is gone) leads to ENDED from everywhere: §7.1.4 calls the connection closed then, cleanly or not.
 * CONNECTING has no row: a protocol object exists only once the opening handshake has succeeded (§4).
 * Read next: `encoder.ts`, then `protocol.ts`.
 */

export type State = 'OPEN' | 'CLOSE_SENT' | 'CLOSE_RECEIVED' | 'CLOSED_CLEAN' | 'FAILED' | 'ENDED';
export type Transition = 'sendClose' | 'receiveClose' | 'fail' | 'end';

export const TRANSITIONS: { readonly [S in State]: { readonly [T in Transition]?: State } } = {
  OPEN: { sendClose: 'CLOSE_SENT', receiveClose: 'CLOSE_RECEIVED', fail: 'FAILED', end: 'ENDED' },
  // §5.5.1: after sending a close frame no data frame follows, but the peer's may still arrive until its close does.
  CLOSE_SENT: { receiveClose: 'CLOSED_CLEAN', fail: 'FAILED', end: 'ENDED' },
  // §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send one".
  CLOSE_RECEIVED: { sendClose: 'CLOSED_CLEAN', fail: 'FAILED', end: 'ENDED' },
  // §1.4, §5.5.1: what follows the peer's close frame is discarded, so nothing can go wrong any more.
  CLOSED_CLEAN: { end: 'ENDED' },
  // §7.1.7: "An endpoint MUST NOT continue to attempt to process data from the remote endpoint after being instructed to fail".
  FAILED: { end: 'ENDED' },
  ENDED: {},
};

/** The state that follows, or `undefined` where the table has no row: the caller has a fault. */
export function next(state: State, transition: Transition): State | undefined {
  return TRANSITIONS[state][transition];
}

/** May we send data frames? §5.5.1: "The application MUST NOT send any more data frames after sending a Close frame". */
export function maySend(state: State): boolean {
  return state === 'OPEN';
}

/** Do received frames still count? §1.4: after receiving a close frame any further data is discarded. */
export function mayReceive(state: State): boolean {
  return state === 'OPEN' || state === 'CLOSE_SENT';
}

/** Is the connection over as far as frames go, so that only TCP remains to be closed (§7.1.1)? */
export function closeExpected(state: State): boolean {
  return state !== 'OPEN' && state !== 'ENDED';
}
