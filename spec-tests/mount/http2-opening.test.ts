/** How a WebSocket begins on a stream of HTTP/2 (RFC 8441 §3-§5), behind somebody's server: the setting, the handshake, refusals. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeaderFields } from '../../lib/http/headers.ts';
import { createServer } from '../../lib/server.ts';
import { type ConnectHead, readConnectHandshake } from '../../lib/websocket/handshake.ts';
import { closePayload } from '../support/frames.ts';
import { CANCEL, echo, ended, Http2Client, NO_ERROR, NOTHING, withHttp2 } from '../support/http2.ts';
import { patiently, turns, until } from '../support/sockets.ts';

describe('RFC 8441 §3 and §5: the opening handshake', () => {
  it('SETTINGS_ENABLE_CONNECT_PROTOCOL is 1, the answer is 200, without Sec-WebSocket-Accept (§3, §5)', async () => {
    await withHttp2(
      {},
      (server) =>
        server.webSocket(
          '/rooms/:room',
          (request) => ({
            data: request.params['room'],
            headers: { 'X-Node': 'a', 'Set-Cookie': ['a=1', 'b=2'] },
          }),
          {
            open: (socket, request) =>
              void socket.send(`${socket.data} ${request.host} ${request.method} ${socket.protocol}`),
          },
          { protocols: ['v2', 'v1'] },
        ),
      async ({ connect, url }) => {
        const http2 = await connect();
        assert.equal(http2.session.remoteSettings.enableConnectProtocol, true);
        const { status, headers, client } = await http2.webSocket('/rooms/caf%C3%A9?x=1', {
          'sec-websocket-protocol': 'v1, v2',
          'sec-websocket-key': 'not even base64',
          origin: url,
        });
        assert.equal(status, 200);
        assert.equal(headers['sec-websocket-protocol'], 'v2');
        assert.equal(headers['x-node'], 'a');
        assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
        for (const none of [
          'sec-websocket-accept',
          'upgrade',
          'connection',
          'sec-websocket-extensions',
          'content-length',
        ])
          assert.equal(headers[none], undefined, none);
        assert.equal((await client.frame()).payload.toString(), `café ${new URL(url).host} CONNECT v2`);
      },
    );
  });

  it('a key is not needed, and one that is there is answered, for clients that insist on it', async () => {
    await withHttp2({}, echo, async ({ connect }) => {
      const http2 = await connect();
      const { status, headers } = await http2.webSocket('/', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' });
      assert.equal(status, 200);
      assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='); // the example of RFC 6455 §1.3
    });
  });

  const good: ConnectHead = {
    protocol: 'websocket',
    scheme: 'https',
    authority: 'a.example:8443',
    path: '/chat',
    headers: HeaderFields.from({ 'sec-websocket-version': '13' }),
  };
  const version = { 'sec-websocket-version': '13' };
  const bad: readonly (readonly [what: string, head: Partial<ConnectHead>, code: string])[] = [
    ['another :protocol (§5)', { protocol: 'connect-udp' }, 'H2_PROTOCOL'],
    ['no :protocol (§5)', { protocol: undefined }, 'H2_PROTOCOL'],
    ['no :scheme (§4)', { scheme: undefined }, 'H2_SCHEME'],
    ['the scheme wss (§5)', { scheme: 'wss' }, 'H2_SCHEME'],
    ['no :path (§4)', { path: undefined }, 'H2_PATH'],
    ['an empty :path (§4)', { path: '' }, 'H2_PATH'],
    ['the path * (§4)', { path: '*' }, 'H2_PATH'],
    ['no :authority (§5)', { authority: undefined }, 'H2_AUTHORITY'],
    ['an :authority with a user (§5)', { authority: 'me@a.example' }, 'H2_AUTHORITY'],
    ['a Connection field (§5)', { headers: HeaderFields.from({ ...version, connection: 'upgrade' }) }, 'H2_UPGRADE'],
    ['an Upgrade field (§5)', { headers: HeaderFields.from({ ...version, upgrade: 'websocket' }) }, 'H2_UPGRADE'],
    ['no version (§5)', { headers: new HeaderFields() }, 'WS_VERSION'],
    ['another version (§5)', { headers: HeaderFields.from({ 'sec-websocket-version': '8' }) }, 'WS_VERSION'],
    [
      'subprotocols that are none',
      { headers: HeaderFields.from({ ...version, 'sec-websocket-protocol': 'a b' }) },
      'WS_PROTOCOL',
    ],
    [
      'extensions that are none',
      { headers: HeaderFields.from({ ...version, 'sec-websocket-extensions': ';' }) },
      'WS_EXTENSION_SYNTAX',
    ],
  ];
  for (const [what, head, code] of bad) {
    it(`an extended CONNECT with ${what} is refused`, () => {
      assert.equal(readConnectHandshake(good).kind, 'accept');
      const read = readConnectHandshake({ ...good, ...head });
      assert.ok(read.kind === 'reject');
      assert.equal(read.code, code);
      assert.equal(read.status, code === 'H2_PROTOCOL' ? 501 : 400);
      assert.equal(Object.keys(read.headers).includes('Upgrade'), false);
    });
  }

  it('refusals have a status, a body and no field of HTTP/1.1, and the stream ends with NO_ERROR (RFC 9113 §8.1)', async () => {
    await withHttp2(
      { options: { onError() {} } },
      (server) =>
        server
          .webSocket('/open', {})
          .webSocket(
            '/refused',
            () => ({ status: 401, headers: { 'X-Why': 'token' }, body: '{"error":"token"}' }),
            NOTHING,
          )
          .webSocket('/later', async () => ({ status: 403, body: 'later' }), NOTHING)
          .webSocket(
            '/throws',
            () => {
              throw new Error('planned');
            },
            NOTHING,
          )
          .webSocket('/field', () => ({ data: 1, headers: { 'Sec-WebSocket-Extensions': 'x' } }), NOTHING),
      async ({ connect, server }) => {
        const http2 = await connect();
        const refused = async (path: string, fields = {}): Promise<string> => {
          const { status, headers, client, stream } = await http2.webSocket(path, fields);
          const end = stream.closed ? Promise.resolve(stream.rstCode) : ended(stream);
          const body = (await client.rest()).toString().trim();
          assert.equal(await end, NO_ERROR);
          assert.equal(headers.upgrade ?? headers.connection, undefined);
          return `${status} ${body}`;
        };
        assert.equal(await refused('/refused'), '401 {"error":"token"}');
        assert.equal(await refused('/later'), '403 later');
        assert.equal(await refused('/throws'), '500 the handler failed');
        assert.equal(await refused('/field'), '500 the handler failed');
        assert.equal(await refused('/nowhere'), '404 no WebSocket here');
        assert.equal(await refused('/%zz'), '404 no WebSocket here');
        assert.equal(
          await refused('/open', { origin: 'http://evil.example' }),
          '403 origin http://evil.example is not allowed',
        );
        assert.equal(
          await refused('/open', { 'sec-websocket-version': '8' }),
          '400 Sec-WebSocket-Version is not 13 (RFC 6455 §4.2.1 item 6)',
        );
        assert.equal(await refused('/open', { host: 'b.example' }), '400 :authority and Host differ (RFC 9113 §8.3.1)');
        await until('nothing is open', () => server.connections.webSockets === 0);
      },
    );
  });

  it('a server that is full, or that closes, answers 503 and when to come back', async () => {
    await withHttp2({ options: { maxConnections: 1, closeTimeoutMs: 60_000 } }, echo, async ({ connect, server }) => {
      const http2 = await connect();
      const { client, stream } = await http2.webSocket('/a');
      assert.equal((await http2.webSocket('/b')).headers['retry-after'], '5');
      client.frames({ opcode: 8, payload: closePayload(1000) });
      stream.end();
      await client.close();
      await until('the first has gone', () => server.connections.webSockets === 0);
      const third = await http2.webSocket('/c');
      assert.equal(third.status, 200);
      const closing = server.close();
      const late = await http2.webSocket('/d');
      assert.equal(late.status, 503);
      assert.equal((await third.client.closeFrame()).code, 1001);
      third.client.frames({ opcode: 8, payload: closePayload(1001) });
      third.stream.end();
      await patiently('ours to close', closing);
    });
  });

  it('an address that has enough sockets gets 503 for one more, until one has gone', async () => {
    await withHttp2({ options: { maxConnectionsPerAddress: 2 } }, echo, async ({ connect }) => {
      const [one, two] = [await connect(), await connect()];
      const first = await one.webSocket('/');
      assert.equal((await two.webSocket('/')).status, 200);
      assert.equal((await two.webSocket('/')).status, 503);
      const end = ended(first.stream);
      first.stream.close(CANCEL);
      await end;
      await turns();
      assert.equal((await one.webSocket('/')).status, 200);
    });
  });

  it('permessage-deflate is agreed as over HTTP/1.1 (§5)', async () => {
    await withHttp2({ options: { perMessageDeflate: true } }, echo, async ({ connect }) => {
      const { headers, client } = await (await connect()).webSocket('/', {
        'sec-websocket-extensions': 'permessage-deflate',
      });
      assert.match(String(headers['sec-websocket-extensions']), /^permessage-deflate; server_no_context_takeover/);
      client.frames({ opcode: 1, payload: 'a'.repeat(1_000) });
      const { first, payload } = await client.frame();
      assert.equal(first, 0xc1);
      assert.ok(payload.length < 30);
    });
  });

  it('clients are told of extended CONNECT although the server was made without it (§3)', async () => {
    const { createServer: createHttp2Server } = await import('node:http2');
    const theirs = createHttp2Server({ settings: { enablePush: false, initialWindowSize: 100_000 } });
    const server = createServer();
    echo(server);
    server.attach(theirs);
    await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
    const { port } = theirs.address() as { port: number };
    const http2 = await Http2Client.connect(`http://127.0.0.1:${port}`);
    const { enableConnectProtocol, initialWindowSize } = http2.session.remoteSettings;
    assert.deepEqual(
      { enableConnectProtocol, initialWindowSize },
      { enableConnectProtocol: true, initialWindowSize: 100_000 },
    );
    http2.close();
    await server.close();
    await new Promise((resolve) => theirs.close(resolve));
  });
});
