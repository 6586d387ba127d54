/** The tester's own frame code against the octets of RFC 6455, since everything else rests on it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyMask,
  closeBody,
  describeFrame,
  encodeFrame,
  FrameReader,
  KeySource,
  type WireFrame,
} from '../../lib/conformance/wire.ts';
import { WireLog } from '../../lib/conformance/wire-log.ts';
import { CONFORMANCE_LIMITS } from '../../lib/limits.ts';
import { bytes } from '../support/frames.ts';

const KEY = bytes('37fa213d');

function facts({ fin, rsv, opcode, masked, length, minimal, payload }: WireFrame): object {
  return { fin, rsv, opcode, masked, length, minimal, payload: payload.toString('latin1') };
}

function readAll(octets: Uint8Array): WireFrame[] {
  return new FrameReader().read(octets);
}

describe('the examples of RFC 6455 §5.7', () => {
  it('an unmasked text is written as printed there', () => {
    assert.equal(encodeFrame({ opcode: 1, payload: Buffer.from('Hello') }).toString('hex'), '810548656c6c6f');
  });
  it('a masked text is written as printed there', () => {
    assert.equal(
      encodeFrame({ opcode: 1, payload: Buffer.from('Hello') }, KEY).toString('hex'),
      '818537fa213d7f9f4d5158',
    );
  });
  it('a masked pong is read as printed there', () => {
    assert.deepEqual(readAll(bytes('8a8537fa213d7f9f4d5158')).map(facts), [
      { fin: true, rsv: 0, opcode: 10, masked: true, length: 5, minimal: true, payload: 'Hello' },
    ]);
  });
  it('two fragments are read as printed there', () => {
    assert.deepEqual(readAll(bytes('010348656c80026c6f')).map(facts), [
      { fin: false, rsv: 0, opcode: 1, masked: false, length: 3, minimal: true, payload: 'Hel' },
      { fin: true, rsv: 0, opcode: 0, masked: false, length: 2, minimal: true, payload: 'lo' },
    ]);
  });
});

describe('lengths (RFC 6455 §5.2)', () => {
  for (const [length, header] of [
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ] as const) {
    it(`${length} octets take the header ${header}, and are read back`, () => {
      const octets = encodeFrame({ opcode: 2, payload: Buffer.alloc(length, 7) });
      assert.equal(octets.toString('hex', 0, header.length / 2), header);
      const [frame] = readAll(octets);
      assert.equal(frame?.length, length);
      assert.equal(frame?.minimal, true);
      assert.equal(frame?.total, octets.length);
    });
  }
  it('a longer form than needed is written when asked for, and reported when read', () => {
    for (const lengthBits of [16, 64] as const) {
      const [frame] = readAll(encodeFrame({ opcode: 1, payload: Buffer.from('Hello'), lengthBits }));
      assert.equal(frame?.minimal, false);
      assert.equal(frame?.lengthBits, lengthBits);
      assert.equal(frame?.payload.toString(), 'Hello');
    }
    const [frame] = readAll(encodeFrame({ opcode: 1, payload: Buffer.alloc(65_535), lengthBits: 64 }));
    assert.equal(frame?.minimal, false);
  });
  it('a length that nobody can hold is reported and not allocated', () => {
    for (const announce of [1n << 63n, (1n << 63n) - 1n, (1n << 53n) + 1n, 67_108_865n]) {
      const reader = new FrameReader();
      assert.deepEqual(reader.read(encodeFrame({ opcode: 2, announce })), []);
      assert.equal(reader.tooLong, announce);
    }
  });
});

describe('the reader', () => {
  it('reads the same frames however they are cut', () => {
    const keys = new KeySource(3);
    const octets = Buffer.concat([
      encodeFrame({ opcode: 1, fin: false, payload: Buffer.from('ab') }, keys.next()),
      encodeFrame({ opcode: 9, rsv: 5 }),
      encodeFrame({ opcode: 0, payload: Buffer.alloc(300, 1) }, keys.next()),
      encodeFrame({ opcode: 15, payload: Buffer.alloc(3, 2), lengthBits: 64 }),
    ]);
    const whole = readAll(octets).map(facts);
    assert.equal(whole.length, 4);
    for (let at = 1; at < octets.length; at++) {
      const reader = new FrameReader();
      assert.deepEqual(
        [...reader.read(octets.subarray(0, at)), ...reader.read(octets.subarray(at))].map(facts),
        whole,
        `cut at ${at}`,
      );
    }
    const reader = new FrameReader();
    assert.deepEqual([...octets].flatMap((octet) => reader.read(Buffer.of(octet))).map(facts), whole);
  });
  it('keeps the octets as they were on the wire, before unmasking', () => {
    const [frame] = readAll(bytes('818537fa213d7f9f4d5158'));
    assert.equal(frame?.raw.toString('hex'), '818537fa213d7f9f4d5158');
  });
  it('reports mask, reserved bits and opcode as they are', () => {
    const [frame] = readAll(encodeFrame({ opcode: 11, rsv: 6, fin: false }, KEY));
    assert.deepEqual(facts(frame!), {
      fin: false,
      rsv: 6,
      opcode: 11,
      masked: true,
      length: 0,
      minimal: true,
      payload: '',
    });
  });
});

describe('masking (RFC 6455 §5.3)', () => {
  it('goes on in the middle of a payload where the offset says', () => {
    const whole = Buffer.from('masking in two pieces');
    const once = Buffer.from(whole);
    applyMask(once, KEY, 0);
    for (let at = 0; at <= whole.length; at++) {
      const pieces = Buffer.from(whole);
      applyMask(pieces.subarray(0, at), KEY, 0);
      applyMask(pieces.subarray(at), KEY, at);
      assert.deepEqual(pieces, once, `cut at ${at}`);
    }
  });
  it('uses keys that are never zero and the same in every run', () => {
    const keys = new KeySource(1);
    const list = Array.from({ length: 1_000 }, () => keys.next().toString('hex'));
    assert.ok(!list.includes('00000000'));
    assert.ok(new Set(list).size > 990);
    assert.equal(new KeySource(1).next().toString('hex'), list[0]);
  });
});

it('frames are described in words', () => {
  assert.equal(describeFrame({ opcode: 8, payload: closeBody(1002, 'no') }), 'close, 4 octets: code 1002 "no"');
  assert.equal(
    describeFrame({ opcode: 1, fin: false, rsv: 4, payload: Buffer.from('hi') }),
    'text (not final, RSV1), 2 octets: "hi"',
  );
  assert.equal(describeFrame({ opcode: 3, payload: Buffer.of(255) }), 'reserved opcode 3, 1 octet: ff');
});

describe('the log of a case', () => {
  it('keeps the first and the last rows and counts the others', () => {
    const log = new WireLog();
    for (let i = 0; i < 65_537; i++) log.sent(Buffer.alloc(200, i), `row ${i}`);
    const rows = log.rows();
    const { maxLoggedRows, maxLoggedBytes } = CONFORMANCE_LIMITS;
    assert.equal(rows.length, maxLoggedRows + 1);
    assert.equal(rows[0]?.meaning, 'row 0');
    assert.equal(rows.at(-1)?.meaning, 'row 65536');
    assert.ok(rows.some(({ meaning }) => meaning === `${65_537 - maxLoggedRows} more rows are not shown`));
    assert.equal(rows[0]?.hex?.length, 2 * maxLoggedBytes);
    assert.equal(rows[0]?.octets, 200);
  });
});
