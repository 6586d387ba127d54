/**
 * The catalogue against other people's servers and clients, and the table in docs/conformance.md.
 *
 *   node dist/spec-tests/conformance-runs/peers.js             runs all that are installed, then writes results and table
 *   node dist/spec-tests/conformance-runs/peers.js ws undici   only these; the others keep their results
 *   node dist/spec-tests/conformance-runs/peers.js --table     writes the table from the results that are there
 *
 * Results are in bench/results/conformance.json: counts, and each case that is not OK with its reason. A case that is
 * FAILED or NON-STRICT and has no line in `explanations.ts` is printed, and the command ends with 1.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commandOf, missing, PEERS, versionOf } from '../../bench/peers/peers.ts';
import { type CaseResult, countBehaviors, isAutobahn, isFailure, timeOfGroups } from '../../lib/conformance/index.ts';
import { type Examination, examineClient, examineServer } from './examine.ts';
import { EXPLANATIONS, explanationOf } from './explanations.ts';

interface Entry {
  readonly label: string;
  readonly version: string;
  readonly role: 'server' | 'client';
  readonly seconds: number;
  /** Verdicts of Autobahn's cases, then of the X cases: OK, NON-STRICT, INFORMATIONAL, FAILED, UNIMPLEMENTED. */
  readonly autobahn: readonly number[];
  readonly extra: readonly number[];
  readonly groups: Readonly<Record<string, number>>;
  /** Id to verdict and reason. */
  readonly notOk: Readonly<Record<string, string>>;
}

interface Subject {
  readonly id: string;
  readonly label: string;
  readonly role: 'server' | 'client';
  readonly version: () => string;
  readonly missing: () => string | undefined;
  readonly run: () => Promise<Examination>;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RESULTS = `${ROOT}bench/results/conformance.json`;
const DOCUMENT = `${ROOT}docs/conformance.md`;
const BEHAVIORS = ['OK', 'NON-STRICT', 'INFORMATIONAL', 'FAILED', 'UNIMPLEMENTED'] as const;

const ownVersion = () => (JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }).version;
const node = (script: string, ...args: string[]) =>
  [process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args]] as const;

function benchPeer(id: string, label: string, ...more: string[]): Subject {
  const peer = PEERS.find((one) => one.id === id)!;
  const args = peer.abilities.includes('deflate') ? ['--deflate', ...more] : [];
  return {
    id,
    label,
    role: 'server',
    version: () => versionOf(peer),
    missing: () => missing(peer),
    run: () => examineServer(commandOf(peer, args), {}),
  };
}

const ws = PEERS.find(({ id }) => id === 'ws')!;

function client(
  id: string,
  name: string,
  label: string,
  version: () => string,
  absent: () => string | undefined,
): Subject {
  return { id, label, role: 'client', version, missing: absent, run: () => examineClient(name, {}) };
}

function moduleVersion(name: string): string {
  try {
    const { version } = JSON.parse(readFileSync(`${ROOT}bench/node_modules/${name}/package.json`, 'utf8')) as {
      version: string;
    };
    return version;
  } catch {
    return '';
  }
}

const SUBJECTS: readonly Subject[] = [
  {
    id: 'barewire',
    label: 'barewire',
    role: 'server',
    version: ownVersion,
    missing: () => undefined,
    run: () =>
      examineServer(
        node('../../lib/cli/main.js', 'echo', '--port', '0', '--deflate', '--takeover', '--threshold', '0'),
        {},
      ),
  },
  {
    id: 'ws',
    label: 'ws',
    role: 'server',
    version: () => versionOf(ws),
    missing: () => missing(ws),
    run: () => examineServer(node('ws-server.js'), {}),
  },
  {
    id: 'ws-no-cap',
    label: 'ws, no cap on fragments',
    role: 'server',
    version: () => versionOf(ws),
    missing: () => missing(ws),
    run: () => examineServer(node('ws-server.js', '--no-fragment-cap'), {}),
  },
  benchPeer('uws', 'uWebSockets.js'),
  benchPeer('bun', 'Bun'),
  benchPeer('deno', 'Deno'),
  benchPeer('hyperlane', 'Hyperlane'),
  benchPeer('tungstenite', 'tokio-tungstenite'),
  benchPeer('gorilla', 'gorilla/websocket'),
  benchPeer('python', 'Python websockets', '--takeover'),
  client('barewire-client', 'barewire', 'barewire', ownVersion, () => undefined),
  client(
    'ws-client',
    'ws',
    'ws, no cap on fragments',
    () => versionOf(ws),
    () => missing(ws),
  ),
  client(
    'undici-client',
    'undici',
    'undici',
    () => moduleVersion('undici'),
    () => (moduleVersion('undici') === '' ? 'undici is not installed (npm install --prefix bench)' : undefined),
  ),
];

