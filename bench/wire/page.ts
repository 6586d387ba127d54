/**
 * Results as one HTML page: bars for multiples of barewire, curves for latency and growth. No scripts, no fonts, nothing loaded.
 *
 * Bars are SVG with lengths in per cent, so that they follow the width of the page; curves are SVG with a view box.
 * Light and dark by the reader's preference, phone and desktop by the width. Everything that comes from a result file is
 * escaped. Read next: `readme.ts`.
 */

import { writeFileSync } from 'node:fs';
import {
  advantage,
  bestOf,
  inverse,
  isOurs,
  isSetting,
  isYardstick,
  type MergedEntry,
  type MergedRow,
  type Standing,
  standingOf,
  standingTo,
  type View,
  viewOf,
} from './merge.ts';
import { OURS, percent, type Range, thousands } from './report.ts';
import type { Results } from './results.ts';
import { compressionWords, figureWords, NAMES, ONCE, runsWords, SETTING, standingWords, versionsOf } from './words.ts';
import { GROWTH_SERIES } from './workloads.ts';

export function writePage(path: string, results: Results): void {
  writeFileSync(path, renderPage(results));
}

export function renderPage(results: Results): string {
  const view = viewOf(results);
  const last = view.runs.at(-1);
  const groups = new Map<string, MergedEntry[]>();
  for (const entry of view.workloads) {
    groups.set(entry.workload.group, [...(groups.get(entry.workload.group) ?? []), entry]);
  }
  const facts: [string, string][] = [
    ['Runs', runsWords(view.runs, view.workloads)],
    ['Node', last?.machine.node ?? ''],
    [
      'Versions',
      Object.entries(versionsOf(view.runs))
        .map(([peer, version]) => `${peer} ${version}`)
        .join(' · '),
    ],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>barewire benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>barewire benchmarks</h1>
<dl>${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
<p>Server and load run in processes of their own. A bar says how many times as good as barewire a server is, in the runs that have both: as
fast, of latency as short, of memory as small; longer is better. The thin line on it reaches from the lowest run to the highest, or round where
there is one run. <em>Level</em>: some of them say one thing and some another. After the multiple stands
the one of the rate, or of the CPU time: of this less is better. ¹ One round alone, which cannot say level.</p>
<p>* The load had used up its CPU before a server had. The server's CPU time for each one counted is compared in its place: multiples say
how many times less of it a server takes. <em>load-limited</em> marks the servers that could have done more, <em>machine shared</em> those
beside which other processes used the CPU. <em>kernel</em> is the part of a server's CPU time that the operating system used.
Bare <code>net</code> speaks no protocol and shows how far there is to go.</p>
</header>
${overview(view)}
${[...groups].map(([group, entries]) => section(group, entries)).join('\n')}
</body>
</html>
`;
}

/** All workloads against all peers, as multiples of barewire. */
function overview(view: View): string {
  const entries = view.workloads.filter((entry) => {
    const { workload, rows } = entry;
    const isRate = workload.figure === 'rate' && workload.group !== 'growth' && baseOf(rows) === OURS;
    return isRate && rows.some((row) => row.peer !== OURS && multipleIn(entry, row).length > 0);
  });
  const multiples = entries.map((entry) => new Map(entry.rows.flatMap((row) => multipleIn(entry, row))));
  const peers = [
    ...new Map(entries.flatMap(({ rows }) => rows.map(({ peer, label }) => [peer, label] as const))),
  ].filter(([peer]) => peer !== OURS && multiples.some((each) => each.has(peer)));
  if (entries.length < 2) return '';
  const head = peers
    .map(([peer, label]) => `<th scope="col">${escapeHtml(label)}${isSetting(peer) ? SETTING : ''}</th>`)
    .join('');
  const body = entries
    .map((entry, i) => {
      const best = bestOf(entry);
      const cells = peers.map(([peer]) => {
        const value = multiples[i]!.get(peer);
        const row = entry.rows.find((each) => each.peer === peer);
        if (value === undefined || row === undefined) return '<td class="none">–</td>';
        return `<td${peer === best ? ' class="best"' : ''}>${ratio(value.median)}${onceMark(row)}</td>`;
      });
      const ours = figureWords(entry, entry.rows.find(({ peer }) => peer === OURS)!);
      const figure = `<td${best === OURS ? ' class="best"' : ''}>${escapeHtml(ours)}</td>`;
      const title = `<a href="#${escapeHtml(entry.workload.id)}">${escapeHtml(titleOf(entry))}</a>`;
      return `<tr><th scope="row">${title}</th><td>${escapeHtml(verdict(entry))}</td>${figure}${cells.join('')}</tr>`;
    })
    .join('\n');
  return `<section><h2>All rates</h2>
<p>Each server as a multiple of barewire in the same runs; beside barewire stands what it reached. The best server of a row is bold.</p>
<div class="scroll"><table><thead><tr><td></td><th scope="col">barewire is</th><th scope="col">barewire</th>${head}</tr></thead><tbody>
${body}
</tbody></table></div></section>`;
}

const TO: Readonly<Record<Standing['word'], string>> = { ahead: 'ahead of', level: 'level with', behind: 'behind' };

/** How barewire stands to the best of the others. */
function verdict(entry: MergedEntry): string {
  const standing = standingOf(entry);
  if (standing === undefined) return '–';
  const name = NAMES[standing.peer] ?? standing.label;
  if (standing.rounds < 2) return `beside ${name}${ONCE}`;
  return `${TO[standing.word]} ${name}`;
}

function titleOf({ workload, basis }: MergedEntry): string {
  return `${workload.title}${basis === 'cpu' ? '\u00a0*' : ''}`;
}

/** Whom the others of a row are multiples of: barewire, or the reference where barewire was not measured. */
function baseOf(rows: readonly MergedRow[], reference?: string): string | undefined {
  return [OURS, reference].find((id) => rows.some(({ peer }) => peer === id));
}

/**
 * How many times as good as the base of its row a server is, by what the row compares, under its id; nothing where no run has both. Another
 * setting of the reference is a multiple of that.
 */
function multipleIn(entry: MergedEntry, row: MergedRow): readonly (readonly [peer: string, multiple: Range])[] {
  const base = baseOf(entry.rows, entry.workload.reference);
  if (row.peer === base) return [[row.peer, { median: 1, low: 1, high: 1 }]];
  if (base !== OURS || isSetting(row.peer)) {
    const value = advantage(row, entry.basis, entry.workload);
    return value === undefined ? [] : [[row.peer, value]];
  }
  const standing = standingTo(entry, row.peer);
  return standing === undefined ? [] : [[row.peer, inverse(standing.range)]];
}

function section(group: string, entries: readonly MergedEntry[]): string {
  const cards = group === 'growth' ? growthCards(entries) : entries.map(card);
  const compressed = compressionWords(entries).replaceAll(/[*`]/g, '');
  const lead = group === 'growth' ? GROWTH_LEAD : compressed === '' ? '' : `<p>${escapeHtml(compressed)}</p>`;
  return `<section><h2>${escapeHtml(capital(group))}</h2>${lead}<div class="cards">${cards.join('\n')}</div></section>`;
}

