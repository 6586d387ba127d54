/**
 * Event streams and the events that HTML §9.2.6 makes of them: data only, shared with the differential tests.
 * Text is encoded as UTF-8, except where `octets` gives one octet a character.
 */

export interface EventStreamVector {
  readonly title: string;
  readonly text?: string;
  readonly octets?: string;
  readonly events: readonly (readonly [type: string, data: string, lastEventId: string])[];
  /** Reconnection times that the stream sets, in order. */
  readonly retries?: readonly number[];
  readonly comments?: readonly string[];
  /** The last event ID at the end, where it is not that of the last event. */
  readonly lastEventId?: string;
}

export const EVENT_STREAMS: readonly EventStreamVector[] = [
  // The standard's own examples (§9.2.6)
  { title: 'example: three lines of a ticker', text: 'data: YHOO\ndata: +2\ndata: 10\n\n', events: [['message', 'YHOO\n+2\n10', '']] },
  { title: 'example: four blocks: a comment, an ID, a reset of the ID, and a space that stays', text: ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n', events: [['message', 'first event', '1'], ['message', 'second event', ''], ['message', ' third event', '']], comments: ['test stream'] },
  { title: 'example: empty data, a lone line feed, and a block that never ends', text: 'data\n\ndata\ndata\n\ndata:', events: [['message', '', ''], ['message', '\n', '']] },
  { title: 'example: the space behind the colon changes nothing', text: 'data:test\n\ndata: test\n\n', events: [['message', 'test', ''], ['message', 'test', '']] },
  // Line ends (§9.2.5)
  { title: 'lines end with LF', text: 'data: a\ndata: b\n\n', events: [['message', 'a\nb', '']] },
  { title: 'lines end with CR', text: 'data: a\rdata: b\r\r', events: [['message', 'a\nb', '']] },
  { title: 'lines end with CR LF', text: 'data: a\r\ndata: b\r\n\r\n', events: [['message', 'a\nb', '']] },
  { title: 'lines end with all three in turn', text: 'data: a\rdata: b\ndata: c\r\n\n\rdata: d\r\r\ndata: e\n\r', events: [['message', 'a\nb\nc', ''], ['message', 'd', ''], ['message', 'e', '']] },
  { title: 'LF CR is two line ends', text: 'data: a\n\rdata: b\n\r', events: [['message', 'a', ''], ['message', 'b', '']] },
  { title: 'CR CR LF is two line ends', text: 'data: a\r\r\ndata: b\n\n', events: [['message', 'a', ''], ['message', 'b', '']] },
  { title: 'other line breaks of Unicode end nothing', text: 'data: a\u2028b\u2029c\u0085d\u000be\u000cf\n\n', events: [['message', 'a\u2028b\u2029c\u0085d\u000be\u000cf', '']] },
  // Byte order mark (§9.2.5)
  { title: 'one byte order mark at the start is taken off', text: '\uFEFFdata: a\n\n', events: [['message', 'a', '']] },
  { title: 'of two byte order marks the second belongs to the first line', text: '\uFEFF\uFEFFdata: a\n\n', events: [] },
  { title: 'a byte order mark anywhere else stays', text: 'data: \uFEFFa\n\uFEFFdata: b\n\n', events: [['message', '\uFEFFa', '']] },
  { title: 'a byte order mark and an empty line', text: '\uFEFF\ndata: a\n\n', events: [['message', 'a', '']] },
  { title: 'half a byte order mark is not one', octets: '\xef\xbbdata: a\n\ndata: b\n\n', events: [['message', 'b', '']] },
  { title: 'a byte order mark in front of a comment', text: '\uFEFF: a\n\n', events: [], comments: ['a'] },
  // Fields (§9.2.6)
  { title: 'a field without a colon has an empty value', text: 'data\nevent\nid\n\n', events: [['message', '', '']] },
  { title: 'one leading space is taken off, a second and a tab are not', text: 'data:  a\ndata:\tb\ndata: \n\n', events: [['message', ' a\n\tb\n', '']] },
  { title: 'trailing space stays', text: 'data: a \nevent: b \nid: c \n\n', events: [['b ', 'a ', 'c ']] },
  { title: 'only the first colon divides', text: 'data:a:b\ndata: :c\ndata::\n\n', events: [['message', 'a:b\n:c\n:', '']] },
  { title: 'field names are compared as they are: case, space and prefixes matter', text: 'Data: a\nDATA: b\n data: c\ndata : d\ndat: e\ndatab: f\nxdata: g\n\ndata: h\n\n', events: [['message', 'h', '']] },
  { title: 'unknown fields are ignored', text: 'foo: bar\ndata: a\nfoo\n__proto__: x\nconstructor\n\n', events: [['message', 'a', '']] },
  { title: 'comments are ignored, in the middle of an event too', text: ':\n:x\ndata: a\n: y:z\n:  two\ndata: b\n\n', events: [['message', 'a\nb', '']], comments: ['', 'x', 'y:z', ' two'] },
  // event
  { title: 'a type is that of the next event only', text: 'event: a\ndata: 1\n\ndata: 2\n\n', events: [['a', '1', ''], ['message', '2', '']] },
  { title: 'the last of several types counts', text: 'event: a\nevent: b\ndata: 1\n\n', events: [['b', '1', '']] },
  { title: 'an empty type is message', text: 'event: a\nevent\ndata: 1\n\nevent:\ndata: 2\n\n', events: [['message', '1', ''], ['message', '2', '']] },
  { title: 'a type without data is forgotten at the blank line', text: 'event: a\n\ndata: 1\n\n', events: [['message', '1', '']] },
  { title: 'any type is allowed', text: 'event: error\ndata: 1\n\nevent: __proto__\ndata: 2\n\nevent: ä ö\ndata: 3\n\n', events: [['error', '1', ''], ['__proto__', '2', ''], ['ä ö', '3', '']] },
  // data
  { title: 'empty data is an event, no data is none', text: '\n\n\ndata:\n\nid: 1\n\n', events: [['message', '', '']], lastEventId: '1' },
  { title: 'data of two empty lines is one line feed', text: 'data\ndata\n\n', events: [['message', '\n', '']] },
  { title: 'only the last line feed is taken off', text: 'data: a\ndata\ndata\n\n', events: [['message', 'a\n\n', '']] },
  { title: 'NUL in data stays', text: 'data: a\0b\n\n', events: [['message', 'a\0b', '']] },
  { title: 'an event that the end of the stream cuts off is thrown away', text: 'data: a\n\ndata: b\nid: 9\n', events: [['message', 'a', '']], lastEventId: '' },
  { title: 'an event whose blank line is cut off is thrown away', text: 'data: a', events: [] },
  // id
  { title: 'an ID stays until another comes', text: 'id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n', events: [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '2']] },
  { title: 'an ID without data moves the last event ID at its blank line', text: 'data: a\n\nid: 7\n\n', events: [['message', 'a', '']], lastEventId: '7' },
  { title: 'an ID counts from its blank line on', text: 'id: 1\n\nid: 2\n', events: [], lastEventId: '1' },
  { title: 'an empty ID resets it', text: 'id: 1\ndata: a\n\nid:\ndata: b\n\n', events: [['message', 'a', '1'], ['message', 'b', '']] },
  { title: 'an ID with NUL is ignored', text: 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\n', events: [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '1']] },
  { title: 'an ID may be any text', text: 'id: ä:☃ {"x":1}\ndata: a\n\n', events: [['message', 'a', 'ä:☃ {"x":1}']] },
  // retry
  { title: 'retry takes effect at once, without a blank line', text: 'retry: 10\nretry:20\n', events: [], retries: [10, 20] },
  { title: 'retry of ASCII digits only', text: 'retry: 1\nretry\nretry:\nretry: \nretry: -1\nretry: +1\nretry: 1.5\nretry: 1e3\nretry: 0x10\nretry: 1 \nretry:  1\nretry: 1s\nretry: ١\nretry: 007\nretry: 0\n', events: [], retries: [1, 7, 0] },
  // Decoding (§9.2.5)
  { title: 'characters of one to four octets', text: 'event: ä\nid: €\ndata: 𝄞\u{10FFFF}\n\n', events: [['ä', '𝄞\u{10FFFF}', '€']] },
  { title: 'octets that are not UTF-8 become U+FFFD', octets: 'data: \xff\xc3\n\ndata: a\x80b\xed\xa0\x80\n\n', events: [['message', '\uFFFD\uFFFD', ''], ['message', 'a\uFFFDb\uFFFD\uFFFD\uFFFD', '']] },
  { title: 'a character that a line end cuts takes nothing of the next line', octets: 'data: \xe2\x82\ndata: \xac\n\n', events: [['message', '\uFFFD\n\uFFFD', '']] },
];