function entryOf(subject: Subject, { results, seconds }: Examination): Entry {
  const count = (list: readonly CaseResult[]) => BEHAVIORS.map((behavior) => countBehaviors(list)[behavior]);
  const shown = results.filter(
    (one) => one.behavior !== 'UNIMPLEMENTED' && (isFailure(one) || one.behavior === 'NON-STRICT'),
  );
  return {
    label: subject.label,
    version: subject.version(),
    role: subject.role,
    seconds: Math.round(seconds * 10) / 10,
    autobahn: count(results.filter(({ id }) => isAutobahn(id))),
    extra: count(results.filter(({ id }) => !isAutobahn(id))),
    groups: Object.fromEntries(
      [...timeOfGroups(results)].map(([group, { wallMs }]) => [group, Math.round(wallMs / 100) / 10]),
    ),
    notOk: Object.fromEntries(
      shown.map((one) => [
        one.id,
        `${one.behavior}${one.behaviorClose === 'OK' ? '' : `, closing ${one.behaviorClose}`}: ${one.reason.slice(0, 200)}`,
      ]),
    ),
  };
}

function table(entries: Readonly<Record<string, Entry>>, role: Entry['role']): string {
  const rows = Object.values(entries)
    .filter((entry) => entry.role === role)
    .map(
      ({ label, version, autobahn, extra, seconds }) =>
        `| ${label.replace(/^[^,]+/, (name) => `${name} ${version}`)} | ${autobahn.join(' | ')} | ${extra.join(' | ')} | ${seconds.toFixed(0)} s |`,
    );
  return [
    `| ${role} | OK | NON-STRICT | INFORM. | FAILED | UNIMPL. | X: OK | NON-STRICT | INFORM. | FAILED | UNIMPL. | time |`,
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Cases whose last numbers follow each other, as one: 7.1.1-7.1.5. */
function inRanges(ids: readonly string[]): string[] {
  const ranges: [first: string, last: string][] = [];
  for (const id of ids) {
    const range = ranges.at(-1);
    if (range !== undefined && id === following(range[1])) range[1] = id;
    else ranges.push([id, id]);
  }
  return ranges.flatMap(([first, last]) =>
    first === last ? [first] : last === following(first) ? [first, last] : [`${first}-${last}`],
  );
}

function following(id: string): string {
  const dot = id.lastIndexOf('.');
  return `${id.slice(0, dot)}.${Number(id.slice(dot + 1)) + 1}`;
}

/** Every case that is not OK, gathered under the explanation that covers it. */
function explained(entries: Readonly<Record<string, Entry>>): { text: string; missing: string[] } {
  const by = new Map<string, string[]>();
  const unexplained: string[] = [];
  for (const [id, entry] of Object.entries(entries)) {
    const cases = new Map<string, string[]>();
    for (const [one, verdict] of Object.entries(entry.notOk)) {
      const explanation = explanationOf(id, one, verdict);
      if (explanation === undefined) {
        unexplained.push(`${id} ${one} ${verdict}`);
        continue;
      }
      const [behavior] = verdict.split(verdict.startsWith('OK') ? ':' : /[,:]/);
      const key = `${explanation.because}|${behavior}`;
      cases.set(key, [...(cases.get(key) ?? []), one]);
    }
    for (const [key, list] of cases) {
      const [because, behavior] = key.split('|') as [string, string];
      const name = `${entry.label}${entry.role === 'client' ? ' (client)' : ''}`;
      by.set(because, [...(by.get(because) ?? []), `${name}: ${inRanges(list).join(', ')} ${behavior}`]);
    }
  }
  const lines = EXPLANATIONS.filter(({ because }) => by.has(because)).map(
    ({ because }) => `- ${because}\n${[...new Set(by.get(because)!)].map((line) => `  - ${line}`).join('\n')}`,
  );
  return { text: [...new Set(lines)].join('\n'), missing: unexplained };
}

function inOrder(entries: Readonly<Record<string, Entry>>): Record<string, Entry> {
  return Object.fromEntries(SUBJECTS.flatMap(({ id }) => (entries[id] === undefined ? [] : [[id, entries[id]]])));
}

function between(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/conformance.md has no ${begin}`);
  return `${document.slice(0, from + begin.length)}\n${text}\n${document.slice(to)}`;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((one) => one !== '--table' && !SUBJECTS.some(({ id }) => id === one));
if (unknown.length > 0) {
  process.stderr.write(
    `there is no peer ${unknown.join(', ')}; there are ${SUBJECTS.map(({ id }) => id).join(', ')}\n`,
  );
  process.exit(2);
}
let entries: Record<string, Entry> = {};
try {
  entries = JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, Entry>;
} catch {
  // The first run has no results to keep.
}
for (const subject of SUBJECTS) {
  if (wanted.includes('--table') || (wanted.length > 0 && !wanted.includes(subject.id))) continue;
  const absent = subject.missing();
  if (absent !== undefined) {
    process.stdout.write(`${subject.id}: left out, ${absent}\n`);
    continue;
  }
  const entry = entryOf(subject, await subject.run());
  process.stdout.write(
    `${subject.id}: ${entry.autobahn.join('/')} and X ${entry.extra.join('/')} in ${entry.seconds} s\n`,
  );
  entries[subject.id] = entry;
  writeFileSync(RESULTS, `${JSON.stringify(inOrder(entries), null, 2)}\n`);
}
entries = inOrder(entries);
const { text, missing: unexplained } = explained(entries);
let document = readFileSync(DOCUMENT, 'utf8');
document = between(document, 'results', `${table(entries, 'server')}\n\n${table(entries, 'client')}`);
document = between(document, 'explanations', text);
writeFileSync(DOCUMENT, document);
for (const line of unexplained) process.stdout.write(`unexplained: ${line}\n`);
process.exit(unexplained.length === 0 ? 0 : 1);
