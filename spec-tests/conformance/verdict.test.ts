/** The verdict rules, each by the observation that it decides. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLOSE_ON_MATCH, compareIds, groupOf, peerCloses, seenText } from '../../lib/conformance/case.ts';
import { isFailure, judgeScript, type Observation, timeOfGroups } from '../../lib/conformance/verdict.ts';

const HELLO = seenText(Buffer.from('hello'));
const ACCEPTS = [{ behavior: 'OK', seen: [HELLO] }] as const;
const CLEAN: Observation = {
  seen: [HELLO],
  firstClose: 'tester',
  closeSent: true,
  remoteCode: 1000,
  droppedByTester: false,
};
const rules = { close: CLOSE_ON_MATCH };

function verdict(
  change: Partial<Observation>,
  more: object = {},
  accepts: Parameters<typeof judgeScript>[1] = ACCEPTS,
): string {
  const { behavior, behaviorClose } = judgeScript({ ...rules, ...more }, accepts, { ...CLEAN, ...change });
  return `${behavior} / ${behaviorClose}`;
}

describe('behaviour', () => {
  it('is OK when exactly the expected was seen', () => assert.equal(verdict({}), 'OK / OK'));
  it('is FAILED when less, more or something else was seen', () => {
    for (const seen of [
      [],
      [HELLO, HELLO],
      [seenText(Buffer.from('hellO'))],
      [{ kind: 'binary', payload: Buffer.from('hello') }],
    ] as const)
      assert.equal(verdict({ seen }), 'FAILED / OK');
  });
  it('is that of the list which matches', () => {
    assert.equal(verdict({ seen: [] }, {}, [...ACCEPTS, { behavior: 'NON-STRICT', seen: [] }]), 'NON-STRICT / OK');
  });
  it('is INFORMATIONAL where anything goes', () =>
    assert.equal(judgeScript(rules, undefined, CLEAN).behavior, 'INFORMATIONAL'));
  it('is FAILED when the peer broke a rule of framing, whatever else it did', () => {
    assert.equal(verdict({ violation: 'masked a frame' }), 'FAILED / OK');
  });
  it('is FAILED when the handshake was not completed', () => {
    assert.equal(verdict({ handshakeFailure: 'no answer' }), 'FAILED / FAILED');
  });
});

describe('closing, the first rule that applies', () => {
  it('FAILED: the wrong side closed first', () => {
    assert.equal(verdict({ firstClose: 'peer' }), 'OK / FAILED');
    const { behavior, behaviorClose } = judgeScript({ close: peerCloses(1002) }, [{ behavior: 'OK', seen: [] }], {
      ...CLEAN,
      seen: [],
    });
    assert.deepEqual([behavior, behaviorClose], ['OK', 'FAILED']);
  });
  it('and that fails the behaviour where the case is about noticing', () => {
    const observation = { ...CLEAN, seen: [] };
    const judged = judgeScript(
      { close: peerCloses(1007), wrongCloserFails: true },
      [{ behavior: 'OK', seen: [] }],
      observation,
    );
    assert.equal(judged.behavior, 'FAILED');
  });
  it('UNCLEAN: no close frame came back, or TCP was left open, where a clean end is needed', () => {
    const { remoteCode: _, ...unanswered } = CLEAN;
    assert.equal(judgeScript(rules, ACCEPTS, unanswered).behaviorClose, 'UNCLEAN');
    assert.equal(verdict({ droppedByTester: true }), 'OK / UNCLEAN');
  });
  it('WRONG CODE: a code that is not in the list; none at all passes', () => {
    assert.equal(verdict({ remoteCode: 1001 }), 'OK / WRONG CODE');
    assert.equal(verdict({ remoteCode: 1001 }, { wrongCodeFails: true }), 'FAILED / WRONG CODE');
    assert.equal(verdict({ remoteCode: null }), 'OK / OK');
  });
  it('FAILED BY CLIENT: TCP left open where a dropped one would have done', () => {
    const judged = judgeScript({ close: peerCloses(1002) }, [{ behavior: 'OK', seen: [] }], {
      seen: [],
      firstClose: 'peer',
      closeSent: true,
      remoteCode: 1002,
      droppedByTester: true,
    });
    assert.equal(judged.behaviorClose, 'FAILED BY CLIENT');
  });
  it('OK: a peer that must close may just drop TCP', () => {
    const judged = judgeScript({ close: peerCloses(1002) }, [{ behavior: 'OK', seen: [] }], {
      seen: [],
      closeSent: false,
      droppedByTester: false,
    });
    assert.deepEqual([judged.behavior, judged.behaviorClose], ['OK', 'OK']);
  });
});

it('a case fails by either verdict, an informational one never', () => {
  const of = (behavior: 'OK' | 'INFORMATIONAL' | 'FAILED', behaviorClose: 'OK' | 'UNCLEAN') =>
    isFailure({ behavior, behaviorClose, reason: '' });
  assert.deepEqual(
    [of('OK', 'OK'), of('OK', 'UNCLEAN'), of('FAILED', 'OK'), of('INFORMATIONAL', 'UNCLEAN')],
    [false, true, true, false],
  );
});

it('ids are ordered as numbers, the X catalogue last', () => {
  assert.deepEqual(['X.1.2', '10.1.1', '2.10', '9.1.1', '2.9', 'X.1.10'].sort(compareIds), [
    '2.9',
    '2.10',
    '9.1.1',
    '10.1.1',
    'X.1.2',
    'X.1.10',
  ]);
  assert.deepEqual(['6.4.1', 'X.7.3'].map(groupOf), ['6', 'X.7']);
});

it('the time of a group counts moments in which several cases ran once', () => {
  const one = (id: string, startedAt: number, durationMs: number) => ({ id, startedAt, durationMs }) as never;
  const times = timeOfGroups([one('1.1.1', 0, 10), one('1.1.2', 5, 10), one('2.1', 0, 4), one('1.1.3', 100, 1)]);
  assert.deepEqual(
    [...times],
    [
      ['1', { cases: 3, wallMs: 16 }],
      ['2', { cases: 1, wallMs: 4 }],
    ],
  );
});
