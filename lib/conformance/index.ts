/**
 * The conformance runner's surface: what `lib/cli/conformance.ts` and the tests use.
 *
 * Read next: `case.ts` (what a case is), `run-client.ts` and `serve.ts` (the two directions).
 */

export { type Case, isAutobahn, type Subject } from './case.ts';
export { catalogue } from './cases/index.ts';
export { type DrivenSocket, drive } from './drive.ts';
export { reportFiles } from './report-html.ts';
export { type Results, resultsToJson, summaryOf } from './report-json.ts';
export { type Excluded, excludedFrom, runClient, Unreachable } from './run-client.ts';
export { selectIds, uselessPattern } from './select.ts';
export { type FuzzingServer, serve } from './serve.ts';
export { type Entered, type Entrance, type Target, targetOf } from './target.ts';
export { type CaseResult, countBehaviors, isFailure, timeOfGroups } from './verdict.ts';