function card(entry: MergedEntry): string {
  const { workload, rows, leftOut } = entry;
  const missing = leftOut
    .map(({ peer, why }) => `<p class="note">${escapeHtml(`${peer} is left out: ${why}`)}</p>`)
    .join('');
  const words = standingWords(entry);
  const against = words === '–' ? '' : `<br>barewire ${escapeHtml(words)}`;
  const chart = workload.figure === 'latency' ? curves(rows) : '';
  return `<figure id="${escapeHtml(workload.id)}"><figcaption>${escapeHtml(titleOf(entry))}<small>${escapeHtml(comparedWords(entry))}${against}</small></figcaption>
${chart}${bars(entry)}${missing}</figure>`;
}

/** What the bars of a card compare. */
function comparedWords({ workload: { figure, unit }, basis }: MergedEntry): string {
  if (basis === 'cpu') return `CPU time of the server for its ${unit}`;
  if (figure === 'latency') return 'p99, from when a message was due';
  return figure === 'memory' ? "bytes of the server's memory" : `${unit} a second`;
}

/** One bar a peer: how many times as good as the base of the card it is. */
function bars(entry: MergedEntry): string {
  const multiples = new Map(entry.rows.flatMap((row) => multipleIn(entry, row)));
  const shown = [...multiples].flatMap(([peer, { high }]) => (isSetting(peer) ? [] : high));
  const most = Math.max(...shown, Number.MIN_VALUE);
  const share = (value: number) => `${((100 * Math.max(0, value)) / most).toFixed(2)}%`;
  return entry.rows
    .map((row) => {
      const multiple = multiples.get(row.peer);
      const kind = isOurs(row.peer) ? 'ours' : isYardstick(row.peer) ? 'floor' : 'theirs';
      const text = `<div class="text"><span class="name">${escapeHtml(row.label)}${tag(row)}</span>
<span class="figures">${figures(entry, row, multiple)}</span></div>`;
      if (multiple === undefined || isSetting(row.peer)) return `<div class="row ${kind}">${text}</div>`;
      const { median, low, high } = multiple;
      const whisker = low < high ? `<line x1="${share(low)}" x2="${share(high)}" y1="7" y2="7" class="whisker"/>` : '';
      return `<div class="row ${kind}">${text}
<svg width="100%" height="14" role="img" aria-label="${escapeHtml(`${row.label}: ${ratio(median)}`)}">
<rect width="100%" height="14" rx="3" class="track"/><rect width="${share(median)}" height="14" rx="3" class="bar"/>${whisker}</svg></div>`;
    })
    .join('\n');
}

