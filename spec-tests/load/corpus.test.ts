/**
 * Messages as programs send them: what a set promises to the runs that repeat it.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import { answerText } from '../../bench/peers/arguments.ts';
import { COMPRESSED_KINDS, type CorpusName, corpusShape } from '../../bench/wire/corpus.ts';
import { WORKLOADS } from '../../bench/wire/workloads.ts';
import { DeflateContext, deflate } from '../../lib/deflate/index.ts';

const WINDOW_BYTES = 32_768;

describe('a set of messages', () => {
  for (const name of [...COMPRESSED_KINDS, 'document', 'document-utf8'] satisfies CorpusName[]) {
    it(`of ${name} has messages of one length, all different, more of them than a window holds`, () => {
      for (const sizeBytes of [100, 1_024, 4_096]) {
        const messages = corpusShape(name, sizeBytes).messages!;
        assert.ok(messages.length >= 16);
        assert.ok(messages.every(({ length }) => length === sizeBytes));
        assert.equal(new Set(messages.map((each) => each.toString('latin1'))).size, messages.length);
        assert.ok(messages.length * sizeBytes > 2 * WINDOW_BYTES);
      }
    });
  }

  it('is the same each time it is made', () => {
    for (const name of [...COMPRESSED_KINDS, 'mixed-chat'] as const) {
      const [one, two] = [corpusShape(name, 200), corpusShape(name, 200)];
      assert.ok(Buffer.concat(one.messages!).equals(Buffer.concat(two.messages!)), name);
    }
  });

  it('of mixed lengths has short and long ones, half of them below 250 octets', () => {
    for (const name of ['mixed-chat', 'mixed-game'] as const) {
      const lengths = corpusShape(name, 0)
        .messages!.map(({ length }) => length)
        .sort((a, b) => a - b);
      assert.ok(lengths[0]! >= 16 && lengths[0]! < 50, `${lengths[0]}`);
      assert.ok(lengths.at(-1)! > 1_500 && lengths.at(-1)! <= 16_384, `${lengths.at(-1)}`);
      assert.ok(lengths[lengths.length >> 1]! < 250);
    }
  });

  it('of documents has for each what a server makes of it: another text of the same length', () => {
    for (const name of ['document', 'document-utf8'] as const) {
      const { messages, answers } = corpusShape(name, 100);
      for (const [i, message] of messages!.entries()) {
        assert.equal(answers![i]!.toString(), answerText(message.toString()));
        assert.equal(answers![i]!.length, message.length);
        assert.notDeepEqual(answers![i], message);
      }
    }
  });
});

describe('compressed workloads', () => {
  it('are there for each kind of message, in four sizes, with context takeover and without, as echo and fan-out', () => {
    for (const corpus of COMPRESSED_KINDS) {
      const rows = WORKLOADS.filter((each) => each.corpus === corpus && each.compressed !== false);
      const forms = new Set(rows.map(({ sizeBytes, compressed, type }) => `${sizeBytes} ${compressed} ${type}`));
      assert.equal(forms.size, 4 * 2 * 2, corpus);
    }
  });
});

describe('compression at one level', () => {
  const { messages } = corpusShape('chat', 4_096);

  /** Octets of a message on the average, as a compressor makes them that has had all messages before. */
  async function octetsOf(compress: (message: Buffer) => number | Promise<number>): Promise<number> {
    let octets = 0;
    for (const message of messages!) await compress(message);
    for (const message of messages!) octets += await compress(message);
    return octets / messages!.length;
  }

  /** As ws does it: a stream of zlib that is flushed behind each message, without the end of the flush (RFC 7692 §7.2.1). */
  async function flushed(stream: DeflateRaw, message: Buffer): Promise<number> {
    let octets = -4;
    const count = (chunk: Buffer) => {
      octets += chunk.length;
    };
    stream.on('data', count);
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    stream.off('data', count);
    return octets;
  }

  it('makes the octets that README.md and bench/README.md name, zlib as well as barewire', async () => {
    const level = 1;
    const kept = createDeflateRaw({ level });
    const own = new DeflateContext({ level });
    const computed = {
      zlib: await octetsOf((message) => flushed(createDeflateRaw({ level }), message)),
      barewire: await octetsOf((message) => deflate(message, { level }).length),
      zlibTakeover: await octetsOf((message) => flushed(kept, message)),
      barewireTakeover: await octetsOf((message) => {
        const { length } = own.deflate(message);
        own.update(message);
        return length;
      }),
    };
    const text = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
    const bench =
      /zlib at level 1 makes\s([\d,]+) octets and barewire ([\d,]+), with takeover ([\d,]+) and ([\d,]+)/.exec(
        text('bench/README.md'),
      );
    const front = /ws sends ([\d,]+) octets where barewire sends ([\d,]+)/.exec(text('README.md'));
    const number = (each: string | undefined) => Number(each?.replace(',', ''));
    const near = (named: number, value: number) =>
      assert.ok(Math.abs(named / value - 1) < 0.02, `${named} is named, ${value.toFixed(0)} computed`); // versions of zlib differ by some
    for (const [i, value] of Object.values(computed).entries()) near(number(bench?.[i + 1]), value);
    near(number(front?.[1]), computed.zlibTakeover);
    near(number(front?.[2]), computed.barewireTakeover);
  });
});
