/**
 * What is said about one requirement: a clause, and the tests that prove it.
 *
 * A title stands in its test file (or in a vector table that the file imports) as it is written here, `<…>` for a placeholder.
 * `deviation` says where we do something else, and why; its tests show what we do. `../requirements.test.ts` checks all of it.
 * Read next: any of the standards beside this file.
 */

export interface Requirement {
  /** Stable: the section and a word. */
  readonly id: string;
  readonly source: string;
  /** At most 20 words of the clause. */
  readonly quote: string;
  readonly tests: readonly (readonly [file: string, title: string])[];
  readonly deviation?: string;
}
