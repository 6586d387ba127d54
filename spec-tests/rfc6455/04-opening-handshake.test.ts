import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeResponseHead, parseResponseHead, type RequestHead, type ResponseHead } from '../../lib/http/head.ts';
import { RequestParser } from '../../lib/http/request-parser.ts';
import { deflatePolicy } from '../../lib/websocket/extension.ts';
import {
  acceptKey,
  checkServerHandshake,
  chooseSubprotocol,
  createClientHandshake,
  encodeServerHandshake,
  readClientHandshake,
} from '../../lib/websocket/handshake.ts';
import { agreed, latin1 } from '../support/cuts.ts';
import { requests } from '../support/http.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const LIMITS = { maxRequestLineBytes: 8_192, maxHeaderCount: 100 };

/** The fields of the RFC's own example (§1.2), some replaced, some taken out. */
function fields(changes: Readonly<Record<string, string | readonly string[] | undefined>> = {}): string {
  const all: Record<string, string | readonly string[] | undefined> = {
    Host: 'server.example.com',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...changes,
  };
  return Object.entries(all)
    .flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}\r\n`)))
    .join('');
}

/** The head that the HTTP layer hands over. */
function head(text: string): RequestHead {
  const [incoming] = new RequestParser().receive(latin1(text));
  assert.equal(incoming?.kind, 'request', text);
  return (incoming as { head: RequestHead }).head;
}

function read(
  changes?: Parameters<typeof fields>[0],
  line = 'GET /chat HTTP/1.1',
): ReturnType<typeof readClientHandshake> {
  return readClientHandshake(head(`${line}\r\n${fields(changes)}\r\n`));
}

function rejected(handshake: ReturnType<typeof readClientHandshake>): readonly [status: number, code: string] {
  assert.equal(handshake.kind, 'reject');
  const { status, code } = handshake as { status: number; code: string };
  return [status, code];
}

describe('RFC 6455 §4.2.1: what a server reads of a client’s opening handshake', () => {
  it('the example of §1.2 is accepted, with its origin and its subprotocols in order', () => {
    const handshake = read({ Origin: 'http://example.com', 'Sec-WebSocket-Protocol': 'chat, superchat' });
    assert.deepEqual(handshake, {
      kind: 'accept',
      key: KEY,
      protocols: ['chat', 'superchat'],
      origin: 'http://example.com',
      extensions: [],
    });
  });

  it('a missing Origin is not an error: the client is then no browser (item 7)', () => {
    const handshake = read();
    assert.equal(handshake.kind, 'accept');
    assert.equal(handshake.kind === 'accept' && handshake.origin, undefined);
  });

  it('names, "websocket" and "Upgrade" are compared without regard to case, and stand anywhere in their lists (items 3, 4)', () => {
    const accepted: readonly Parameters<typeof fields>[0][] = [
      { Upgrade: 'WebSocket' },
      { Upgrade: 'WEBSOCKET' },
      { Upgrade: 'h2c, websocket' },
      { Connection: 'upgrade' },
      { Connection: 'keep-alive, Upgrade' },
      { Connection: 'keep-alive,,UPGRADE ,' },
      { Connection: ['keep-alive', 'Upgrade'] },
      { Host: undefined, host: 'x', 'Sec-WebSocket-Key': undefined, 'sEc-wEbSoCkEt-kEy': KEY },
    ];
    for (const changes of accepted) assert.equal(read(changes).kind, 'accept', JSON.stringify(changes));
  });

  it('a method other than GET is answered 405 with Allow (item 1)', () => {
    for (const method of ['POST', 'HEAD', 'OPTIONS', 'get']) {
      const handshake = read({}, `${method} /chat HTTP/1.1`);
      assert.deepEqual(rejected(handshake), [405, 'WS_METHOD']);
      assert.deepEqual(handshake.kind === 'reject' && handshake.headers, { Allow: 'GET' });
    }
  });

  it('HTTP/1.0 is refused, a later HTTP/1.x is not (item 1)', () => {
    assert.deepEqual(rejected(read({}, 'GET / HTTP/1.0')), [400, 'WS_HTTP_VERSION']);
    assert.equal(read({}, 'GET / HTTP/1.2').kind, 'accept');
  });

  it('the HTTP layer refuses a missing or a second Host (item 2)', () => {
    for (const Host of [undefined, ['a', 'a']]) {
      const [failed] = requests([latin1(`GET / HTTP/1.1\r\n${fields({ Host })}\r\n`)]).incoming;
      assert.equal(failed?.kind === 'failed' && failed.status, 400);
      assert.equal(failed?.kind === 'failed' && failed.code, 'HTTP_HOST');
    }
  });

  it('an Upgrade without "websocket" is answered 426 with the protocol wanted (item 3)', () => {
    for (const Upgrade of [undefined, '', 'h2c', 'websockets', 'web socket', '"websocket"', 'websocket/13']) {
      const handshake = read({ Upgrade });
      assert.deepEqual(rejected(handshake), [426, 'WS_UPGRADE'], Upgrade);
      assert.deepEqual(handshake.kind === 'reject' && handshake.headers, { Upgrade: 'websocket' });
    }
  });

  it('a Connection without the token "Upgrade" is answered 400 (item 4)', () => {
    for (const Connection of [undefined, '', 'keep-alive', 'upgraded', 'Up grade', '"Upgrade"'])
      assert.deepEqual(rejected(read({ Connection })), [400, 'WS_CONNECTION'], Connection);
  });

  it('a version other than 13 is answered 426 with Sec-WebSocket-Version: 13 (item 6, §4.2.2 step 4, §4.4)', () => {
    for (const version of [undefined, '', '0', '8', '12', '14', '013', '1 3', '13, 8', '255', '+13', '13.0']) {
      const handshake = read({ 'Sec-WebSocket-Version': version });
      assert.deepEqual(rejected(handshake), [426, 'WS_VERSION'], version);
      assert.equal(handshake.kind === 'reject' && handshake.headers['Sec-WebSocket-Version'], '13');
    }
    assert.deepEqual(rejected(read({ 'Sec-WebSocket-Version': ['13', '13'] })), [426, 'WS_VERSION']);
  });

  it('another version’s key is not judged: 426 comes before 400', () => {
    assert.deepEqual(rejected(read({ 'Sec-WebSocket-Version': '8', 'Sec-WebSocket-Key': 'of another kind' })), [
      426,
      'WS_VERSION',
    ]);
  });

  it('the key is base64 of 16 bytes, once (item 5, §11.3.1)', () => {
    const refused: readonly (string | readonly string[] | undefined)[] = [
      undefined,
      '',
      'dGhlIHNhbXBsZSBub25jZQ', // without padding
      'dGhlIHNhbXBsZSBub25jZQ=',
      'dGhlIHNhbXBsZSBub25jZQ===',
      'dGhlIHNhbXBsZSBub25j', // 15 bytes
      'dGhlIHNhbXBsZSBub25jZSE=', // 17 bytes
      'dGhlIHNhbXBsZSBub25jZ!==',
      'dGhlIHNhbXBsZSBub25_ZQ==', // the URL alphabet
      'dGhlIHNhbXBsZSBub25jZR==', // bits behind the sixteenth byte
      ' dGhlIHNhbXBsZSB1b25jZQ == x',
      [KEY, KEY],
      [KEY, 'AAAAAAAAAAAAAAAAAAAAAA=='],
    ];
    for (const key of refused)
      assert.deepEqual(rejected(read({ 'Sec-WebSocket-Key': key })), [400, 'WS_KEY'], `${key}`);
    for (let i = 0; i < 256; i++) {
      const key = Buffer.alloc(16, i).toString('base64');
      assert.equal(read({ 'Sec-WebSocket-Key': key }).kind, 'accept', key);
    }
  });

  it('subprotocols are distinct tokens (§4.1 item 10)', () => {
    for (const value of ['a, a', 'a b', 'a;b', '"a"', 'a/b', 'ä', 'a, (b)'])
      assert.deepEqual(rejected(read({ 'Sec-WebSocket-Protocol': value })), [400, 'WS_PROTOCOL'], value);
    const lines = read({ 'Sec-WebSocket-Protocol': ['b, a', '', 'c'] });
    assert.deepEqual(lines.kind === 'accept' && lines.protocols, ['b', 'a', 'c']);
  });

  it('a second Origin is refused: one would be checked and the other believed (item 7)', () => {
    assert.deepEqual(rejected(read({ Origin: ['http://a', 'http://b'] })), [400, 'WS_ORIGIN']);
  });

  it('extensions are taken apart, lines combined (item 9, §9.1)', () => {
    const handshake = read({ 'Sec-WebSocket-Extensions': ['foo, bar; baz=2', 'permessage-deflate'] });
    assert.deepEqual(handshake.kind === 'accept' && handshake.extensions, [
      { name: 'foo', parameters: [] },
      { name: 'bar', parameters: [{ name: 'baz', value: '2' }] },
      { name: 'permessage-deflate', parameters: [] },
    ]);
  });

  it('fields that nobody knows are ignored (item 10)', () => {
    assert.equal(read({ Cookie: 'a=b', 'X-Anything': '\xff', __proto__: undefined }).kind, 'accept');
  });

  it('a rejection is a whole HTTP response, with a clause in its reason (§4.2.1, §4.2.2)', () => {
    const cases = [read({ 'Sec-WebSocket-Version': '7' }), read({ Connection: 'close' }), read({}, 'POST / HTTP/1.1')];
    for (const handshake of cases) {
      assert.equal(handshake.kind, 'reject');
      if (handshake.kind !== 'reject') continue;
      assert.match(handshake.section, /^RFC 6455 §4\./);
      assert.ok(handshake.detail.length > 0);
      const text = encodeResponseHead(handshake.status, Object.entries(handshake.headers));
      const parsed = parseResponseHead(text.slice(0, -4), LIMITS);
      assert.ok(!('kind' in parsed));
      assert.equal(parsed.status, handshake.status);
      assert.notEqual(parsed.reason, '');
    }
  });

  it('arrives the same however the head is cut, and hands on what follows it (§5)', () => {
    const text = `GET /chat HTTP/1.1\r\n${fields()}\r\n\x81\x80abcd`;
    const outcome = agreed(latin1(text), (chunks) => requests(chunks));
    assert.equal(outcome.incoming.length, 1);
    assert.equal(outcome.incoming[0]?.kind === 'request' && outcome.incoming[0].upgrade, true);
    assert.equal(outcome.rest, '\x81\x80abcd');
  });

  it('a required field behind a hundred others is refused by the limit and never overlooked (CVE-2024-37890)', () => {
    for (const count of [95, 96, 2_000]) {
      const padding = 'X: y\r\n'.repeat(count);
      const { incoming } = requests([latin1(`GET / HTTP/1.1\r\n${padding}${fields()}\r\n`)]);
      assert.equal(incoming[0]?.kind, count === 95 ? 'request' : 'failed');
      if (incoming[0]?.kind === 'failed') assert.equal(incoming[0].status, 431);
    }
  });
});

describe('RFC 6455 §4.2.2: the server’s answer', () => {
  it('the accept value is the one of the RFC’s example (step 5.4)', () => {
    assert.equal(acceptKey(KEY), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    assert.equal(acceptKey('x3JJHMbDL1EzLkh9GBhXDw=='), 'HSmrc0sMlYUkAGmm5OPpG2HaGWk=');
  });

  it('is 101 with Upgrade, Connection and the accept value (steps 5.1-5.4)', () => {
    assert.equal(
      encodeServerHandshake({ key: KEY }),
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
  });

  it('carries a subprotocol, extensions and fields of the caller’s when there are any, and empty ones not (steps 5.5, 5.6)', () => {
    const text = encodeServerHandshake({
      key: KEY,
      protocol: 'chat',
      extensions: 'permessage-deflate',
      headers: [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
    });
    assert.ok(
      text.endsWith(
        'xOo=\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
      ),
    );
    assert.equal(
      encodeServerHandshake({ key: KEY, protocol: '', extensions: '', headers: [] }),
      encodeServerHandshake({ key: KEY }),
    );
  });

  it('nothing in it can begin another field or another response', () => {
    const evil = 'x\r\nSet-Cookie: stolen=1';
    assert.throws(() => encodeServerHandshake({ key: KEY, protocol: evil }), TypeError);
    assert.throws(() => encodeServerHandshake({ key: KEY, extensions: evil }), TypeError);
    assert.throws(() => encodeServerHandshake({ key: KEY, headers: [['X', evil]] }), TypeError);
    assert.throws(() => encodeServerHandshake({ key: KEY, headers: [[evil, 'x']] }), TypeError);
  });

  it('the caller cannot add a field that belongs to the handshake or announces a body', () => {
    for (const name of [
      'Upgrade',
      'connection',
      'Sec-WebSocket-Accept',
      'sec-websocket-protocol',
      'Content-Length',
      'Transfer-Encoding',
    ]) {
      assert.throws(() => encodeServerHandshake({ key: KEY, headers: [[name, '1']] }), {
        name: 'TypeError',
        message: /belongs to the handshake \(RFC 6455 §4\.2\.2\)/,
      });
    }
  });

  it('the subprotocol is the first of ours that the client offered, and never one it did not offer (step 5.5)', () => {
    assert.equal(chooseSubprotocol(['b', 'a'], ['a', 'b']), 'b');
    assert.equal(chooseSubprotocol(['c', 'a'], ['a', 'b']), 'a');
    assert.equal(chooseSubprotocol(['c'], ['a', 'b']), undefined);
    assert.equal(chooseSubprotocol([], ['a']), undefined);
    assert.equal(chooseSubprotocol(['a'], []), undefined);
    assert.equal(chooseSubprotocol(['A'], ['a']), undefined, 'names are compared as they are');
  });
});

const REQUEST = { host: 'server.example.com', target: '/chat', protocols: [] } as const;

describe('RFC 6455 §4.1: what a client sends', () => {
  it('is a GET with Host, Upgrade, Connection, a key and version 13 (items 1-9)', () => {
    const { key, bytes } = createClientHandshake(REQUEST);
    assert.equal(
      Buffer.from(bytes).toString('latin1'),
      `GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
  });

  it('the key is 16 random bytes in base64, another one each time (item 7)', () => {
    const keys = new Set(Array.from({ length: 200 }, () => createClientHandshake(REQUEST).key));
    assert.equal(keys.size, 200);
    const octets: Set<number>[] = Array.from({ length: 16 }, () => new Set());
    for (const key of keys) {
      const nonce = Buffer.from(key, 'base64');
      assert.equal(nonce.length, 16);
      assert.equal(nonce.toString('base64'), key);
      for (const [i, set] of octets.entries()) set.add(nonce[i]!);
    }
    for (const set of octets) assert.ok(set.size > 50, 'each of the 16 octets varies');
  });

  it('carries subprotocols, extensions, origin and fields of the caller’s (items 8, 10-12)', () => {
    const { bytes } = createClientHandshake({
      ...REQUEST,
      protocols: ['chat', 'superchat'],
      extensions: 'permessage-deflate; client_max_window_bits',
      origin: 'http://example.com',
      headers: { Cookie: 'a=b' },
    });
    assert.ok(
      Buffer.from(bytes)
        .toString('latin1')
        .endsWith(
          'Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: http://example.com\r\nCookie: a=b\r\n\r\n',
        ),
    );
  });

  it('is read by our own server, whose answer it accepts', () => {
    const sent = createClientHandshake({ ...REQUEST, protocols: ['b', 'a'], origin: 'http://server.example.com' });
    const [incoming] = new RequestParser().receive(sent.bytes);
    assert.ok(incoming?.kind === 'request' && incoming.upgrade);
    const handshake = readClientHandshake(incoming.head);
    assert.ok(handshake.kind === 'accept');
    assert.equal(handshake.key, sent.key);
    const protocol = chooseSubprotocol(['a', 'b'], handshake.protocols) ?? '';
    const answer = parseResponseHead(encodeServerHandshake({ key: handshake.key, protocol }).slice(0, -4), LIMITS);
    assert.ok(!('kind' in answer));
    assert.deepEqual(checkServerHandshake(answer, { key: sent.key, protocols: ['b', 'a'] }), {
      kind: 'accept',
      protocol: 'a',
      extensions: '',
      deflate: undefined,
    });
  });

  it('subprotocols that are not distinct tokens are the caller’s mistake (item 10)', () => {
    for (const protocols of [['a', 'a'], [''], ['a b'], ['a,b'], ['a\r\nX: y'], ['ä'], ['a;']])
      assert.throws(() => createClientHandshake({ ...REQUEST, protocols }), {
        name: 'TypeError',
        message: /subprotocols are not distinct tokens \(RFC 6455 §4\.1 item 10\)/,
      });
  });

  it('nothing the caller gives can begin another field or another request (CVE-2026-1527)', () => {
    for (const evil of ['x\r\nX: y', 'x\ny', 'x\0', 'x\ry']) {
      assert.throws(() => createClientHandshake({ ...REQUEST, host: evil }), TypeError);
      assert.throws(() => createClientHandshake({ ...REQUEST, target: `/${evil}` }), TypeError);
      assert.throws(() => createClientHandshake({ ...REQUEST, origin: evil }), TypeError);
      assert.throws(() => createClientHandshake({ ...REQUEST, extensions: evil }), TypeError);
      assert.throws(() => createClientHandshake({ ...REQUEST, headers: { X: evil } }), TypeError);
      assert.throws(() => createClientHandshake({ ...REQUEST, headers: { [evil]: 'x' } }), TypeError);
    }
    assert.throws(() => createClientHandshake({ ...REQUEST, target: '/with space' }), TypeError);
    assert.throws(() => createClientHandshake({ ...REQUEST, target: '/#fragment' }), TypeError);
  });

  it('the caller cannot replace a field of the handshake, or announce a body', () => {
    const names = [
      'Host',
      'upgrade',
      'Connection',
      'sec-websocket-KEY',
      'Sec-WebSocket-Version',
      'Sec-WebSocket-Protocol',
      'Sec-WebSocket-Extensions',
      'Content-Length',
      'transfer-encoding',
    ];
    for (const name of names) {
      assert.throws(() => createClientHandshake({ ...REQUEST, headers: { [name]: '1' } }), {
        name: 'TypeError',
        message: /belongs to the handshake \(RFC 6455 §4\.1\)/,
      });
    }
    assert.throws(
      () => createClientHandshake({ ...REQUEST, origin: 'http://a', headers: { Origin: 'http://b' } }),
      TypeError,
    );
    createClientHandshake({ ...REQUEST, headers: { Origin: 'http://b' } });
  });
});

