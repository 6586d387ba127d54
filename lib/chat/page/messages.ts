/**
 * How one entry of the room looks: a message, or a notice of what happened between messages.
 *
 * Makes elements and holds none. Text is only ever put into text nodes. Read next: `timeline.ts`.
 */

import { capitalized, element, face, written } from './dom.ts';
import { findLinks } from './links.ts';

/** Messages of one person within this time stand under one name. */
const SAME_BREATH_MS = 5 * 60_000;

/** A line of the room. `sequence` is 0 for a notice, which is nobody's. */
export interface Entry {
  readonly sequence: number;
  readonly from: string;
  /** The id of whose it is. */
  readonly by: string;
  readonly text: string;
  readonly timeMs: number;
  readonly isMine: boolean;
}

const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat([], { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** Makes a message's or a notice's row, without what depends on the row before it. */
export function makeRow(entry: Entry): HTMLElement {
  return entry.sequence === 0 ? written('li', 'notice', entry.text) : makeMessage(entry);
}

/** Makes a message's row. */
export function makeMessage({ from, by, text, timeMs, isMine }: Omit<Entry, 'sequence'>): HTMLElement {
  const item = element('li', isMine ? 'message mine' : 'message');
  const time = new Date(timeMs);
  const line = element('div', 'by');
  const at = element('time', '', clock.format(time)) as HTMLTimeElement;
  at.dateTime = time.toISOString();
  line.append(written('span', 'from', from), at);
  const said = written('p', 'said', '');
  for (const part of findLinks(text)) said.append(part.href === undefined ? part.text : makeLink(part.text, part.href));
  said.title = time.toLocaleString();
  // The face spans name and text, so that what was said stands beside it.
  const side = element('div', 'side');
  side.append(line, said);
  item.append(face(from, by), side);
  return item;
}

/** Adds to a row what depends on the one before it: the day, the line above what is new, and whether the name is said again. */
export function decorate(row: HTMLElement, entry: Entry, before: Entry | undefined, unread: number): void {
  for (const old of row.querySelectorAll(':scope > .day, :scope > .unread')) old.remove();
  const isNewDay = before === undefined || dayOf(before.timeMs) !== dayOf(entry.timeMs);
  if (unread > 0) row.prepend(element('p', 'unread', unread === 1 ? '1 new message' : `${unread} new messages`));
  if (isNewDay) row.prepend(element('p', 'day', dayName(entry.timeMs)));
  const follows =
    !isNewDay &&
    unread === 0 &&
    entry.sequence > 0 &&
    before.sequence > 0 &&
    before.from === entry.from &&
    before.by === entry.by &&
    entry.timeMs - before.timeMs < SAME_BREATH_MS;
  row.classList.toggle('follows', follows);
}

function makeLink(text: string, href: string): HTMLElement {
  const link = element('a', '', text) as HTMLAnchorElement;
  link.href = href;
  link.target = '_blank';
  link.rel = 'noreferrer nofollow'; // the first implies noopener (HTML §4.6.7)
  return link;
}

function dayOf(timeMs: number): number {
  return new Date(timeMs).setHours(0, 0, 0, 0);
}

function dayName(timeMs: number): string {
  const days = Math.round((dayOf(timeMs) - dayOf(Date.now())) / 86_400_000);
  if (days < -1 || days > 0) return calendar.format(timeMs);
  return capitalized(relative.format(days, 'day'));
}
