/** Runs docs/chat.md: its files as they stand but for the port, and compares what they print with what the page says. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../support/peers.ts';

const guide = readFileSync(join(ROOT, 'docs/chat.md'), 'utf8');

describe('docs/chat.md', () => {
  it('its server and client do what the page prints; a token that was changed or is over is refused', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'barewire-guide-'));
    try {
      mkdirSync(join(directory, 'node_modules'));
      symlinkSync(ROOT, join(directory, 'node_modules/barewire'));
      writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
      for (const [, name = '', code = ''] of guide.matchAll(/<!-- file: ([a-z]+\.js) -->\n```js\n([\s\S]*?)```/g)) {
        const own = code
          .replace('{ port: 8080 }', '{ port: 0 }')
          .replace("'http://127.0.0.1:8080/chat'", "server.url + '/chat'")
          .replace('room.close();', 'room.close();\nawait server.close();');
        const needsServer = name === 'client.js' ? "import { server } from './server.js';\n" : '';
        writeFileSync(join(directory, name), needsServer + own);
      }
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(directory, 'client.js')], {
        timeout: 20_000,
      });
      const expected = /<!-- output -->\n```\n([\s\S]*?)```/.exec(guide)?.[1];
      assert.deepEqual([stdout, stderr], [expected, '']);
      const { makeToken, readToken } = (await import(join(directory, 'tokens.js'))) as {
        makeToken(user: object, lifetimeMs: number): string;
        readToken(token: string): object | undefined;
      };
      const [body, signed] = makeToken({ id: 'u7', name: 'Zoë' }, 1_000).split('.');
      const forged = Buffer.from('{"id":"staff-1","name":"x","expiresAt":9e15}').toString('base64url');
      assert.equal(readToken(`${forged}.${signed}`), undefined);
      assert.equal(readToken(`${body}.`), undefined);
      assert.equal(readToken(makeToken({ id: 'u7', name: 'Zoë' }, -1)), undefined);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
