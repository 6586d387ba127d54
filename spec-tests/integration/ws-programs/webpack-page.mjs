// webpack-dev-server with a page in Chromium: a module that is replaced without a reload, a change that wants a reload, an error and its
// end. Everything that the page knows comes over the socket of webpack-dev-server. Usage: webpack-page.mjs URL OF support/browser.js
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';

const { launchBrowser } = await import(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'barewire-webpack-page-'));
const write = (name, code) => writeFileSync(join(folder, name), code);
const served = join(folder, 'served');
mkdirSync(served);
write('served/page.html', '<!doctype html><body><script src="/main.js"></script>');
write('words.js', "export default 'one';");
write(
  'index.js',
  `import words from './words.js';
   document.body.dataset.words = words;
   document.body.dataset.loaded = '1';
   if (module.hot) module.hot.accept('./words.js', () => { document.body.dataset.words = words; });`,
);
const compiler = webpack({
  mode: 'development',
  context: folder,
  entry: join(folder, 'index.js'),
  output: { path: folder, filename: 'main.js' },
  infrastructureLogging: { level: 'none' },
  stats: 'none',
});
const server = new WebpackDevServer(
  {
    port: 0,
    host: '127.0.0.1',
    allowedHosts: 'all',
    hot: true,
    client: { logging: 'none', overlay: false },
    static: { directory: served, watch: false },
  },
  compiler,
);
await server.start();
const { port } = server.server.address();
const browser = await launchBrowser();
const page = await browser.newPage();
const sockets = [];
page.on('websocket', (socket) => {
  const types = [];
  sockets.push(types);
  socket.on('framereceived', ({ payload }) => types.push(JSON.parse(payload).type));
});
await page.goto(`http://127.0.0.1:${port}/page.html`);
const says = (words) =>
  page.waitForFunction((wanted) => document.body?.dataset.words === wanted, words, { timeout: 10_000 });
await says('one');
await page.evaluate(() => {
  globalThis.isSameDocument = true;
});
const until = async (check) => {
  for (let i = 0; i < 200 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(check(), JSON.stringify(sockets));
};
await until(() => sockets[0]?.includes('ok'));

// A module that says how it is replaced: the page goes on, with the new words.
write('words.js', "export default 'two';");
await says('two');
assert.equal(await page.evaluate(() => globalThis.isSameDocument), true);

// An error of the build is told, and the page stays as it is.
write('words.js', 'export default (;');
await until(() => sockets[0].includes('errors'));
assert.equal(await page.evaluate(() => globalThis.isSameDocument), true);

// What nobody accepts makes the page load anew, with a socket of its own.
write('words.js', "export default 'three';");
write('index.js', "import words from './words.js';\ndocument.body.dataset.words = words + ', anew';");
await says('three, anew');
assert.equal(await page.evaluate(() => globalThis.isSameDocument), undefined);
await until(() => sockets.length === 2 && sockets[1].includes('ok'));
for (const type of ['hot', 'liveReload', 'hash', 'ok', 'invalid', 'errors'])
  assert.ok(sockets[0].includes(type), `${type} of ${sockets[0]}`);
await browser.close();
await server.stop();
rmSync(folder, { recursive: true });
console.log('done');
