import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMPRESSION_DEFAULTS } from '../../lib/limits.ts';
import type { DeflateSettings } from '../../lib/websocket/deflate.ts';
import { prepareMessage } from '../../lib/websocket/prepared-message.ts';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';
import { chat, decompressed, noise, PLAIN, TAKEOVER } from '../support/deflate.ts';
import { concat } from '../support/frames.ts';

interface Sent {
  readonly compressed: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** The frames in a server's output, read by RFC 6455 §5.2 and not by the library. */
function frames(output: Uint8Array): Sent[] {
  const sent: Sent[] = [];
  for (let at = 0; at < output.length; ) {
    const first = output[at]!;
    assert.equal(first & 0x80, 0x80, 'a message is one frame');
    assert.equal(first & 0x30, 0, 'RSV2 and RSV3 are 0');
    let length = output[at + 1]!;
    at += 2;
    const view = Buffer.from(output);
    if (length === 126) {
      length = view.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(view.readBigUInt64BE(at));
      at += 8;
    }
    sent.push({ compressed: (first & 0x40) !== 0, opcode: first & 0xf, payload: output.slice(at, at + length) });
    at += length;
  }
  return sent;
}

function server(deflate: DeflateSettings = PLAIN): WebSocketProtocol {
  return new WebSocketProtocol({ role: 'server' }, undefined, { deflate });
}

const utf8 = (text: string) => new Uint8Array(Buffer.from(text));

describe('RFC 7692 §7.2.1: compression', () => {
  it('a message goes out with RSV1, its opcode, and without 00 00 ff ff at its end', () => {
    const protocol = server();
    const text = chat(1_000);
    protocol.sendText(text);
    protocol.sendBinary(utf8(text));
    protocol.sendText(utf8(text));
    const sent = frames(protocol.takeOutput());
    assert.deepEqual(
      sent.map(({ compressed, opcode }) => [compressed, opcode]),
      [
        [true, 1],
        [true, 2],
        [true, 1],
      ],
    );
    for (const { payload } of sent) {
      assert.ok(payload.length < 1_000);
      assert.deepEqual(decompressed(payload), utf8(text));
      assert.notDeepEqual(payload.slice(-4), Uint8Array.of(0, 0, 0xff, 0xff));
    }
  });

  it('payloads of more than 16 KiB stay as they are while later messages are compressed', () => {
    for (const settings of [PLAIN, TAKEOVER, { ...TAKEOVER, level: 1 }]) {
      const sender = server(settings);
      const receiver = new WebSocketProtocol({ role: 'client' }, undefined, { deflate: settings });
      const texts = [1, 2, 3].map((seed) => Buffer.from(noise(22_000, seed)).toString('base64').slice(0, 29_000));
      for (const text of texts) sender.sendText(text);
      const output = sender.takeOutput();
      for (const { compressed, payload } of frames(output)) assert.ok(compressed && payload.length > 16_384);
      assert.deepEqual(
        receiver.receive(output),
        texts.map((data) => ({ kind: 'text', data })),
      );
    }
  });

  it('messages around the sizes from which zlib compresses arrive as they were sent, and a shorter one behind them', () => {
    for (const [settings, around] of [
      [{ ...PLAIN, level: 6 }, COMPRESSION_DEFAULTS.nativeDeflateFromBytes],
      [{ ...TAKEOVER, level: 6 }, COMPRESSION_DEFAULTS.nativeDeflateWithTakeoverFromBytes],
      [{ ...PLAIN, level: 1 }, COMPRESSION_DEFAULTS.nativeQuickDeflateFromBytes],
      [{ ...TAKEOVER, level: 1 }, COMPRESSION_DEFAULTS.nativeQuickDeflateFromBytes],
    ] as const) {
      const sender = server(settings);
      const receiver = new WebSocketProtocol({ role: 'client' }, undefined, { deflate: settings });
      const whole = Buffer.from(noise(around))
        .toString('latin1')
        .replace(/[^ -~]/g, 'e');
      for (const text of [whole.slice(0, around - 1), whole, whole.slice(-2_000)]) {
        sender.sendText(text);
        const output = sender.takeOutput();
        assert.ok(frames(output)[0]!.compressed);
        assert.deepEqual(receiver.receive(output), [{ kind: 'text', data: text }], `${text.length}`);
      }
    }
  });

  it('every length from 0 to 600, and long text in every kind of character, arrives as it was sent', () => {
    for (const settings of [PLAIN, TAKEOVER, { ...PLAIN, level: 1 }, { ...TAKEOVER, level: 1 }]) {
      const sender = server(settings);
      const receiver = new WebSocketProtocol({ role: 'client' }, undefined, { deflate: settings });
      const texts = Array.from({ length: 601 }, (_, length) => chat(length, length));
      texts.push('é'.repeat(6_000), '€'.repeat(20_000), '😀'.repeat(9_000), chat(300_000));
      for (const text of texts) {
        sender.sendText(text);
        assert.deepEqual(receiver.receive(sender.takeOutput()), [{ kind: 'text', data: text }], `${text.length}`);
      }
    }
  });

  it('a message that would not be shorter is sent as it is', () => {
    const protocol = server();
    for (const plain of [new Uint8Array(0), Uint8Array.of(1), noise(100), noise(20_000), noise(100_000)]) {
      protocol.sendBinary(plain);
      assert.deepEqual(frames(protocol.takeOutput()), [{ compressed: false, opcode: 2, payload: plain }]);
    }
  });

  it('control frames are never compressed (§6)', () => {
    const protocol = server();
    protocol.sendPing(new Uint8Array(125));
    protocol.sendPong(new Uint8Array(125));
    protocol.sendClose(1000, 'a'.repeat(100));
    assert.deepEqual(
      frames(protocol.takeOutput()).map(({ compressed, opcode }) => [compressed, opcode]),
      [
        [false, 9],
        [false, 10],
        [false, 8],
      ],
    );
  });

  it('where nothing was agreed nothing is compressed, whatever is asked', () => {
    const protocol = new WebSocketProtocol({ role: 'server' });
    protocol.sendText('a'.repeat(1_000), true);
    protocol.sendPrepared(prepareMessage('a'.repeat(1_000)), true);
    assert.deepEqual(
      frames(protocol.takeOutput()).map(({ compressed }) => compressed),
      [false, false],
    );
  });

  it('a client masks what it has compressed (RFC 6455 §5.3), and leaves the caller’s bytes alone', () => {
    const sender = new WebSocketProtocol({ role: 'client' }, undefined, { deflate: TAKEOVER });
    const receiver = server(TAKEOVER);
    const plain = utf8(chat(5_000));
    const copy = plain.slice();
    for (let i = 0; i < 3; i++) {
      sender.sendBinary(plain);
      const output = sender.takeOutput();
      assert.equal(output[1]! & 0x80, 0x80);
      assert.ok(output.length < 2_500);
      assert.deepEqual(receiver.receive(output), [{ kind: 'binary', data: copy }]);
    }
    assert.deepEqual(plain, copy);
  });
});

describe('thresholdBytes and compress', () => {
  const settings: DeflateSettings = { ...PLAIN, thresholdBytes: 100 };

  function isCompressed(send: (protocol: WebSocketProtocol) => void): boolean {
    const protocol = server(settings);
    send(protocol);
    return frames(protocol.takeOutput())[0]!.compressed;
  }

  const rows: readonly [title: string, text: string, asked: boolean | undefined, compressed: boolean][] = [
    ['shorter than the threshold: no', 'a'.repeat(99), undefined, false],
    ['as long as the threshold: yes', 'a'.repeat(100), undefined, true],
    ['the threshold counts bytes, not characters: 49 é are 98', 'é'.repeat(49), undefined, false],
    ['50 é are 100', 'é'.repeat(50), undefined, true],
    ['compress: false overrules it', 'a'.repeat(1_000), false, false],
    ['compress: true overrules it', 'a'.repeat(50), true, true],
    ['compress: true does not make a message longer', 'a', true, false],
  ];
  for (const [title, text, asked, compressed] of rows) {
    it(title, () => {
      assert.equal(
        isCompressed((protocol) => protocol.sendText(text, asked)),
        compressed,
        'text',
      );
      assert.equal(
        isCompressed((protocol) => protocol.sendText(utf8(text), asked)),
        compressed,
        'text as bytes',
      );
      assert.equal(
        isCompressed((protocol) => protocol.sendBinary(utf8(text), asked)),
        compressed,
        'binary',
      );
      assert.equal(
        isCompressed((protocol) => protocol.sendPrepared(prepareMessage(text), asked)),
        compressed,
        'prepared',
      );
    });
  }
});

describe('adaptive', () => {
  /** How each message went out. */
  function run(settings: DeflateSettings, messages: readonly (readonly [Uint8Array, boolean?])[]): string {
    const protocol = server(settings);
    return messages
      .map(([plain, asked]) => {
        protocol.sendBinary(plain, asked);
        return frames(protocol.takeOutput())[0]!.compressed ? 'c' : '.';
      })
      .join('');
  }
  const good = utf8(chat(1_000));
  const bad = noise(1_000);
  const times = (count: number, plain: Uint8Array) => Array.from({ length: count }, () => [plain] as const);

  it('after a message that does not shrink one is left alone, after the next two, and so on', () => {
    const adaptive = { ...PLAIN, adaptive: true };
    assert.equal(run(adaptive, [[bad], ...times(3, good)]), '..cc');
    assert.equal(run(adaptive, [[bad], [good], [bad], ...times(4, good)]), '.....cc');
  });

  it('a message that shrinks by less than an eighth goes out compressed, and counts as one that does not', () => {
    const little = noise(2_000).map((byte) => byte & 0x7f); // seven bits of eight, and a header
    assert.equal(run({ ...PLAIN, adaptive: true }, [[little], ...times(2, good)]), 'c.c');
  });

  it('never more than 64 are left alone', () => {
    const sent = run({ ...PLAIN, adaptive: true }, [...times(500, bad), ...times(66, good)]);
    assert.ok(sent.endsWith('c'));
    assert.ok(sent.lastIndexOf('.') >= 500);
  });

  it('compress: true compresses all the same', () => {
    assert.equal(run({ ...PLAIN, adaptive: true }, [[bad], [good, true], [good]]), '.cc');
  });

  it('without it every message is tried', () => {
    assert.equal(run(PLAIN, [[bad], [good], [bad], [good]]), '.c.c');
  });
});

describe('RFC 7692 §7.1.1: context takeover', () => {
  it('with it a repeated message shrinks to a reference; without it every message is compressed alone', () => {
    const text = chat(2_000);
    for (const [settings, isShort] of [
      [TAKEOVER, true],
      [PLAIN, false],
    ] as const) {
      const protocol = server(settings);
      protocol.sendText(text);
      const [first] = frames(protocol.takeOutput());
      protocol.sendText(text);
      const [second] = frames(protocol.takeOutput());
      assert.deepEqual(decompressed(first!.payload), utf8(text));
      assert.equal(second!.payload.length < 50, isShort, `${second!.payload.length} bytes`);
    }
  });

  it('only what went out compressed is referred to', () => {
    const protocol = server({ ...TAKEOVER, thresholdBytes: 50 });
    const history: Uint8Array[] = [];
    const messages: readonly [Uint8Array, boolean | undefined][] = [
      [utf8(chat(400)), undefined],
      [utf8('short'), undefined], // under the threshold
      [noise(300), undefined], // does not shrink
      [utf8(chat(700, 2)), false], // asked not to
      [utf8(chat(400)), undefined],
      [utf8(chat(700, 2)), undefined],
      [noise(300), undefined],
    ];
    let compressedCount = 0;
    for (const [plain, asked] of messages) {
      protocol.sendBinary(plain, asked);
      const [frame] = frames(protocol.takeOutput());
      if (!frame!.compressed) {
        assert.deepEqual(frame!.payload, plain);
        continue;
      }
      compressedCount++;
      assert.deepEqual(decompressed(frame!.payload, concat(...history)), plain);
      history.push(plain);
    }
    assert.equal(compressedCount, 3);
  });

  it('a window of 2^n bytes is never looked past (§7.1.2)', () => {
    // Incompressible but for a repetition just inside, or just outside, the window.
    for (const bits of [8, 9, 10, 12, 15]) {
      for (const takeover of [false, true]) {
        const sender = server({ ...(takeover ? TAKEOVER : PLAIN), sendWindowBits: bits });
        const window = 2 ** bits;
        const pattern = utf8(chat(120, bits));
        let history: Uint8Array = new Uint8Array(0);
        const gaps = [100, window - 130, window - 100, window, window + 300];
        const messages = gaps.map((gap) => concat(pattern, noise(Math.max(0, gap), gap), pattern));
        // Of every engine: short and long, with something to gain also where the repetition is too far away.
        for (const repetitions of [2, 20, 200])
          messages.push(utf8(Buffer.from(noise(150, bits)).toString('hex').repeat(repetitions)));
        for (const plain of messages) {
          sender.sendBinary(plain, true);
          const [frame] = frames(sender.takeOutput());
          if (!frame!.compressed) continue;
          assert.deepEqual(decompressed(frame!.payload, takeover ? history : undefined), plain);
          assert.ok(
            farthestDistance(frame!.payload) <= window,
            `window ${window}, distance ${farthestDistance(frame!.payload)}`,
          );
          history = concat(history, plain);
        }
      }
    }
  });
});

describe('prepared messages', () => {
  it('are compressed once for all connections with the same window', () => {
    const message = prepareMessage(chat(1_000));
    const connections = [PLAIN, PLAIN, TAKEOVER, TAKEOVER].map((settings) => server(settings));
    for (const connection of connections) connection.sendPrepared(message);
    const ranges = connections.map((connection) => connection.output.take(10_000)!);
    for (const range of ranges) {
      assert.equal(range.bytes, ranges[0]!.bytes);
      assert.equal(range.start, ranges[0]!.start);
    }
    const { bytes, start, end } = ranges[0]!;
    assert.deepEqual(decompressed(frames(bytes.slice(start, end))[0]!.payload), utf8(chat(1_000)));
  });

  it('each window size has its own form, and connections without compression the plain one', () => {
    const text = Buffer.from(noise(1_000)).toString('hex').repeat(3); // repeats 2,000 bytes back
    const message = prepareMessage(text);
    const send = (connection: WebSocketProtocol) => {
      connection.sendPrepared(message);
      return frames(connection.takeOutput())[0]!;
    };
    const small = send(server({ ...PLAIN, sendWindowBits: 9 }));
    const large = send(server());
    const none = send(new WebSocketProtocol({ role: 'server' }));
    assert.ok(farthestDistance(small.payload) <= 512);
    assert.ok(large.payload.length < small.payload.length);
    assert.deepEqual(decompressed(small.payload), utf8(text));
    assert.deepEqual(decompressed(large.payload), utf8(text));
    assert.deepEqual(none, { compressed: false, opcode: 1, payload: utf8(text) });
  });

  it('with takeover, later messages refer to a prepared one, and the peer follows', () => {
    const sender = server(TAKEOVER);
    const receiver = new WebSocketProtocol({ role: 'client' }, undefined, { deflate: TAKEOVER });
    const text = chat(2_000);
    const sizes: number[] = [];
    for (const message of [text, prepareMessage(chat(2_000, 2)), chat(2_000, 2), prepareMessage(text), text]) {
      if (typeof message === 'string') sender.sendText(message);
      else sender.sendPrepared(message);
      const output = sender.takeOutput();
      sizes.push(output.length);
      assert.deepEqual(receiver.receive(output), [
        { kind: 'text', data: typeof message === 'string' ? message : message.data },
      ]);
    }
    assert.ok(sizes[2]! < 50, `a text that a prepared message had: ${sizes[2]} bytes`);
    assert.ok(sizes[3]! > 300, `a prepared message refers to nothing: ${sizes[3]} bytes`);
    assert.ok(sizes[4]! < 50);
  });

  it('consecutive compressed ones leave as one range', () => {
    const connection = server();
    for (let i = 0; i < 5; i++) connection.sendPrepared(prepareMessage(chat(1_000, i)));
    const range = connection.output.take(100_000)!;
    assert.equal(connection.output.byteLength, 0);
    assert.equal(frames(range.bytes.slice(range.start, range.end)).length, 5);
  });

  it('a client masks its own copy', () => {
    const client = new WebSocketProtocol({ role: 'client' }, undefined, { deflate: PLAIN });
    const receiver = server();
    for (const data of [chat(1_000), utf8(chat(1_000))]) {
      client.sendPrepared(prepareMessage(data));
      const output = client.takeOutput();
      assert.equal(output[0]! & 0x40, 0x40);
      assert.deepEqual(receiver.receive(output), [
        typeof data === 'string' ? { kind: 'text', data } : { kind: 'binary', data },
      ]);
    }
  });
});

/** The farthest that a stream refers back: found by decoding it with ever more history cut away. */
function farthestDistance(payload: Uint8Array): number {
  return distances(payload).reduce((a, b) => Math.max(a, b), 0);
}

/** Every distance of a stream, by a reader of RFC 1951 §3.2.3-3.2.7 that keeps nothing else. */
function distances(payload: Uint8Array): number[] {
  const stream = concat(payload, Uint8Array.of(0, 0, 0xff, 0xff));
  const found: number[] = [];
  let at = 0;
  const take = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) value |= ((stream[at >> 3]! >> (at & 7)) & 1) << i;
    return value;
  };
  /** Codes as strings of bits, by RFC 1951 §3.2.2. */
  const codes = (lengths: readonly number[]): Map<string, number> => {
    const map = new Map<string, number>();
    let code = 0;
    for (let length = 1; length <= 15; length++, code <<= 1)
      lengths.forEach((each, symbol) => {
        if (each === length) map.set((code++).toString(2).padStart(length, '0'), symbol);
      });
    return map;
  };
  const symbol = (map: Map<string, number>): number => {
    for (let bits = ''; ; ) {
      bits += take(1);
      const found = map.get(bits);
      if (found !== undefined) return found;
    }
  };
  const fixed = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
  while (at + 3 <= stream.length * 8) {
    take(1);
    const type = take(2);
    if (type === 0) {
      at = (at + 7) & ~7;
      const length = take(16);
      take(16);
      at += length * 8;
      continue;
    }
    let literals = codes(fixed);
    let distanceCodes = codes(Array.from({ length: 30 }, () => 5));
    if (type === 2) {
      const literalCount = take(5) + 257;
      const distanceCount = take(5) + 1;
      const lengths: number[] = new Array(19).fill(0);
      const count = take(4) + 4;
      for (const i of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].slice(0, count))
        lengths[i] = take(3);
      const lengthCodes = codes(lengths);
      const all: number[] = [];
      while (all.length < literalCount + distanceCount) {
        const each = symbol(lengthCodes);
        if (each < 16) all.push(each);
        else {
          const value = each === 16 ? all.at(-1)! : 0;
          const repeat = each === 16 ? 3 + take(2) : each === 17 ? 3 + take(3) : 11 + take(7);
          for (let i = 0; i < repeat; i++) all.push(value);
        }
      }
      literals = codes(all.slice(0, literalCount));
      distanceCodes = codes(all.slice(literalCount));
    }
    for (let each = symbol(literals); each !== 256; each = symbol(literals)) {
      if (each < 256) continue;
      take(each < 265 || each === 285 ? 0 : (each - 261) >> 2);
      const code = symbol(distanceCodes);
      const extra = code < 4 ? 0 : (code >> 1) - 1;
      found.push((code < 4 ? code + 1 : ((2 + (code & 1)) << extra) + 1) + take(extra));
    }
  }
  return found;
}
