/**
 * The sending half of the machine of one WebSocket connection: its state, and all that may go to the peer (RFC 6455 §5, §6.1, §7.1.2).
 *
 * `send*` and the parts of a message go to `output`, which the adapter writes; what may be sent is asked of the state, and a caller's
 * mistake is an exception. Knows nothing of what is received. Read next: `protocol.ts`, which adds the other half.
 */

import type { OutputQueue } from '../bytes/output.ts';
import { ConnectionClosed } from '../errors.ts';
import { encodeClosePayload } from './close.ts';
import { encodeBinary, encodeFrame, encodePrepared, encodeText, FIN, type FrameForm } from './encoder.ts';
import { MAX_CONTROL_PAYLOAD_BYTES, Opcode } from './frame.ts';
import { OutgoingMessage } from './message-stream.ts';
import type { PreparedMessage } from './prepared-message.ts';
import { closeExpected, mayReceive, maySend, next, type State, type Transition } from './state.ts';

/** What a machine remembers in one field, since an idle connection pays eight octets for each. */
export const Flag = {
  /** See `outputBlocked`. */
  outputBlocked: 1,
  /** Between `hold` and `release`. Here and not with the chunks: it is asked for each message, also while another machine is held. */
  held: 2,
  /** Frames no longer count: see `mayReceive`. Kept beside the state, since it is asked for each message together with `held`. */
  deaf: 4,
} as const;

/** What few connections have, and none for long. */
interface Rare {
  /** The latest ping that came while the output was blocked; answered when it no longer is. */
  owedPong: Uint8Array | undefined;
  /** The message that is being sent in parts. */
  outgoing: OutgoingMessage | undefined;
  /** The peer's close frame; set when it arrives. */
  closeReceived: { readonly code: number; readonly reason: string } | undefined;
}

export abstract class SendingProtocol {
  /** What is to be written to the peer, in order. */
  readonly output: OutputQueue;
  protected readonly form: FrameForm;
  /** What `state` answers. */
  protected now: State = 'OPEN';
  /** Bits of `Flag`. */
  protected flags = 0;
  /** Made with the first of what it holds, since an idle connection pays for each field. */
  protected rare: Rare | undefined = undefined;

  constructor(output: OutputQueue, form: FrameForm) {
    this.output = output;
    this.form = form;
  }

  get state(): State {
    return this.now;
  }

  /** Frames are over, only TCP is left to end: the adapter lets it last `closeTimeoutMs` at most (§7.1.1). */
  get closeExpected(): boolean {
    return closeExpected(this.now);
  }

  /**
   * Sends a text message; bytes are taken to be UTF-8. `compress` overrules the threshold for this message, where
   * compression was agreed at all. @throws ConnectionClosed when no longer open; TypeError between `beginMessage` and `endMessage`
   */
  sendText(text: string | Uint8Array, compress?: boolean): void {
    this.mayBegin();
    encodeText(this.output, this.form, text, compress);
  }

  /**
   * Sends a binary message. Above 16 KiB a server sends the caller's memory itself: it must stay unchanged until it has
   * been written. `compress` as in `sendText`. @throws as `sendText`
   */
  sendBinary(payload: Uint8Array, compress?: boolean): void {
    this.mayBegin();
    encodeBinary(this.output, this.form, payload, compress);
  }

  /** Sends a message that was encoded once for many. `compress` as in `sendText`. @throws as `sendText` */
  sendPrepared(message: PreparedMessage, compress?: boolean): void {
    this.mayBegin();
    encodePrepared(this.output, this.form, message, compress);
  }

  /**
   * Begins a message whose parts are sent as they come, each as a frame of its own (§5.4). Until `endMessage` control frames and the close may be sent, other
   * messages may not. `compress` undefined: wherever compression was agreed. @throws as `sendText`
   */
  beginMessage(type: 'text' | 'binary', compress?: boolean): void {
    this.mayBegin();
    this.useRare().outgoing = new OutgoingMessage(this.output, this.form, type, compress);
  }

  /**
   * Sends a part of the message that `beginMessage` began. Of text, strings may be cut within a surrogate pair, and octets are taken to be UTF-8;
   * above 16 KiB a server sends the caller's memory itself. Of nothing, nothing is sent.
   * @throws ConnectionClosed when no longer open; TypeError where no message was begun, or for a string in a binary one
   */
  sendPart(data: string | Uint8Array): void {
    this.mustBeOpen();
    this.begun().part(data);
  }

