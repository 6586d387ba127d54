import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { deferred, patiently, until, withServer } from '../support/sockets.ts';

const version = spawnSync('curl', ['--version'], { encoding: 'utf8' });
const skip = version.status === 0 ? false : 'there is no curl command';
const noHttp2 = version.stdout?.includes('HTTP2') ? false : 'this curl does not speak HTTP/2';

/** Runs curl to its end and answers what it printed. */
async function curl(...args: string[]): Promise<string> {
  const child = spawn('curl', ['--silent', '--show-error', '--max-time', '10', '--noproxy', '*', ...args]);
  return patiently('curl to end', printed(child));
}

function printed(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return new Promise((resolve) => child.on('close', () => resolve(text)));
}

describe('curl', { skip }, () => {
  it('-N shows the events of a stream as they are sent, and the server notices when it is ended', async () => {
    const first = deferred();
    const again = deferred();
    let closed = false;
    await withServer(
      {},
      (server) =>
        server.eventStream('/events', {
          async open(stream) {
            stream.send({ event: 'hello', id: '1', data: 'one' });
            first.resolve();
            await again.promise;
            stream.send('two');
          },
          close() {
            closed = true;
          },
        }),
      async (server) => {
        const child = spawn('curl', ['--no-buffer', '--silent', '--noproxy', '*', `${server.url}/events`]);
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        try {
          await patiently('curl to ask', first.promise);
          await until('the first event is shown', () => text.endsWith('\n\n'));
          assert.equal(text, 'event: hello\nid: 1\ndata: one\n\n');
          again.resolve();
          await until('the second event is shown', () => text.includes('data: two\n\n'));
        } finally {
          child.kill('SIGTERM');
        }
        await until('the server has noticed', () => closed);
      },
    );
  });

  it('GET, HEAD, OPTIONS and POST, with a body of any kind', async () => {
    await withServer(
      {},
      (server) =>
        server
          .get('/page', () => ({ headers: { 'Content-Type': 'text/plain' }, body: 'a page\n' }))
          .post('/page', (request) => ({
            status: 201,
            body: `${request.body.length} ${request.text().slice(0, 5)}\n`,
          })),
      async (server) => {
        const url = `${server.url}/page`;
        assert.equal(await curl(url), 'a page\n');
        assert.equal(await curl(url, url), 'a page\na page\n');
        assert.match(await curl('--head', url), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 7\r\n\r\n$/);
        assert.match(
          await curl('--request', 'OPTIONS', '--include', url),
          /^HTTP\/1\.1 204 [\s\S]*Allow: GET, POST, HEAD, OPTIONS\r\n/,
        );
        assert.equal(await curl('--data', 'hello', url), '5 hello\n');
        // Above 1 MiB curl asks with Expect: 100-continue; in chunks when told so.
        assert.equal(
          await curl('--header', 'Expect: 100-continue', '--data', 'x'.repeat(100_000), url),
          '100000 xxxxx\n',
        );
        assert.equal(
          await curl('--header', 'Transfer-Encoding: chunked', '--data', 'y'.repeat(70_000), url),
          '70000 yyyyy\n',
        );
        assert.match(await curl('--write-out', '%{http_code}', `${server.url}/none`), /404$/);
        assert.match(await curl('--http1.0', '--include', url), /Connection: close\r\n[\s\S]*a page\n$/);
      },
    );
  });

  it('--http2, which offers to go on in HTTP/2, is answered in HTTP/1.1 on one connection, body or not (RFC 9110 §7.8)', {
    skip: noHttp2,
  }, async () => {
    await withServer(
      {},
      (server) =>
        server
          .get('/page', (request) => ({ body: `${request.headers.get('upgrade')}\n` }))
          .post('/page', (request) => ({ body: `${request.text()} ${request.headers.get('upgrade')}\n` })),
      async (server) => {
        const url = `${server.url}/page`;
        const offer = ['--http2', '--write-out', '%{num_connects}\n'];
        assert.equal(await curl(...offer, url, url), 'h2c\n1\nh2c\n0\n');
        assert.equal(await curl(...offer, '--data', 'hello', url, url), 'hello h2c\n1\nhello h2c\n0\n');
      },
    );
  });
});
