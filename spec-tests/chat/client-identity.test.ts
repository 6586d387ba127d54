/** `connectChat`: who it is. Tokens that are renewed, names that are changed or refused, and guests. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ChatConnection, type ChatMessage, type ConnectOptions, connectChat } from '../../lib/chat/client-node.ts';
import type { ChatOptions } from '../../lib/chat/settings.ts';
import { withChat } from '../support/chat-server.ts';
import { turns, until } from '../support/sockets.ts';

const TRANSPORTS = ['websocket', 'event-stream'] as const;

function join(url: string, options: Partial<ConnectOptions> = {}): ChatConnection {
  return connectChat(url, { room: 'r', minRetryMs: 4, maxRetryMs: 20, random: () => 0.5, ...options });
}

interface Bouncer {
  valid: number;
  readonly seen: (string | undefined)[];
  readonly options: ChatOptions;
}

/** Lets in who has the token that is valid now, and notes what came. */
function bouncer(): Bouncer {
  const bouncer: Bouncer = {
    valid: 1,
    seen: [],
    options: {
      identify: ({ headers }) => {
        const token = headers.get('authorization');
        bouncer.seen.push(token);
        return token === `Bearer ${bouncer.valid}` ? { id: 'u', name: 'U' } : { status: 401, body: 'log in' };
      },
    },
  };
  return bouncer;
}

describe('the token of a chat client', { timeout: 30_000 }, () => {
  it('is renewed whenever one is over, also where POSTs alone use it, and by the history', async () => {
    const server = bouncer();
    await withChat(server.options, async ({ url, eventStreams, webSockets }) => {
      for (const transport of TRANSPORTS) {
        const client = join(url, { transport, token: () => `${server.valid}` });
        for (let n = 0; n < 3; n++) {
          await client.send(`${server.valid}`);
          server.valid++;
          assert.ok((await client.history()).messages.length > 0);
          server.valid++;
        }
        for (const stream of eventStreams) stream.close();
        for (const socket of webSockets) socket.terminate();
        assert.equal((await client.send('still here')).text, 'still here');
        client.close();
      }
    });
  });

  it('is asked for before the first request, and again where the function failed', async () => {
    const server = bouncer();
    await withChat(server.options, async ({ url }) => {
      for (const token of ['1', () => '1', async () => '1']) {
        const client = join(url, { token });
        assert.deepEqual((await client.history()).messages, []);
        client.close();
      }
      let asked = 0;
      const client = join(url, { token: () => (asked++ === 0 ? Promise.reject(new Error('not yet')) : '1') });
      assert.equal((await client.send('x')).text, 'x');
      assert.equal(asked, 2);
      client.close();
    });
  });

  it('is waited for while it is renewed: nothing is sent without it', async () => {
    const server = bouncer();
    await withChat(server.options, async ({ url }, chat) => {
      let give = (): void => {};
      const token = (): string | Promise<string> =>
        server.valid === 1 ? '1' : new Promise((resolve) => (give = () => resolve('2')));
      const client = join(url, { transport: 'event-stream', token });
      const heard: string[] = [];
      client.on('message', ({ text }) => void heard.push(text));
      await client.send('one');
      server.valid = 2;
      const two = client.send('two');
      await until('it is refused', () => server.seen.at(-1) === 'Bearer 1' && server.seen.length === 3);
      await chat.publish('r', 'somebody', 'hello');
      await until('hello is heard', () => heard.at(-1) === 'hello');
      await turns(100);
      give();
      assert.equal((await two).sequence, 3);
      assert.deepEqual(server.seen, ['Bearer 1', 'Bearer 1', 'Bearer 1', 'Bearer 2']);
      client.close();
    });
  });

  it('counts as refused once, however many requests were under way with it', async () => {
    const server = bouncer();
    await withChat(server.options, async ({ url }) => {
      let asked = 0;
      const token = (): string => {
        asked++;
        return `${server.valid}`;
      };
      const client = join(url, { token });
      await client.history();
      server.valid = 2;
      const pages = await Promise.all([client.history(), client.history(), client.history()]);
      assert.equal(pages.length, 3);
      assert.equal(asked, 2);
      client.close();
    });
  });
});

