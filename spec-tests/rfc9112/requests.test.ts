import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeRequestHead, encodeResponseHead } from '../../lib/http/head.ts';
import { HeaderFields } from '../../lib/http/headers.ts';
import { type HttpIncoming, RequestParser } from '../../lib/http/request-parser.ts';
import { HTTP_LIMITS } from '../../lib/limits.ts';
import { agreed, latin1 } from '../support/cuts.ts';
import { type Plain, type PlainRequest, type RequestOutcome, requests } from '../support/http.ts';
import { ACCEPTED_REQUESTS, REFUSED_REQUESTS } from '../vectors/http-requests.ts';

function parse(input: string, limits: Parameters<typeof requests>[1] = {}): RequestOutcome {
  return agreed(latin1(input), (chunks) => requests(chunks, limits));
}

function failure(outcome: RequestOutcome): readonly [status: number, code: string] {
  const last = outcome.incoming.at(-1);
  assert.equal(last?.kind, 'failed');
  return last?.kind === 'failed' ? [last.status, last.code] : [0, ''];
}

function only(outcome: RequestOutcome): PlainRequest {
  assert.equal(outcome.incoming.length, 1);
  assert.equal(outcome.incoming[0]?.kind, 'request');
  return outcome.incoming[0] as PlainRequest;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';

describe('RFC 9112: requests that are well formed', () => {
  for (const { title, input, requests: expected } of ACCEPTED_REQUESTS) {
    it(title, () => {
      const outcome = parse(input);
      assert.deepEqual(
        outcome.incoming.map((each) =>
          each.kind === 'request' ? [each.method, each.target, each.body, each.keepAlive] : each,
        ),
        expected,
      );
      assert.equal(outcome.state, 'idle');
      // What follows is another request, and not part of this one.
      assert.deepEqual(parse(`${input}${GET}\r\n`).incoming.slice(0, -1), outcome.incoming);
    });
  }
});

describe('RFC 9112: requests that are refused', () => {
  for (const { title, input, status, code } of REFUSED_REQUESTS) {
    it(`${title}`, () => {
      const outcome = parse(input);
      assert.deepEqual(failure(outcome), [status, code]);
      assert.equal(outcome.incoming.length, 1);
      assert.equal(outcome.state, 'failed');
      // Where the next request would begin is unknown: nothing that follows is looked at.
      assert.deepEqual(parse(`${input}${GET}\r\n`), outcome);
      // A good request in front of it is not affected.
      assert.deepEqual(parse(`${GET}\r\n${input}`).incoming.slice(1), outcome.incoming);
    });
  }

  it('every refusal names its clause', () => {
    for (const { input } of REFUSED_REQUESTS) {
      const [failed] = requests([latin1(input)]).incoming as Extract<Plain, { kind: 'failed' }>[];
      assert.match(failed?.section ?? '', /^RFC (9112|9110|6585) §\d/);
    }
  });
});

describe('RFC 9110 §9.3.2: the answer to HEAD has no content, also when it is a refusal', () => {
  const refused: readonly (readonly [what: string, input: string])[] = [
    ['its line', 'HEAD  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['its target', 'HEAD a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['its Host', 'HEAD / HTTP/1.1\r\n\r\n'],
    ['a field line', 'HEAD / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n'],
    ['a bare LF', 'HEAD / HTTP/1.1\nHost: a\n\n'],
    ['its length', `HEAD /${'x'.repeat(20_000)}`],
    ['its framing', 'HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n'],
    ['its body', 'HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
    ['the length of its body', 'HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n'],
  ];
  for (const [what, input] of refused)
    it(`${what} is at fault`, () => {
      for (const before of ['', '\r\n', `${GET}\r\n`, `${POST}Content-Length: 1\r\n\r\nx`]) {
        const last = parse(before + input).incoming.at(-1);
        assert.equal(last?.kind === 'failed' && last.toHead, true, JSON.stringify(before));
      }
      for (const method of ['GET', 'HEADS', 'head', 'HEA', 'POST']) {
        const last = parse(input.replace('HEAD', method)).incoming.at(-1);
        assert.equal(last?.kind === 'failed' && last.toHead, false, method);
      }
    });

  it('what fails behind a HEAD is not its refusal', () => {
    for (const after of ['\rx', '\r\n\n', `${GET.replace('Host', 'Most')}\r\n`, 'HEA\n']) {
      const last = parse(`HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${after}`).incoming.at(-1);
      assert.equal(last?.kind === 'failed' && last.toHead, false, JSON.stringify(after));
    }
  });
});

describe('RFC 9112 §5: field lines', () => {
  it('keep their order, their case and their repetitions; white space around values is taken off (§5.1)', () => {
    const head = `${GET}b: 1\r\nA:\t 2 \t\r\nB:3\r\nEmpty:\r\nBlank: \t \r\nin: a  b\t c\r\nhigh: \x80\xff\r\n\r\n`;
    assert.deepEqual(only(parse(head)).headers, [
      ['Host', 'a'],
      ['b', '1'],
      ['A', '2'],
      ['B', '3'],
      ['Empty', ''],
      ['Blank', ''],
      ['in', 'a  b\t c'],
      ['high', '\x80\xff'],
    ]);
  });

  it('names are found without regard to case and lines with one name are combined (RFC 9110 §5.1, §5.3)', () => {
    const [incoming] = new RequestParser().receive(
      latin1(`${GET}Accept: a\r\nX: 1\r\naccept: b, c\r\nACCEPT:\r\n\r\n`),
    );
    const { headers } = (incoming as Extract<HttpIncoming, { kind: 'request' }>).head;
    assert.equal(headers.get('aCCept'), 'a, b, c, ');
    assert.deepEqual(headers.getAll('accept'), ['a', 'b, c', '']);
    assert.equal(headers.count('Accept'), 3);
    assert.equal(headers.has('x'), true);
    assert.equal(headers.has('y'), false);
    assert.equal(headers.get('y'), undefined);
    assert.equal(headers.size, 5);
    assert.deepEqual([...headers.entries()], [...headers]);
  });

  it('no name is special to the language', () => {
    const head = `${GET}__proto__: 1\r\nconstructor: 2\r\nhasOwnProperty: 3\r\ntoString: 4\r\n\r\n`;
    const [incoming] = new RequestParser().receive(latin1(head));
    const { headers } = (incoming as Extract<HttpIncoming, { kind: 'request' }>).head;
    assert.equal(headers.get('__proto__'), '1');
    assert.equal(headers.get('constructor'), '2');
    assert.equal(headers.get('valueOf'), undefined);
    assert.equal(({} as Record<string, unknown>)['1'], undefined);
  });
});

describe('RFC 9112 §3.2.2: absolute-form', () => {
  it('its authority replaces Host, which must be there but is ignored', () => {
    const outcome = only(parse('GET http://real.example:81/x?y HTTP/1.1\r\nX: 1\r\nHost: other.example\r\n\r\n'));
    assert.deepEqual(outcome.headers, [
      ['Host', 'real.example:81'],
      ['X', '1'],
    ]);
  });

  it('its authority is still the Host when the fields are read again from the text of the head', () => {
    for (const [line, fields] of [
      ['GET http://real.example:81/x HTTP/1.1', 'X: 1\r\nHost: other.example\r\nY:2\r\n'],
      ['GET http://real.example:81 HTTP/1.0', ''],
    ]) {
      const [incoming] = new RequestParser().receive(latin1(`${line}\r\n${fields}\r\n`));
      const { head } = incoming as Extract<HttpIncoming, { kind: 'request' }>;
      const before = [...head.headers];
      const again = HeaderFields.fromHead(head.text);
      assert.equal(again.get('host'), 'real.example:81');
      assert.deepEqual([...again], before);
    }
  });

  it('HTTP/1.0 gets a Host from it', () => {
    assert.deepEqual(only(parse('GET http://real.example HTTP/1.0\r\n\r\n')).headers, [['Host', 'real.example']]);
  });
});

describe('RFC 9112 §9.3: persistence and upgrades', () => {
  it('an upgrade stops the parser behind its head, and what follows is kept as it is (RFC 9110 §7.8)', () => {
    const head = `${GET}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const outcome = parse(`${head}GET / HTTP/1.1\r\n\r\n\0\xff`);
    assert.equal(only(outcome).upgrade, true);
    assert.equal(only(outcome).keepAlive, false);
    assert.equal(outcome.state, 'upgraded');
    assert.equal(outcome.rest, 'GET / HTTP/1.1\r\n\r\n\0\xff');
  });

  it('an upgrade with a length of zero has no body', () => {
    assert.equal(
      only(parse(`${GET}Connection: Upgrade\r\nUpgrade: h2c, WebSocket\r\nContent-Length: 0\r\n\r\n`)).upgrade,
      true,
    );
  });

  it('what follows an upgrade is bounded; beyond 1 MiB the parser fails and hands out no half of it', () => {
    const parser = new RequestParser();
    parser.receive(latin1(`${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`));
    const mebibyte = new Uint8Array(1_048_576);
    assert.deepEqual(parser.receive(mebibyte), []);
    const [failed] = parser.receive(Uint8Array.of(1));
    assert.equal(failed?.kind === 'failed' && failed.code, 'HTTP_UPGRADE_DATA');
    assert.equal(parser.state, 'failed');
    assert.equal(parser.takeRest().length, 0);
    assert.deepEqual(parser.receive(mebibyte), []);
  });

  it('the rest is handed out once', () => {
    const parser = new RequestParser();
    parser.receive(latin1(`${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nabc`));
    assert.equal(parser.takeRest().length, 3);
    assert.equal(parser.takeRest().length, 0);
  });

  it('Expect: 100-continue is told before the body, for HTTP/1.1 and where a body is to come (RFC 9110 §10.1.1)', () => {
    const expecting = `${POST}Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi`;
    assert.deepEqual(
      parse(expecting).incoming.map(({ kind }) => kind),
      ['expect-continue', 'request'],
    );
    for (const input of [
      expecting.replace('HTTP/1.1', 'HTTP/1.0'),
      `${POST}Expect: 100-continue\r\n\r\n`,
      `${POST}Expect: 100-continue\r\nContent-Length: 0\r\n\r\n`,
      `${POST}Expect: x\r\nContent-Length: 2\r\n\r\nhi`,
    ])
      assert.equal(only(parse(input)).kind, 'request');
  });

  it('says where in a request it is, for the deadlines', () => {
    const parser = new RequestParser();
    const states: string[] = [];
    for (const part of ['\r', '\n', 'P', 'OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n', 'h', 'i']) {
      parser.receive(latin1(part));
      states.push(parser.state);
    }
    assert.deepEqual(states, ['idle', 'idle', 'head', 'body', 'body', 'idle']);
  });
});

describe('RFC 9112 §3, §5, §7.1: limits', () => {
  const limits = {
    maxRequestLineBytes: 60,
    maxHeadBytes: 200,
    maxHeaderCount: 5,
    maxBodyBytes: 40,
    maxChunkExtensionBytes: 10,
  };

  it('a request line of maxRequestLineBytes passes, one octet more is answered 414 (§3)', () => {
    const line = (length: number): string => `GET /${'x'.repeat(length - 14)} HTTP/1.1`;
    assert.equal(line(60).length, 60);
    assert.equal(only(parse(`${line(60)}\r\nHost: a\r\n\r\n`, limits)).method, 'GET');
    assert.deepEqual(failure(parse(`${line(61)}\r\nHost: a\r\n\r\n`, limits)), [414, 'HTTP_REQUEST_LINE_TOO_LONG']);
  });

  it('a request line that alone exceeds the head’s limit is answered 414 too, before its end has come (§3)', () => {
    assert.deepEqual(failure(parse(`GET /${'x'.repeat(500)}`, limits)), [414, 'HTTP_REQUEST_LINE_TOO_LONG']);
    assert.deepEqual(failure(parse(`\r\nGET /${'x'.repeat(500)}`, limits)), [414, 'HTTP_REQUEST_LINE_TOO_LONG']);
  });

  it('a head of maxHeadBytes passes, one octet more is answered 431 (RFC 6585 §5)', () => {
    const head = (length: number): string => `${GET}X: ${'y'.repeat(length - GET.length - 7)}\r\n\r\n`;
    assert.equal(head(200).length, 200);
    assert.equal(only(parse(head(200), limits)).method, 'GET');
    assert.deepEqual(failure(parse(head(201), limits)), [431, 'HTTP_HEAD_TOO_LONG']);
    assert.deepEqual(failure(parse(`${GET}X: ${'y'.repeat(1_000)}`, limits)), [431, 'HTTP_HEAD_TOO_LONG']);
    // Each request has the whole limit to itself.
    assert.equal(parse(head(200).repeat(3), limits).incoming.length, 3);
  });

  it('what lies beyond the limit is not looked at: the answer is the same wherever the bytes are cut', () => {
    assert.deepEqual(failure(parse(`${GET}X: ${'y'.repeat(300)}\n`, limits)), [431, 'HTTP_HEAD_TOO_LONG']);
    assert.deepEqual(failure(parse(`${GET}X: ${'y'.repeat(100)}\n${'y'.repeat(300)}`, limits)), [400, 'HTTP_BARE_LF']);
  });

  it('maxHeaderCount field lines pass, one more is answered 431', () => {
    assert.equal(only(parse(`${GET}${'A: b\r\n'.repeat(4)}\r\n`, limits)).headers.length, 5);
    assert.deepEqual(failure(parse(`${GET}${'A: b\r\n'.repeat(5)}\r\n`, limits)), [431, 'HTTP_TOO_MANY_FIELDS']);
  });

  it('a body of maxBodyBytes passes, one octet more is answered 413, by its length or in chunks (RFC 9110 §15.5.14)', () => {
    const sized = (length: number): string => `${POST}Content-Length: ${length}\r\n\r\n${'b'.repeat(length)}`;
    assert.equal(only(parse(sized(40), limits)).body.length, 40);
    assert.deepEqual(failure(parse(sized(41), limits)), [413, 'HTTP_BODY_TOO_LONG']);
    const chunks = (count: number, size: number): string =>
      `${POST}Transfer-Encoding: chunked\r\n\r\n${`${size.toString(16)}\r\n${'b'.repeat(size)}\r\n`.repeat(count)}0\r\n\r\n`;
    assert.equal(only(parse(chunks(4, 10), limits)).body.length, 40);
    assert.equal(only(parse(chunks(1, 40), limits)).body.length, 40);
    assert.deepEqual(failure(parse(chunks(41, 1), limits)), [413, 'HTTP_BODY_TOO_LONG']);
    assert.deepEqual(failure(parse(chunks(1, 41), limits)), [413, 'HTTP_BODY_TOO_LONG']);
  });

  it('a length over the limit is refused at the head, before any body and without asking for it (RFC 9110 §10.1.1)', () => {
    const outcome = parse(`${POST}Expect: 100-continue\r\nContent-Length: 41\r\n\r\n`, limits);
    assert.deepEqual(failure(outcome), [413, 'HTTP_BODY_TOO_LONG']);
    assert.equal(outcome.incoming.length, 1);
  });

  it('an announced length costs no memory before it comes', () => {
    const before = process.memoryUsage().arrayBuffers;
    const waiting = Array.from({ length: 100 }, () => {
      const parser = new RequestParser();
      parser.receive(latin1(`${POST}Content-Length: 1000000\r\n\r\nx`));
      return parser;
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 70_000);
    assert.equal(waiting.length, 100);
  });

  it('maxChunkExtensionBytes are for all chunks of a body together; white space counts (§7.1.1)', () => {
    const body = (...extensions: readonly string[]): string =>
      `${POST}Transfer-Encoding: chunked\r\n\r\n${extensions.map((each) => `1${each}\r\nx\r\n`).join('')}0\r\n\r\n`;
    assert.equal(only(parse(body(`;${'e'.repeat(9)}`), limits)).body, 'x');
    assert.equal(only(parse(body(';eeee', ';eeee'), limits)).body, 'xx');
    assert.equal(only(parse(body(' ;e = "e"'), limits)).body, 'x');
    for (const extensions of [
      [`;${'e'.repeat(10)}`],
      [';eeee', ';eeeee'],
      [`${' '.repeat(9)};e`],
      ['\t;e', ` ;e=\t"${'e'.repeat(3)}"`],
    ])
      assert.deepEqual(failure(parse(body(...extensions), limits)), [400, 'HTTP_CHUNK']);
    const [failed] = new RequestParser(limits).receive(latin1(body(`;${'e'.repeat(10)}`)));
    assert.equal(failed?.kind === 'failed' && failed.detail, 'chunk extensions exceed 10 bytes');
  });

  it('a trailer section has the limits of a head (§7.1.2)', () => {
    const body = (trailer: string): string => `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n${trailer}\r\n`;
    assert.equal(only(parse(body('A: b\r\n'.repeat(5)), limits)).body, '');
    assert.deepEqual(failure(parse(body('A: b\r\n'.repeat(6)), limits)), [431, 'HTTP_TOO_MANY_FIELDS']);
    assert.equal(only(parse(body(`A: ${'b'.repeat(193)}\r\n`), limits)).body, '');
    assert.deepEqual(failure(parse(body(`A: ${'b'.repeat(194)}\r\n`), limits)), [431, 'HTTP_HEAD_TOO_LONG']);
    assert.deepEqual(failure(parse(body('x'.repeat(500)), limits)), [431, 'HTTP_HEAD_TOO_LONG']);
  });

  it('the defaults are those of limits.ts', () => {
    const { maxRequestLineBytes, maxHeadBytes, maxHeaderCount } = HTTP_LIMITS;
    const line = (length: number): string => `GET /${'x'.repeat(length - 14)} HTTP/1.1\r\nHost: a\r\n\r\n`;
    assert.equal(only(requests([latin1(line(maxRequestLineBytes))])).method, 'GET');
    assert.deepEqual(failure(requests([latin1(line(maxRequestLineBytes + 1))])), [414, 'HTTP_REQUEST_LINE_TOO_LONG']);
    assert.deepEqual(failure(requests([latin1(`${GET}X: ${'x'.repeat(maxHeadBytes)}`)])), [431, 'HTTP_HEAD_TOO_LONG']);
    assert.deepEqual(failure(requests([latin1(`${GET}${'A: b\r\n'.repeat(maxHeaderCount)}\r\n`)])), [
      431,
      'HTTP_TOO_MANY_FIELDS',
    ]);
  });

  it('a body of a mebibyte arrives whole in chunks of any size, with a length or chunked', () => {
    const body = Buffer.alloc(1_048_576, 'abcdefg').toString('latin1');
    const inputs = [
      `${POST}Content-Length: ${body.length}\r\n\r\n${body}`,
      `${POST}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ];
    for (const input of inputs) {
      const bytes = latin1(input);
      for (const size of [1_000, 65_536, bytes.length]) {
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        assert.ok(only(requests(chunks)).body === body);
      }
    }
  });
});

describe('RFC 9112 §2-5: heads that we send', () => {
  it('a response head is a status line, fields and an empty line (§4)', () => {
    assert.equal(
      encodeResponseHead(200, [
        ['A', 'b'],
        ['Empty', ''],
      ]),
      'HTTP/1.1 200 OK\r\nA: b\r\nEmpty: \r\n\r\n',
    );
    assert.equal(
      encodeResponseHead(299, []),
      'HTTP/1.1 299 \r\n\r\n',
      'the space stays where the phrase is empty (§4)',
    );
    assert.equal(encodeResponseHead(404, [], 'Gone fishing'), 'HTTP/1.1 404 Gone fishing\r\n\r\n');
  });

  it('every status that this library answers with has its phrase (RFC 9110 §15)', () => {
    for (const status of [101, 200, 204, 400, 403, 404, 405, 408, 413, 414, 426, 431, 500, 501, 503, 505])
      assert.match(encodeResponseHead(status, []), /^HTTP\/1\.1 \d{3} [A-Z][A-Za-z ]+\r\n/);
  });

  it('what a caller gives cannot end a line: a TypeError, never a repair', () => {
    for (const evil of ['a\r\nb', 'a\nb', 'a\rb', 'a\0', '\x7f', '\u0100', '\u{1F600}', '\u010a']) {
      assert.throws(() => encodeResponseHead(200, [['X', evil]]), TypeError);
      assert.throws(() => encodeResponseHead(200, [[`X${evil}`, 'x']]), TypeError);
      assert.throws(() => encodeResponseHead(200, [], evil), TypeError);
      assert.throws(() => encodeRequestHead('GET', '/', [['X', evil]]), TypeError);
      assert.throws(() => encodeRequestHead(`GET${evil}`, '/', []), TypeError);
      assert.throws(() => encodeRequestHead('GET', `/${evil}`, []), TypeError);
      assert.throws(() => HeaderFields.from({ X: evil }), TypeError);
      assert.throws(() => new HeaderFields().append(evil, 'x'), TypeError);
    }
    for (const name of ['', ' ', 'a b', 'a:', 'ä', '(x)'])
      assert.throws(() => encodeResponseHead(200, [[name, 'x']]), TypeError);
    for (const target of ['', 'a', '/a b', '*']) assert.throws(() => encodeRequestHead('GET', target, []), TypeError);
    assert.equal(encodeRequestHead('OPTIONS', '*', []), 'OPTIONS * HTTP/1.1\r\n\r\n');
  });

  it('a status outside 100-599 is a RangeError (RFC 9110 §15)', () => {
    for (const status of [0, 99, 600, 200.5, Number.NaN, -200])
      assert.throws(() => encodeResponseHead(status, []), RangeError);
  });
});
