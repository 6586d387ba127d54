/**
 * The chat's page: what a person sees of a `ChatConnection`.
 *
 * The room is in the address, `?transport=sse` listens over an event stream instead of a WebSocket, and `?user=` or the
 * browser's memory tells the name. Text is only ever put into text nodes. At most `MAX_SHOWN` messages are in the page.
 * Read next: `../client.ts`, which does everything that is not about showing.
 */

import { type ChatConnection, type ChatRefused, type ChatState, connectChat } from '../client.ts';
import type { ChatMessage, Person, ServerEvent } from '../protocol.ts';

const MAX_SHOWN = 500;
const MAX_RECENT_ROOMS = 8;
/** Messages of one person within this time stand under one name. */
const SAME_BREATH_MS = 5 * 60_000;
const HUES = 8;

const $ = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

const log = $('log');
const state = $('state');
const newest = $('newest');
const composer = $<HTMLFormElement>('composer');
const text = $<HTMLTextAreaElement>('text');
const hint = $('hint');
const nameDialog = $<HTMLDialogElement>('name-dialog');
const roomDialog = $<HTMLDialogElement>('room-dialog');

const here = new URL(location.href);
const room = decodeURIComponent(here.pathname.split('/').at(-1) ?? 'lobby');
const transport = here.searchParams.get('transport') === 'sse' ? 'event-stream' : 'auto';

/** Who is here, in order of arrival. */
let members: Person[] = [];
let memberCount = 0;
/** What we have sent and not yet heard, by its id. */
const waiting = new Map<string, HTMLElement>();
let unseen = 0;
let client: ChatConnection;
let countdown: ReturnType<typeof setInterval> | undefined;

document.title = `#${room}`;
$('room-name').textContent = `#${room}`;
remember(room);

const storedName = here.searchParams.get('user') ?? recall('name');
if (storedName) join(storedName);
else askName('');

function join(name: string): void {
  keep('name', name);
  $('rename').textContent = name;
  client?.close();
  client = connectChat(new URL('..', here), { room, user: name, transport });
  for (const type of ['welcome', 'message', 'presence', 'gap', 'reset'] as const) client.on(type, show);
  client.on('state', showState);
  text.focus();
}

function show(event: ServerEvent): void {
  switch (event.type) {
    case 'welcome':
      members = [...event.members];
      memberCount = event.memberCount;
      $('rename').textContent = event.you;
      if (event.sequence === 0 && log.childElementCount === 0) {
        const first = element('li', 'empty', 'Nothing has been said here yet. Say hello!');
        first.id = 'empty';
        log.append(first);
      }
      showMembers();
      return;
    case 'message':
      showMessage(event);
      return;
    case 'presence':
      showPresence(event);
      return;
    case 'gap':
    case 'reset':
      notice('Some messages were missed while you were away.');
  }
}

function showPresence(event: ServerEvent & { type: 'presence' }): void {
  const { joined, left, renamed } = event;
  const gone = new Set([...left, ...renamed].map(({ id }) => id));
  const others = joined.filter(({ id }) => members.every((member) => member.id !== id));
  members = [...members.filter(({ id }) => !gone.has(id)), ...renamed, ...others];
  memberCount = event.memberCount;
  for (const { id, name } of joined) if (id !== client.userId) notice(`${name} joined`);
  for (const { name } of left) notice(`${name} left`);
  for (const { name, was } of renamed) notice(`${was} is now ${name}`);
  showMembers();
}

function showMessage(message: ChatMessage): void {
  // Our own has been in the page since it was sent; now it has its place and time.
  const own = message.id === undefined ? undefined : waiting.get(message.id);
  if (own !== undefined && message.id !== undefined) {
    waiting.delete(message.id);
    own.remove();
  }
  append(messageItem(message.from, message.text, new Date(message.time)), message.from === client.you);
}

function say(said: string): void {
  const sent = client.send(said);
  const item = messageItem(client.you ?? '', said, new Date());
  item.classList.add('waiting');
  waiting.set(sent.id, item);
  append(item, true);
  sent.then(
    () => item.classList.remove('waiting'),
    ({ message }: ChatRefused) => {
      item.classList.replace('waiting', 'refused');
      item.append(element('p', 'why', message));
    },
  );
  text.value = '';
  resize();
}

