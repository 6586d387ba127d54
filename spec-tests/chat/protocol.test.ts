/** What members may say, and what rooms and people may be called. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseClientEvent, parseMessage, parseRoomName, parseUserName } from '../../lib/chat/protocol.ts';
import { CHAT_LIMITS } from '../../lib/limits.ts';

const limits = { maxTextBytes: 16 };

describe('what a member sends', () => {
  const good: [string, object][] = [
    ['{"type":"message","text":"hi"}', { type: 'message', text: 'hi' }],
    ['{"type":"message","text":"hi","id":"7"}', { type: 'message', text: 'hi', id: '7' }],
    ['{"type":"message","text":"hi","unknown":{"deep":[1]}}', { type: 'message', text: 'hi' }],
    ['{"type":"message","text":" kept as it is "}', { type: 'message', text: ' kept as it is ' }],
    ['{"type":"message","text":"1234567890123456"}', { type: 'message', text: '1234567890123456' }],
    ['{"type":"message","text":"€€€€€x"}', { type: 'message', text: '€€€€€x' }],
    ['{"type":"message","text":"😀😀😀😀"}', { type: 'message', text: '😀😀😀😀' }],
    ['{"type":"ping"}', { type: 'ping' }],
  ];
  for (const [json, event] of good) it(`takes ${json}`, () => assert.deepEqual(parseClientEvent(json, limits), event));

  const bad: [string, string, string?][] = [
    ['', 'BAD_JSON'],
    ['{', 'BAD_JSON'],
    ['null', 'BAD_JSON'],
    ['7', 'BAD_JSON'],
    ['"message"', 'BAD_JSON'],
    ['[{"type":"message","text":"hi"}]', 'BAD_JSON'],
    ['{}', 'BAD_TYPE'],
    ['{"type":"Message","text":"hi"}', 'BAD_TYPE'],
    ['{"type":["message"],"text":"hi"}', 'BAD_TYPE'],
    ['{"__proto__":{"type":"message","text":"hi"}}', 'BAD_TYPE'],
    ['{"type":"message"}', 'BAD_TEXT'],
    ['{"type":"message","text":7,"id":"a"}', 'BAD_TEXT', 'a'],
    ['{"type":"message","text":" \\n\\t"}', 'BAD_TEXT'],
    ['{"type":"message","text":"\\ud800","id":"b"}', 'BAD_TEXT', 'b'],
    ['{"type":"message","text":"12345678901234567","id":"c"}', 'TEXT_TOO_LONG', 'c'],
    ['{"type":"message","text":"€€€€€xx"}', 'TEXT_TOO_LONG'],
    ['{"type":"message","text":"😀😀😀😀x"}', 'TEXT_TOO_LONG'],
    ['{"type":"message","text":"ééééééééx"}', 'TEXT_TOO_LONG'],
    ['{"type":"message","text":"hi","id":""}', 'BAD_ID'],
    ['{"type":"message","text":"hi","id":7}', 'BAD_ID'],
    ['{"type":"message","text":"hi","id":"\\udc00"}', 'BAD_ID'],
    [`{"type":"message","text":"hi","id":"${'x'.repeat(CHAT_LIMITS.maxMessageIdLength + 1)}"}`, 'BAD_ID'],
  ];
  for (const [json, problem, id] of bad) {
    it(`refuses ${json.slice(0, 60)} with ${problem}`, () => {
      const answer = parseClientEvent(json, limits);
      assert.ok('problem' in answer, JSON.stringify(answer));
      assert.equal(answer.problem, problem);
      assert.equal(answer.id, id);
      assert.notEqual(answer.message, '');
    });
  }

  it('says the size and the limit of a text that is too long', () => {
    const answer = parseMessage('€'.repeat(6), undefined, limits);
    assert.ok('problem' in answer);
    assert.equal(answer.message, 'text is 18 bytes of UTF-8, limit 16');
  });

  it('admits the largest text of every kind of character within maxMessageBytes of JSON', () => {
    // The worst case for JSON: one octet that is escaped as six.
    const json = JSON.stringify({ type: 'message', text: `x${'\u0001'.repeat(CHAT_LIMITS.maxTextBytes - 1)}` });
    assert.ok(json.length <= CHAT_LIMITS.maxMessageBytes, `${json.length}`);
    assert.ok(!('problem' in parseClientEvent(json, CHAT_LIMITS)));
  });
});

describe('names', () => {
  for (const name of ['lobby', 'A', '7', 'tea-time', 'v1.2_x', 'café', 'комната', '部屋', 'x'.repeat(64)])
    it(`room: ${name.slice(0, 20)}`, () => assert.deepEqual(parseRoomName(name), { name }));
  for (const name of [
    '',
    '.',
    '..',
    '-a',
    '_a',
    'a b',
    'a/b',
    'a\\b',
    '<b>',
    'a\0',
    'a\n',
    '😀',
    'a:b',
    'x'.repeat(65),
  ])
    it(`not a room: ${JSON.stringify(name.slice(0, 20))}`, () => {
      const answer = parseRoomName(name);
      assert.ok('problem' in answer);
      assert.equal(answer.problem, 'BAD_ROOM');
    });
  it('two spellings of one room are one (NFC)', () => {
    assert.deepEqual(parseRoomName('cafe\u0301'), { name: 'caf\u00e9' });
  });

  for (const [given, name] of [
    ['ann', 'ann'],
    [' ann b ', 'ann b'],
    ['zoe\u0308', 'zo\u00eb'],
    ['<script>', '<script>'],
    ['😀'.repeat(32), '😀'.repeat(32)],
    ['👨‍👩‍👧‍👦 Fam', '👨‍👩‍👧‍👦 Fam'],
    ['🏳️‍🌈 👩🏽‍🚀 ❤️‍🔥', '🏳️‍🌈 👩🏽‍🚀 ❤️‍🔥'],
    [
      '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
      '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
    ],
    ['می\u200cخواهم', 'می\u200cخواهم'],
    ['क्\u200dष', 'क्\u200dष'],
  ] as const)
    it(`person: ${JSON.stringify(given)}`, () => assert.deepEqual(parseUserName(given), { name }));
  for (const name of [
    '',
    ' ',
    'a\nb',
    'a\tb',
    'a\0',
    '\u202eabc',
    'a\u2028b',
    'a\u00a0\u200bb',
    'a\u200d',
    '\u200d',
    '😀\u200d',
    'a\u{e0067}\u{e007f}',
    '\ud800',
    'x'.repeat(33),
  ])
    it(`not a person: ${JSON.stringify(name)}`, () => {
      const answer = parseUserName(name);
      assert.ok('problem' in answer, JSON.stringify(answer));
      assert.equal(answer.problem, 'BAD_USER');
    });
});
