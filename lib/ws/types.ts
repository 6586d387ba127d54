/**
 * The options of ws, as its users write them, and the shapes that its listeners are given.
 *
 * Types only, for both sides. What each option does here, and what is different, stands in `README.md`, option by option.
 * Read next: `settings.ts`, which turns them into ours.
 */

import type { Agent, ClientRequest, Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer, RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { WebSocket } from './websocket.ts';

/** What a `message` listener is given, by `binaryType`; text is always a `Buffer`. */
export type RawData = Buffer | ArrayBuffer | Buffer[] | Blob;

/** What `send` takes. Numbers are sent as text; an array is octets. Of `unknown`, so that what `message` was given can be sent, as with @types/ws. */
export type Data = string | number | ArrayBufferLike | ArrayBufferView | Blob | readonly unknown[];

export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';

/** Called once the bytes were given to the operating system, with `null` as ws does, or with the reason why they were not. */
export type SendCallback = (error?: Error | undefined) => void;

export interface SendOptions {
  readonly binary?: boolean | undefined;
  readonly compress?: boolean | undefined;
  /** False: more of this message follows. */
  readonly fin?: boolean | undefined;
  /** Without effect: the role decides (RFC 6455 §5.3). */
  readonly mask?: boolean | undefined;
}

export interface PerMessageDeflateOptions {
  readonly serverNoContextTakeover?: boolean | undefined;
  readonly clientNoContextTakeover?: boolean | undefined;
  readonly serverMaxWindowBits?: number | boolean | undefined;
  readonly clientMaxWindowBits?: number | boolean | undefined;
  /** Only `level` has an effect: the codec is our own. */
  readonly zlibDeflateOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly zlibInflateOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly threshold?: number | undefined;
  /** Without effect: compression is synchronous. */
  readonly concurrencyLimit?: number | undefined;
}

/** What both sides can say about their connections. */
export interface ConnectionOptions {
  readonly allowSynchronousEvents?: boolean | undefined;
  readonly autoPong?: boolean | undefined;
  readonly closeTimeout?: number | undefined;
  readonly maxBufferedChunks?: number | undefined;
  readonly maxFragments?: number | undefined;
  readonly maxPayload?: number | undefined;
  readonly maxPendingAutoPongs?: number | undefined;
  readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  readonly skipUTF8Validation?: boolean | undefined;
  /** Ours: beyond this many unsent bytes a message is not sent, and its callback is given an error. Default: no bound. */
  readonly maxBufferedBytes?: number | undefined;
  /** Ours: a peer that takes nothing for this long is dropped; 0 = never. */
  readonly writeTimeout?: number | undefined;
}

/** Sends the request of a client off itself. */
export type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void;

export type CertMeta = string | string[] | Buffer | Buffer[];

export interface ClientOptions extends ConnectionOptions, Omit<RequestOptions, 'protocol' | 'agent'> {
  readonly agent?: Agent | boolean | undefined;
  readonly protocols?: string | readonly string[] | undefined;
  readonly followRedirects?: boolean | undefined;
  readonly maxRedirects?: number | undefined;
  readonly handshakeTimeout?: number | undefined;
  readonly origin?: string | undefined;
  readonly protocolVersion?: number | undefined;
  readonly generateMask?: ((mask: Buffer) => void) | undefined;
  readonly finishRequest?: FinishRequestCallback | undefined;
}

export interface VerifyInfo {
  readonly origin: string;
  readonly secure: boolean;
  readonly req: IncomingMessage;
}

/** Decides at once. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: VerifyInfo & { readonly req: Request },
) => boolean;

/** Calls back with what it decides. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: VerifyInfo & { readonly req: Request },
  callback: VerifyCallback,
) => void;

export type VerifyCallback = (
  verified: boolean,
  code?: number,
  message?: string,
  headers?: Readonly<Record<string, string | number | readonly string[] | undefined>>,
) => void;

/** With one parameter it answers at once, with two it calls back. */
export type VerifyClient = (info: VerifyInfo, callback: VerifyCallback) => unknown;

export interface ServerOptions<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends ConnectionOptions {
  readonly host?: string | null | undefined;
  readonly port?: number | null | undefined;
  readonly backlog?: number | null | undefined;
  readonly server?: HttpServer | HttpsServer | null | undefined;
  readonly noServer?: boolean | undefined;
  readonly path?: string | null | undefined;
  readonly clientTracking?: boolean | undefined;
  readonly verifyClient?: VerifyClient | null | undefined;
  readonly handleProtocols?:
    | ((protocols: Set<string>, request: InstanceType<RequestClass>) => string | false)
    | null
    | undefined;
  readonly WebSocket?: SocketClass | undefined;
}

/** What `handleUpgrade` is given with the request. */
export type UpgradeSocket = Duplex;