/**
 * What stands over a bar. Absolute figures are those of the base alone, or of everybody where nobody is it: others ran in other runs too, and
 * their figures would say something else than their multiples.
 */
function figures(entry: MergedEntry, row: MergedRow, multiple: Range | undefined): string {
  const base = baseOf(entry.rows, entry.workload.reference);
  const parts =
    row.peer === base || base === undefined
      ? absolutes(entry, row)
      : [
          `<b>${multiple === undefined ? '–' : `${ratio(multiple.median)}${onceMark(row)}`}</b>`,
          ...otherMultiple(entry, row),
        ];
  if (row.kernelShare !== undefined && entry.workload.figure !== 'memory')
    parts.push(`${percent(row.kernelShare)} kernel`);
  if (row.compressedBytes !== undefined) parts.push(`${thousands(row.compressedBytes)} octets a reply`);
  return parts.join(' · ');
}

function onceMark({ rounds }: MergedRow): string {
  return rounds === 1 ? ONCE : '';
}

function absolutes({ workload, basis }: MergedEntry, row: MergedRow): string[] {
  const parts = [figureWords({ workload, basis: 'figure' }, row)];
  if (workload.figure !== 'memory' && row.serverMicroseconds !== undefined)
    parts.push(`${figureWords({ workload, basis: 'cpu' }, row)} CPU`);
  if (basis === 'cpu') parts.reverse();
  parts[0] = `<b>${parts[0]}</b>`;
  if (row.connectionBytesCollected !== undefined)
    parts.push(`${thousands(row.connectionBytesCollected)} after a collection`);
  return parts;
}

/** The rate where the bar is of CPU time, and the other way round; of another setting whose multiple it is. */
function otherMultiple({ workload, basis }: MergedEntry, { peer, ours, oursCpu }: MergedRow): string[] {
  if (isSetting(peer)) return [`multiple of ${workload.reference}`];
  if (workload.figure !== 'rate') return [];
  if (basis === 'cpu') return ours === undefined ? [] : [`rate ${ratio(1 / ours.median)}`];
  return oursCpu === undefined ? [] : [`CPU time ${ratio(1 / oursCpu.median)}`];
}

function tag(row: MergedRow): string {
  if (row.limit === 'generator') return '<i class="tag" title="The load used up its own CPU">load-limited</i>';
  if (row.limit === 'machine') return '<i class="tag" title="Other processes used the CPU">machine shared</i>';
  return '';
}

function ratio(value: number): string {
  return `${value >= 9.95 ? value.toFixed(0) : value.toFixed(2)}×`;
}

