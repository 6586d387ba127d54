/**
 * What operators read of a chat at `/metrics`, after what the server itself counts: text format 0.0.4 of Prometheus.
 *
 * Rooms and members, what waits and for whom, what members will not get, and who was let go of. The rooms' policy for members that do
 * not keep up is `evict`, so that those are the drops: `members_ended_total{why="too-slow"}`. O(rooms), and what `Room.queued` costs in
 * those with slow members.
 * Read next: `routes.ts`.
 */

import type { Hub } from '../rooms/hub.ts';
import type { Outgoing } from './encoding.ts';
import type { Members } from './members.ts';
import type { Talk } from './talk.ts';

/** What is counted. */
export interface Counted {
  readonly hub: Hub<Outgoing>;
  readonly members: Members;
  readonly talk: Talk;
}

type Sample = readonly [labels: string, value: number];

/** Everything of the chat, as text. */
export function chatMetrics({ hub, members, talk }: Counted): string {
  let slow = 0;
  let queued = 0;
  for (const room of hub.rooms()) {
    slow += room.slow;
    queued += room.queued;
  }
  const { application, log } = talk.waiting;
  return [
    family('gauge', 'rooms', 'Rooms that somebody is in.', [['', hub.size]]),
    family('gauge', 'members', 'Connections that are in a room.', [['', members.size]]),
    family('gauge', 'slow_members', 'Members for whom something waits.', [['', slow]]),
    family('gauge', 'queued_messages', 'Messages that wait for members, each counted for each member.', [['', queued]]),
    family(
      'gauge',
      'waiting_messages',
      'Messages that were sent and wait: for onMessage or authorize, or for the log.',
      [
        ['{for="application"}', application],
        ['{for="log"}', log],
      ],
    ),
    family('counter', 'missed_messages_total', 'Messages that members were told they will not get (gaps).', [
      ['', members.missed],
    ]),
    family(
      'counter',
      'members_ended_total',
      'Members that the server let go of, by reason.',
      [...members.ended].map(([why, count]): Sample => [`{why="${why}"}`, count]),
    ),
  ].join('');
}

function family(type: 'gauge' | 'counter', name: string, help: string, samples: readonly Sample[]): string {
  const full = `barewire_chat_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labels} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}
