import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createServer } from '../../lib/server.ts';
import { openWebSocket, withServer } from '../support/sockets.ts';

/** Calls `call`, and answers the name and message of what it throws. */
function thrown(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
    return `${error.name}: ${error.message}`;
  }
  return 'nothing was thrown';
}

/** What an option may be, by values that it may not be. */
const kinds = {
  /** [a number out of range, its neighbour within] */
  count: {
    wrong: ['1kb', null, {}, [], true],
    outside: [0, -5, 1.5, Number.NaN, Number.POSITIVE_INFINITY],
    inside: [1],
  },
  orZero: { wrong: ['0', null, {}], outside: [-1, 0.5, Number.NaN], inside: [0] },
  unbounded: { wrong: ['1', null], outside: [0, -1, 0.5], inside: [1, Number.POSITIVE_INFINITY] },
  time: {
    wrong: ['5s', null, {}],
    outside: [0, -1, Number.NaN, 2_147_483_648, Number.POSITIVE_INFINITY],
    inside: [1, 2_147_483_647],
  },
  timeOrZero: { wrong: ['5s', null], outside: [-1, Number.NaN, 2_147_483_648], inside: [0, 0.5, 2_147_483_647] },
  handler: { wrong: ['x', null, 5, {}], outside: [], inside: [() => {}] },
  object: { wrong: ['x', null, 5], outside: [], inside: [] },
  strings: { wrong: ['chat', null, 5, [1], {}], outside: [], inside: [['chat'], []] },
  codings: { wrong: ['gzip', null, ['br']], outside: [], inside: [['gzip', 'deflate'], []] },
} as const;
type Kind = keyof typeof kinds;

const shared: Record<string, Kind> = {
  maxBufferedBytes: 'unbounded',
  highWaterMarkBytes: 'orZero',
  closeTimeoutMs: 'time',
  writeTimeoutMs: 'time',
};
const webSocket: Record<string, Kind> = {
  ...shared,
  maxMessageBytes: 'count',
  maxFramesPerMessage: 'count',
  maxQueuedMessages: 'count',
  maxQueuedBytes: 'count',
  pingIntervalMs: 'timeOrZero',
  pongTimeoutMs: 'time',
};
const stream: Record<string, Kind> = { ...shared, heartbeatIntervalMs: 'timeOrZero', contentCodings: 'codings' };
const server: Record<string, Kind> = {
  ...webSocket,
  ...stream,
  tls: 'object',
  maxConnections: 'count',
  maxConnectionsPerAddress: 'orZero',
  maxTlsHandshakes: 'count',
  maxHeaderCount: 'count',
  maxBodyBytes: 'orZero',
  maxRequestsPerConnection: 'count',
  maxPipelinedRequests: 'count',
  headTimeoutMs: 'time',
  bodyTimeoutMs: 'time',
  keepAliveTimeoutMs: 'time',
  onError: 'handler',
  clock: 'object',
};

const tables: readonly (readonly [string, Record<string, Kind>, (options: object) => unknown])[] = [
  ['createServer', server, (options) => createServer(options)],
  [
    'webSocket("/")',
    { ...webSocket, protocols: 'strings' },
    (options) => createServer().webSocket('/', { message() {} }, options),
  ],
  ['webSocket("/")', webSocket, (options) => createServer().webSocket('/', () => undefined, { message() {} }, options)],
  ['eventStream("/")', { ...stream, headers: 'object' }, (options) => createServer().eventStream('/', {}, options)],
  [
    'eventStream("/")',
    stream,
    (options) =>
      createServer().eventStream(
        '/',
        () => undefined,
        () => {},
        options,
      ),
  ],
  ['drain', { overMs: 'timeOrZero', retryAfterMs: 'time', onClose: 'handler' }, drainOptions],
];

function drainOptions(options: object): void {
  void createServer().drain(options);
}

