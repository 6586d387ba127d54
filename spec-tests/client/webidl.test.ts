import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventSource } from '../../lib/client/event-source.ts';
import { CloseEvent, ErrorEvent } from '../../lib/client/events.ts';
import { toClampedUnsignedShort, toUnsignedShort } from '../../lib/client/webidl.ts';
import { WebSocket } from '../../lib/client/websocket.ts';
import { loadPeer, withoutPeer } from '../support/peers.ts';
import { turns } from '../support/sockets.ts';

/** One interface as its IDL has it. */
interface Interface {
  readonly name: string;
  /** Arguments of the constructor that are required. */
  readonly required: number;
  readonly constants: Readonly<Record<string, number>>;
  /** `readonly` attributes. */
  readonly readonly: readonly string[];
  /** Attributes that can be set, event handlers among them. */
  readonly writable: readonly string[];
  /** Operations and how many of their arguments are required. */
  readonly operations: Readonly<Record<string, number>>;
}

type Class = (new (...args: never[]) => object) & { readonly prototype: object };

/** WebSockets §3.1 and §6, HTML §9.2.2 and §8.1.4.6: the IDL as a table. */
const IDL: readonly (Interface & { readonly class: Class })[] = [
  {
    class: WebSocket as unknown as Class,
    name: 'WebSocket',
    required: 1,
    constants: { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 },
    readonly: ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol'],
    writable: ['onopen', 'onerror', 'onclose', 'onmessage', 'binaryType'],
    operations: { close: 0, send: 1 },
  },
  {
    class: EventSource as unknown as Class,
    name: 'EventSource',
    required: 1,
    constants: { CONNECTING: 0, OPEN: 1, CLOSED: 2 },
    readonly: ['url', 'withCredentials', 'readyState'],
    writable: ['onopen', 'onmessage', 'onerror'],
    operations: { close: 0 },
  },
  {
    class: CloseEvent as unknown as Class,
    name: 'CloseEvent',
    required: 1,
    constants: {},
    readonly: ['wasClean', 'code', 'reason'],
    writable: [],
    operations: {},
  },
  {
    class: ErrorEvent as unknown as Class,
    name: 'ErrorEvent',
    required: 1,
    constants: {},
    readonly: ['message', 'filename', 'lineno', 'colno', 'error'],
    writable: [],
    operations: {},
  },
];

/** Everything in which a class differs from its IDL, as sentences. */
function differences(subject: Class, idl: Interface): string[] {
  const found: string[] = [];
  const check = (what: string, holds: boolean): void => {
    if (!holds) found.push(`${idl.name}: ${what}`);
  };
  const { prototype } = subject;
  check('name', subject.name === idl.name);
  check('length', subject.length === idl.required);
  check('toStringTag', Object.prototype.toString.call(prototype) === `[object ${idl.name}]`);
  const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag);
  check('toStringTag is configurable only', tag?.configurable === true && !tag.writable && !tag.enumerable);
  for (const [name, value] of Object.entries(idl.constants)) {
    for (const [where, holder] of [
      ['the constructor', subject],
      ['the prototype', prototype],
    ] as const) {
      const property = Object.getOwnPropertyDescriptor(holder, name);
      check(`${name} on ${where}`, property?.value === value);
      check(`${name} on ${where} is read-only`, property?.writable === false && property.configurable === false);
      check(`${name} on ${where} is enumerable`, property?.enumerable === true);
    }
  }
  for (const name of [...idl.readonly, ...idl.writable]) {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    check(`${name} is a getter of the prototype`, property?.get !== undefined);
    check(`${name} is enumerable and configurable`, property?.enumerable === true && property.configurable === true);
    check(`${name} has a setter`, (property?.set !== undefined) === idl.writable.includes(name));
    check(
      `${name} of another object throws TypeError`,
      throwsTypeError(() => property?.get?.call({})),
    );
  }
  for (const [name, required] of Object.entries(idl.operations)) {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    check(`${name} is an operation`, typeof property?.value === 'function' && property.value.length === required);
    check(`${name} is enumerable`, property?.enumerable === true);
    check(`${name} is writable`, property?.writable === true);
    check(
      `${name} of another object throws TypeError`,
      throwsTypeError(() => property?.value.call({}, 'x')),
    );
  }
  check(
    'the constructor without arguments throws TypeError',
    throwsTypeError(() => new subject()),
  );
  check(
    'the constructor called without new throws TypeError',
    throwsTypeError(() => Reflect.apply(subject, undefined, ['ws://a'])),
  );
  return found;
}

function throwsTypeError(action: () => unknown): boolean {
  try {
    action();
    return false;
  } catch (error) {
    return error instanceof TypeError;
  }
}

const NOWHERE = 'ws://127.0.0.1:1/';