describe('the name of a chat client', { timeout: 30_000 }, () => {
  it('stays as it was where renames are refused, also over reconnections and at the same time', async () => {
    await withChat({}, async ({ url, webSockets, eventStreams }) => {
      for (const transport of TRANSPORTS)
        for (const id of [undefined, 'a1']) {
          const client = join(url, { transport, user: 'ann', id });
          await client.send('first');
          await assert.rejects(client.rename('\n'), { code: 'BAD_USER' });
          await assert.rejects(client.rename('\n'), { code: 'BAD_USER' });
          const both = [client.rename('bob'), client.rename('\n')].map((each) =>
            each.catch(({ code }) => code as string),
          );
          const said = client.send('meanwhile');
          assert.deepEqual(await Promise.all(both), ['NO_ANSWER', 'BAD_USER']);
          assert.equal((await said).from, 'ann');
          for (const socket of webSockets) socket.terminate();
          for (const stream of eventStreams) stream.close();
          assert.equal((await client.send('again')).from, 'ann');
          await until('it is back', () => client.state.state === 'open');
          client.close();
        }
    });
  });

  it('a wrong rename while the connection is lost is refused, and the client comes back as it was', async () => {
    await withChat({}, async ({ url, webSockets, eventStreams }) => {
      for (const transport of TRANSPORTS) {
        const client = join(url, { transport, user: 'ann', id: 'a1' });
        await client.send('first');
        const lost = new Promise<void>((resolve) =>
          client.on('state', ({ state }) => state === 'waiting' && resolve()),
        );
        for (const socket of webSockets) socket.terminate();
        for (const stream of eventStreams) stream.close();
        await lost;
        const waits = client.send('waits');
        await assert.rejects(client.rename('\n'), { code: 'BAD_USER' });
        assert.equal((await waits).from, 'ann');
        client.close();
      }
    });
  });

  it('a rename whose connection is welcomed while the one before is lost ends the wait for another one', async () => {
    const gates: (() => void)[] = [];
    const authorize: ChatOptions['authorize'] = ({ name }) =>
      name !== 'bob' || new Promise((resolve) => gates.push(() => resolve(true)));
    await withChat({ authorize }, async ({ url, webSockets }) => {
      const client = join(url, { transport: 'websocket', user: 'ann', minRetryMs: 100, maxRetryMs: 100 });
      await client.send('first');
      const states: string[] = [];
      client.on('state', ({ state }) => states.push(state));
      const renamed = client.rename('bob');
      await until('the server looks at it', () => gates.length === 1);
      for (const socket of webSockets) socket.terminate();
      await until('it waits', () => states.at(-1) === 'waiting');
      gates[0]!();
      await renamed;
      await new Promise((resolve) => setTimeout(resolve, 100)); // the wait was 50 ms
      assert.deepEqual([states, gates.length], [['waiting', 'open'], 1]);
      client.close();
    });
  });

  it('a guest keeps the name that it was given: it says once what was not acknowledged, over both transports', async () => {
    for (const identify of [undefined, () => undefined]) {
      let isFirst = true;
      let cut = (): void => {};
      const onMessage: ChatOptions['onMessage'] = async () => {
        if (isFirst) cut();
        isFirst = false;
        return undefined;
      };
      await withChat({ onMessage, identify }, async ({ url, webSockets, eventStreams }) => {
        for (const transport of TRANSPORTS) {
          isFirst = true;
          cut = () => {
            for (const socket of webSockets) socket.terminate();
            for (const stream of eventStreams) stream.close();
          };
          const client = join(url, { room: transport, transport });
          const heard: ChatMessage[] = [];
          client.on('message', (message) => heard.push(message));
          const said = await client.send('once');
          const next = await client.send('next');
          await until('both are heard', () => heard.some(({ text }) => text === 'next'));
          assert.deepEqual(
            heard.map(({ text }) => text),
            ['once', 'next'],
          );
          assert.match(said.userId, /^guest-[0-9a-z]{4}$/);
          assert.deepEqual([said.from, said.userId], [next.from, next.userId]);
          assert.equal(client.userId, said.userId);
          client.close();
        }
      });
    }
  });
});
