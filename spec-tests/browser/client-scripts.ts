/**
 * What is done in Chromium with its own WebSocket and EventSource, and with ours: each script says the same in both.
 *
 * Scripts are text, since a page runs them. They see `WebSocket`, `EventSource`, `url` (our server), `raw` (`raw-endpoint.ts`) and the
 * prelude. Run by `clients.test.ts`, where the known differences are listed with their reasons.
 */

/** What every script can use: `log` is what it answers; `frames` and `stream` are URLs of `raw-endpoint.ts`. */
export const PRELUDE = `
  const log = [];
  const say = (...words) => log.push(words.join(' '));
  const ws = url.replace('http', 'ws');
  const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
  const name = (action) => {
    try {
      const result = action();
      return result === undefined ? 'fine' : String(result);
    } catch (error) {
      return error.name;
    }
  };
  const events = (target, types) => {
    for (const type of types)
      target.addEventListener(type, (e) =>
        say(type, target.readyState, e.data instanceof Blob ? 'blob ' + e.data.size : e.data instanceof ArrayBuffer ? 'buffer ' + e.data.byteLength : e.data ?? '',
          type === 'close' ? [e.code, e.reason, e.wasClean].join(' ') : '', e.origin === undefined ? '' : e.origin.replace(/\\d+$/, ''), e.lastEventId ?? ''));
  };
  /** UTF-8 as one character an octet. */
  const octets = (text) => String.fromCharCode(...new TextEncoder().encode(text));
  const frame = (opcode, payload = '', { fin = true, rsv = 0 } = {}) => {
    const { length } = payload;
    const head = length < 126 ? [length] : [126, length >> 8, length & 255];
    return String.fromCharCode((fin ? 128 : 0) | (rsv << 4) | opcode, ...head) + payload;
  };
  const text = (payload) => frame(1, octets(payload));
  const closing = (code, reason = '') => frame(8, String.fromCharCode(code >> 8, code & 255) + octets(reason));
  const frames = (asked) => raw.replace('http', 'ws') + '/frames?' + encodeURIComponent(JSON.stringify(asked));
  const stream = (asked) => raw + '/stream?' + encodeURIComponent(JSON.stringify(asked));
  /** One stream from its beginning to its n-th error. */
  const follow = async (asked, types = [], errors = 1) => {
    const source = new EventSource(stream(asked));
    events(source, ['open', 'message', 'error', ...types]);
    for (let i = 0; i < errors; i++) await next(source, 'error');
    source.close();
  };
  /** One WebSocket from its beginning to its end. */
  const talk = async (asked, protocols = []) => {
    const socket = new WebSocket(frames(asked), protocols);
    events(socket, ['open', 'message', 'error', 'close']);
    await next(socket, 'close');
    say(socket.readyState, 'protocol', socket.protocol, 'extensions', socket.extensions);
  };
`;

