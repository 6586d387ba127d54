/**
 * Options are checked in one place, at the call: by name, by type, by bound.
 *
 * A table says what each option may be; `checkOptions` refuses the rest. An unknown name is a TypeError that names the
 * nearest known one, a wrong type a TypeError, a number out of range a RangeError with its bound. So a mistake is told to
 * the person who makes it, not to whoever connects later.
 * Knows no option by itself. Read next: `net/settings.ts`, which has the tables of servers and routes.
 */

/** What one option may be. `check` answers what is wrong, as the end of a sentence: "must be …"; undefined if nothing is. */
export interface Kind {
  check(value: unknown): string | undefined;
  /** A value of the right type that lies outside its bounds is a RangeError, any other mistake a TypeError. */
  readonly isNumber: boolean;
}

/** Names of options, each with what it may be. */
export type OptionTable = Readonly<Record<string, Kind>>;

/** Options with every default filled in: none is left out, and none undefined. */
export type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

/** Without the properties that are undefined, so that spreading keeps the defaults before them. */
export function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Node's timers hold no more: 2^31 - 1 ms, 24 days. */
export const MAX_TIMER_MS = 2_147_483_647;

/** A whole number of octets, messages or the like, from `min` on. `Infinity` where `unbounded` says so. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER, unbounded = false): Kind {
  return {
    isNumber: true,
    check(value) {
      if (unbounded && value === Number.POSITIVE_INFINITY) return undefined;
      if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return undefined;
      const upTo = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `of ${min} to ${max}`;
      return `must be a whole number ${upTo}${unbounded ? ', or Infinity' : ''}`;
    },
  };
}

/** Milliseconds: a number from `min` on that a timer can hold. */
export function milliseconds(min = 0): Kind {
  return {
    isNumber: true,
    check: (value) =>
      typeof value === 'number' && value >= min && value <= MAX_TIMER_MS
        ? undefined
        : `must be a number of ms from ${min} to ${MAX_TIMER_MS}`,
  };
}

/** Anything for which `test` is true; `what` ends the sentence "must be …". */
export function kindOf(what: string, test: (value: unknown) => boolean): Kind {
  return { isNumber: false, check: (value) => (test(value) ? undefined : `must be ${what}`) };
}

export const BOOLEAN: Kind = kindOf('true or false', (value) => typeof value === 'boolean');
export const FUNCTION: Kind = kindOf('a function', (value) => typeof value === 'function');
export const STRING: Kind = kindOf('a string', (value) => typeof value === 'string');
export const OBJECT: Kind = kindOf('an object', (value) => typeof value === 'object' && value !== null);
/** A clock of the application's has these methods. */
export function clockWith(...methods: readonly string[]): Kind {
  return kindOf(
    `a clock with ${methods.join(', ')}`,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  );
}
/** Checked by whoever uses it, at the same call. */
export const ANYTHING: Kind = kindOf('anything', () => true);

/**
 * Checks `given` against `table`. Options that are undefined count as left out.
 * @param where begins the sentence, for example `webSocket("/rooms/:room")`
 * @throws TypeError for something that is no object, an unknown name or a wrong type; RangeError for a number out of bounds
 */
export function checkOptions(where: string, given: unknown, table: OptionTable): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`${where}: options are ${describe(given)}, must be an object`);
  for (const [name, value] of Object.entries(given)) {
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) throw new TypeError(`${where}: unknown option ${name}${suggest(name, Object.keys(table))}`);
    if (value === undefined) continue;
    const wrong = kind.check(value);
    if (wrong === undefined) continue;
    const message = `${where}: ${name} is ${describe(value)}, ${wrong}`;
    throw kind.isNumber && typeof value === 'number' ? new RangeError(message) : new TypeError(message);
  }
}

/** Whether all names are known, of options that are checked elsewhere. No array is made. @throws TypeError for an unknown one, or where there is no object */
export function checkNames(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${where}: options are ${describe(options)}, must be an object`);
  for (const name in options)
    if (!known.includes(name)) throw new TypeError(`${where}: unknown option ${name}${suggest(name, known)}`);
}

/** What `check` answers; an error of it begins with `where`, as those of `checkOptions` do. */
export function at<Value>(where: string, check: () => Value): Value {
  try {
    return check();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) error.message = `${where}: ${error.message}`;
    throw error;
  }
}

/** More names than this are a list that nobody reads. */
const MAX_KNOWN_LISTED = 6;

/**
 * `; did you mean maxMessageBytes?` for the nearest of the known names, if one is near; else all of them if they are few. Near is what
 * takes fewer steps than `steps` (letters put in, left out or changed), or has the name in it.
 */
export function suggest(
  name: string,
  known: readonly string[],
  steps: number = Math.max(3, Math.ceil(name.length / 2)),
): string {
  let nearest: string | undefined;
  let least = steps;
  for (const each of known) {
    const taken = distance(name.toLowerCase(), each.toLowerCase());
    if (taken < least) {
      least = taken;
      nearest = each;
    }
  }
  if (name.length > 2) nearest ??= known.find((each) => each.toLowerCase().includes(name.toLowerCase()));
  if (nearest !== undefined) return `; did you mean ${nearest}?`;
  return known.length <= MAX_KNOWN_LISTED ? `; known are ${known.join(', ')}` : '';
}

/** Levenshtein's distance: insertions, deletions and substitutions. O(a × b), for names. */
function distance(a: string, b: string): number {
  if (a.length > 100) return 100;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** A value as an error names it: short, and never a call to code of the value's own. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
