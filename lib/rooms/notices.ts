/**
 * What members are told beside records: that something is missing, where they are, who else is here.
 *
 * Types only. A room hands each of them, like each record, to the application's `prepare` and delivers what that makes of
 * it: one way to the member, one order, nothing lost without a word. Read next: `audience.ts`.
 */

import type { Gap, LogRecord, Position } from './log.ts';

/** Records that this member will not get, between the one before this notice and the one after it. */
export interface GapNotice extends Gap {
  readonly type: 'gap';
  /** Each of them was superseded by a later record with the same `coalesce` key, so that nothing current is missing. */
  readonly coalesced: boolean;
}

/** The numbering does not go on from what this member had: what follows is the room as it is now. */
export interface ResetNotice {
  readonly type: 'reset';
  /** The place of the room's last record. */
  readonly position: Position;
}

/** First, once for each join. The records that it counts in `replay` follow. */
export interface WelcomeNotice {
  readonly type: 'welcome';
  readonly room: string;
  /** The name under which this member joined; undefined for one that presence does not know. */
  readonly as: string | undefined;
  /** The place of the room's last record. */
  readonly position: Position;
  /** `reset`: the position that the member came with is not, or no longer, one of this room. */
  readonly resumed: 'new' | 'resumed' | 'reset';
  /** How many records follow from the history. Fewer if it moves on before the member has read them; then a gap says so. */
  readonly replay: number;
  /** Records after the member's position that are gone already. A gap notice with the same bounds follows. */
  readonly gap: Gap | undefined;
  /**
   * Names, this one included if there is space for it, at most `maxMembersListed`. In order of arrival; where the log tells of other nodes
   * (`LogPresence`), in the order in which they became known on this one.
   */
  readonly members: readonly string[];
  /** As in `PresenceNotice`, of listed names and others. */
  readonly memberCount: number;
}

/** Who came and went since the last such notice: names that came and went in between are in neither list. */
export interface PresenceNotice {
  readonly type: 'presence';
  /** At most `maxMembersListed`, as in `left`. */
  readonly joined: readonly string[];
  readonly left: readonly string[];
  /** Different people in the room: names, or whoever the hub's `personOf` says they are of. */
  readonly memberCount: number;
}

/** Who is here: for a member that was too slow to be told of each change. */
export interface MembersNotice {
  readonly type: 'members';
  readonly members: readonly string[];
  readonly memberCount: number;
}

/** What a room says about itself. */
export type Notice = GapNotice | ResetNotice | WelcomeNotice | PresenceNotice | MembersNotice;

/** What `prepare` is given. */
export type Item = LogRecord | Notice;
