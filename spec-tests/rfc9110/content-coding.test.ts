import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createGunzip, createInflate, gunzipSync, inflateSync } from 'node:zlib';
import { chunkOf, prepareEvent } from '../../lib/event-stream/prepared-event.ts';
import { StreamEncoder } from '../../lib/event-stream/stream-encoder.ts';
import { type ContentCoding, chooseContentCoding } from '../../lib/http/content-coding.ts';
import { createServer, type EventStream, type EventStreamRouteOptions } from '../../lib/index.ts';
import { chat } from '../support/deflate.ts';

describe('RFC 9110 §12.5.3: Accept-Encoding', () => {
  const rows: readonly [title: string, field: string | undefined, ours: ContentCoding[], chosen: string | undefined][] =
    [
      ['no field: plain', undefined, ['gzip'], undefined],
      ['an empty field: plain', '', ['gzip'], undefined],
      ['nothing offered by us: plain', 'gzip, deflate', [], undefined],
      ['a coding that both have', 'gzip', ['gzip'], 'gzip'],
      ['what a browser sends: our order decides', 'gzip, deflate, br, zstd', ['deflate', 'gzip'], 'deflate'],
      ['the client’s weights overrule our order', 'gzip;q=1.0, deflate;q=0.5', ['deflate', 'gzip'], 'gzip'],
      ['weights of three digits', 'gzip;q=0.123, deflate;q=0.124', ['gzip', 'deflate'], 'deflate'],
      ['weight 0 refuses', 'gzip;q=0, deflate', ['gzip', 'deflate'], 'deflate'],
      ['weight 0.000 refuses', 'gzip;q=0.000', ['gzip'], undefined],
      ['"*" is every other coding', '*', ['gzip', 'deflate'], 'gzip'],
      ['"*" with its own weight', 'gzip;q=0.2, *;q=0.7', ['gzip', 'deflate'], 'deflate'],
      ['"*;q=0" refuses what is not named', 'deflate, *;q=0', ['gzip', 'deflate'], 'deflate'],
      ['identity weighed more', 'gzip;q=0.5, identity', ['gzip'], undefined],
      ['identity weighed the same', 'gzip;q=0.5, identity;q=0.5', ['gzip'], 'gzip'],
      ['identity refused', 'gzip;q=0.1, identity;q=0', ['gzip'], 'gzip'],
      ['case-insensitive (§8.4.1)', 'GZip;Q=0.5', ['gzip'], 'gzip'],
      ['x-gzip is gzip (§8.4.1.3)', 'x-gzip', ['gzip'], 'gzip'],
      ['white space around', ' gzip ; q=1 ,\tdeflate', ['gzip'], 'gzip'],
      ['others alone', 'br, zstd', ['gzip', 'deflate'], undefined],
      ['a weight above 1 is malformed: plain', 'gzip;q=1.1', ['gzip'], undefined],
      ['a weight of four digits is malformed: plain', 'gzip;q=0.1234', ['gzip'], undefined],
      ['a weight without a number is malformed: plain', 'gzip;q', ['gzip'], undefined],
      ['not a list: plain', 'gzip deflate', ['gzip'], undefined],
    ];
  for (const [title, field, ours, chosen] of rows)
    it(title, () => assert.equal(chooseContentCoding(field, ours), chosen));
});

const CODINGS = ['gzip', 'deflate'] as const;

describe('an encoded event stream', () => {
  for (const coding of CODINGS) {
    const decode = coding === 'gzip' ? gunzipSync : inflateSync;

    it(`${coding}: pieces compressed for all streams make one valid stream, whatever a stream has of them`, () => {
      const events = Array.from({ length: 40 }, (_, i) => prepareEvent({ id: `${i}`, data: chat(i * i, i) }));
      for (const step of [1, 2, 7, 40, 41]) {
        const encoder = new StreamEncoder(coding);
        const parts: Uint8Array[] = [encoder.header];
        let text = '';
        for (let i = step - 1; i < events.length; i += step) {
          const event = events[i]!;
          const { bytes, eventStart, eventEnd } = event.compressed();
          encoder.add(event);
          parts.push(bytes.slice(eventStart, eventEnd));
          text += Buffer.from(event.bytes.subarray(event.eventStart, event.eventEnd)).toString();
        }
        parts.push(encoder.trailer());
        assert.equal(decode(Buffer.concat(parts)).toString(), text);
      }
    });

    it(`${coding}: the checksum is real: one event more or less is noticed`, () => {
      const event = prepareEvent({ data: 'once' });
      const encoder = new StreamEncoder(coding);
      const { bytes, eventStart, eventEnd } = event.compressed();
      const piece = bytes.slice(eventStart, eventEnd);
      encoder.add(event);
      assert.throws(() => decode(Buffer.concat([encoder.header, piece, piece, encoder.trailer()])));
    });
  }

  it('an event is compressed once', () => {
    const event = prepareEvent({ data: chat(500) });
    assert.equal(event.compressed(), event.compressed());
  });

  it('a chunk has its size in hexadecimal, and CR LF behind size and data (RFC 9112 §7.1)', () => {
    const { bytes, start, end, eventStart, eventEnd } = chunkOf(new Uint8Array(300).fill(0x61));
    assert.equal(Buffer.from(bytes.subarray(start, end)).toString(), `12c\r\n${'a'.repeat(300)}\r\n`);
    assert.equal(eventEnd - eventStart, 300);
  });
});

