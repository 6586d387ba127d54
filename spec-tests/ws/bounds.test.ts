/** Bounds and strictness of ours that stand behind ws's face, and what ws's users rely on and no log of the differential test shows. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createWebSocketStream, extension, subprotocol, WebSocket, WebSocketServer } from '../../lib/ws/index.ts';
import type { ServerOptions } from '../../lib/ws/types.ts';
import { ROOT } from '../support/peers.ts';

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

async function listening(options: ServerOptions = {}): Promise<{ wss: WebSocketServer; port: number }> {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(wss, 'listening');
  return { wss, port: (wss.address() as AddressInfo).port };
}

/** A peer that has shaken hands and reads nothing. */
async function deaf(wss: WebSocketServer, port: number): Promise<{ peer: Socket; server: WebSocket }> {
  const peer = connect(port, '127.0.0.1');
  peer.on('error', () => {});
  peer.pause();
  peer.write(HANDSHAKE);
  const [server] = (await once(wss, 'connection')) as [WebSocket];
  return { peer, server };
}

/** The frames that come, behind the answer to the handshake. */
async function* framesOf(peer: Socket): AsyncGenerator<{ first: number; length: number; payload: Buffer }> {
  let rest = Buffer.alloc(0);
  let isHead = true;
  for await (const chunk of peer) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    if (isHead) rest = rest.subarray(rest.indexOf('\r\n\r\n') + 4);
    isHead = false;
    while (rest.length >= 2) {
      const short = rest[1]! & 127;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (rest.length < start) break;
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      if (rest.length < start + length) break;
      yield { first: rest[0]!, length, payload: rest.subarray(start, start + length) };
      rest = rest.subarray(start + length);
    }
  }
}

const ended = (wss: WebSocketServer): Promise<void> => new Promise((resolve) => wss.close(() => resolve()));

