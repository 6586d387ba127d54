/**
 * What a connection tells, as the events of a `WebSocket`: at once, or one a turn.
 *
 * Octets go in and come out as `binaryType` wants them. What a listener throws leaves as it does with ws, as an uncaught exception,
 * and the connection goes on. Read next: `websocket.ts`.
 */

import type { ConnectionHandlers } from '../net/connection-settings.ts';
import { EMPTY } from './arguments.ts';
import type { Link } from './link.ts';
import type { BinaryType } from './types.ts';
import { wsError } from './violations.ts';

/** Whose connection it is. */
export interface LinkOwner {
  readonly binaryType: BinaryType;
  emit(event: string, ...args: unknown[]): boolean;
}

/** A view of the same memory: results of the core are the receiver's own. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return bytes.length === 0 ? EMPTY : Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}

function inType(type: BinaryType, bytes: Uint8Array): unknown {
  if (type === 'nodebuffer') return asBuffer(bytes);
  if (type === 'fragments') return bytes.length === 0 ? [] : [asBuffer(bytes)];
  if (type === 'blob') return new Blob([bytes as Uint8Array<ArrayBuffer>]);
  const { buffer, byteOffset, length } = bytes;
  return length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length);
}

/** Emits; what a listener throws is thrown in a tick of its own, where it is an uncaught exception. */
export function tell(owner: LinkOwner, event: string, ...args: unknown[]): void {
  try {
    owner.emit(event, ...args);
  } catch (error) {
    throwLater(error);
  }
}

/** Throws in a tick of its own: what is under way here goes on. */
export function throwLater(error: unknown): void {
  process.nextTick(throwIt, error);
}

function throwIt(error: unknown): void {
  throw error;
}

/** What the connection tells; one object for all. */
export const LINK_HANDLERS: ConnectionHandlers<Link> = {
  binary({ owner }, data) {
    try {
      owner.emit('message', inType(owner.binaryType, data), true);
    } catch (error) {
      throwLater(error);
    }
  },
  text({ owner }, utf8) {
    try {
      owner.emit('message', asBuffer(utf8 as Uint8Array), false);
    } catch (error) {
      throwLater(error);
    }
  },
  ping: ({ owner }, payload) => tell(owner, 'ping', asBuffer(payload)),
  pong: ({ owner }, payload) => tell(owner, 'pong', asBuffer(payload)),
  failed: ({ owner }, violation) => tell(owner, 'error', wsError(violation)),
  written: (link) => link.written(),
  close: (link, code, reason) => link.ended(code, reason),
};

/**
 * With `allowSynchronousEvents: false`: at most one of `message`, `ping` and `pong` a turn, each of them in the turn after it came. So
 * what a listener has put off with a promise is done before the next.
 */
export const ONE_A_TURN: ConnectionHandlers<Link> = {
  ...LINK_HANDLERS,
  binary: (link, data) => link.tellLate(() => LINK_HANDLERS.binary!(link, data)),
  text: (link, utf8) => link.tellLate(() => LINK_HANDLERS.text!(link, utf8)),
  ping: (link, payload) => link.tellLate(() => LINK_HANDLERS.ping!(link, payload)),
  pong: (link, payload) => link.tellLate(() => LINK_HANDLERS.pong!(link, payload)),
};
