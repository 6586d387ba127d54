/**
 * What the methods of `WebSocket` may be given, as ws reads it, and ws's words for what is wrong.
 *
 * Arguments go in; options, lists, octets and text come out, or an exception. Knows no connection. Read next: `websocket.ts`.
 */

import { isWireCloseCode, MAX_REASON_BYTES } from '../websocket/close.ts';
import type { ClientOptions } from './types.ts';

/** What is sent for nothing at all. */
export const EMPTY: Buffer = Buffer.alloc(0);

export function isOptions(argument: unknown): argument is ClientOptions {
  return typeof argument === 'object' && argument !== null && !Array.isArray(argument);
}

export function toArray(protocols: string | readonly string[] | undefined): readonly string[] {
  if (protocols === undefined) return [];
  return Array.isArray(protocols) ? protocols : [protocols as string];
}

/** What ws takes for data: nothing at all is an empty message, a number its digits. */
export function toSendable(data: unknown): string | Uint8Array | Blob {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  if (data === undefined || data === null || data === false) return EMPTY;
  if (typeof data === 'number') return String(data);
  if (data instanceof Blob) return data;
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as readonly number[]); // arrays of octets, and a TypeError for all else
}

/** The reason as text. @throws TypeError for a code that may not be sent, RangeError for a reason that is too long */
export function checkClose(code: unknown, reason: string | Uint8Array | undefined): string {
  if (code === undefined) return '';
  if (typeof code !== 'number' || !Number.isInteger(code) || !isWireCloseCode(code))
    throw new TypeError('First argument must be a valid error code number (RFC 6455 §7.4)');
  if (reason === undefined || !reason.length) return ''; // also for a number or a boolean, as with ws
  if (typeof reason !== 'string' && !(reason instanceof Uint8Array))
    throw new TypeError('Second argument must be a string or a Uint8Array');
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES)
    throw new RangeError(`The message must not be greater than ${MAX_REASON_BYTES} bytes (RFC 6455 §5.5)`);
  return typeof reason === 'string' ? reason : Buffer.from(reason).toString();
}