/** A socket that is on its way to nowhere. */
async function withSocket(body: (socket: WebSocket) => void | Promise<void>): Promise<void> {
  const socket = new WebSocket(NOWHERE);
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
  await body(socket);
  socket.close();
  await closed;
}

describe('WebIDL: the shape of the interfaces', () => {
  for (const { class: subject, ...idl } of IDL)
    it(`${idl.name} has the members of its IDL, as WebIDL §3.7 lays them out, and no own fields`, () =>
      assert.deepEqual(differences(subject, idl), []));

  it('the walk finds what is wrong', () => {
    class Bare {
      url = '';
      close(): void {}
    }
    const found = differences(Bare as unknown as Class, { ...IDL[0]!, name: 'Bare' });
    assert.ok(found.length > 30, found.join('\n'));
  });

  it('undici’s WebSocket passes the same walk', { skip: withoutPeer('undici') }, () => {
    const undici = loadPeer<{ WebSocket: Class; CloseEvent: Class }>('undici');
    assert.deepEqual(differences(undici.WebSocket, IDL[0]!), []);
    assert.deepEqual(differences(undici.CloseEvent, IDL[2]!), []);
  });

  it('an instance has no own properties, so that nothing of it can be overwritten', () =>
    withSocket((socket) => {
      assert.deepEqual(Object.keys(socket), []);
      assert.throws(() => Object.assign(socket, { url: 'x' }), TypeError);
      assert.throws(() => Object.assign(socket, { OPEN: 5 }), TypeError);
      assert.equal(socket.url, NOWHERE);
      assert.deepEqual([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED], [0, 1, 2, 3]);
    }));
});

describe('WebIDL §3.2: conversions', () => {
  it('[Clamp] unsigned short: clamped, then to the nearest, of two the even one', () => {
    for (const [value, expected] of [
      [3000.4, 3000],
      [3000.5, 3000],
      [3001.5, 3002],
      ['3000', 3000],
      [-5, 0],
      [1e9, 65_535],
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 65_535],
      [null, 0],
      [undefined, 0],
      [[4000], 4000],
      [{ valueOf: () => 3333 }, 3333],
    ] as const)
      assert.equal(toClampedUnsignedShort(value), expected, String(value));
    assert.throws(() => toClampedUnsignedShort(Symbol('x')), TypeError);
    assert.throws(() => toClampedUnsignedShort(3000n), TypeError);
  });

  it('unsigned short: truncated, modulo 65,536', () => {
    for (const [value, expected] of [
      [65_537, 1],
      [-1, 65_535],
      [1000.9, 1000],
      [-0.5, 0],
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 0],
    ] as const)
      assert.equal(Math.abs(toUnsignedShort(value)), expected, String(value));
  });

  it('the constructor converts the URL and the subprotocols to text first', async () => {
    assert.throws(() => new WebSocket(Symbol('x') as never), TypeError);
    assert.throws(() => new WebSocket(undefined as never), { name: 'SyntaxError' });
    assert.throws(() => new WebSocket(NOWHERE, [Symbol('x')] as never), TypeError);
    assert.throws(() => new WebSocket(NOWHERE, [{}] as never), { name: 'SyntaxError' });
    const socket = new WebSocket(
      { toString: () => 'http://127.0.0.1:1/\ud800' } as never,
      new Set(['a', 'b']) as never,
    );
    assert.equal(socket.url, 'ws://127.0.0.1:1/%EF%BF%BD');
    await new Promise((resolve) => socket.addEventListener('close', resolve));
  });

  it('a percent sign that escapes nothing stands for itself: ws://u:100%@h/ is no URIError', async () => {
    const socket = new WebSocket('ws://u:100%@127.0.0.1:1/');
    await new Promise((resolve) => socket.addEventListener('close', resolve));
  });

  it('send and close without what they need throw before anything has changed', () =>
    withSocket((socket) => {
      assert.throws(() => socket.send.call(socket, ...([] as unknown as [string])), TypeError);
      assert.throws(() => socket.send(Symbol('x') as never), TypeError);
      assert.throws(() => socket.close(Symbol('x') as never), TypeError);
      assert.throws(() => socket.close(1000n as never), TypeError);
      assert.throws(() => socket.close(3000, Symbol('x') as never), TypeError);
      assert.throws(() => socket.close(2999.4), { name: 'InvalidAccessError' });
      assert.equal(socket.readyState, WebSocket.CONNECTING);
      assert.equal(socket.bufferedAmount, 0);
      socket.binaryType = { toString: () => 'arraybuffer' } as never;
      assert.equal(socket.binaryType, 'arraybuffer');
      socket.binaryType = 'nothing' as never;
      assert.equal(socket.binaryType, 'arraybuffer');
    }));

  it('options are a dictionary, and a misspelt one or one out of its bounds is told at the call', () => {
    for (const options of [
      { maxMessageByte: 5 },
      { pingIntervalMs: '5' },
      { tls: 5 },
      { headers: 5 },
      { proxy: 'socks5://a' },
    ])
      assert.throws(() => new WebSocket(NOWHERE, options as never), TypeError, JSON.stringify(options));
    for (const options of [
      { maxMessageBytes: 0 },
      { maxMessageBytes: -5 },
      { handshakeTimeoutMs: 2 ** 31 },
      { maxRedirects: 21 },
    ])
      assert.throws(() => new WebSocket(NOWHERE, options), RangeError, JSON.stringify(options));
    assert.throws(
      () => new WebSocket(NOWHERE, { maxMessageBytes: -5 }),
      /maxMessageBytes is -5, must be a whole number from 1 on/,
    );
    for (const options of [
      5,
      { method: 5 },
      { retry: 5 },
      { body: 'x' },
      { method: 'POST', body: {} },
      { resume: 'maybe' },
      { lastEventId: '\n' },
    ])
      assert.throws(() => new EventSource('http://127.0.0.1:1', options as never), TypeError, JSON.stringify(options));
    for (const options of [{ maxRetryMs: -1 }, { reconnectionTimeMs: -1 }, { maxLineBytes: 0 }])
      assert.throws(() => new EventSource('http://127.0.0.1:1', options), RangeError, JSON.stringify(options));
  });
});

