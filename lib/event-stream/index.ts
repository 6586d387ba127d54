/** `barewire/event-stream`: the pure core of event streams. Bytes and values, no sockets. */
export { type EventStreamMessage, encodeComment, encodeEvent } from './encoder.ts';
export { EventStreamParser, type EventStreamParserLimits, type StreamIncoming } from './parser.ts';
export { PreparedEvent, prepareEvent } from './prepared-event.ts';
export { type Decision, decide, MAX_REDIRECTS, reconnectionDelayMs } from './reconnect.ts';