/** A curve: points with a colour and a name. */
interface Line {
  readonly id: string;
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Latency over percentiles; each peer's curve is the median of its rounds at each percentile. */
function curves(rows: readonly MergedRow[]): string {
  const nines = (percent: number) => Math.min(4, -Math.log10(1 - Math.min(percent, 99.999) / 100));
  const lines = rows.flatMap((row): Line[] => {
    const points = (row.latency?.curve ?? [])
      .filter(([percent]) => percent < 100)
      .map(([percent, ms]) => [nines(percent), ms] as const);
    return points.length === 0 ? [] : [{ id: row.peer, label: row.label, points }];
  });
  const ticks = [0, 50, 90, 99, 99.9, 99.99].map((percent) => [nines(percent), `${percent}`] as const);
  return plot(lines, ticks, 'percentile', 'ms');
}

const GROWTH_LEAD = `<p>Both axes are logarithmic. After each name stands the exponent of the power that fits best: 0 is flat, 1 is in
proportion.</p>`;

/** Growth workloads become charts: for each series the CPU time of a message, and the memory. */
function growthCards(entries: readonly MergedEntry[]): string[] {
  return GROWTH_SERIES.flatMap((series) => {
    const of = entries
      .filter(({ workload }) => workload.growth?.of === series)
      .sort((a, b) => a.workload.growth!.at - b.workload.growth!.at);
    if (of.length < 2) return of.map(card);
    const cpu = growthLines(of, (row) => row.serverMicroseconds);
    const memory = growthLines(of, (row) => (row.serverBytes === undefined ? undefined : row.serverBytes / 1e6));
    const ticks = of.map(({ workload: { growth } }) => [Math.log10(growth!.at), thousands(growth!.at)] as const);
    const one = series === 'members' ? 'delivery' : 'message';
    return [
      growthCard(
        `growth-${series}`,
        `CPU time by ${series}`,
        `microseconds of the server for one ${one}`,
        plot(cpu, ticks, series, 'µs'),
      ),
      growthCard(
        `growth-${series}-memory`,
        `Memory by ${series}`,
        'megabytes of the server in all',
        plot(memory, ticks, series, 'MB'),
      ),
    ];
  });
}

function growthCard(id: string, title: string, what: string, chart: string): string {
  if (chart === '') return '';
  return `<figure id="${id}"><figcaption>${title}<small>${what}</small></figcaption>
${chart}</figure>`;
}

/** A line a peer, with its exponent in its name. */
function growthLines(entries: readonly MergedEntry[], of: (row: MergedRow) => number | undefined): Line[] {
  const byPeer = new Map<string, Line>();
  for (const { workload, rows } of entries) {
    for (const row of rows) {
      const value = of(row);
      if (value === undefined || value <= 0) continue;
      const line = byPeer.get(row.peer) ?? { id: row.peer, label: row.label, points: [] };
      byPeer.set(row.peer, { ...line, points: [...line.points, [Math.log10(workload.growth!.at), value]] });
    }
  }
  return [...byPeer.values()].map((line) => {
    const exponent = fittedExponent(line.points.map(([x, y]) => [10 ** x, y]));
    return exponent === undefined ? line : { ...line, label: `${line.label} ${exponent.toFixed(2)}` };
  });
}

/** The exponent of the power of x that y is closest to, by least squares of the logarithms; undefined for fewer than two points. */
export function fittedExponent(points: readonly (readonly [x: number, y: number])[]): number | undefined {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [meanX, meanY] = [mean(logs.map(([x]) => x)), mean(logs.map(([, y]) => y))];
  const square = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (points.length < 2 || square === 0) return undefined;
  return logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / square;
}

const WIDTH = 420;
const HEIGHT = 230;
const LEFT = 44;
const RIGHT = 26;
const TOP = 24;
const BOTTOM = 34;

/** A chart with a logarithmic y axis. */
function plot(
  lines: readonly Line[],
  xTicks: readonly (readonly [number, string])[],
  xTitle: string,
  yTitle: string,
): string {
  const xs = xTicks.map(([x]) => x);
  const ys = lines.flatMap((line) => line.points.map(([, y]) => y)).filter((y) => y > 0);
  if (ys.length === 0) return '';
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)];
  const low = Math.floor(Math.log10(Math.min(...ys)) * 2) / 2;
  const high = Math.max(low + 0.5, Math.ceil(Math.log10(Math.max(...ys)) * 2) / 2);
  const x = (value: number) => LEFT + ((value - xLow) / Math.max(1e-9, xHigh - xLow)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) =>
    TOP + (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const grid: string[] = [];
  for (let power = Math.ceil(low); power <= high; power++) {
    for (const step of high - low > 3 ? [1] : [1, 3]) {
      const value = step * 10 ** power;
      if (Math.log10(value) > high + 0.01) continue;
      const at = y(value).toFixed(1);
      const text = value >= 1 ? thousands(value) : String(Number(value.toPrecision(1)));
      grid.push(
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text x="${LEFT - 6}" y="${Number(at) + 4}" text-anchor="end">${text}</text>`,
      );
    }
  }
  const bottom = HEIGHT - BOTTOM;
  const axis = xTicks.map(
    ([value, text]) =>
      `<line x1="${x(value).toFixed(1)}" x2="${x(value).toFixed(1)}" y1="${TOP}" y2="${bottom}"/><text x="${x(value).toFixed(1)}" y="${bottom + 14}" text-anchor="middle">${escapeHtml(text)}</text>`,
  );
  const paths = lines.map((line) => {
    const points = line.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`);
    return `<polyline points="${points.join(' ')}" class="line peer-${escapeHtml(line.id)}"/>`;
  });
  const legend = lines
    .map((line) => `<span><i class="swatch peer-${escapeHtml(line.id)}"></i>${escapeHtml(line.label)}</span>`)
    .join('');
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" class="plot" role="img" aria-label="${escapeHtml(`${yTitle} by ${xTitle}`)}">
<g class="grid">${grid.join('')}${axis.join('')}</g><text x="0" y="10">${escapeHtml(yTitle)}</text>
<text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${escapeHtml(xTitle)}</text>${paths.join('')}</svg><div class="legend">${legend}</div>`;
}

function capital(text: string): string {
  return text === 'http' ? 'HTTP' : text.charAt(0).toUpperCase() + text.slice(1);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const COLORS: Readonly<Record<string, string>> = {
  barewire: '#2f6fed',
  'barewire-bytes': '#7fa6f5',
  ws: '#d1495b',
  'ws-native': '#e39aa4',
  uws: '#d99a1c',
  bun: '#8a63b8',
  deno: '#2f9e77',
  net: '#7d8590',
  'net-events': '#a9b0b8',
  'node-http': '#b96a2c',
  'better-sse': '#3f8fa8',
};

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2128;--soft:#59636e;--paper:#fff;--card:#f6f8fa;--rule:#d8dee4;--ours:#2f6fed;--theirs:#9aa4af;--floor:#d0d7de}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--card:#161b22;--rule:#2c333c;--ours:#5b8ff5;--theirs:#6e7681;--floor:#3d444d}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:1.5rem 1rem 4rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.7rem;margin:0 0 1rem}h2{font-size:1.25rem;margin:2.5rem 0 .75rem}
a{color:inherit}p{max-width:46rem}
dl{margin:0;font-size:.875rem}dl div{display:flex;gap:.75rem;padding:.15rem 0}dt{flex:0 0 5.5rem;color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr))}
figure{margin:0;padding:1rem;background:var(--card);border:1px solid var(--rule);border-radius:10px;min-width:0}
figcaption{font-weight:600;margin-bottom:.6rem}small{display:block;font-weight:400;color:var(--soft);font-size:.8125rem}
.row{margin:.55rem 0 0}.text{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .75rem;font-size:.875rem}
.figures{color:var(--soft);font-variant-numeric:tabular-nums;margin-left:auto}.figures b{color:var(--ink)}
.ours .name{font-weight:600}.floor .name{color:var(--soft)}
svg{display:block}.track{fill:var(--rule);opacity:.45}.ours .bar{fill:var(--ours)}.theirs .bar{fill:var(--theirs)}.floor .bar{fill:var(--floor)}
.whisker{stroke:var(--ink);stroke-width:1.5;opacity:.75}
.tag{font-style:normal;font-weight:400;font-size:.7rem;color:var(--soft);border:1px solid var(--rule);border-radius:99px;padding:.05rem .4rem;margin-left:.4rem;white-space:nowrap}
.note{color:var(--soft);font-size:.8125rem;margin:.6rem 0 0;overflow-wrap:anywhere}
.plot{width:100%;height:auto;margin-bottom:.25rem}.plot text{fill:var(--soft);font:12px system-ui,sans-serif}.grid line{stroke:var(--rule);stroke-width:.75}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke:currentColor}.line.peer-barewire{stroke-width:3.2}
.legend{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.8125rem;color:var(--soft);margin-bottom:.5rem}
.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:3px;margin-right:.35rem;vertical-align:-1px;background:currentColor}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.8125rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th[scope=row]{text-align:left;font-weight:400;position:sticky;left:0;background:var(--paper)}thead th{font-weight:600;white-space:normal;vertical-align:bottom}
td.best{font-weight:700}td.none{color:var(--soft)}
@media (max-width:600px){th[scope=row]{white-space:normal;min-width:9.5rem}}
${Object.entries(COLORS)
  .map(([peer, color]) => `.peer-${peer}{color:${color}}`)
  .join('')}
`;
