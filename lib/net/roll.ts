/**
 * Members that come and go, in no order, each of which knows its place: O(1) to add and to remove.
 *
 * In place of a `Set`, which V8 gives a new table every so often. An old table names the next one, and where it has outlived the young
 * generation everything in the next is kept too, until all memory is searched: of connections that are upgraded, the whole HTTP
 * part, 0.8 KB of each. A place is a small integer in the member, and eight octets here. Read next: `sweeper.ts`.
 */

/** What the list notes in its members under `Key`: where each is. -1 or nothing: it is not in the list. */
export type Placed<Key extends string> = { [K in Key]?: number | undefined };

export class Roll<Key extends string, Member extends Placed<Key>> {
  readonly #key: Key;
  readonly #members: Member[] = [];

  constructor(key: Key) {
    this.#key = key;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Does nothing for one that is there. */
  add(member: Member): void {
    if (this.#placeOf(member) >= 0) return;
    (member as Placed<Key>)[this.#key] = this.#members.length;
    this.#members.push(member);
  }

  /** Does nothing for one that is not there. The last one takes its place. */
  delete(member: Member): void {
    const place = this.#placeOf(member);
    if (place < 0) return;
    const last = this.#members.pop()!;
    (last as Placed<Key>)[this.#key] = place;
    if (last !== member) this.#members[place] = last;
    (member as Placed<Key>)[this.#key] = -1;
  }

  /**
   * From the last to the first, so that members may be added and removed meanwhile: nobody who stays is left out, nobody who has gone
   * is looked at, who is added may be, and who takes the place of one that was removed may be looked at twice.
   */
  each(visit: (member: Member) => void): void {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place];
      if (member !== undefined) visit(member); // undefined: several were removed at once
    }
  }

  #placeOf(member: Member): number {
    return member[this.#key] ?? -1;
  }
}