  /** Ends the message that `beginMessage` began. @throws as `sendPart` */
  endMessage(): void {
    this.mustBeOpen();
    this.begun().end();
    this.useRare().outgoing = undefined;
  }

  /** @throws RangeError beyond 125 bytes (§5.5); ConnectionClosed when no longer open */
  sendPing(payload: Uint8Array = NO_BYTES): void {
    this.sendControl(Opcode.Ping, payload);
  }

  /** An unsolicited pong, "a unidirectional heartbeat" (§5.5.3). @throws as `sendPing` */
  sendPong(payload: Uint8Array = NO_BYTES): void {
    this.sendControl(Opcode.Pong, payload);
  }

  /**
   * Begins the closing handshake (§7.1.2); does nothing once it has begun.
   * @throws RangeError for a code or reason that may not be sent
   */
  sendClose(code?: number, reason = ''): void {
    const payload = encodeClosePayload(code, reason);
    if (!maySend(this.now)) return;
    encodeFrame(this.output, this.form, FIN | Opcode.Close, payload);
    this.move('sendClose');
  }

  /** Takes what is to be written to the peer, as bytes of the caller's own. An adapter that minds copies reads `output` instead. */
  takeOutput(): Uint8Array {
    return this.output.takeAll();
  }

  /**
   * Set while the peer does not take our output. §5.5.3 lets an endpoint answer only the latest of several pings;
   * Choice: every ping is answered while answers can leave, and only the latest while they cannot, which bounds them.
   */
  set outputBlocked(blocked: boolean) {
    if (blocked) this.flags |= Flag.outputBlocked;
    else this.flags &= ~Flag.outputBlocked;
    const payload = this.rare?.owedPong;
    if (blocked || payload === undefined) return;
    this.useRare().owedPong = undefined;
    if (mayReceive(this.now)) encodeFrame(this.output, this.form, FIN | Opcode.Pong, payload);
  }

  get outputBlocked(): boolean {
    return (this.flags & Flag.outputBlocked) !== 0;
  }

  /** Forgets what nobody will send or take any more. */
  protected endSending(): void {
    if (this.rare === undefined) return;
    this.rare.owedPong = undefined;
    this.rare.outgoing = undefined;
  }

  protected useRare(): Rare {
    this.rare ??= { owedPong: undefined, outgoing: undefined, closeReceived: undefined };
    return this.rare;
  }

  protected move(transition: Transition): void {
    const state = next(this.now, transition);
    if (state === undefined) throw new Error(`no transition ${transition} from ${this.now}`);
    this.now = state;
    if (!mayReceive(state)) this.flags |= Flag.deaf;
  }

  private mustBeOpen(): void {
    if (!maySend(this.now))
      throw new ConnectionClosed('WS_NOT_OPEN', `cannot send: ${WHY_NOT[this.now]} (RFC 6455 §5.5.1)`);
  }

  private mayBegin(): void {
    this.mustBeOpen();
    if (this.rare?.outgoing !== undefined)
      throw new TypeError('a message in parts has begun: endMessage comes before another message (RFC 6455 §5.4)');
  }

  private begun(): OutgoingMessage {
    const outgoing = this.rare?.outgoing;
    if (outgoing === undefined) throw new TypeError('no message in parts has begun: call beginMessage first');
    return outgoing;
  }

  private sendControl(opcode: Opcode, payload: Uint8Array): void {
    if (payload.length > MAX_CONTROL_PAYLOAD_BYTES) {
      throw new RangeError(
        `control frame payload is ${payload.length} bytes, limit ${MAX_CONTROL_PAYLOAD_BYTES} (RFC 6455 §5.5)`,
      );
    }
    this.mustBeOpen();
    encodeFrame(this.output, this.form, FIN | opcode, payload);
  }
}

const NO_BYTES = new Uint8Array(0);

/** What has happened, for who would send. */
const WHY_NOT: Readonly<Record<State, string>> = {
  OPEN: 'a message in parts is under way',
  CLOSE_SENT: 'a close frame was sent already',
  CLOSE_RECEIVED: 'the peer has sent a close frame',
  CLOSED_CLEAN: 'the closing handshake is over',
  FAILED: 'the connection was failed',
  ENDED: 'the connection has ended',
};