export const SCRIPTS: Readonly<Record<string, string>> = {
  'the shape of the interfaces': `
    for (const subject of [WebSocket, EventSource]) {
      say(subject.name, subject.length, Object.prototype.toString.call(subject.prototype));
      const members = [];
      for (const key in subject.prototype) if (!(key in EventTarget.prototype)) members.push(key);
      // Not in the standard, and not enumerable here: nothing of it may show.
      say(members.filter((key) => !/^(binaryType|bufferedAmount)$/.test(key)).sort());
      for (const key of ['CONNECTING', 'OPEN', 'CLOSED', 'url', 'close', 'onmessage', 'readyState'])
        for (const holder of [subject, subject.prototype]) {
          const property = Object.getOwnPropertyDescriptor(holder, key);
          say(key, property && [typeof property.value, property.value === undefined ? '' : typeof property.value === 'number' ? property.value : property.value.length, property.writable, property.enumerable, property.configurable, typeof property.get, typeof property.set]);
        }
    }`,
  'what a constructor, send and close throw': `
    for (const given of [[], ['ftp://a'], ['ws://a#b'], ['ws://a#'], ['http://['], [ws, ''], [ws, 'a b'], [ws, ['a', 'a']], [ws, 'é'], [ws, ['a', '']], [ws, Symbol('x')]])
      say('new WebSocket', given.length, name(() => { new WebSocket(...given); }));
    for (const given of [[], [Symbol('x')], ['http://[']]) say('new EventSource', name(() => { new EventSource(...given); }));
    say(name(() => WebSocket(ws)), name(() => WebSocket.prototype.url), name(() => WebSocket.prototype.close.call({})));
    const socket = new WebSocket(ws + '/echo');
    say(name(() => socket.send()), name(() => socket.send('x')), name(() => socket.send(Symbol('x'))));
    for (const given of [[0], [999], [1001], [2999], [5000], [-1], [NaN], ['x'], [null], [70000], [2999.4], [1000, 'é'.repeat(62)], [Symbol('x')], [1000n]])
      say('close', typeof given[0] === 'number' ? given[0] : typeof given[0], name(() => socket.close(...given)), socket.readyState);
    await next(socket, 'open');
    socket.binaryType = 'nothing';
    say(socket.binaryType);
    socket.binaryType = { toString: () => 'arraybuffer' };
    say(socket.binaryType, socket.extensions, socket.protocol);
    socket.close();`,
  'handlers and listeners': `
    const socket = new WebSocket(ws + '/echo');
    say(socket.onopen, name(() => { socket.onopen = 5; }), socket.onopen);
    const object = { handleEvent: () => say('never') };
    socket.onopen = object;
    say(socket.onopen === object);
    socket.onopen = () => say('first');
    socket.addEventListener('open', { handleEvent: () => say('listener') });
    socket.onopen = function (event) { say('replaced', this === socket, event.target === socket, event.type, event.bubbles, event.cancelable); };
    await next(socket, 'open');
    socket.onclose = (event) => say(Object.prototype.toString.call(event), event.code, event.reason === '', event.wasClean);
    socket.close(3000);
    await next(socket, 'close');`,
  'messages, codes and states': `
    const socket = new WebSocket(ws + '/echo', ['other', 'chat']);
    events(socket, ['open', 'message', 'error', 'close']);
    await next(socket, 'open');
    say(socket.protocol, socket.url.replace(/\\d+(?=\\/)/, ''));
    socket.send('é\\ud800');
    await next(socket, 'message');
    for (const data of [new Blob(['ab']), new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3]).buffer, new DataView(new ArrayBuffer(8), 2, 4), 5, null, undefined, { toString: () => 'text' }, '']) {
      const before = socket.bufferedAmount;
      socket.send(data);
      say('buffered', socket.bufferedAmount - before);
      await next(socket, 'message');
      if (data instanceof DataView) socket.binaryType = 'arraybuffer';
    }
    socket.send(new Uint8Array(4));
    await next(socket, 'message');
    socket.close(3000.4, 'bye\\ud800');
    say(socket.readyState);
    socket.send('lost');
    say(socket.bufferedAmount);
    await next(socket, 'close');
    socket.send('lost too');
    say(socket.bufferedAmount, name(() => socket.close(1001)), name(() => socket.close()));`,
  'how the server ends it': `
    for (const how of ['1000', '1001', '3000', '4999', 'none', 'terminate', 'bad', 'close-twice']) {
      const socket = new WebSocket(ws + '/end?' + how);
      events(socket, ['open', 'message', 'error', 'close']);
      await next(socket, 'close');
      say(how, socket.readyState);
    }`,
  'what never opens': `
    for (const [path, protocols] of [['/nowhere', []], ['/echo', ['unknown']], ['/refused', []]]) {
      const socket = new WebSocket(ws + path, protocols);
      events(socket, ['open', 'error', 'close']);
      await next(socket, 'close');
      say(path, socket.readyState, socket.protocol);
    }
    const given = new WebSocket(ws + '/echo');
    events(given, ['open', 'error', 'close']);
    given.close(3000, 'early');
    say(given.readyState);
    await next(given, 'close');`,
  'an event stream': `
    const source = new EventSource(url + '/events', { withCredentials: 1 });
    events(source, ['open', 'message', 'tick', 'error']);
    say(source.readyState, source.withCredentials, source.url.replace(/\\d+(?=\\/)/, ''));
    for (let i = 0; i < 2; i++) await next(source, 'error');
    await next(source, 'message');
    source.close();
    say(source.readyState);`,
  'event streams that fail for good': `
    for (const path of ['/nowhere', '/text', '/204']) {
      const source = new EventSource(url + path);
      events(source, ['open', 'message', 'error']);
      await next(source, 'error');
      say(path, source.readyState);
    }`,
  'URLs of a WebSocket': `
    for (const given of ['ws://a', 'WS://A:80/b', 'wss://a:443', 'http://a/?q#'.slice(0, -1), 'https://a:444/', 'ws://u:p@a/', 'ws://a/ b', 'ws://é/é?é', 'ws://[::1]/', 'ws://1/', 'ws:a', 'ws://', 'ws://a:99999', 'file:///a', 'javascript:1', 'ws://a/#x', new URL('ws://a/url'), { toString: () => 'ws://a/object' }, 'ws://a/\\ud800'])
      say(String(given), name(() => {
        const socket = new WebSocket(given);
        socket.onerror = () => {};
        socket.close();
        return socket.url + ' ' + socket.readyState;
      }));`,
  'close codes and reasons that come': `
    for (const [code, reason] of [[1000, 'é'], [1001, ''], [1002, 'x'], [1003], [1007], [1008], [1009], [1010], [1011], [1012], [1013], [1014], [3000, 'a'.repeat(123)], [4999]]) {
      say(code);
      await talk({ pieces: [closing(code, reason)] });
    }
    await talk({ pieces: [frame(8)] });`,
  'close frames that break the protocol': `
    for (const payload of ['\\u0003', '\\u0003\\u00ed', '\\u0003\\u00ee', '\\u0003\\u00f7', '\\u0003\\u00e8\\u00ff'])
      await talk({ pieces: [frame(8, payload)] });`,
  'frames that break the protocol': `
    for (const bad of [frame(1, 'x', { rsv: 1 }), frame(1, 'x', { rsv: 4 }), frame(3), frame(11), frame(0, 'x'), frame(1, 'x', { fin: false }) + frame(1, 'y'), frame(9, 'x', { fin: false }), frame(9, 'x'.repeat(126)), frame(1, '\\u00ff'), frame(1, '\\u00c3'), '\\u0081\\u0081\\u0000\\u0000\\u0000\\u0000x'])
      await talk({ pieces: [text('first'), bad] });`,
  'how TCP ends without a close frame': `
    for (const then of ['end', 'reset']) {
      await talk({ pieces: [text('a'), text('b')], then });
      await talk({ pieces: [frame(1, 'unfinished', { fin: false })], then });
    }`,
  'fragments, and control frames between': `
    await talk({ pieces: [frame(1, 'a', { fin: false }), frame(9, 'ping'), frame(0, 'b', { fin: false }) + frame(10), frame(0, 'c'), frame(1, '', { fin: false }) + frame(0), frame(1, '\\u00c3', { fin: false }), frame(0, '\\u00a9'), frame(2, 'ab', { fin: false }), frame(0, 'cd'), closing(1000)] });`,
  'what comes with the answer to the handshake': `
    await talk({ pieces: [text('a') + text('b') + closing(3000, 'at once')] });
    await talk({ pieces: ['\\u0081'] , then: 'end' });`,
  subprotocols: `
    const choosing = (name) => ({ fields: 'Sec-WebSocket-Protocol: ' + name + '\\r\\n', pieces: [closing(1000)] });
    for (const [offered, chosen] of [['a', 'a'], [['a', 'b'], 'b'], [['a'], 'A'], [['a'], 'b'], [[], 'a'], [['a', 'b'], 'a, b'], [['a'], '']]) {
      say(offered, 'and', chosen);
      await talk(choosing(chosen), offered);
    }
    await talk({ pieces: [closing(1000)] }, ['a']);
    await talk({ fields: 'Sec-WebSocket-Protocol: a\\r\\nSec-WebSocket-Protocol: a\\r\\n', pieces: [closing(1000)] }, ['a']);`,
  'answers that are no handshake': `
    const right = 'HTTP/1.1 101 x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: {accept}\\r\\n\\r\\n';
    for (const head of [right, right.replace('{accept}', 'x'), right.replace('Upgrade: websocket', 'Upgrade: WebSocket'), right.replace('Upgrade: websocket', 'Upgrade: h2c'), right.replace('Connection: Upgrade', 'Connection: keep-alive, upgrade'), right.replace('Connection: Upgrade', 'Connection: close'), right.replace('101', '200'), right.replace('101', '404'), right.replace('\\r\\n\\r\\n', '\\r\\nSec-WebSocket-Extensions: x\\r\\n\\r\\n'), right.replace('101 x', '302 Found\\r\\nLocation: /frames?%7B%7D'), 'HTTP/1.1 401 x\\r\\nContent-Length: 2\\r\\n\\r\\nno', 'nonsense\\r\\n\\r\\n', '']) {
      say(head.slice(0, 20));
      await talk({ head, pieces: ['', closing(1000)], then: 'end' });
    }`,
  'close while connecting, and in handlers': `
    const given = new WebSocket(frames({ waitMs: 20 }));
    events(given, ['open', 'error', 'close']);
    given.close();
    say(given.readyState, name(() => given.send('x')), given.bufferedAmount, name(() => given.close(3000)));
    await next(given, 'close');
    say(given.readyState, name(() => given.close()));
    for (const type of ['open', 'message', 'close']) {
      const socket = new WebSocket(frames({ pieces: [text('a') + text('b'), text('c'), closing(4000, 'theirs')] }));
      events(socket, ['open', 'message', 'error', 'close']);
      socket.addEventListener(type, () => { socket.close(3001, 'ours'); say('closed in', type, socket.readyState); }, { once: true });
      await next(socket, 'close');
    }`,
  'close is called twice, and something is sent after it': `
    const socket = new WebSocket(ws + '/echo');
    events(socket, ['open', 'message', 'error', 'close']);
    await next(socket, 'open');
    socket.send('before');
    socket.close(3000, 'first');
    socket.close(3001, 'second');
    socket.send('after');
    socket.send(new Uint8Array(5));
    socket.send(new Blob(['four']));
    say(socket.readyState, socket.bufferedAmount >= 13);
    await next(socket, 'close');
    say(socket.bufferedAmount >= 13, name(() => socket.send('late')), socket.readyState);`,
  bufferedAmount: `
    const socket = new WebSocket(ws + '/echo');
    say(socket.bufferedAmount);
    await next(socket, 'open');
    for (const data of ['', 'é', new Uint8Array(70000), new Blob(['abc', 'é']), new ArrayBuffer(2)]) {
      const before = socket.bufferedAmount;
      socket.send(data);
      say(socket.bufferedAmount - before);
    }
    let count = 0;
    await new Promise((resolve) => { socket.onmessage = () => ++count === 5 && resolve(); });
    say(socket.bufferedAmount);
    socket.close();
    await next(socket, 'close');
    say(socket.bufferedAmount);`,
  'binaryType decides when a message is dispatched': `
    const socket = new WebSocket(frames({ pieces: [frame(2, 'ab') + frame(2, 'cd'), frame(2), frame(2, 'ef'), closing(1000)] }));
    say(socket.binaryType);
    for (const value of ['arraybuffer', 'Blob', 'blob', '', null, 'arraybuffer', undefined, 'blob']) {
      socket.binaryType = value;
      say(String(value), socket.binaryType);
    }
    events(socket, ['message', 'close']);
    socket.addEventListener('message', () => { socket.binaryType = socket.binaryType === 'blob' ? 'arraybuffer' : 'blob'; });
    await next(socket, 'close');
    socket.binaryType = 'arraybuffer';
    say(socket.binaryType);`,
  'messages of every size, text and binary': `
    const socket = new WebSocket(ws + '/echo');
    socket.binaryType = 'arraybuffer';
    await next(socket, 'open');
    for (const size of [0, 1, 125, 126, 65535, 65536, 300000]) {
      socket.send('é'.repeat(size / 2) + 'x'.repeat(size % 2));
      const { data } = await next(socket, 'message');
      say(size, data.length, data.slice(-2));
      socket.send(new Uint8Array(size).fill(size));
      const answer = (await next(socket, 'message')).data;
      say(answer.byteLength, new Uint8Array(answer).every((octet) => octet === size % 256));
    }
    socket.close();`,
  'event objects': `
    const socket = new WebSocket(frames({ pieces: [text('a'), closing(3000, 'b')] }));
    const tell = (e) => say(e.constructor.name, e.type, e.bubbles, e.cancelable, e.composed, e.defaultPrevented, e.eventPhase, e.data, e.lastEventId, e.source, e.ports && e.ports.length, e.code, e.reason, e.wasClean, e.currentTarget === e.target, e.composedPath().length);
    for (const type of ['open', 'message', 'close']) socket.addEventListener(type, tell);
    await next(socket, 'close');
    const source = new EventSource(stream({ visits: [['id: 1\\ndata: x\\n\\n']] }));
    for (const type of ['open', 'message']) source.addEventListener(type, tell);
    const { type, bubbles, cancelable } = await next(source, 'error');
    say(type, bubbles, cancelable);
    source.close();`,
  'event streams: fields': `
    await follow({ visits: [['data\\n\\ndata:\\n\\ndata:a\\ndata: b\\ndata:  c\\n\\nDATA: no\\n\\n: comment\\n\\nfoo: bar\\ndata: d\\nevent: tick\\n\\nevent: tick\\n\\ndata: e\\n\\nevent:\\ndata: f\\n\\nevent: open\\ndata: named open\\n\\ndata: ' + octets('é\\ud83d\\ude00') + '\\u00ff\\n\\ndata: unfinished']] }, ['tick']);`,
  'event streams: line ends, whole and cut everywhere': `
    for (const end of ['\\n', '\\r', '\\r\\n']) {
      const whole = ['data: a', 'data: b', '', 'id: 1', 'data: c', '', ''].join(end);
      say(JSON.stringify(end));
      await follow({ visits: [[whole]] });
      await follow({ visits: [[...whole]] });
    }
    await follow({ visits: [['data: a\\r', '\\ndata: b\\r\\n\\r', '\\n\\ndata: c\\n\\r', 'data: d\\r\\r']] });`,
  'event streams: byte order marks': `
    const mark = '\\u00ef\\u00bb\\u00bf';
    for (const pieces of [[mark + 'data: a\\n\\n'], ['\\u00ef', '\\u00bb', '\\u00bfdata: a\\n\\n'], [mark + mark + 'data: a\\n\\n'], ['data: ' + mark + 'a\\n\\n' + mark + 'data: b\\n\\ndata: c\\n\\n'], [mark], ['\\u00ef\\u00bbdata: a\\n\\n']]) {
      const source = new EventSource(stream({ visits: [pieces] }));
      source.onmessage = ({ data }) => say(data.length, escape(data));
      await next(source, 'error');
      source.close();
    }`,
  'event streams: IDs, and what a reconnection sends': `
    for (const first of ['id: 1\\ndata: x\\n\\n', 'id: 1\\n\\n', 'id: 1\\ndata: x\\n\\nid\\ndata: y\\n\\n', 'id: 1\\ndata: x\\n\\nid: 2\\n\\nid: 3\\ndata: unfinished', 'id: a\\u0000b\\ndata: x\\n\\n', 'id: 1\\ndata: x\\n\\nid: \\u0000\\ndata: y\\n\\n', 'id:  two blanks\\ndata: x\\n\\n', 'data: none\\n\\n', 'id: ' + octets('é') + '\\ndata: x\\n\\n', 'id: 1\\nid: 2\\ndata: x\\n\\ndata: y\\n\\n'])
      await follow({ visits: [['retry: 1\\n' + first], ['data: was {last}\\n\\n']] }, [], 2);`,
  'event streams: retry': `
    for (const retry of ['1', '01', '+1', '1.5', '-1', '1x', ' 1', '1e1']) {
      const source = new EventSource(stream({ visits: [['retry: 1\\nretry:' + retry + '\\ndata: x\\n\\n'], ['data: again\\n\\n']] }));
      events(source, ['open', 'message', 'error']);
      for (let i = 0; i < 2; i++) await next(source, 'error');
      source.close();
    }`,
  'event streams: what a response must be': `
    for (const asked of [{ type: 'TEXT/Event-Stream ; charset=utf-8' }, { type: 'text/event-stream;charset="UTF-8"' }, { type: 'text/event-stream; x=y' }, { type: 'text/event-streams' }, { type: 'text/plain' }, { type: '' }, { status: 201 }, { status: 204 }, { status: 205 }, { status: 206 }, { status: 400 }, { status: 404 }, { status: 500 }, { status: 503 }, { status: 300 }, { status: 302 }]) {
      say(JSON.stringify(asked));
      await follow({ ...asked, visits: [['data: x\\n\\n']] });
    }`,
  'event streams: redirects': `
    const target = stream({ visits: [['data: there\\n\\n']] });
    for (const status of [301, 302, 303, 307, 308]) {
      const source = new EventSource(stream({ status, location: target }));
      events(source, ['open', 'message', 'error']);
      await next(source, 'error');
      say(source.url === target);
      source.close();
    }
    for (const location of ['ftp://a/', 'mailto:x']) await follow({ status: 302, location });`,
  'event streams: close in a handler': `
    for (const type of ['open', 'message', 'error']) {
      const source = new EventSource(stream({ visits: [['data: a\\n\\ndata: b\\n\\n', 'data: c\\n\\n']] }));
      events(source, ['open', 'message', 'error']);
      source.addEventListener(type, () => { source.close(); say('closed in', type, source.readyState); }, { once: true });
      await next(source, type);
      await new Promise((resolve) => setTimeout(resolve, 50));
      say(source.readyState);
    }
    const never = new EventSource(stream({ visits: [['data: a\\n\\n']] }));
    events(never, ['open', 'message', 'error']);
    never.close();
    never.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    say(never.readyState);`,
  'event streams: broken off': `
    await follow({ visits: [['retry: 1\\ndata: a\\n\\ndata: half'], ['data: b\\n\\n']], then: 'reset' }, [], 2);
    const nobody = new EventSource('http://127.0.0.1:1/');
    events(nobody, ['open', 'error']);
    await next(nobody, 'error');
    nobody.close();
    say(nobody.readyState);`,
};

