import type { Results } from './results.ts';
export function writePage(_path: string, _results: Results): void {}
