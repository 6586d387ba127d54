// Makes the README's two pictures of the chat, docs/chat-desktop.png and docs/chat-phone.png. Needs `npm run build`, Chromium.
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mountChat } from '../dist/lib/chat/server.js';
import { createServer } from '../dist/lib/server.js';
import { launchBrowser } from '../dist/spec-tests/support/browser.js';

const MAX_BYTES = 150_000;
const docs = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs');
const TALK = [
  ['Ann', 'Shall we meet at four?'],
  ['Zoë', 'Four is fine. I bring cake.'],
  ['Zoë', 'The recipe: https://en.wikipedia.org/wiki/Sponge_(cake)'],
  ['فاطمة', 'ممتاز، أراكم هناك'],
  ['Bob', 'I am on the train and may lose the network.\nWhat I write then is sent when it is back.'],
  ['Ann', 'See you at four, then.'],
];

let minute = 2;
const today = new Date().setHours(15, 0, 0, 0);
const server = createServer();
const chat = mountChat(server, { now: () => new Date(today + 60_000 * minute++) });
await server.listen({ port: 0 });
const browser = await launchBrowser();
try {
  for (const [from, text] of TALK) await chat.publish('tea', from, text);
  const open = async (user, viewport, colorScheme) => {
    const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB' });
    await context.addInitScript((id) => localStorage.setItem('barewire.id', id), user); // who said what is said above
    const page = await context.newPage();
    await page.goto(`${server.url}/rooms/tea?user=${encodeURIComponent(user)}`);
    await page.getByText('See you at four').waitFor();
    return page;
  };
  const desktop = await open('Ann', { width: 1000, height: 680 }, 'light');
  const phone = await open('Zoë', { width: 390, height: 760 }, 'dark');
  await open('Bob', { width: 390, height: 760 }, 'light');
  for (const page of [desktop, phone]) await page.getByText('Bob joined').waitFor();
  await desktop.screenshot({ path: join(docs, 'chat-desktop.png') });
  await phone.screenshot({ path: join(docs, 'chat-phone.png') });
} finally {
  await browser.close();
  await server.close();
}
const bytes = ['chat-desktop.png', 'chat-phone.png'].reduce((sum, name) => sum + statSync(join(docs, name)).size, 0);
console.log(`docs/chat-desktop.png and docs/chat-phone.png: ${bytes} bytes together, limit ${MAX_BYTES}`);
if (bytes > MAX_BYTES) process.exitCode = 1;