describe('RFC 6455 §4.1: how a client checks the answer', () => {
  const sent = {
    key: KEY,
    protocols: ['chat', 'superchat'],
    deflate: deflatePolicy(true, 'client'),
  };

  function answer(
    changes: Readonly<Record<string, string | readonly string[] | undefined>> = {},
    status = '101 Switching Protocols',
  ): ResponseHead {
    const all: Record<string, string | readonly string[] | undefined> = {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'Sec-WebSocket-Protocol': 'chat',
      ...changes,
    };
    const lines = Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}`),
    );
    const parsed = parseResponseHead([`HTTP/1.1 ${status}`, ...lines].join('\r\n'), LIMITS);
    assert.ok(!('kind' in parsed));
    return parsed;
  }

  it('the example of §1.3 is accepted', () => {
    assert.deepEqual(checkServerHandshake(answer(), sent), {
      kind: 'accept',
      protocol: 'chat',
      extensions: '',
      deflate: undefined,
    });
  });

  it('case does not matter where the RFC says so, and Connection is a list (steps 2, 3)', () => {
    for (const changes of [
      { Upgrade: 'WebSocket' },
      { Connection: 'upgrade' },
      { Connection: 'keep-alive, UPGRADE' },
      { Connection: ['a', 'Upgrade'] },
    ])
      assert.equal(checkServerHandshake(answer(changes), sent).kind, 'accept', JSON.stringify(changes));
  });

  const refused: readonly [title: string, changes: Parameters<typeof answer>[0], code: string, step: number][] = [
    ['no Upgrade', { Upgrade: undefined }, 'WS_UPGRADE', 2],
    ['another Upgrade', { Upgrade: 'h2c' }, 'WS_UPGRADE', 2],
    ['a list of two in Upgrade', { Upgrade: 'websocket, h2c' }, 'WS_UPGRADE', 2],
    ['no Connection', { Connection: undefined }, 'WS_CONNECTION', 3],
    ['another Connection', { Connection: 'keep-alive' }, 'WS_CONNECTION', 3],
    ['no accept value', { 'Sec-WebSocket-Accept': undefined }, 'WS_ACCEPT', 4],
    ['an empty accept value', { 'Sec-WebSocket-Accept': '' }, 'WS_ACCEPT', 4],
    ['another key’s accept value', { 'Sec-WebSocket-Accept': 'HSmrc0sMlYUkAGmm5OPpG2HaGWk=' }, 'WS_ACCEPT', 4],
    ['an accept value in another case', { 'Sec-WebSocket-Accept': 'S3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }, 'WS_ACCEPT', 4],
    ['the key itself', { 'Sec-WebSocket-Accept': KEY }, 'WS_ACCEPT', 4],
    [
      'the accept value twice',
      { 'Sec-WebSocket-Accept': ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='] },
      'WS_ACCEPT',
      4,
    ],
    ['an extension that was not offered', { 'Sec-WebSocket-Extensions': 'x-bar' }, 'WS_EXTENSION', 5],
    ['one offered and one not', { 'Sec-WebSocket-Extensions': 'permessage-deflate, x-bar' }, 'WS_EXTENSION', 5],
    ['an extension behind an open quote', { 'Sec-WebSocket-Extensions': 'x-bar;a="\\' }, 'WS_EXTENSION_SYNTAX', 5],
    ['a subprotocol that was not requested', { 'Sec-WebSocket-Protocol': 'other' }, 'WS_PROTOCOL', 6],
    ['a subprotocol in another case', { 'Sec-WebSocket-Protocol': 'Chat' }, 'WS_PROTOCOL', 6],
    ['an empty subprotocol', { 'Sec-WebSocket-Protocol': '' }, 'WS_PROTOCOL', 6],
    ['two subprotocols in one field', { 'Sec-WebSocket-Protocol': 'chat, superchat' }, 'WS_PROTOCOL', 6],
    ['two subprotocol fields', { 'Sec-WebSocket-Protocol': ['chat', 'superchat'] }, 'WS_PROTOCOL', 6],
    ['no subprotocol where some were requested', { 'Sec-WebSocket-Protocol': undefined }, 'WS_PROTOCOL_MISSING', 6],
  ];
  for (const [title, changes, code, step] of refused) {
    it(`${title} fails the connection (step ${step})`, () => {
      const checked = checkServerHandshake(answer(changes), sent);
      assert.ok(checked.kind === 'reject');
      assert.deepEqual([checked.code, checked.section, checked.status], [code, `RFC 6455 §4.1 step ${step}`, 101]);
    });
  }

  it('a status other than 101 fails with that status and its phrase (step 1)', () => {
    for (const status of [100, 103, 200, 301, 401, 403, 426, 503]) {
      const checked = checkServerHandshake(answer({}, `${status} Some Phrase`), sent);
      assert.ok(checked.kind === 'reject');
      assert.deepEqual(
        [checked.code, checked.status, checked.detail],
        ['WS_STATUS', status, `server answered ${status} Some Phrase`],
      );
    }
    const bare = checkServerHandshake(answer({}, '403'), sent);
    assert.equal(bare.kind === 'reject' && bare.detail, 'server answered 403');
  });

  it('an extension that was offered is agreed on as the extension’s own rules say (step 5)', () => {
    const value = 'permessage-deflate; server_max_window_bits=10';
    const checked = checkServerHandshake(answer({ 'Sec-WebSocket-Extensions': value }), sent);
    assert.ok(checked.kind === 'accept');
    assert.deepEqual([checked.extensions, checked.deflate?.serverMaxWindowBits], [value, 10]);
  });

  it('no subprotocol is fine where none was requested, any at all is not (step 6)', () => {
    const none = { ...sent, protocols: [] };
    assert.equal(checkServerHandshake(answer({ 'Sec-WebSocket-Protocol': undefined }), none).kind, 'accept');
    assert.equal(checkServerHandshake(answer(), none).kind, 'reject');
    assert.equal(checkServerHandshake(answer({ 'Sec-WebSocket-Protocol': '' }), none).kind, 'reject');
  });
});
