/**
 * Messages as programs send them: what a set promises to the runs that repeat it.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerText } from '../../bench/peers/arguments.ts';
import { COMPRESSED_KINDS, type CorpusName, corpusShape } from '../../bench/wire/corpus.ts';
import { WORKLOADS } from '../../bench/wire/workloads.ts';

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
