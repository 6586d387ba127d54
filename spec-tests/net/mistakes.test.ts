/** Mistakes of who calls: told at the call, with what is wrong and what was meant. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createServer, metrics, openEventStream } from '../../lib/index.ts';
import { closed } from '../../lib/net/waiting-writes.ts';
import { connectPair, openStream } from '../../lib/testing/index.ts';
import { CloseCode } from '../../lib/websocket/close.ts';
import { WebSocketProtocol } from '../../lib/websocket/protocol.ts';

const wrong = (value: unknown) => value as never;

describe('mistakes are told at the call, with what was meant', () => {
  it('an event whose fields are no strings', async () => {
    const errors: unknown[] = [];
    const tries: (() => void)[] = [];
    const server = createServer({ onError: (error) => void errors.push(error) });
    server.eventStream('/', (stream) => {
      tries.push(
        () => stream.send(wrong({ data: {} })),
        () => stream.send(wrong({ event: 5, data: '' })),
        () => stream.send(wrong({ comment: null })),
        () => stream.send(wrong(null)),
        () => stream.send(wrong(5)),
      );
      return new Promise(() => {});
    });
    const stream = await openStream(server, '/');
    const told = [
      'data is an object, must be a string: JSON.stringify makes one of an object (HTML §9.2.5)',
      'event is 5, must be a string (HTML §9.2.5)',
      'comment is null, must be a string (HTML §9.2.5)',
      'an event is null, must be a string or an object with data',
      'an event is 5, must be a string or an object with data',
    ];
    for (const [i, attempt] of tries.entries()) assert.throws(attempt, { name: 'TypeError', message: told[i]! });
    assert.equal(tries.length, told.length);
    await server.close();
    await stream.closed;
  });

  it('what is no server, no request, no response', async () => {
    const message = 'server is an object, must be what createServer() gave';
    assert.throws(() => metrics(wrong({})), { name: 'TypeError', message: `metrics: ${message}` });
    await assert.rejects(connectPair(wrong({}), '/'), { name: 'TypeError', message: `connectPair: ${message}` });
    await assert.rejects(openStream(wrong(undefined), '/'), /^TypeError: openStream: server is undefined/);
    assert.throws(
      () => openEventStream(wrong({}), wrong({})),
      /^TypeError: openEventStream: request is an object, must/,
    );
    assert.throws(
      () => openEventStream(wrong({ rawHeaders: [] }), wrong({})),
      /^TypeError: openEventStream: response is an object, must/,
    );
  });

  it('the name of an event in an observer', () => {
    for (const [name, meant] of [
      ['onConect', 'connect'],
      ['onConnect', 'connect'],
      ['mesage', 'message'],
    ] as const)
      assert.throws(() => createServer({ observer: wrong({ [name]() {} }) }), {
        name: 'TypeError',
        message: `createServer: observer is an object, and there is no event ${name}; did you mean ${meant}?`,
      });
    assert.throws(() => createServer({ observer: wrong([{ close: 5 }]) }), /whose close is 5, must be a function/);
  });

  it('a message behind the end says what has ended it', () => {
    const core = new WebSocketProtocol({ role: 'server' });
    core.sendClose(CloseCode.MessageTooBig, '');
    assert.throws(() => core.sendText('a'), {
      message: 'cannot send: a close frame was sent already (RFC 6455 §5.5.1)',
    });
    core.receiveEnd();
    assert.throws(() => core.sendText('a'), { message: 'cannot send: the connection has ended (RFC 6455 §5.5.1)' });
    assert.equal(
      closed(new Error('closed with 1009: too long')).message,
      'the connection ended before this was written: closed with 1009: too long',
    );
  });
});
