/** The table of routes: which pattern takes a path, with which parameters. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Match, Router, WEBSOCKET } from '../../lib/http/router.ts';

function router(...routes: readonly (readonly [method: string, pattern: string])[]): Router<string> {
  const made = new Router<string>();
  for (const [method, pattern] of routes) made.add(method, pattern, `${method} ${pattern}`);
  return made;
}

/** The value found and its parameters as a plain object; else the kind of the answer. */
function found(match: Match<string>): readonly [string, Record<string, string>] | string {
  return match.kind === 'found' ? [match.value, { ...match.params }] : match.kind;
}

describe('paths to values', () => {
  const routes = router(
    ['GET', '/'],
    ['GET', '/rooms'],
    ['GET', '/rooms/:room'],
    ['GET', '/rooms/new'],
    ['GET', '/rooms/:room/:id'],
    ['GET', '/files/*'],
    ['GET', '/a/:x/c'],
    ['GET', '/a/b/d'],
    ['GET', '/slash/'],
    ['GET', '/constructor/__proto__'],
  );
  const cases: readonly (readonly [path: string, expected: ReturnType<typeof found>])[] = [
    ['/', ['GET /', {}]],
    ['/rooms', ['GET /rooms', {}]],
    ['/rooms/', 'not-found'],
    ['/rooms/new', ['GET /rooms/new', {}]],
    ['/rooms/New', ['GET /rooms/:room', { room: 'New' }]],
    ['/rooms/x%2Fy', ['GET /rooms/:room', { room: 'x/y' }]],
    ['/rooms/%C3%A4', ['GET /rooms/:room', { room: 'ä' }]],
    ['/rooms/%FF', 'bad-path'],
    ['/rooms/%', 'bad-path'],
    ['/rooms/a/', 'not-found'],
    ['/rooms/a/1', ['GET /rooms/:room/:id', { room: 'a', id: '1' }]],
    ['/files/', ['GET /files/*', { '*': '' }]],
    ['/files/a/b%20c', ['GET /files/*', { '*': 'a/b c' }]],
    ['/files', 'not-found'],
    ['/a/b/c', ['GET /a/:x/c', { x: 'b' }]],
    ['/a/b/d', ['GET /a/b/d', {}]],
    ['/slash', 'not-found'],
    ['/slash/', ['GET /slash/', {}]],
    ['/constructor/__proto__', ['GET /constructor/__proto__', {}]],
    ['/constructor', 'not-found'],
    ['/__proto__', 'not-found'],
    ['//rooms', 'not-found'],
    ['*', 'not-found'],
    ['', 'not-found'],
  ];
  for (const [path, expected] of cases)
    it(`${JSON.stringify(path)} leads to ${Array.isArray(expected) ? expected[0] : expected}`, () => {
      assert.deepEqual(found(routes.match('GET', path)), expected);
    });

  it('a parameter of a pattern that did not match in the end leaves nothing behind', () => {
    const made = router(['GET', '/:a/:b/x'], ['GET', '/:c/*'], ['GET', '/*']);
    assert.deepEqual(found(made.match('GET', '/1/2/3')), ['GET /:c/*', { c: '1', '*': '2/3' }]);
    assert.deepEqual(found(made.match('GET', '/1')), ['GET /*', { '*': '1' }]);
  });

  it('parameters are an object without a prototype, whatever they are called', () => {
    const match = router(['GET', '/:__proto__/:constructor']).match('GET', '/a/b');
    assert.ok(match.kind === 'found');
    assert.equal(Object.getPrototypeOf(match.params), null);
    assert.deepEqual(Object.entries(match.params), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    assert.equal(match.params['toString'], undefined);
    assert.equal(({} as Record<string, unknown>)['a'], undefined);
  });
});

describe('methods', () => {
  it('any token is one, and case counts (RFC 9110 §9.1)', () => {
    const routes = router(['PATCH', '/'], ['patch', '/'], ["!#$%&'*+", '/'], ['PROPFIND', '/:x']);
    assert.deepEqual(found(routes.match('PATCH', '/')), ['PATCH /', {}]);
    assert.deepEqual(found(routes.match('patch', '/')), ['patch /', {}]);
    assert.deepEqual(found(routes.match("!#$%&'*+", '/')), ["!#$%&'*+ /", {}]);
    assert.deepEqual(found(routes.match('PROPFIND', '/y')), ['PROPFIND /:x', { x: 'y' }]);
    for (const method of ['', 'GET ', 'G(T', 'GÉT'])
      assert.throws(() => router([method, '/']), { name: 'TypeError', message: /is not a token \(RFC 9110 §9\.1\)/ });
  });

  it('one is known where any route has it (RFC 9110 §15.6.2)', () => {
    const routes = router(['PATCH', '/a/:b'], ['GET', '/']);
    assert.deepEqual(
      ['PATCH', 'GET', 'HEAD', 'patch', WEBSOCKET].map((method) => routes.knows(method)),
      [true, true, false, false, false],
    );
  });

  it('HEAD is answered by a route for GET, unless it has one of its own (RFC 9110 §9.3.2)', () => {
    const routes = router(
      ['GET', '/a'],
      ['GET', '/b'],
      ['HEAD', '/b'],
      ['POST', '/c'],
      ['GET', '/d/:x'],
      ['POST', '/:y/e'],
    );
    assert.deepEqual(found(routes.match('HEAD', '/a')), ['GET /a', {}]);
    assert.deepEqual(found(routes.match('HEAD', '/b')), ['HEAD /b', {}]);
    assert.equal(routes.match('HEAD', '/c').kind, 'method-not-allowed');
    assert.deepEqual(found(routes.match('HEAD', '/d/e')), ['GET /d/:x', { x: 'e' }]);
  });

  it('those allowed are of all patterns that take the path (RFC 9110 §10.2.1)', () => {
    const routes = router(
      ['GET', '/a/b'],
      ['POST', '/a/:x'],
      ['PUT', '/a/*'],
      ['DELETE', '/:y/b'],
      ['PATCH', '/a'],
      ['GET', '/*'],
    );
    const refused = routes.match('OPTIONS', '/a/b');
    assert.deepEqual(refused, {
      kind: 'method-not-allowed',
      allow: ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'],
      webSocket: false,
    });
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])
      assert.equal(routes.match(method, '/a/b').kind, 'found', method);
    assert.deepEqual(routes.methods('/a/b'), ['GET', 'PUT', 'POST', 'DELETE', 'HEAD']);
    assert.deepEqual(routes.methods('/a'), ['GET', 'PATCH', 'HEAD']);
    assert.deepEqual(routes.methods('*'), []);
  });

  it('a WebSocket has a route of its own, which no request reaches by its method', () => {
    const routes = router([WEBSOCKET, '/ws'], [WEBSOCKET, '/both'], ['GET', '/both']);
    assert.deepEqual(found(routes.match(WEBSOCKET, '/ws')), ['(websocket) /ws', {}]);
    for (const method of ['GET', 'WEBSOCKET', 'websocket'])
      assert.deepEqual(routes.match(method, '/ws'), { kind: 'method-not-allowed', allow: [], webSocket: true });
    assert.deepEqual(routes.match('POST', '/both'), {
      kind: 'method-not-allowed',
      allow: ['GET', 'HEAD'],
      webSocket: true,
    });
    assert.deepEqual(routes.methods('/both'), ['GET', 'HEAD']);
    assert.equal(routes.match(WEBSOCKET, '/none').kind, 'not-found');
  });

  it('a more general route is taken where the better one has another method', () => {
    const routes = router(['GET', '/a'], ['POST', '/:x'], ['PUT', '/*']);
    assert.deepEqual(found(routes.match('POST', '/a')), ['POST /:x', { x: 'a' }]);
    assert.deepEqual(found(routes.match('PUT', '/a')), ['PUT /*', { '*': 'a' }]);
  });
});

describe('patterns that are the caller’s mistake', () => {
  for (const pattern of ['', 'a', '/*/a', '/:', '/:1', '/:a-b', '/:a/:a', '/a*', '/a?', '/a#', '/a b'])
    it(`${JSON.stringify(pattern)} is refused`, () => {
      assert.throws(() => router(['GET', pattern]), TypeError);
    });

  it('the same route twice is refused, also under other names of parameters', () => {
    assert.throws(() => router(['GET', '/a'], ['GET', '/a']), /is there already/);
    assert.throws(() => router(['GET', '/:a'], ['GET', '/:b']), /is there already/);
  });
});
