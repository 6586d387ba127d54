/** A member that writes down what it hears, and takes as much as a test lets it. */

import { Hub, type HubOptions } from '../../lib/rooms/hub.ts';
import type { Eviction, JoinOptions, Member } from '../../lib/rooms/member.ts';
import type { Item } from '../../lib/rooms/notices.ts';
import { FakeClock } from '../support/clock.ts';

/** What is prepared: the item itself, so that tests see everything. */
export type Options = Partial<HubOptions<Item>>;

export interface World {
  readonly hub: Hub<Item>;
  readonly clock: FakeClock;
  readonly errors: { error: unknown; where: string }[];
  ear(room: string, options?: JoinOptions): Ear;
}

/** A hub on a fake clock, with presence told at once unless asked otherwise. */
export function world(options: Options = {}): World {
  const clock = new FakeClock();
  const errors: World['errors'] = [];
  const onError = (error: unknown, where: string): void => void errors.push({ error, where });
  const hub = new Hub<Item>({ prepare: (item) => item, clock, onError, presenceMs: 0, ...options });
  return {
    hub,
    clock,
    errors,
    ear(room, joinOptions) {
      const ear = new Ear(hub);
      ear.member.join(room, joinOptions);
      return ear;
    },
  };
}

export class Ear {
  readonly member: Member<Item>;
  readonly heard: Item[] = [];
  readonly evictions: Eviction[] = [];
  /** How many values it still takes: the last of them with `backpressure`, those after it not at all. */
  credit: number = Number.POSITIVE_INFINITY;
  /** Called inside `send`, after the item was written down. */
  inside: ((item: Item) => void) | undefined = undefined;

  constructor(hub: Hub<Item>) {
    this.member = hub.member({
      send: (item) => {
        if (this.credit <= 0) return 'dropped';
        this.credit--;
        this.heard.push(item);
        this.inside?.(item);
        return this.credit > 0 ? 'sent' : 'backpressure';
      },
      evicted: (eviction) => this.evictions.push(eviction),
    });
  }

  /** What it heard, shortly: texts as they are, gaps as `3..5`, with `~` where later ones stand for them. */
  get log(): string[] {
    return this.heard.map((item) => {
      if (item.type === 'record') return String(item.data);
      if (item.type === 'gap') return `${item.from}..${item.to}${item.coalesced ? '~' : ''}`;
      return item.type;
    });
  }

  /** As `log`, without the welcome and presence. */
  get texts(): string[] {
    return this.log.filter((each) => each !== 'welcome' && each !== 'presence');
  }

  /** Takes so many more, and says that it can. */
  drain(credit: number = Number.POSITIVE_INFINITY): void {
    this.credit = credit;
    this.member.drained();
  }
}
