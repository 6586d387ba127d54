/**
 * Results as one HTML page: bars for rates, curves for latency and growth. No scripts, no fonts, nothing loaded.
 *
 * Bars are SVG with lengths in per cent, so that they follow the width of the page; curves are SVG with a view box.
 * Light and dark by the reader's preference, phone and desktop by the width. Everything that comes from a result file is
 * escaped. Read next: `readme.ts`.
 */

import { writeFileSync } from 'node:fs';
import {
  advantage,
  bestOf,
  isOurs,
  isYardstick,
  type MergedEntry,
  type MergedRow,
  standingOf,
  type View,
  viewOf,
} from './merge.ts';
import { percent, thousands } from './report.ts';
import type { Results } from './results.ts';
import { runsWords, standingWords, versionsOf } from './words.ts';
import { GROWTH_SERIES, type Workload } from './workloads.ts';

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
<p>Server and load run in processes of their own. The thin line on a bar reaches from the lowest run to the highest, or round where
there is one run. Level means that some of them say one thing and some another.
<em>CPU</em> is the server's time for one message, read from the operating system. Where the load, and not the server,
had no time left, the server could have done more, and CPU is the fairer figure; where the machine was shared, neither is.</p>
</header>
${overview(view)}
${[...groups].map(([group, entries]) => section(group, entries)).join('\n')}
</body>
</html>
`;
}

/** All workloads against all peers, as multiples of the reference. */
function overview(view: View): string {
  const entries = view.workloads.filter(({ workload }) => workload.figure === 'rate' && workload.group !== 'growth');
  if (entries.length < 2) return '';
  const peers = [...new Map(entries.flatMap((entry) => entry.rows.map((row) => [row.peer, row.label] as const)))];
  const head = peers.map(([, label]) => `<th scope="col">${escapeHtml(label)}</th>`).join('');
  const body = entries
    .map((entry) => {
      const { workload, basis, rows } = entry;
      const best = bestOf(entry);
      const cells = peers.map(([peer]) => {
        const row = rows.find((each) => each.peer === peer);
        const value = row === undefined ? undefined : advantage(row, basis, workload);
        if (value === undefined) return '<td class="none">–</td>';
        return `<td${peer === best ? ' class="best"' : ''}>${ratio(value.median)}</td>`;
      });
      const standing = standingOf(entry);
      const word = standing === undefined ? '–' : `${ratio(standing.range.median)}, ${standing.word}`;
      const title = `${escapeHtml(workload.title)}${basis === 'cpu' ? ' *' : ''}`;
      return `<tr><th scope="row"><a href="#${escapeHtml(workload.id)}">${title}</a></th><td>${word}</td>${cells.join('')}</tr>`;
    })
    .join('\n');
  return `<section><h2>Against the reference</h2>
<p>Multiples of ws in the same run; of better-sse for event streams, of node:http for HTTP. The best server is bold;
bare <code>net</code> speaks no protocol and shows how far there is to go. * The load had no CPU time left, so CPU time a message is compared.</p>
<div class="scroll"><table><thead><tr><td></td><th scope="col">barewire to the best other</th>${head}</tr></thead><tbody>
${body}
</tbody></table></div></section>`;
}

function section(group: string, entries: readonly MergedEntry[]): string {
  const cards = group === 'growth' ? growthCards(entries) : entries.map(card);
  return `<section><h2>${escapeHtml(capital(group))}</h2><div class="cards">${cards.join('\n')}</div></section>`;
}

function card(entry: MergedEntry): string {
  const { workload, rows, leftOut } = entry;
  const missing = leftOut
    .map(({ peer, why }) => `<p class="note">${escapeHtml(`${peer} is left out: ${why}`)}</p>`)
    .join('');
  const words = standingWords(entry);
  const against = words === '–' ? '' : `<br>barewire ${escapeHtml(words)}`;
  const chart = workload.figure === 'latency' ? curves(rows) : '';
  return `<figure id="${escapeHtml(workload.id)}"><figcaption>${escapeHtml(workload.title)}<small>${escapeHtml(unitOf(workload))}${against}</small></figcaption>
${chart}${bars(workload, rows)}${missing}</figure>`;
}

function unitOf({ figure, unit }: Workload): string {
  if (figure === 'latency') return 'p99 in milliseconds, from when a message was due; less is better';
  if (figure === 'memory') return "bytes of the server's memory; less is better";
  return `${unit} a second; more is better`;
}

/** One bar a peer. */
function bars(workload: Workload, rows: readonly MergedRow[]): string {
  const most = Math.max(...rows.map((row) => Math.max(row.high, row.value)), Number.MIN_VALUE);
  return rows
    .map((row) => {
      const share = (value: number) => `${((100 * Math.max(0, value)) / most).toFixed(2)}%`;
      const { low, high } = row;
      const kind = isOurs(row.peer) ? 'ours' : isYardstick(row.peer) ? 'floor' : 'theirs';
      const whisker = low < high ? `<line x1="${share(low)}" x2="${share(high)}" y1="7" y2="7" class="whisker"/>` : '';
      return `<div class="row ${kind}"><div class="text"><span class="name">${escapeHtml(row.label)}${tag(row)}</span>
<span class="figures">${figures(workload, row)}</span></div>
<svg width="100%" height="14" role="img" aria-label="${escapeHtml(`${row.label}: ${display(workload, row.value)}`)}">
<rect width="100%" height="14" rx="3" class="track"/><rect width="${share(row.value)}" height="14" rx="3" class="bar"/>${whisker}</svg></div>`;
    })
    .join('\n');
}

function display(workload: Workload, value: number): string {
  return workload.figure === 'latency' ? value.toFixed(2) : thousands(value);
}

function figures(workload: Workload, row: MergedRow): string {
  const parts = [`<b>${display(workload, row.value)}</b>`];
  if (row.ratio !== undefined) parts.push(ratio(row.ratio));
  if (workload.figure !== 'memory' && row.serverMicroseconds !== undefined) {
    const kernel = row.kernelShare === undefined ? '' : `, ${percent(row.kernelShare)} kernel`;
    parts.push(
      `${row.serverMicroseconds < 10 ? row.serverMicroseconds.toFixed(2) : thousands(row.serverMicroseconds)} µs CPU${kernel}`,
    );
  }
  if (row.compressedBytes !== undefined) parts.push(`${thousands(row.compressedBytes)} bytes on the wire`);
  if (row.connectionBytesCollected !== undefined) {
    parts.push(`${thousands(row.connectionBytesCollected)} after a collection`);
  }
  return parts.join(' · ');
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
  return `<figure id="${id}"><figcaption>${title}<small>${what}, both axes logarithmic. Behind each name the exponent of the
power that fits best: 0 is flat, 1 is in proportion</small></figcaption>
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
