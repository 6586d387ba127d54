/**
 * One WebSocket connection after its opening handshake, as a pure machine (RFC 6455 §5-§8).
 *
 * Chunks go in through `receive`, what happened comes out as values; `send*` and the answers that the RFC demands
 * (pongs, the close echo, the close frame of a failure) go to `output`, which the adapter writes to the peer.
 * No sockets, no clock: `closeExpected` tells the adapter that a deadline should run, `outputBlocked` tells the machine
 * that the peer does not read. The role decides here whether frames are masked, and in `frame-parser.ts` whether they have
 * to be; who closes TCP first is the adapter's affair. Peers' faults are values (`failed`); a caller's are exceptions.
 * Once frames no longer count, nothing that was received is held. Read next: `../net/websocket-connection.ts`, an adapter.
 */

import type { BytesClass } from '../bytes/allocate.ts';
import { takeBack, takeLatest } from '../bytes/lent-memory.ts';
import { OutputQueue } from '../bytes/output.ts';
import { WEBSOCKET_LIMITS } from '../limits.ts';
import { CloseCode, encodeClosePayload, failurePayload } from './close.ts';
import { type DeferredCall, DeferredChunks } from './deferred-chunks.ts';
import { type DeflateSettings, MessageDeflate } from './deflate.ts';
import { encodeFrame, FIN, frameForm } from './encoder.ts';
import { Opcode } from './frame.ts';
import { FrameParser, slice } from './frame-parser.ts';
import { type Assembled, type AssemblerOptions, MessageAssembler } from './message-assembler.ts';
import { type MessagePart, type MessageStreamOptions, MessageStreams } from './message-stream.ts';
import { Flag, SendingProtocol } from './sending-protocol.ts';
import { mayReceive, maySend } from './state.ts';
import type { Violation } from './violation.ts';

/** What came of received bytes, in order. */
export type Incoming =
  | Exclude<Assembled, { kind: 'violation' }>
  /** Instead of `text` and `binary`, where `inParts` was asked for. */
  | MessagePart
  /** We failed the connection (RFC 6455 §7.1.7); the close frame that says so is in the output. */
  | ({ readonly kind: 'failed' } & Violation);

/** Takes what came of received bytes, one by one. It may send, close, or call `receiveInto` and `receiveEnd`. */
export interface IncomingReceiver {
  deliver(incoming: Incoming): void;
}

export interface ProtocolOptions {
  readonly role: 'client' | 'server';
  readonly maxMessageBytes?: number;
  readonly maxFramesPerMessage?: number;
  /** Deliver text as validated UTF-8 bytes. Default false. */
  readonly textAsBytes?: boolean;
  /** The class of bytes that are delivered, where they can be made of it at no price: of messages in one frame, not compressed. Default `Uint8Array`. */
  readonly bytesClass?: BytesClass | undefined;
  /**
   * Deliver binary messages as views of memory that is used again, good only until the receiver returns: of the chunk, which is written to,
   * where a message of at most 16 KiB lies in it whole. Compressed ones are the receiver's own all the same. Default false.
   */
  readonly lendsBinary?: boolean;
  /** The same for text; only together with `textAsBytes`. Default false. */
  readonly lendsText?: boolean;
  /**
   * Deliver every message as `begin`, any number of `part`, and `end`, each as soon as it has come. Then neither `maxMessageBytes` nor
   * `maxFramesPerMessage` applies, since no message is held, but `maxStreamedMessageBytes`. Default false.
   */
  readonly inParts?: boolean;
  /** Octets of a message that is delivered in parts. Default: no limit. */
  readonly maxStreamedMessageBytes?: number;
  /** Answer each ping with a pong (§5.5.2). Where it is false, the caller has to. Default true. */
  readonly answersPings?: boolean;
  /** Send the peer's close reason back with its code. Default false: the code alone. */
  readonly echoesReason?: boolean;
}

/** What was agreed when the connection was opened, where anything was. */
export interface AgreedExtensions {
  /** permessage-deflate (RFC 7692); undefined: not agreed, and nothing is compressed. */
  readonly deflate?: DeflateSettings | undefined;
}

/** While any of these is set, no frame is read. */
const NOT_NOW = Flag.held | Flag.deaf;

/** One for the process; see there. */
const deferredChunks = new DeferredChunks<IncomingReceiver>();

