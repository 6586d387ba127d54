/**
 * The chat's page: joins the parts together.
 *
 * The room is in the address, `?transport=sse` listens over an event stream instead of a WebSocket, and `?user=` or the
 * browser's memory tells the name. Every address is relative to the page's own, so that the chat works under any path.
 * Knows which part hears what, and nothing of how they look. Read next: `connection.ts` (the chat's client), `timeline.ts` (the messages).
 */

import { Composer } from './composer.ts';
import {
  type ChatRefused,
  type ChatState,
  type Connection,
  connect,
  type Listener,
  type Presence,
  refusal,
  type WelcomeEvent,
  whoAmI,
} from './connection.ts';
import { makeDialogs } from './dialogs.ts';
import { $, capitalized } from './dom.ts';
import { Members } from './members.ts';
import { keep, keepRoom, recall, recallRoom } from './memory.ts';
import { Outbox } from './outbox.ts';
import { Timeline } from './timeline.ts';

const here = new URL(location.href);
const base = new URL('..', here).href;
const room = decodeURIComponent(here.pathname.slice(here.pathname.lastIndexOf('/') + 1));
const isEventStream = here.searchParams.get('transport') === 'sse';

let connection: Connection | undefined;
let you = here.searchParams.get('user') ?? recall('name');
let yourId = '';
let choosesName = true;
let epoch = '';
/** Messages of the history that are still to come, and the number from which on they are new to this person. */
let toReplay = 0;
let newFrom = Number.POSITIVE_INFINITY;
let unseen = 0;

const members = new Members();
const timeline = new Timeline($('log'), $('messages'), $('start'), {
  older: (sequence) => connection?.older(sequence) ?? Promise.resolve({ messages: [], hasMore: false }),
  seen: () => {
    showUnseen(0);
    if (toReplay === 0 && timeline.lastSequence > 0)
      keepRoom(room, { seen: { epoch, sequence: timeline.lastSequence } });
  },
  below: (isBelow) => {
    $('newest').hidden = !isBelow;
  },
});
const composer = new Composer(room, say);
const outbox = new Outbox(
  $('outbox'),
  (text) => composer.showWhy(say(text)),
  (text) => composer.edit(text),
);
const dialogs = makeDialogs(room, roomUrl, named, chosen);

const listener: Listener = {
  welcome,
  presence,
  members: (people, count) => members.set(people, count, yourId),
  removed(target) {
    timeline.remove(target);
    replayedOne();
  },
  gap: (count) =>
    notice(`${count === 1 ? 'A message' : `${count} messages`} that you have not heard can no longer be had.`),
  newHistory,
  state: showState,
  message(message, id) {
    if (id !== undefined && message.isMine) timeline.refresh(() => outbox.remove(id));
    if (toReplay === 0) timeline.add(message);
    else timeline.add(message, !message.isMine && message.sequence >= newFrom);
    if (document.hidden && !message.isMine) showUnseen(unseen + 1);
    replayedOne();
    $('empty').hidden = true;
  },
  waiting(id, text) {
    timeline.toEnd(() => outbox.add(id, you, yourId, text));
    $('empty').hidden = true;
  },
  acknowledged(id, sequence) {
    // What was said before, and heard, does not come again.
    const isHeard = sequence <= timeline.lastSequence;
    timeline.refresh(() => (isHeard ? outbox.remove(id) : outbox.taken(id)));
  },
  refused(id, reason) {
    if (id === undefined) composer.showWhy(reason);
    else timeline.refresh(() => outbox.refuse(id, reason));
  },
};

begin();

function begin(): void {
  document.title = `#${room}`;
  $('room-name').textContent = `#${room}`;
  $('room').addEventListener('click', dialogs.askRoom);
  $('other-room').addEventListener('click', dialogs.askRoom);
  $('rename').addEventListener('click', () => dialogs.askName(you, '', true));
  $('newest').addEventListener('click', () => {
    timeline.toEnd();
    composer.focus();
  });
  addEventListener('online', () => connection?.retry());
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    connection?.retry();
    timeline.refresh();
  });
  void enter();
}

async function enter(): Promise<void> {
  const asked = whoAmI(base).then((answer) => {
    choosesName = answer.choosesName;
    $<HTMLButtonElement>('rename').disabled = !choosesName;
  });
  if (you === '') await asked;
  if (you !== '' || !choosesName) join();
  else {
    $('state').textContent = 'not in the room yet';
    dialogs.askName('', '', false);
  }
}

