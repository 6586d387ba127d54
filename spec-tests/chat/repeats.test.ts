/** Messages that are sent again: what the application let pass is not shown to it again, and never refused behind its acknowledgement. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Passed } from '../../lib/chat/passed.ts';
import type { ErrorEvent, ServerEvent } from '../../lib/chat/protocol.ts';
import type { ChatOptions } from '../../lib/chat/settings.ts';
import type { Said } from '../../lib/chat/talk.ts';
import { CHAT_LIMITS, ROOM_LIMITS } from '../../lib/limits.ts';
import { type Appended, type LogEntry, RoomRefused } from '../../lib/rooms/log.ts';
import { MemoryLog } from '../../lib/rooms/memory-log.ts';
import type { Server } from '../../lib/server.ts';
import { withChat } from '../support/chat-server.ts';
import { deferred, openWebSocket, type RawClient } from '../support/sockets.ts';

/** The answer to what a WebSocket has said: an `ack` or an `error`. */
async function answer(client: RawClient): Promise<[type: string, what: number | string]> {
  for (;;) {
    const { first, payload } = await client.frame();
    assert.equal(first, 0x81);
    const event = JSON.parse(payload.toString()) as ServerEvent;
    if (event.type === 'ack') return ['ack', event.sequence];
    if (event.type === 'error') return ['error', (event as ErrorEvent).code];
  }
}

const join = (server: Server, user = 'ann'): Promise<RawClient> => openWebSocket(server.port, `/rooms/r?user=${user}`);

const say = (client: RawClient, text: string, id: string): RawClient =>
  client.frames({ opcode: 1, payload: Buffer.from(JSON.stringify({ type: 'message', text, id })) });

const post = (server: Server, text: string, id: string): Promise<Response> =>
  fetch(`${server.url}/rooms/r/messages?user=ann`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ text, id }),
  });

/** An application that refuses a text that it has seen just before, and says which ones it was shown. */
function noEcho(): { readonly shown: string[]; readonly onMessage: ChatOptions['onMessage'] } {
  const shown: string[] = [];
  const onMessage: ChatOptions['onMessage'] = ({ text }) => {
    const isEcho = text === shown.at(-1);
    shown.push(text);
    return isEcho ? { refuse: 'you have just said that' } : { text: `${text}!` };
  };
  return { shown, onMessage };
}

