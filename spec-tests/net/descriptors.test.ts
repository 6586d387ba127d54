import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DescriptorWatch } from '../../lib/net/descriptors.ts';
import { ROOT } from '../support/peers.ts';
import { patiently, RawClient } from '../support/sockets.ts';

describe('file descriptors', () => {
  it('the operator is told once at nine tenths of what is free, and again after a time below eight', () => {
    const errors: string[] = [];
    const watch = new DescriptorWatch({ limit: 120, open: 20 }, (error) => errors.push((error as Error).message));
    for (let connections = 1; connections < 90; connections++) watch.accepted(connections);
    assert.deepEqual(errors, []);
    for (const connections of [90, 91, 85, 90]) watch.accepted(connections);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /^90 connections are open, and this process may have 120 files open \(ulimit -n\)/);
    for (const connections of [79, 90]) watch.accepted(connections);
    assert.equal(errors.length, 2);
  });

  it('a process under ulimit -n 120 is told before connections are lost, and serves on', {
    skip: !existsSync('/proc/self/limits') && 'the system does not say its limits',
  }, async () => {
    const code = `
      import { createServer } from ${JSON.stringify(join(ROOT, 'dist/lib/index.js'))};
      const server = createServer({ onError: (error) => console.log(error.message) });
      server.get('/', () => ({ body: 'ok' }));
      await server.listen();
      console.log('port ' + server.port);
      setTimeout(() => process.exit(), 20_000).unref();
    `;
    const child = spawn(
      'sh',
      ['-c', 'ulimit -n 120 && exec "$0" "$@"', process.execPath, '--input-type=module', '-e', code],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      let printed = '';
      child.stdout.on('data', (data: Buffer) => {
        printed += data.toString();
      });
      while (!printed.includes('port ')) await patiently('the port', once(child.stdout, 'data'));
      const port = Number(/port (\d+)/.exec(printed)![1]);
      for (let i = 0; i < 120; i++) await RawClient.connect(port);
      while (!printed.includes('ulimit')) await patiently('the operator to be told', once(child.stdout, 'data'));
      assert.equal(printed.split('ulimit').length, 2, printed);
      for (const client of RawClient.open) client.socket.destroy();
      await patiently('an answer', fetch(`http://127.0.0.1:${port}/`));
    } finally {
      child.kill('SIGKILL');
    }
  });
});