export class WebSocketProtocol extends SendingProtocol {
  readonly #parser: FrameParser;
  readonly #assembler: MessageAssembler | MessageStreams;
  readonly #options: ProtocolOptions;

  /** `output` is where bytes for the peer go; an adapter passes the queue that it writes from. */
  constructor(options: ProtocolOptions, output: OutputQueue = new OutputQueue(), agreed: AgreedExtensions = NONE) {
    const deflate = agreed.deflate === undefined ? undefined : new MessageDeflate(agreed.deflate);
    super(output, frameForm(options.role, deflate));
    this.#options = options;
    this.#parser = new FrameParser(options.role === 'server', deflate !== undefined);
    this.#assembler =
      options.inParts === true
        ? new MessageStreams(streamOptions(options), deflate)
        : new MessageAssembler(isComplete(options) ? options : complete(options), deflate);
  }

  /** The peer's close code (§7.1.5): 1005 when its frame carried none, 1006 when no close frame came. */
  get closeCode(): number {
    return this.rare?.closeReceived?.code ?? CloseCode.Abnormal;
  }

  /** The peer's close reason (§7.1.6). */
  get closeReason(): string {
    return this.rare?.closeReceived?.reason ?? '';
  }

  /**
   * Takes bytes from the peer. The chunk is borrowed for the call and left as it is, and results hold copies, but where messages are lent.
   * Never throws for anything in it. @throws TypeError within a receiver of this machine or while it is held, since it could answer nothing then
   */
  receive(chunk: Uint8Array): Incoming[] {
    if (this.#parser.reading || this.isHeld)
      throw new TypeError('receive is called within a receiver of the same machine, or while it is held');
    const incoming: Incoming[] = [];
    this.receiveInto(chunk, { deliver: (one) => incoming.push(one) });
    return incoming;
  }

  /**
   * As `receive`, but hands over each result as soon as it is there, before the frames behind it are looked at. So the
   * answers to a message leave before the answer to a close, or to a violation, that came in the same chunk.
   *
   * Within a receiver of this machine the chunk is copied and read once what is being read now has been delivered; while it is held, after `release`.
   * @throws what a receiver threw first, after all that the chunk held has been delivered; RangeError when more than
   *   `MAX_DEFERRED_BYTES` would wait
   */
  receiveInto(chunk: Uint8Array, receiver: IncomingReceiver): void {
    if (this.#parser.reading || this.isHeld) deferredChunks.add(this, chunk, receiver);
    else this.run(chunk, receiver, undefined);
  }

  /**
   * Stops delivering: within a receiver once it returns, and until `release`. What has been received and not been read waits, with whatever
   * `receiveInto` is given meanwhile (at most `MAX_DEFERRED_BYTES`): whoever holds stops reading from the network.
   */
  hold(): void {
    if (mayReceive(this.now)) this.flags |= Flag.held;
  }

  /** Goes on where `hold` stopped: delivers what waits before it returns. @throws as `receiveInto` */
  release(): void {
    this.flags &= ~Flag.held;
    if (this.#parser.reading) return;
    const call = deferredChunks.next(this);
    if (call !== undefined) this.run(call.chunk, call.receiver, call);
  }

  /** Reads a chunk, and then those that wait, or until it is held; answers frames where the RFC demands it. `call`: where the chunk comes from there. */
  private run(chunk: Uint8Array, receiver: IncomingReceiver, call: DeferredCall<IncomingReceiver> | undefined): void {
    const parser = this.#parser;
    const assembler = this.#assembler;
    let failure: { readonly error: unknown } | undefined;
    try {
      for (;;) {
        parser.begin(chunk);
        while ((this.flags & NOT_NOW) === 0) {
          let incoming: Assembled | Incoming | undefined;
          if (assembler.expectsShort && parser.nextShort()) incoming = assembler.acceptShort(slice);
          else if (assembler.hasMore) incoming = assembler.more();
          else if (parser.next()) {
            incoming = assembler.accept(slice);
            const lent = takeLatest();
            if (lent !== undefined) {
              const thrown = deliverLent(receiver, incoming as Incoming, lent);
              failure ??= thrown;
              continue;
            }
          } else if (parser.violation !== undefined) incoming = this.fail(parser.violation);
          else break;
          if (incoming === undefined) continue;
          if (incoming.kind === 'violation') incoming = this.fail(incoming.violation);
          else if (incoming.kind === 'ping') this.answerPing(incoming.data);
          else if (incoming.kind === 'close') this.answerClose(incoming);
          try {
            receiver.deliver(incoming);
          } catch (error) {
            failure ??= { error };
          }
        }
        if (this.isHeld) {
          deferredChunks.putBack(this, parser.rest(), receiver, call);
          break;
        }
        if (!deferredChunks.any) break;
        call = deferredChunks.next(this);
        if (call === undefined) break;
        ({ chunk, receiver } = call);
      }
    } finally {
      parser.end();
      this.settle();
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Lets go of what nobody will read any more. */
  private settle(): void {
    const isOver = !mayReceive(this.now);
    if (isOver) {
      this.#assembler.forget();
      this.flags &= ~Flag.held;
    }
    if (deferredChunks.any && !this.isHeld) deferredChunks.forget(this);
  }

  /** The peer will send no more, or TCP is gone. Whatever had not been written is forgotten. */
  receiveEnd(): void {
    if (this.now !== 'ENDED') this.move('end');
    this.endSending();
    this.flags &= ~Flag.held;
    this.#assembler.forget();
    if (deferredChunks.any && !this.#parser.reading) deferredChunks.forget(this);
  }

  private get isHeld(): boolean {
    return (this.flags & Flag.held) !== 0;
  }

  /** §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received a Close frame". */
  private answerPing(payload: Uint8Array): void {
    // Asked for in CLOSE_SENT too: §5.5.1 forbids only data frames behind our own close frame.
    if (this.#options.answersPings === false) return;
    if (this.outputBlocked) this.useRare().owedPong = payload;
    else encodeFrame(this.output, this.form, FIN | Opcode.Pong, payload); // §5.5.3: "identical Application data"
  }

  /** §5.5.1: on the peer's close frame "the endpoint MUST send a Close frame in response"; "typically echos the status code". */
  private answerClose(close: { readonly code: number; readonly reason: string }): void {
    this.useRare().closeReceived = close;
    const answers = maySend(this.now);
    this.move('receiveClose');
    if (!answers) return;
    encodeFrame(
      this.output,
      this.form,
      FIN | Opcode.Close,
      encodeClosePayload(
        close.code === CloseCode.NoStatusReceived ? undefined : close.code,
        this.#options.echoesReason === true ? close.reason : '',
      ),
    );
    this.move('sendClose');
  }

  /** _Fail the WebSocket Connection_ (§7.1.7): say why, unless our close frame has already gone out, and stop receiving. */
  private fail(violation: Violation): Incoming {
    if (maySend(this.now)) encodeFrame(this.output, this.form, FIN | Opcode.Close, failurePayload(violation));
    this.move('fail');
    return { kind: 'failed', ...violation };
  }
}

/** Delivers a message whose memory is used again. Answers what the receiver threw. */
function deliverLent(
  receiver: IncomingReceiver,
  message: Incoming,
  lent: Uint8Array,
): { readonly error: unknown } | undefined {
  try {
    receiver.deliver(message);
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    takeBack(lent);
  }
}

/** Connections of one route share one object with everything in it, and none copies it. */
function isComplete(options: ProtocolOptions): options is ProtocolOptions & AssemblerOptions {
  const { maxMessageBytes, maxFramesPerMessage, textAsBytes, lendsBinary, lendsText } = options;
  return [maxMessageBytes, maxFramesPerMessage, textAsBytes, lendsBinary, lendsText].every((one) => one !== undefined);
}

function complete(options: ProtocolOptions): AssemblerOptions {
  return {
    maxMessageBytes: options.maxMessageBytes ?? WEBSOCKET_LIMITS.maxMessageBytes,
    maxFramesPerMessage: options.maxFramesPerMessage ?? WEBSOCKET_LIMITS.maxFramesPerMessage,
    textAsBytes: options.textAsBytes ?? false,
    lendsBinary: options.lendsBinary ?? false,
    lendsText: options.lendsText ?? false,
    bytesClass: options.bytesClass,
  };
}

function streamOptions(options: ProtocolOptions): MessageStreamOptions {
  return {
    maxStreamedMessageBytes: options.maxStreamedMessageBytes ?? WEBSOCKET_LIMITS.maxStreamedMessageBytes,
    textAsBytes: options.textAsBytes ?? false,
  };
}

const NONE: AgreedExtensions = {};