describe('a repeat of a message that onMessage let pass', { timeout: 30_000 }, () => {
  it('is acknowledged with the first number on the same connection, on another one and by POST, and onMessage is not asked', async () => {
    const { shown, onMessage } = noEcho();
    await withChat({ onMessage }, async (server) => {
      const first = await join(server);
      say(first, 'hi', '1');
      assert.deepEqual(await answer(first), ['ack', 1]);
      say(first, 'hi', '1');
      assert.deepEqual(await answer(first), ['ack', 1]);
      first.socket.destroy();
      const second = await join(server);
      say(second, 'hi', '1');
      assert.deepEqual(await answer(second), ['ack', 1]);
      const posted = (await (await post(server, 'hi', '1')).json()) as { sequence: number; text: string };
      assert.deepEqual([posted.sequence, posted.text, shown], [1, 'hi!', ['hi']]);
      say(second, 'hi', '2'); // of another id it is another message
      assert.deepEqual(await answer(second), ['error', 'REFUSED']);
      const bob = await join(server, 'bob');
      say(bob, 'hi', '1'); // and of another person
      assert.deepEqual(await answer(bob), ['error', 'REFUSED']);
      say(bob, 'other', '1');
      assert.deepEqual(await answer(bob), ['ack', 2]);
    });
  });

  it('has the answer of the first where that is looked at still and its connection is gone', async () => {
    const gate = deferred();
    let asked = 0;
    const onMessage: ChatOptions['onMessage'] = async () => {
      asked++;
      await gate.promise;
      return asked === 1 ? undefined : { refuse: 'again' };
    };
    await withChat({ onMessage }, async (server) => {
      const first = await join(server);
      say(first, 'hi', '1');
      const second = await join(server);
      while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
      first.socket.destroy();
      say(second, 'hi', '1');
      await new Promise((resolve) => setTimeout(resolve, 20)); // a second question would come now
      gate.resolve();
      assert.deepEqual([await answer(second), asked], [['ack', 1], 1]);
    });
  });

  it('and that the log did not take is not looked at again either, but authorize is asked; a refusal is not remembered', async () => {
    const { shown, onMessage } = noEcho();
    const log = new LogThatRefuses();
    let may = true;
    await withChat({ onMessage, log, authorize: (_, __, action) => may || action !== 'say' }, async (server) => {
      const ann = await join(server);
      log.refuses = true;
      say(ann, 'hi', '1');
      assert.deepEqual(await answer(ann), ['error', 'LOG_FULL']);
      log.refuses = false;
      may = false;
      say(ann, 'hi', '1');
      assert.deepEqual(await answer(ann), ['error', 'FORBIDDEN']);
      may = true;
      say(ann, 'hi', '1');
      assert.deepEqual([await answer(ann), shown], [['ack', 1], ['hi']]);
      may = false;
      say(ann, 'hi', '1'); // the log has it, and forgets it one day
      assert.deepEqual(await answer(ann), ['error', 'FORBIDDEN']);
      may = true;
      say(ann, 'hi', '2');
      assert.deepEqual(await answer(ann), ['error', 'REFUSED']);
      shown.push('something else');
      say(ann, 'hi', '2');
      assert.deepEqual(await answer(ann), ['ack', 2]);
    });
  });
});

class LogThatRefuses extends MemoryLog {
  refuses = false;

  override append(room: string, entry: LogEntry): Promise<Appended> {
    return this.refuses ? Promise.reject(new RoomRefused('LOG_FULL', 'full')) : super.append(room, entry);
  }
}

describe('what is remembered of messages that passed', () => {
  const yes = (text: string): Promise<Said> => Promise.resolve({ text });

  it('is at most maxPassed messages: the oldest makes way', () => {
    const passed = new Passed();
    for (let i = 0; i <= CHAT_LIMITS.maxPassed; i++) passed.add(`${i}`, '', yes(''), 0);
    assert.equal(passed.held.messages, CHAT_LIMITS.maxPassed);
    assert.equal(passed.find('0', '', 0), undefined);
    assert.notEqual(passed.find('1', '', 0), undefined);
  });

  it('is at most maxPassedBytes, texts that were changed counted too', async () => {
    const passed = new Passed();
    const text = 'x'.repeat(8_192);
    for (let i = 0; i < 1_000; i++) {
      passed.add(`${i}`, text, yes(`${text}!`), 0);
      await Promise.resolve();
      assert.ok(passed.held.bytes <= CHAT_LIMITS.maxPassedBytes);
    }
    assert.equal(passed.held.messages, 127, 'of 32 KiB each in 4 MiB');
  });

  it('is forgotten after keyAgeMs, and where the answer is a no', async () => {
    const passed = new Passed();
    passed.add('a', 'x', yes('x'), 0);
    assert.notEqual(passed.find('a', 'x', ROOM_LIMITS.keyAgeMs - 1), undefined);
    assert.equal(passed.find('a', 'y', 0), undefined, 'another text');
    assert.equal(passed.find('a', 'x', ROOM_LIMITS.keyAgeMs), undefined);
    passed.add('b', 'x', Promise.resolve({ type: 'error', code: 'REFUSED', message: '' }), ROOM_LIMITS.keyAgeMs);
    assert.equal(passed.held.messages, 1, 'what is too old is let go of with the next one');
    await Promise.resolve();
    assert.deepEqual(passed.held, { messages: 0, bytes: 0 });
  });
});