describe('the bounds behind barewire/ws', () => {
  it('maxBufferedBytes: beyond it a message is not sent and its callback is given an error that names the bound', async () => {
    const { wss, port } = await listening({ maxBufferedBytes: 2_000_000 });
    const { peer, server } = await deaf(wss, port);
    const message = Buffer.alloc(1_000_000);
    let most = 0;
    const error = await new Promise<Error>((resolve) => {
      for (let i = 0; i < 50; i++) {
        server.send(message, (failed) => failed && resolve(failed));
        most = Math.max(most, server.bufferedAmount);
      }
    });
    assert.match(error.message, /maxBufferedBytes \(2000000\)/);
    assert.ok(most <= 2_000_000, `${most}`);
    server.terminate();
    peer.destroy();
    await ended(wss);
  });

  it('maxBufferedBytes: where a part of a message is beyond it, the connection is closed with 1013 and the message never ends (RFC 6455 §5.4)', async () => {
    const { wss, port } = await listening({ maxBufferedBytes: 2_000_000 });
    const { peer, server } = await deaf(wss, port);
    const results: string[] = [];
    let most = 0;
    const send = (part: Buffer, fin: boolean): void => {
      server.send(part, { fin }, (error) => results.push(error?.message ?? 'sent'));
      most = Math.max(most, server.bufferedAmount);
    };
    for (let i = 0; i < 50 && server.readyState === 1; i++) send(Buffer.alloc(500_000), false);
    send(Buffer.from('end'), true);
    assert.ok(most <= 2_000_000, `${most}`);
    const sizes: number[] = [];
    const closed = once(server, 'close');
    for await (const { first, length } of framesOf(peer)) {
      sizes.push(length);
      if ((first & 0x0f) === 8) break;
      assert.equal(first & 0x80, 0, 'no FIN'); // the message would be complete
    }
    peer.destroy();
    await closed;
    const sent = sizes.length - 1;
    assert.deepEqual(sizes.slice(0, sent), Array(sent).fill(500_000));
    const errors = results.filter((result) => result !== 'sent');
    assert.equal(results.length, sent + 2);
    assert.equal(errors.length, 2);
    assert.match(errors[0]!, /maxBufferedBytes \(2000000\)/);
    assert.match(errors[1]!, /not open/);
    await ended(wss);
  });

  it('maxBufferedBytes: where the first part of a message is beyond it, none is sent, and the connection goes on', async () => {
    const { wss, port } = await listening({ maxBufferedBytes: 2_000_000 });
    const { peer, server } = await deaf(wss, port);
    const failed = await new Promise<Error>((resolve) => {
      for (let i = 0; i < 50; i++) server.send(Buffer.alloc(1_000_000), (error) => error && resolve(error));
    });
    assert.match(failed.message, /maxBufferedBytes/);
    const results: string[] = [];
    const send = (part: string | Buffer, fin: boolean): Promise<void> =>
      new Promise((resolve) => {
        server.send(part, { fin }, (error) => resolve(void results.push(error?.message ?? 'sent')));
      });
    await send(Buffer.alloc(1_000_000), false);
    const texts: string[] = [];
    peer.resume();
    const all = (async () => {
      for await (const { first, payload } of framesOf(peer)) {
        if (payload.length < 100) texts.push(`${first.toString(16)} ${payload}`);
        if (String(payload) === 'whole') return;
      }
    })();
    while (server.bufferedAmount > 0) await sleep(1);
    await send('a', false);
    await send('b', true);
    await send('in two ', false);
    await send('parts', true);
    await send('whole', true);
    await all;
    assert.deepEqual(texts, ['1 in two ', '0 parts', '80 ', '81 whole']); // FIN on an empty frame of its own
    assert.match(results[0]!, /maxBufferedBytes/);
    assert.deepEqual(results.slice(1, 3), Array(2).fill('not sent: the first part of the message was not'));
    assert.deepEqual(results.slice(3), ['sent', 'sent', 'sent']);
    server.terminate();
    peer.destroy();
    await ended(wss);
  });

  it('without maxBufferedBytes everything is kept, and callbacks of what was not sent are given an error at the end', async () => {
    const { wss, port } = await listening();
    const { peer, server } = await deaf(wss, port);
    const results: (Error | undefined)[] = [];
    for (let i = 0; i < 30; i++) server.send(Buffer.alloc(1_000_000), (error) => results.push(error));
    assert.ok(server.bufferedAmount > 10_000_000);
    server.terminate();
    await once(server, 'close');
    assert.equal(results.length, 30);
    assert.match(results.at(-1)!.message, /closed before/);
    peer.destroy();
    await ended(wss);
  });

  const reads = {
    'before the Blob was read': () => sleep(50, new ArrayBuffer(1)),
    'and the Blob was read before that was told': () => Promise.resolve(new ArrayBuffer(1)),
  };
  for (const [when, arrayBuffer] of Object.entries(reads))
    it(`callbacks of a Blob and of what waits behind it are given an error when the connection ended ${when}`, async () => {
      const { wss, port } = await listening();
      const client = new WebSocket(`ws://127.0.0.1:${port}`);
      await once(client, 'open');
      const blob = Object.assign(new Blob(['x']), { arrayBuffer });
      const told: string[] = [];
      const called = ['blob', 'behind', 'ping'].map((what) => {
        return new Promise<void>((resolve) => {
          const callback = (error?: Error): void => {
            told.push(`${what}: ${error?.message}`);
            resolve();
          };
          if (what === 'ping') client.ping('', false, callback);
          else client.send(what === 'blob' ? blob : what, callback);
        });
      });
      client.terminate();
      await Promise.race([Promise.all(called), sleep(500)]);
      await ended(wss);
      const why = 'The socket was closed while the blob was being read';
      assert.deepEqual(told, [`blob: ${why}`, `behind: ${why}`, `ping: ${why}`]);
    });

  it('a callback behind a full system buffer is called once the peer reads on', async () => {
    const { wss, port } = await listening();
    const { peer, server } = await deaf(wss, port);
    server.send(Buffer.alloc(20_000_000));
    const sent = new Promise<void>((resolve) => server.send('small', () => resolve()));
    assert.ok(server.bufferedAmount > 0);
    peer.resume();
    await sent;
    assert.equal(server.bufferedAmount, 0);
    peer.destroy();
    await ended(wss);
  });

  it('options of ours out of bounds are refused at the call', () => {
    assert.throws(() => new WebSocketServer({ noServer: true, maxBufferedBytes: 0 }), RangeError);
    assert.throws(() => new WebSocketServer({ noServer: true, writeTimeout: -1 }), RangeError);
    assert.throws(
      () => new WebSocketServer({ noServer: true, perMessageDeflate: { serverMaxWindowBits: 7 } }),
      RangeError,
    );
  });

  it('a line of the answer with a line break is refused (stricter than ws)', async () => {
    const { wss, port } = await Promise.resolve({ wss: new WebSocketServer({ noServer: true }), port: undefined });
    const http = createServer();
    http.on('upgrade', (request, socket, head) => {
      assert.throws(() => wss.handleUpgrade(request, socket, head, () => {}), /line break/);
      socket.destroy();
    });
    wss.on('headers', (lines) => lines.push('X-A: b\r\nX-C: d'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const peer = connect((http.address() as AddressInfo).port, '127.0.0.1');
    peer.write(HANDSHAKE);
    await once(peer, 'close');
    http.close();
    assert.equal(port, undefined);
  });

  it('what names somebody is not sent on to another origin by a redirect (CVE-2022-1650)', async () => {
    const { wss, port } = await listening();
    const first = createServer();
    first.on('request', (_, response) => response.writeHead(302, { Location: `ws://localhost:${port}/` }).end());
    first.listen(0, '127.0.0.1');
    await once(first, 'listening');
    const asked = once(wss, 'connection') as Promise<[WebSocket, IncomingMessage]>;
    const headers = { Authorization: 'secret', Cookie: 'a=b', 'X-Kept': 'yes' };
    const url = `ws://user:word@127.0.0.1:${(first.address() as AddressInfo).port}/`;
    const client = new WebSocket(url, { followRedirects: true, headers, family: 4 });
    const [[, request]] = await Promise.all([asked, once(client, 'open')]);
    assert.equal(request.headers.authorization, undefined);
    assert.equal(request.headers.cookie, undefined);
    assert.equal(request.headers['x-kept'], 'yes');
    client.terminate();
    await once(client, 'close');
    first.close();
    await ended(wss);
  });

  it('allowSynchronousEvents false: while an event waits for its turn, a peer that goes on sending is not read', async () => {
    const { wss, port } = await listening({ allowSynchronousEvents: false });
    const peer = connect(port, '127.0.0.1');
    peer.on('error', () => {});
    peer.write(HANDSHAKE);
    const [server] = (await once(wss, 'connection')) as [WebSocket];
    let told = 0;
    server.on('message', () => told++);
    const message = Buffer.alloc(8 + 1_000); // a masked frame of 1,000 octets
    message.set([0x82, 0xfe, 0x03, 0xe8]);
    const hundred = Buffer.concat(Array(100).fill(message));
    // 30 MB, of which the kernel's buffers take some MB.
    for (let i = 0; i < 300; i++) peer.write(hundred);
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    assert.ok(told > 0 && told <= 201, `${told} told in 200 turns`);
    assert.ok(peer.writableLength > 10_000_000, `${peer.writableLength} octets wait at the sender`);
    server.terminate();
    peer.destroy();
    await ended(wss);
  });

  it('allowSynchronousEvents false: an event that waits when the connection is dropped is told before close', async () => {
    const { wss, port } = await listening({ allowSynchronousEvents: false });
    const peer = connect(port, '127.0.0.1');
    peer.on('error', () => {});
    peer.write(HANDSHAKE);
    const [server] = (await once(wss, 'connection')) as [WebSocket];
    const told: string[] = [];
    server.on('message', (data) => told.push(String(data)));
    // Once the listeners of the first have run, the second waits for the next turn; TCP has gone before it.
    server.once('message', () => process.nextTick(() => server.terminate()));
    const closed = new Promise<void>((resolve) => server.on('close', () => resolve(void told.push('close'))));
    const text = (word: string): Buffer => Buffer.from([0x81, 0x81, 0, 0, 0, 0, word.charCodeAt(0)]);
    peer.write(Buffer.concat(['1', '2', '3'].map(text)));
    await closed;
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    assert.deepEqual(told, ['1', '2', 'close']);
    peer.destroy();
    await ended(wss);
  });

  it('what a listener throws is an uncaught exception, and the connection goes on', () => {
    const told = printed(`
      const wss = new WebSocketServer({ port: 0 }, () => {
        const client = new WebSocket('ws://127.0.0.1:' + wss.address().port);
        client.on('open', () => { client.send('1'); client.send('2'); });
        client.on('close', (code) => { console.log('closed', code); wss.close(); });
      });
      wss.on('connection', (socket) => socket.on('message', (data) => {
        if (String(data) === '1') throw new Error('of a listener');
        socket.close(4000);
      }));`);
    assert.deepEqual(told, ['uncaught of a listener', 'closed 4000']);
  });

  it('what a callback of send throws is an uncaught exception, and those behind it are called once, in order', () => {
    const told = printed(`
      const callback = (name) => (error) => {
        console.log(name, error ? 'not sent' : 'sent');
        if (name % 2 === 1) throw new Error('of ' + name);
      };
      const wss = new WebSocketServer({ port: 0 }, () => new WebSocket('ws://127.0.0.1:' + wss.address().port));
      wss.on('connection', (socket) => {
        const large = Buffer.alloc(32_000_000); // more than the system takes at once
        for (const name of [1, 2, 3, 4]) socket.send('small', callback(name));
        setImmediate(() => {
          for (const name of [5, 6, 7, 8]) socket.send(large, callback(name));
          socket.terminate();
        });
        socket.on('close', () => { console.log('closed'); wss.close(); });
      });`);
    const ofFour = (first: number, result: string): string[] => [0, 1, 2, 3].map((i) => `${first + i} ${result}`);
    assert.deepEqual(told, [
      ...ofFour(1, 'sent'),
      ...['uncaught of 1', 'uncaught of 3'],
      ...ofFour(5, 'not sent'),
      'closed',
      ...['uncaught of 5', 'uncaught of 7'],
    ]);
  });
});

/** The lines that a program prints in a process of its own, in which an uncaught exception is a line too. */
function printed(program: string): string[] {
  const library = JSON.stringify(join(ROOT, 'dist/lib/ws/index.js'));
  const before = `
    import { WebSocket, WebSocketServer } from ${library};
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));`;
  const how = { encoding: 'utf8', timeout: 10_000 } as const;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', before + program], how);
  return stdout.trimEnd().split('\n');
}

describe('createWebSocketStream, extension and subprotocol', () => {
  it('a stream carries bytes both ways under backpressure, and ends in peace', async () => {
    const { wss, port } = await listening();
    wss.on('connection', (socket) => {
      const stream = createWebSocketStream(socket);
      stream.pipe(stream);
    });
    const stream = createWebSocketStream(new WebSocket(`ws://127.0.0.1:${port}`));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    let received = 0;
    const all = new Promise<void>((resolve) => {
      stream.on('data', (chunk) => {
        received += chunk.length;
        if (received === 3_000_000) resolve();
      });
    });
    for (let i = 0; i < 30; i++) stream.write(Buffer.alloc(100_000, i));
    await all;
    assert.deepEqual(
      Buffer.concat(chunks),
      Buffer.concat(Array.from({ length: 30 }, (_, i) => Buffer.alloc(100_000, i))),
    );
    stream.end();
    await once(stream, 'close');
    await ended(wss);
  });

  it('a failed handshake destroys the stream with its error', async () => {
    const stream = createWebSocketStream(new WebSocket('ws://127.0.0.1:1'));
    const [error] = await once(stream, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });

  it('extension.parse and format are inverse (RFC 6455 §9.1)', () => {
    const header = 'permessage-deflate; client_max_window_bits, x; a=1; a=2; b';
    assert.equal(extension.format(extension.parse(header)), header);
    assert.throws(() => extension.parse(';'), SyntaxError);
  });

  it('subprotocol.parse answers distinct tokens in order (RFC 6455 §4.1 item 10)', () => {
    assert.deepEqual([...subprotocol.parse('b, a')], ['b', 'a']);
    for (const wrong of ['a, a', 'a b', '']) assert.throws(() => subprotocol.parse(wrong), SyntaxError, wrong);
  });
});