describe('options are checked at the call, each by its name', () => {
  for (const [where, table, call] of tables) {
    it(`${where} with ${Object.keys(table).length} options: wrong types, out of range, misspelt, within range`, () => {
      for (const [name, kind] of Object.entries(table)) {
        const { wrong, outside, inside } = kinds[kind];
        for (const value of wrong) {
          const message = thrown(() => call({ [name]: value }));
          assert.ok(message.startsWith(`TypeError: ${where}: ${name} is `), `${name}: ${String(value)}: ${message}`);
          assert.match(message, /, must be /);
        }
        for (const value of outside) {
          const message = thrown(() => call({ [name]: value }));
          assert.ok(message.startsWith(`RangeError: ${where}: ${name} is ${value}, must be `), message);
        }
        for (const value of inside) call({ [name]: value });
        call({ [name]: undefined });
        const misspelt = `${name.slice(0, -2)}${name.slice(-1)}`;
        const message = thrown(() => call({ [misspelt]: 1 }));
        assert.equal(message, `TypeError: ${where}: unknown option ${misspelt}; did you mean ${name}?`);
      }
      for (const options of [5, 'x', null, []]) {
        const message = thrown(() => call(options as never));
        assert.match(message, /^TypeError: .*(options are|handlers are)/);
      }
    });
  }

  it('listen rejects, and can be called again', async () => {
    const server = createServer();
    const wrong: readonly (readonly [unknown, string])[] = [
      [5, 'TypeError: listen: options are 5, must be an object'],
      [{ port: '80' }, 'TypeError: listen: port is "80", must be a whole number of 0 to 65535'],
      [{ port: 65_536 }, 'RangeError: listen: port is 65536, must be a whole number of 0 to 65535'],
      [{ host: 5 }, 'TypeError: listen: host is 5, must be an address or a name (default 127.0.0.1)'],
      [{ path: 5 }, 'TypeError: listen: path is 5, must be a string'],
      [{ hots: 'x' }, 'TypeError: listen: unknown option hots; did you mean host?'],
      [{ proxyProtocol: true }, 'TypeError: listen: proxyProtocol is true, must be an object with from'],
      [{ proxyProtocol: {} }, 'TypeError: listen: proxyProtocol is an object, must be an object with from'],
    ];
    for (const [options, message] of wrong)
      await assert.rejects(
        server.listen(options as never),
        (error: Error) => `${error.name}: ${error.message}` === message || assert.fail(error.message),
      );
    await assert.rejects(server.listen({ proxyProtocol: { from: 'nowhere' } }), TypeError);
    await server.listen();
    await server.close();
  });

  it('names that are another library’s', () => {
    assert.equal(
      thrown(() => createServer({ maxMessageSize: 5 } as never)),
      'TypeError: createServer: unknown option maxMessageSize; did you mean maxMessageBytes?',
    );
    assert.match(
      thrown(() => createServer({ constructor: 5 } as never)),
      /^TypeError: createServer: unknown option constructor/,
    );
    assert.match(
      thrown(() => createServer().webSocket('/', {}, { zzzzzzzz: 1 } as never)),
      /^TypeError: webSocket\("\/"\): unknown option zzzzzzzz$/,
    );
  });

  it('allowedOrigins, perMessageDeflate and trustProxy', () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ allowedOrigins: 5 }, /allowed/i],
      [{ allowedOrigins: 'https://a.example' }, /allowedOrigins|allowed origins/i],
      [{ allowedOrigins: ['not an origin'] }, /origin/i],
      [{ perMessageDeflate: 'yes' }, /perMessageDeflate/],
      [{ perMessageDeflate: { level: 11 } }, /level/],
      [{ perMessageDeflate: { lvel: 1 } }, /lvel/],
    ];
    for (const [options, message] of cases)
      assert.match(
        thrown(() => createServer().webSocket('/', {}, options)),
        message,
        JSON.stringify(options),
      );
    for (const trustProxy of [true, 5, {}, { from: 'nowhere', headers: 'forwarded' }, { from: 'loopback' }])
      assert.match(
        thrown(() => createServer({ trustProxy } as never)),
        /^(TypeError|RangeError): /,
        JSON.stringify(trustProxy),
      );
  });
});