function messageItem(from: string, said: string, time: Date): HTMLElement {
  const item = element('li', 'message');
  if (from === client.you) item.classList.add('mine');
  item.dataset['from'] = from;
  item.dataset['timeMs'] = String(time.getTime());
  const by = element('div', 'by');
  const clock = element('time', '', time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  clock.setAttribute('datetime', time.toISOString());
  by.append(element('span', 'from', from), clock);
  const body = element('p', 'said');
  body.append(...linked(said));
  body.title = time.toLocaleString();
  // The face spans name and text, so that what was said stands beside it.
  const side = element('div', 'side');
  side.append(by, body);
  item.append(face(from), side);
  return item;
}

/** Text with its web addresses as links; nothing of it is ever read as markup. */
function linked(said: string): Node[] {
  const nodes: Node[] = [];
  let from = 0;
  for (const match of said.matchAll(/https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}']/gu)) {
    nodes.push(document.createTextNode(said.slice(from, match.index)));
    const link = element('a', '', match[0]) as HTMLAnchorElement;
    link.href = match[0];
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
    nodes.push(link);
    from = match.index + match[0].length;
  }
  nodes.push(document.createTextNode(said.slice(from)));
  return nodes;
}

function append(item: HTMLElement, follow: boolean): void {
  document.getElementById('empty')?.remove();
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  if (follows(item, log.lastElementChild)) item.classList.add('follows');
  log.append(item);
  while (log.childElementCount > MAX_SHOWN) log.firstElementChild?.remove();
  if (atEnd || follow) log.scrollTop = log.scrollHeight;
  else newest.hidden = false;
  if (document.hidden && !follow) {
    unseen++;
    document.title = `(${unseen}) #${room}`;
  }
}

/** Whether a message stands under the name of the one before it. */
function follows(item: HTMLElement, before: Element | null): boolean {
  if (!(before instanceof HTMLElement) || before.dataset['from'] !== item.dataset['from']) return false;
  return Number(item.dataset['timeMs']) - Number(before.dataset['timeMs']) < SAME_BREATH_MS;
}

function notice(what: string): void {
  append(element('li', 'notice', what), false);
}

function showMembers(): void {
  $('count').textContent = String(memberCount);
  const items = members.slice(0, 200).map(({ id, name }) => {
    const item = element('li', '');
    item.append(face(name), element('span', '', id === client.userId ? `${name} (you)` : name));
    return item;
  });
  if (memberCount > items.length) items.push(element('li', '', `and ${memberCount - items.length} more`));
  $('member-list').replaceChildren(...items);
}

function showState(now: ChatState): void {
  clearInterval(countdown);
  state.dataset['state'] = now.state;
  switch (now.state) {
    case 'open':
      state.textContent = now.transport === 'event-stream' ? 'connected by event stream' : 'connected';
      return;
    case 'connecting':
      state.textContent = 'connecting…';
      return;
    case 'waiting': {
      const dueMs = Date.now() + now.retryInMs;
      const tick = () => {
        const seconds = Math.ceil((dueMs - Date.now()) / 1000);
        state.textContent = seconds > 0 ? `offline, next try in ${seconds} s` : 'connecting…';
      };
      tick();
      countdown = setInterval(tick, 1000);
      return;
    }
    case 'closed':
      showRefusal(now.reason);
  }
}

function showRefusal({ code, message }: ChatRefused): void {
  state.textContent = code === 'CLOSED' ? 'left' : 'refused';
  if (code === 'CLOSED') return;
  showHint(message);
  if (code === 'BAD_USER') askName(recall('name') ?? '');
}

function askName(current: string): void {
  $<HTMLInputElement>('name').value = current;
  if (!nameDialog.open) nameDialog.showModal();
}

$('name-form').addEventListener('submit', () => {
  const name = $<HTMLInputElement>('name').value.trim();
  hint.hidden = true;
  if (name !== '') join(name);
});

nameDialog.addEventListener('cancel', (event) => {
  if (client === undefined) event.preventDefault(); // without a name there is nothing to show
});

$('rename').addEventListener('click', () => askName(client.you ?? ''));

$('room').addEventListener('click', () => {
  const links = recentRooms()
    .filter((name) => name !== room)
    .map((name) => {
      const item = element('li', '');
      const link = element('a', '', `#${name}`) as HTMLAnchorElement;
      link.href = roomUrl(name);
      item.append(link);
      return item;
    });
  $('recent').replaceChildren(...links);
  roomDialog.showModal();
});

$('room-form').addEventListener('submit', () => {
  const name = $<HTMLInputElement>('other-room').value.trim().replace(/^#/, '');
  if (name !== '') location.href = roomUrl(name);
});

for (const dialog of [nameDialog, roomDialog]) {
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog && !(dialog === nameDialog && client === undefined)) dialog.close();
  });
}

$('people').addEventListener('click', () => {
  const shown = $('members').toggleAttribute('data-shown');
  $('people').setAttribute('aria-expanded', String(shown));
});

newest.addEventListener('click', () => {
  log.scrollTop = log.scrollHeight;
});

log.addEventListener('scroll', () => {
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 80) newest.hidden = true;
});

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  hint.hidden = true;
  if (text.value.trim() !== '' && client !== undefined) say(text.value.trim());
  text.focus();
});

text.addEventListener('keydown', (event) => {
  // During an input method's composition, Enter chooses a candidate.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

text.addEventListener('input', resize);

function resize(): void {
  text.style.height = 'auto';
  text.style.height = `${text.scrollHeight + 2}px`;
}

addEventListener('online', () => client?.reconnectNow());
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unseen = 0;
  document.title = `#${room}`;
  client?.reconnectNow();
});

function showHint(what: string): void {
  hint.textContent = what;
  hint.hidden = false;
}

function face(name: string): HTMLElement {
  const first = [...name][0] ?? '?';
  const circle = element('span', 'face', first.toUpperCase());
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  circle.dataset['hue'] = String(hash % HUES);
  circle.setAttribute('aria-hidden', 'true');
  return circle;
}

function element(tag: string, className: string, content?: string): HTMLElement {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

function roomUrl(name: string): string {
  return `${encodeURIComponent(name)}${location.search}`;
}

function recentRooms(): string[] {
  try {
    const stored: unknown = JSON.parse(recall('rooms') ?? '[]');
    return Array.isArray(stored) ? stored.filter((name): name is string => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

function remember(name: string): void {
  keep('rooms', JSON.stringify([name, ...recentRooms().filter((other) => other !== name)].slice(0, MAX_RECENT_ROOMS)));
}

/** The browser may refuse to remember anything; the chat works all the same. */
function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`barewire.${key}`, value);
  } catch {}
}

function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(`barewire.${key}`) ?? undefined;
  } catch {
    return undefined;
  }
}
