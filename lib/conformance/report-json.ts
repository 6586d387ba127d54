/**
 * Results as JSON, in the form of Autobahn's `index.json` with the reason added: agent, then case id, then verdicts.
 *
 * Pure: values in, text out. Read next: `report-html.ts`.
 */

import { type CaseResult, countBehaviors, isFailure } from './verdict.ts';

/** Results of one or more agents, by name. */
export type Results = ReadonlyMap<string, readonly CaseResult[]>;

/** The JSON of `--json FILE`. `reportFile` names the page of a case where there is a report beside it. */
export function resultsToJson(results: Results, reportFile?: (agent: string, id: string) => string): string {
  const value: Record<string, Record<string, unknown>> = {};
  for (const [agent, list] of results) {
    const cases: Record<string, unknown> = {};
    for (const one of list) {
      cases[one.id] = {
        behavior: one.behavior,
        behaviorClose: one.behaviorClose,
        duration: Math.round(one.durationMs),
        remoteCloseCode: one.remoteCloseCode,
        reason: one.reason,
        ...(reportFile === undefined ? {} : { reportfile: reportFile(agent, one.id) }),
      };
    }
    value[agent] = cases;
  }
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** `506 OK, 4 NON-STRICT, 3 INFORMATIONAL, 4 FAILED`: what there is of each. */
export function summaryOf(results: readonly CaseResult[]): string {
  const counts = Object.entries(countBehaviors(results)).filter(([, count]) => count > 0);
  const closing = results.filter((one) => isFailure(one) && one.behavior !== 'FAILED').length;
  const parts = counts.map(([behavior, count]) => `${count} ${behavior}`);
  if (closing > 0) parts.push(`of these ${closing} closed wrongly`);
  return parts.join(', ') || 'no case';
}
