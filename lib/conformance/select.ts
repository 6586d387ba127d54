/**
 * Which cases run: patterns such as `6.*`, `12.1.*`, `X.2.*`, or a plain id. Pure.
 *
 * A star stands for anything; a pattern without one is an id. Read next: `run-client.ts`.
 */

/** Ids that match one of `patterns` (none given = all) and none of `excluded`. Both are lists, or lists joined by commas. */
export function selectIds<Item extends { readonly id: string }>(
  cases: readonly Item[],
  patterns: readonly string[],
  excluded: readonly string[],
): Item[] {
  const wanted = expressions(patterns);
  const unwanted = expressions(excluded);
  return cases.filter(
    ({ id }) => (wanted.length === 0 || wanted.some((one) => one.test(id))) && !unwanted.some((one) => one.test(id)),
  );
}

/** The first pattern that no case matches: a slip of the user's. */
export function uselessPattern(
  cases: readonly { readonly id: string }[],
  patterns: readonly string[],
): string | undefined {
  return split(patterns).find((pattern) => !cases.some(({ id }) => expressions([pattern])[0]!.test(id)));
}

function split(patterns: readonly string[]): string[] {
  return patterns
    .flatMap((one) => one.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function expressions(patterns: readonly string[]): RegExp[] {
  return split(patterns).map(
    (one) => new RegExp(`^${one.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i'),
  );
}
