/** `barewire/websocket`: the pure core of RFC 6455. Bytes and values, no sockets. */
export { CloseCode, encodeClosePayload, isWireCloseCode, parseClosePayload } from './close.ts';
export { type DeflateSettings, deflateSettings } from './deflate.ts';
export {
  answerOffers,
  type CheckedAnswer,
  checkAnswer,
  type DeflateParameters,
  type DeflatePolicy,
  deflatePolicy,
  offerDeflate,
  type PerMessageDeflate,
  type PerMessageDeflateOptions,
} from './extension.ts';
export { type FrameHeader, frameHeaderSize, Opcode, readFrameHeader, writeFrameHeader } from './frame.ts';
export {
  acceptKey,
  checkServerHandshake,
  createClientHandshake,
  encodeServerHandshake,
  readClientHandshake,
} from './handshake.ts';
export type { MessagePart } from './message-stream.ts';
export { PreparedMessage, prepareMessage } from './prepared-message.ts';
export { type AgreedExtensions, type Incoming, type ProtocolOptions, WebSocketProtocol } from './protocol.ts';
export type { State } from './state.ts';
export type { Violation, ViolationCode } from './violation.ts';
