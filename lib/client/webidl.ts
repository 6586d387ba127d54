/**
 * What WebIDL does between a script and the web's interfaces: conversions of arguments, and the shape of a class.
 *
 * Knows the rules of https://webidl.spec.whatwg.org/ that WebSocket, EventSource and their events need, and nothing of these.
 * Values of any kind go in; values of the declared type come out, or a TypeError before anything has changed.
 * Pure. Read next: `events.ts`, its first user.
 */

/**
 * Refuses a call with too few arguments. `given` is `arguments.length`, since a missing argument and `undefined` differ.
 * @throws TypeError (WebIDL §3.7.6, overload resolution step 4)
 */
export function requireArguments(what: string, given: number, wanted: number): void {
  if (given < wanted) throw new TypeError(`${what} needs ${wanted} argument${wanted === 1 ? '' : 's'}, ${given} given`);
}

/** Converts to `DOMString` (§3.2.10). @throws TypeError for a symbol */
export function toDomString(value: unknown): string {
  return `${value as string}`;
}

/** Converts to `USVString` (§3.2.12): text in which lone surrogates are replaced. @throws TypeError for a symbol */
export function toUsvString(value: unknown): string {
  return toDomString(value).toWellFormed();
}

/** Converts to `unsigned short` (§3.2.4.9): truncated, modulo 65,536. @throws TypeError for a symbol or a bigint */
export function toUnsignedShort(value: unknown): number {
  const number = Math.trunc(+(value as number));
  return Number.isFinite(number) ? ((number % 65_536) + 65_536) % 65_536 : 0;
}

/**
 * Converts to `[Clamp] unsigned short` (§3.2.4.9): to the nearest whole number from 0 to 65,535, of two the even one.
 * @throws TypeError for a symbol or a bigint
 */
export function toClampedUnsignedShort(value: unknown): number {
  const number = +(value as number);
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), 65_535);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * Converts to a dictionary (§3.2.17): nothing is an empty one. The members are the caller's to convert.
 * @throws TypeError for anything that is neither an object, `undefined` nor `null`
 */
export function toDictionary(what: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' && typeof value !== 'function')
    throw new TypeError(`${what} is ${String(value)}, must be an object`);
  return value as Readonly<Record<string, unknown>>;
}

/**
 * Converts to `(DOMString or sequence<DOMString>)` (§3.2.24): an object that can be iterated is a sequence.
 * @throws TypeError for a symbol, here or within
 */
export function toStringSequence(value: unknown): string[] {
  if (typeof value === 'object' && value !== null && Symbol.iterator in value)
    return Array.from(value as Iterable<unknown>, toDomString);
  return [toDomString(value)];
}

/**
 * Gives a class the shape of its interface (§3.7): members that are listed are enumerable, constants stand on the
 * constructor and on the prototype and cannot be changed, and `Object.prototype.toString` knows the name.
 */
export function defineInterface(
  interfaceObject: { readonly prototype: object },
  name: string,
  members: readonly string[],
  constants: Readonly<Record<string, number>> = {},
): void {
  const { prototype } = interfaceObject;
  for (const member of members) Object.defineProperty(prototype, member, { enumerable: true });
  for (const [constant, value] of Object.entries(constants)) {
    const property = { value, enumerable: true, writable: false, configurable: false };
    Object.defineProperty(interfaceObject, constant, property);
    Object.defineProperty(prototype, constant, property);
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}