/** The text of a whole response, decoded by zlib's streams. */
function getText(url: string, accept: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { 'Accept-Encoding': accept } }, (response) => {
      const coding = response.headers['content-encoding'];
      const decoder = coding === 'gzip' ? createGunzip() : coding === 'deflate' ? createInflate() : new PassThrough();
      let text = '';
      response
        .pipe(decoder)
        .setEncoding('utf8')
        .on('data', (part: string) => {
          text += part;
        })
        .on('end', () => resolve(text))
        .on('error', reject);
    }).on('error', reject);
  });
}

/** A server with one stream, which the test drives. */
async function streamServer(options: EventStreamRouteOptions) {
  const server = createServer();
  const streams: EventStream[] = [];
  let opened = () => {};
  server.eventStream(
    '/',
    {
      open(stream) {
        streams.push(stream);
        opened();
      },
    },
    options,
  );
  await server.listen();
  return {
    url: `${server.url}/`,
    port: server.port,
    streams,
    /** Resolves with the next stream that is opened. */
    next: () => new Promise<EventStream>((resolve) => (opened = () => resolve(streams.at(-1)!))),
    close: () => server.close(),
  };
}

const NO_CURL = await withoutCurl();

describe('event streams with a content coding, over sockets', { timeout: 30_000 }, () => {
  for (const coding of CODINGS) {
    it(`${coding}: every event can be read when it has been sent, and the stream ends cleanly`, async () => {
      const server = await streamServer({ contentCodings: CODINGS });
      try {
        const opened = server.next();
        const response = new Promise<IncomingMessage>((resolve, reject) =>
          get(server.url, { headers: { 'Accept-Encoding': coding } }, resolve).on('error', reject),
        );
        const stream = await opened;
        const { headers } = await response;
        assert.equal(headers['content-encoding'], coding);
        assert.equal(headers.vary, 'Accept-Encoding');
        assert.equal(headers['content-type'], 'text/event-stream');

        const decoder = (await response).pipe(coding === 'gzip' ? createGunzip() : createInflate());
        decoder.setEncoding('utf8');
        let received = '';
        let expected = '';
        let wake = () => {};
        decoder.on('data', (text: string) => {
          received += text;
          wake();
        });
        const ended = new Promise<void>((resolve, reject) => decoder.on('end', resolve).on('error', reject));
        // One that ends or is cut off too early fails the test instead of being waited for.
        const whole = ended.then(() => assert.equal(received, expected));
        for (let i = 0; i < 20; i++) {
          const data = i % 3 === 0 ? 'same' : chat(i * 100, i).replaceAll('\n', '');
          stream.send({ id: `${i}`, data });
          expected += `id: ${i}\ndata: ${data}\n\n`;
          // Nothing else is sent until this event has come out at the other end.
          while (received.length < expected.length)
            await Promise.race([new Promise<void>((resolve) => (wake = resolve)), whole]);
        }
        stream.comment('bye');
        expected += ': bye\n\n';
        stream.close();
        await whole;
      } finally {
        await server.close();
      }
    });

    it(`${coding}: fetch reads it to its end`, async () => {
      const server = await streamServer({ contentCodings: [coding] });
      try {
        void server.next().then((stream) => {
          for (let i = 0; i < 50; i++) stream.send(chat(i * 20, i).replaceAll('\n', ''));
          stream.close();
        });
        const response = await fetch(server.url);
        assert.equal(response.headers.get('content-encoding'), coding);
        const events = (await response.text()).split('\n\n');
        assert.equal(events.length, 51);
        assert.equal(events[49], `data: ${chat(980, 49).replaceAll('\n', '')}`);
      } finally {
        await server.close();
      }
    });
  }

  it('curl --compressed reads it to its end', { skip: NO_CURL }, async () => {
    const server = await streamServer({ contentCodings: CODINGS });
    try {
      void server.next().then((stream) => {
        for (let i = 0; i < 5; i++) stream.send(`event ${i}`);
        stream.close();
      });
      const { stdout } = await promisify(execFile)('curl', [
        '--compressed',
        '--silent',
        '--show-error',
        '-D-',
        server.url,
      ]);
      assert.match(stdout, /content-encoding: (gzip|deflate)/i);
      assert.ok(
        stdout.endsWith('data: event 0\n\ndata: event 1\n\ndata: event 2\n\ndata: event 3\n\ndata: event 4\n\n'),
      );
    } finally {
      await server.close();
    }
  });

  it('an HTTP/1.0 client gets the same without chunks', async () => {
    const server = await streamServer({ contentCodings: ['gzip'] });
    try {
      void server.next().then((stream) => {
        stream.send('one');
        stream.send('two');
        stream.close();
      });
      const socket = connect(server.port, '127.0.0.1');
      socket.write('GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
      const parts: Buffer[] = [];
      for await (const part of socket) parts.push(part as Buffer);
      const answer = Buffer.concat(parts);
      const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
      assert.doesNotMatch(answer.toString('latin1'), /transfer-encoding/i);
      assert.equal(gunzipSync(body).toString(), 'data: one\n\ndata: two\n\n');
    } finally {
      await server.close();
    }
  });

  const plain: readonly [title: string, options: EventStreamRouteOptions, accept: string, vary: string | null][] = [
    ['by default', {}, 'gzip', null],
    ['for a client that does not take it', { contentCodings: CODINGS }, 'br', 'Accept-Encoding'],
    ['for a client that refuses it', { contentCodings: CODINGS }, 'gzip;q=0, deflate;q=0', 'Accept-Encoding'],
    [
      'with a Vary of the route',
      { contentCodings: CODINGS, headers: { vary: 'Origin' } },
      'identity',
      'Origin, Accept-Encoding',
    ],
  ];
  for (const [title, options, accept, vary] of plain) {
    it(`${title} a stream is plain`, async () => {
      const server = await streamServer(options);
      try {
        void server.next().then((stream) => {
          stream.send('one');
          stream.close();
        });
        const response = await fetch(server.url, { headers: { 'Accept-Encoding': accept } });
        assert.equal(response.headers.get('content-encoding'), null);
        assert.equal(response.headers.get('vary'), vary);
        assert.equal(await response.text(), 'data: one\n\n');
      } finally {
        await server.close();
      }
    });
  }

  it('a coding that we do not have is refused where it is given', () => {
    const contentCodings = ['br'] as unknown as ContentCoding[];
    assert.throws(() => createServer().eventStream('/', {}, { contentCodings }), TypeError);
    assert.throws(() => createServer({ contentCodings }).eventStream('/', {}), TypeError);
  });

  it('HEAD says what GET would (§9.3.2)', async () => {
    const server = await streamServer({ contentCodings: CODINGS });
    try {
      const response = await fetch(server.url, { method: 'HEAD', headers: { 'Accept-Encoding': 'gzip' } });
      assert.equal(response.headers.get('content-encoding'), 'gzip');
      assert.equal(response.headers.get('vary'), 'Accept-Encoding');
    } finally {
      await server.close();
    }
  });

  it('one prepared event goes to streams of every coding', async () => {
    const server = await streamServer({ contentCodings: CODINGS });
    try {
      const texts = ['gzip', 'deflate', 'identity'].map((accept) => getText(server.url, accept));
      while (server.streams.length < 3) await server.next();
      for (let i = 0; i < 10; i++) {
        const event = prepareEvent({ event: 'tick', data: chat(i * 50, i).replaceAll('\n', '') });
        for (const stream of server.streams) stream.send(event);
      }
      for (const stream of server.streams) stream.close();
      const [gzip, deflate, identity] = await Promise.all(texts);
      assert.equal(gzip, identity);
      assert.equal(deflate, identity);
      assert.equal(identity!.split('event: tick').length, 11);
    } finally {
      await server.close();
    }
  });
});

async function withoutCurl(): Promise<string | false> {
  try {
    const { stdout } = await promisify(execFile)('curl', ['--version']);
    return /libz/.test(stdout) ? false : 'curl is built without zlib';
  } catch {
    return 'curl is not installed';
  }
}