describe('CloseEvent and ErrorEvent: dictionaries (WebSockets §6, HTML §8.1.4.6, DOM §2.2)', () => {
  it('defaults, conversions and the members of EventInit', () => {
    const bare = new CloseEvent('close');
    assert.deepEqual([bare.wasClean, bare.code, bare.reason, bare.bubbles], [false, 0, '', false]);
    const none = new CloseEvent('x', null as never);
    assert.deepEqual([none.type, none.code], ['x', 0]);
    const full = new CloseEvent('close', {
      wasClean: 1,
      code: 65_537,
      reason: 'a\ud800',
      bubbles: true,
      cancelable: 1,
    } as never);
    assert.deepEqual(
      [full.wasClean, full.code, full.reason, full.bubbles, full.cancelable, full.composed],
      [true, 1, 'a\ufffd', true, true, false],
    );
    assert.throws(() => new CloseEvent('close', 5 as never), TypeError);
    assert.throws(() => new CloseEvent(Symbol('x') as never), TypeError);
    const error = new ErrorEvent('error');
    assert.deepEqual(
      [error.message, error.filename, error.lineno, error.colno, error.error],
      ['', '', 0, 0, undefined],
    );
    const told = new ErrorEvent('error', { message: 'm', error: 5, lineno: -1, bubbles: true });
    assert.deepEqual([told.message, told.error, told.lineno, told.bubbles], ['m', 5, 2 ** 32 - 1, true]);
  });
});

describe('HTML §8.1.8.1: event handler attributes', () => {
  it('keep their place while they are replaced, and give it up with null', () =>
    withSocket((socket) => {
      const log: string[] = [];
      const say = (what: string) => () => void log.push(what);
      socket.onopen = say('never');
      socket.addEventListener('open', say('listener'));
      socket.onopen = say('handler');
      socket.dispatchEvent(new Event('open'));
      assert.deepEqual(log.splice(0), ['handler', 'listener']);
      socket.onopen = null;
      socket.onopen = say('again');
      socket.dispatchEvent(new Event('open'));
      assert.deepEqual(log.splice(0), ['listener', 'again']);
    }));

  it('an object is kept and does nothing; what is no object reads null; this is the target; false cancels', () =>
    withSocket((socket) => {
      const object = { handleEvent: () => assert.fail('a handler is no listener object') };
      socket.onmessage = object as never;
      assert.equal(socket.onmessage, object);
      socket.dispatchEvent(new Event('message'));
      for (const value of [5, 'x', undefined, true]) {
        socket.onmessage = value as never;
        assert.equal(socket.onmessage, null);
      }
      let self: unknown;
      socket.onmessage = function () {
        self = this;
        return false;
      };
      const event = new Event('message', { cancelable: true });
      assert.equal(socket.dispatchEvent(event), false);
      assert.equal(self, socket);
    }));

  it('listeners know their event in TypeScript: data, code and error without a cast', async () => {
    const socket = new WebSocket(NOWHERE);
    const seen: unknown[] = [];
    socket.addEventListener('message', (event) => seen.push(event.data));
    socket.addEventListener('error', (event) => seen.push(event.error instanceof Error));
    const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
    socket.dispatchEvent(new MessageEvent('message', { data: 5 }));
    assert.equal(await closed, 1006);
    const source = new EventSource('http://127.0.0.1:1');
    source.addEventListener('tick', (event) => seen.push(event.data));
    source.dispatchEvent(new MessageEvent('tick', { data: 'x' }));
    source.close();
    await turns(2);
    assert.deepEqual(seen, [5, true, 'x']);
  });
});