function join(): void {
  connection?.close();
  $('rename').textContent = you;
  connection = connect({ base, room, user: you, isEventStream }, listener);
  if (matchMedia('(hover: hover)').matches) composer.focus();
}

function welcome(now: WelcomeEvent): void {
  const isFirst = epoch === '';
  const seen = recallRoom(room)?.seen;
  newFrom = isFirst && seen?.epoch === now.epoch ? seen.sequence + 1 : Number.POSITIVE_INFINITY;
  if (!isFirst && now.epoch !== epoch) newHistory(now.epoch);
  toReplay = isFirst ? now.replayed : 0;
  ({ epoch, you, userId: yourId } = now);
  if (choosesName) keep('name', you);
  keepRoom(room, {});
  $('rename').textContent = you;
  $('empty').hidden = now.sequence > 0 || !timeline.isEmpty;
  members.set(now.members, now.memberCount, yourId);
}

/** The numbering began anew: nothing of before can be asked for. */
function newHistory(now: string): void {
  epoch = now;
  timeline.endOfHistory();
  if (!timeline.isEmpty) notice('The server has begun a new history. What stands above is only on this page.');
}

function replayedOne(): void {
  if (toReplay > 0 && --toReplay === 0) timeline.toUnread();
}

function presence({ joined, left, renamed, memberCount }: Presence): void {
  const others = joined.filter(({ id }) => id !== yourId);
  for (const { was, name } of renamed) notice(`${was} is now called ${name}`);
  if (others.length > 0) notice(`${listed(others)} joined`);
  if (left.length > 0) notice(`${listed(left)} left`);
  members.change(joined, left, renamed, memberCount);
}

/** Says something. Answers why not, or nothing. */
function say(text: string): string {
  if (connection === undefined) return 'Choose a name first.';
  return connection.say(text) ? '' : 'Too many messages are waiting to be sent. Wait until the connection is back.';
}

function notice(text: string): void {
  timeline.add({ sequence: 0, from: '', by: '', text, timeMs: Date.now(), isMine: false });
}

function showState(now: ChatState): void {
  const state = $('state');
  state.dataset['state'] = now.state;
  if (now.state === 'open') {
    state.textContent = now.transport === 'event-stream' ? 'connected by event stream' : 'connected';
    members.setConnected(true);
    return;
  }
  if (epoch !== '') members.setConnected(false);
  if (now.state === 'closed') {
    state.textContent = 'disconnected';
    showRefusal(now.reason);
  } else state.textContent = epoch === '' && now.state === 'connecting' ? 'connecting…' : 'reconnecting…';
}

/** The server will not let us in: says why where it can be mended. */
function showRefusal({ code, message }: ChatRefused): void {
  if (code === 'BAD_USER' && choosesName) {
    connection = undefined;
    dialogs.askName(you, message, false);
    return;
  }
  $('refusal-reason').textContent = capitalized(message);
  $('refusal').hidden = false;
  $('conversation').hidden = true;
  $('people').hidden = true;
}

async function named(name: string): Promise<string> {
  if (name === you && connection !== undefined) return '';
  const problem = await refusal(base, room, name);
  if (problem?.code === 'BAD_USER') return problem.message;
  you = name;
  keep('name', name);
  if (here.searchParams.has('user')) {
    here.searchParams.set('user', name);
    history.replaceState(null, '', here);
  }
  if (connection === undefined) join();
  else connection.rename(name).catch((error: Error) => dialogs.askName(name, error.message, true));
  return '';
}

async function chosen(name: string): Promise<string> {
  const problem = await refusal(base, name);
  if (problem !== undefined) return problem.message;
  location.href = roomUrl(name);
  return '';
}

function showUnseen(count: number): void {
  if (count === unseen) return;
  unseen = count;
  document.title = count === 0 ? `#${room}` : `(${count}) #${room}`;
}

function roomUrl(name: string): string {
  return new URL(`rooms/${encodeURIComponent(name)}${location.search}`, base).href;
}

function listed(people: readonly { readonly name: string }[]): string {
  const names = people.slice(0, 8).map(({ name }) => name);
  const rest = people.length - names.length;
  if (rest > 0) return `${names.join(', ')} and ${rest} more`;
  const last = names.pop();
  return names.length === 0 ? String(last) : `${names.join(', ')} and ${last}`;
}