describe('handlers are checked at the call', () => {
  it('a function and {} are refused: upgrade would become the loop, and accept everybody', () => {
    const upgrade = (): { status: number } => ({ status: 401 });
    assert.throws(
      () => createServer().webSocket('/', upgrade, {}),
      /\{\} behind a function may be handlers or options/,
    );
    assert.throws(
      () => createServer().eventStream('/', upgrade, {}),
      /\{\} behind a function may be handlers or options/,
    );
  });

  const on = (...args: unknown[]): string =>
    thrown(() => (createServer().webSocket as (...args: unknown[]) => unknown)('/', ...args));
  const streams = (...args: unknown[]): string =>
    thrown(() => (createServer().eventStream as (...args: unknown[]) => unknown)('/', ...args));

  it('misspelt, missing, of a wrong type, or in the place of options', () => {
    assert.equal(on({ onmessage() {} }), 'TypeError: webSocket("/"): unknown handler onmessage; did you mean message?');
    assert.match(on({ message: 'x' }), /handler message is "x", must be a function/);
    assert.match(on(), /handlers are undefined, must be a function or an object with open, message/);
    assert.match(on(5), /handlers are 5/);
    assert.match(on({ maxMessageBytes: 5 }, { message() {} }), /unknown (handler maxMessageBytes|option message)/);
    assert.match(on({ upgrade() {}, message() {} }), /upgrade is an argument of its own, before the handlers/);
    assert.match(
      on(() => {}, { pingInterval: 5 }),
      /unknown option pingInterval; did you mean pingIntervalMs/,
    );
    assert.match(
      on(() => undefined, { mesage() {} }),
      /unknown (option|handler) mesage/,
    );
    assert.match(streams({ onopen() {} }), /unknown handler onopen; did you mean open/);
    assert.match(streams({ accept() {}, open() {} }), /accept is an argument of its own/);
    assert.match(
      streams({ method: 'POST' }, () => {}),
      /unknown handler method|unknown option/,
    );
    assert.match(
      streams(() => {}, { method: 'PUT' }),
      /method is "PUT", must be 'GET' or 'POST'/,
    );
    assert.match(
      streams(() => {}, { headers: { Connection: 'close' } }),
      /header Connection belongs to the server/,
    );
  });

  it('get, post and route want a function, a pattern and a method', () => {
    const server = createServer();
    for (const handler of ['text', {}, undefined, 5])
      assert.match(
        thrown(() => server.get('/', handler as never)),
        /^TypeError: route\("GET", "\/"\): handler is .*, must be a function/,
      );
    assert.match(
      thrown(() => server.post('/', () => ({}), { alowedOrigins: '*' } as never)),
      /unknown option alowedOrigins; did you mean allowedOrigins/,
    );
    assert.match(
      thrown(() => server.route('WEBSOCKET', '/', () => ({}))),
      /TypeError|nothing/,
    );
    for (const pattern of ['x', 5, undefined, '/a/*/b', '/:', '/:a/:a'])
      assert.match(
        thrown(() => server.get(pattern as never, () => ({}))),
        /^TypeError/,
        String(pattern),
      );
    server.get('/once', () => ({}));
    assert.match(
      thrown(() => server.get('/once', () => ({}))),
      /^TypeError/,
    );
  });

  it('methods of an instance are handlers too, and its own fields are its own', () => {
    class Echo {
      readonly prefix = 'x';
      message(): void {}
    }
    createServer().webSocket('/', new Echo());
  });

  it('close refuses a code or reason that may not be sent, in every state (RFC 6455 §7.4)', async () => {
    const said: string[] = [];
    await withServer(
      {},
      (server) =>
        server.webSocket('/', {
          open(socket) {
            const wrong: readonly (readonly unknown[])[] = [
              ...[[3000, 5], [3000, null], ['3000'], [999], [1005], [1006], [1015], [5000], [3000.5], [Number.NaN]],
              ...[
                [1000, 'x'.repeat(124)],
                [undefined, 5],
              ],
            ];
            const close = socket.close.bind(socket) as (...args: readonly unknown[]) => void;
            for (const args of wrong) said.push(thrown(() => close(...args)));
            assert.equal(socket.readyState, 1, 'nothing was sent');
            socket.close(4000, 'x'.repeat(123));
            for (const args of wrong) said.push(thrown(() => close(...args)));
          },
        }),
      async (server) => {
        const client = await openWebSocket(server.port);
        assert.deepEqual(await client.closeFrame(), { code: 4000, reason: 'x'.repeat(123) });
        assert.equal(said.length, 24);
        for (const message of said) assert.match(message, /^(TypeError|RangeError): /);
      },
    );
    for (const args of [[999], [1000, 'x'.repeat(124)], [1000, 5]] as const)
      assert.match(
        thrown(() => void (createServer().close as (...args: readonly unknown[]) => unknown)(...args)),
        /^(TypeError|RangeError): /,
      );
  });
});