/** A script in which Chromium and this library differ, what each says, and why. */
export interface Difference {
  readonly script: string;
  readonly chromium: readonly string[];
  readonly ours: readonly string[];
  readonly because: string;
}

export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'close codes below 1000': {
    script: `for (const code of [0, 999]) await talk({ pieces: [closing(code)] });`,
    chromium: [0, 999].flatMap((code) => ['open 1    ', `close 3  ${code}  true  `, '3 protocol  extensions ']),
    ours: [0, 999].flatMap(() => ['open 1    ', 'error 3    ', 'close 3  1006  false  ', '3 protocol  extensions ']),
    because: 'RFC 6455 §7.4.2: codes 0 to 999 are not used. A peer that sends them breaks the protocol.',
  },
  'what stands behind a close frame': {
    script: `await talk({ pieces: [closing(1000) + text('behind')] });`,
    chromium: ['open 1    ', 'error 3    ', 'close 3  1006  false  ', '3 protocol  extensions '],
    ours: ['open 1    ', 'close 3  1000  true  ', '3 protocol  extensions '],
    because: 'RFC 6455 §1.4: a peer that has received a close frame discards any further data.',
  },
  'a 101 of HTTP/1.0': {
    script: `await talk({ head: 'HTTP/1.0 101 x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: {accept}\\r\\n\\r\\n', pieces: [closing(1000)] });`,
    chromium: ['open 1    ', 'close 3  1000  true  ', '3 protocol  extensions '],
    ours: ['error 3    ', 'close 3  1006  false  ', '3 protocol  extensions '],
    because: 'RFC 9110 §15.2: there is no 1xx in HTTP/1.0.',
  },
  'a redirect of an event stream to what is no URL': {
    script: `await follow({ status: 302, location: 'http://[' });`,
    chromium: ['error 0    '],
    ours: ['error 2    '],
    because:
      'HTML §9.2.3: a client that knows another attempt to be futile may fail the connection. Its error says what the server sent.',
  },
  'a relative URL': {
    script: `for (const Type of [WebSocket, EventSource]) say(name(() => { const given = new Type('/echo'); given.onerror = () => {}; given.close(); return 'taken'; }));`,
    chromium: ['taken', 'taken'],
    ours: ['SyntaxError', 'SyntaxError'],
    because: 'WebSockets §3.1 step 1 takes the base URL of the page. Here is no page.',
  },
  'promises between two events of one read': {
    script: `
      const tell = ({ data }) => { say(data); Promise.resolve().then(() => say('behind', data)); };
      const socket = new WebSocket(frames({ pieces: ['', text('a') + text('b'), closing(1000)] }));
      socket.addEventListener('message', tell);
      await next(socket, 'close');
      const source = new EventSource(stream({ visits: [['data: c\\n\\ndata: d\\n\\n']] }));
      source.addEventListener('message', tell);
      await next(source, 'error');
      source.close();`,
    chromium: ['a', 'behind a', 'b', 'behind b', 'c', 'behind c', 'd', 'behind d'],
    ours: ['a', 'b', 'behind a', 'behind b', 'c', 'd', 'behind c', 'behind d'],
    because:
      'HTML §8.1.7.3: a browser settles promises between two events. Choice: here the events of one read come in one turn, as those of ' +
      'Node’s own emitters do: with a turn for each, dispatching short messages took 1.6 to 3.6 times as long. Who awaits events one by ' +
      'one uses `for await`, which misses none (docs/clients.md).',
  },
};
