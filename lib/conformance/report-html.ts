/**
 * Results as pages that need nothing else: `index.html` with a table of verdicts, and one page for each case.
 *
 * Pure: values in, file names and texts out. No script is needed to read them; a few lines make the filter work.
 * Everything that a peer said is escaped. Read next: `report-json.ts`.
 */

import { type Behavior, groupOf } from './case.ts';
import type { Results } from './report-json.ts';
import { type CaseResult, countBehaviors, isFailure, timeOfGroups } from './verdict.ts';
import type { WireRow } from './wire-log.ts';

/** A file of the report: its path below the report's folder, and its text. */
export interface ReportFile {
  readonly path: string;
  readonly text: string;
}

export interface ReportOptions {
  readonly title: string;
  /** When the run ended, for the heading. */
  readonly date: Date;
  readonly version: string;
}

/** What a group is about, for the index. */
const GROUP_TITLES: Readonly<Record<string, string>> = {
  1: 'Framing',
  2: 'Pings and pongs',
  3: 'Reserved bits',
  4: 'Reserved opcodes',
  5: 'Fragmentation',
  6: 'UTF-8',
  7: 'Closing',
  9: 'Limits and round trips',
  10: 'Automatic fragmentation',
  12: 'Compression, by data',
  13: 'Compression, by parameters',
  'X.1': 'Opening handshake',
  'X.2': 'Lengths and masking',
  'X.3': 'Splits',
  'X.4': 'Messages without end',
  'X.5': 'A tester that does not read',
  'X.6': 'Close races',
  'X.7': 'Compression abuse',
  'X.8': 'Event streams',
};

/** All files of a report. */
export function reportFiles(results: Results, options: ReportOptions): ReportFile[] {
  const files: ReportFile[] = [{ path: 'index.html', text: indexPage(results, options) }];
  for (const [agent, list] of results) {
    list.forEach((one, i) => {
      const neighbours = [list[i - 1], list[i + 1]];
      files.push({ path: caseFile(agent, one.id), text: casePage(agent, one, neighbours) });
    });
  }
  return files;
}

/** The page of a case: `cases/ws_6_4_1.html`. */
export function caseFile(agent: string, id: string): string {
  return `cases/${agent.toLowerCase().replace(/[^a-z0-9]/g, '_')}_${id.replaceAll('.', '_')}.html`;
}

function indexPage(results: Results, { title, date, version }: ReportOptions): string {
  const agents = [...results.keys()];
  const ids: string[] = [...new Set([...results.values()].flat().map(({ id }) => id))];
  const byId = new Map([...results].map(([agent, list]) => [agent, new Map(list.map((one) => [one.id, one]))]));
  const groups = [...new Set(ids.map(groupOf))];

  const cards = [...results].map(([agent, list]) => card(agent, list)).join('');
  const sections = groups.map((group) => {
    const rows = ids
      .filter((id) => groupOf(id) === group)
      .map((id) => indexRow(id, agents, byId))
      .join('');
    const counts = agents.map((agent) => groupSummary(results.get(agent)!, group)).join(' · ');
    const fine = agents.every((agent) =>
      results
        .get(agent)!
        .every((one) => groupOf(one.id) !== group || (one.behavior === 'OK' && one.behaviorClose === 'OK')),
    );
    return `<details${fine ? '' : ' open'} id="g${escaped(group)}"><summary><h2>${escaped(group)}</h2> <span class="gt">${escaped(GROUP_TITLES[group] ?? '')}</span><span class="gs">${counts}</span></summary>
<table><thead><tr><th>Case</th><th class="d">What</th>${agents.map((agent) => `<th>${escaped(agent)}</th>`).join('')}</tr></thead><tbody>${rows}</tbody></table></details>`;
  });
  return page(
    title,
    `<header><h1>${escaped(title)}</h1><p class="meta">${escaped(date.toISOString().slice(0, 16).replace('T', ' '))} UTC · barewire ${escaped(version)} · ${ids.length} cases</p></header>
<section class="cards">${cards}</section>
${notable(results)}
<nav class="filter" aria-label="Filter"><label><input type="radio" name="f" value="" checked> all</label><label><input type="radio" name="f" value="bad"> only what is not OK</label></nav>
<main>${sections.join('\n')}</main>
<footer><p><b>OK</b> as the specification asks · <b>NON-STRICT</b> permitted, but later or less than a strict peer · <b>INFORMATIONAL</b> no right or wrong · <b>UNIMPLEMENTED</b> needs permessage-deflate, which the peer did not agree to · <b>FAILED</b> against the specification. The second word, where there is one, is about how the connection ended.</p></footer>
<script>for(const r of document.querySelectorAll('[name=f]'))r.onchange=()=>{document.body.className=r.value;for(const d of document.querySelectorAll('main details'))d.open=r.value?d.querySelector('tbody tr:not(.fine)')!=null:true}</script>`,
  );
}

function card(agent: string, list: readonly CaseResult[]): string {
  const counts = countBehaviors(list);
  const closing = list.filter((one) => isFailure(one) && one.behavior !== 'FAILED').length;
  const tiles = (Object.entries(counts) as [Behavior, number][])
    .filter(([behavior, count]) => count > 0 || behavior === 'OK' || behavior === 'FAILED')
    .map(([behavior, count]) => `<span class="tile ${classOf(behavior)}"><b>${count}</b>${behavior}</span>`)
    .join('');
  const total = Math.max(1, list.length);
  const bar = (Object.entries(counts) as [Behavior, number][])
    .filter(([, count]) => count > 0)
    .map(
      ([behavior, count]) =>
        `<i class="${classOf(behavior)}" style="width:${((100 * count) / total).toFixed(2)}%"></i>`,
    )
    .join('');
  return `<article class="card"><h2>${escaped(agent)}</h2><div class="bar" role="img" aria-label="shares of the verdicts">${bar}</div><div class="tiles">${tiles}</div>${closing > 0 ? `<p class="warn">${closing} more ended the connection wrongly</p>` : ''}</article>`;
}

/** What a reader looks for first: the cases that are not OK, with their reasons. */
function notable(results: Results): string {
  const rows = [...results].flatMap(([agent, list]) =>
    list
      .filter((one) => isFailure(one) || one.behavior === 'NON-STRICT')
      .map(
        (one) =>
          `<tr><th scope="row"><a href="${caseFile(agent, one.id)}">${escaped(one.id)}</a></th><td class="v">${chips(one)}</td><td class="d">${results.size > 1 ? `<b>${escaped(agent)}</b> ` : ''}${escaped(one.description)} <span class="why">${escaped(one.reason)}</span></td></tr>`,
      ),
  );
  if (rows.length === 0) return '<p class="fine-all">Nothing failed, and nothing is less than strict.</p>';
  return `<section class="notable"><h2>Not OK</h2><table><tbody>${rows.join('')}</tbody></table></section>`;
}

function chips(one: CaseResult): string {
  const close =
    one.behaviorClose === 'OK' ? '' : ` <span class="chip ${closeClass(one)}">${escaped(closeWord(one))}</span>`;
  return `<span class="chip ${classOf(one.behavior)}">${one.behavior}</span>${close}`;
}

function groupSummary(list: readonly CaseResult[], group: string): string {
  const mine = list.filter(({ id }) => groupOf(id) === group);
  const time = timeOfGroups(mine).get(group);
  if (time === undefined) return 'not run';
  const passed = mine.filter((one) => one.behavior === 'OK' && one.behaviorClose === 'OK').length;
  return `${passed} of ${mine.length} OK, ${seconds(time.wallMs)}`;
}

function indexRow(
  id: string,
  agents: readonly string[],
  byId: ReadonlyMap<string, ReadonlyMap<string, CaseResult>>,
): string {
  const all = agents.map((agent) => byId.get(agent)!.get(id));
  const description = all.find((one) => one !== undefined)!.description;
  const fine = all.every((one) => one === undefined || (one.behavior === 'OK' && one.behaviorClose === 'OK'));
  const cells = agents.map((agent, i) => {
    const one = all[i];
    if (one === undefined) return '<td class="v"></td>';
    const close =
      one.behaviorClose === 'OK' ? '' : ` <span class="chip ${closeClass(one)}">${escaped(closeWord(one))}</span>`;
    return `<td class="v"><a class="chip ${classOf(one.behavior)}" href="${caseFile(agent, id)}" title="${escaped(one.reason)}">${one.behavior}</a>${close} <span class="ms">${milliseconds(one.durationMs)}</span></td>`;
  });
  return `<tr${fine ? ' class="fine"' : ''}><th scope="row">${escaped(id)}</th><td class="d">${escaped(description)}</td>${cells.join('')}</tr>`;
}

function casePage(agent: string, one: CaseResult, neighbours: readonly (CaseResult | undefined)[]): string {
  const [previous, next] = neighbours.map((other) =>
    other === undefined ? '' : `<a href="../${caseFile(agent, other.id)}">${escaped(other.id)}</a>`,
  );
  const facts: (readonly [string, string])[] = [
    ['What', escaped(one.description)],
    ['Expected', escaped(one.expectation)],
    ...(one.accepted ?? []).map((text) => ['Accepted', escaped(text)] as const),
    ...(one.seen.length > 0 ? [['Seen', escaped(one.seen.join(', then '))] as const] : []),
    ['Verdict', `<span class="chip ${classOf(one.behavior)}">${one.behavior}</span> ${escaped(one.reason)}`],
    [
      'Closing',
      `<span class="chip ${closeClass(one)}">${escaped(closeWord(one))}</span>${one.remoteCloseCode === null ? '' : ` close code ${one.remoteCloseCode}`}`,
    ],
    [
      'Time',
      `${milliseconds(one.durationMs)} from open to the end of TCP${one.repeated ? '; run a second time, alone' : ''}`,
    ],
    ...(one.compression === undefined
      ? []
      : [
          [
            'Compression',
            `the peer sent ${one.compression.plain} octets as ${one.compression.compressed} (${(one.compression.compressed / Math.max(1, one.compression.plain)).toFixed(3)})`,
          ] as const,
        ]),
  ];
  return page(
    `${one.id} · ${agent}`,
    `<nav class="crumbs"><a href="../index.html">All cases</a><span>${[previous, next].filter((link) => link !== '').join(' · ')}</span></nav>
<header><h1>Case ${escaped(one.id)} <small>${escaped(agent)}</small></h1></header>
<dl>${facts.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join('')}</dl>
<h2>On the wire</h2>
<table class="wire"><thead><tr><th>ms</th><th>Way</th><th>Meaning</th><th>Octets</th></tr></thead><tbody>${one.wire.map(wireRow).join('')}</tbody></table>
${one.wire.length === 0 ? '<p>Nothing went over the wire.</p>' : ''}`,
  );
}

function wireRow(row: WireRow): string {
  const way = row.way === 'sent' ? 'tester →' : row.way === 'received' ? '← peer' : '';
  const octets =
    row.hex === undefined
      ? ''
      : `<code>${spaced(row.hex)}${row.octets! * 2 > row.hex.length ? '…' : ''}</code><span class="n">${row.octets}</span>`;
  return `<tr class="${row.way}"><td class="ms">${row.at.toFixed(1)}</td><td class="way">${way}</td><td class="m">${escaped(row.meaning)}</td><td class="hex">${octets}</td></tr>`;
}

function spaced(hex: string): string {
  return hex.replace(/(..)(?!$)/g, '$1 ');
}

function classOf(behavior: Behavior): string {
  return { OK: 'ok', 'NON-STRICT': 'ns', INFORMATIONAL: 'in', FAILED: 'fa', UNIMPLEMENTED: 'un' }[behavior];
}

function closeClass(one: CaseResult): string {
  if (one.behaviorClose === 'OK') return 'ok';
  return isFailure(one) ? 'fa' : 'in';
}

/** The closing verdict in a reader's words. */
function closeWord(one: CaseResult): string {
  const words: Readonly<Record<CaseResult['behaviorClose'], string>> = {
    OK: 'clean',
    'WRONG CODE': 'wrong code',
    UNCLEAN: 'unclean',
    FAILED: 'wrong side closed',
    'FAILED BY CLIENT': 'failed by us',
    INFORMATIONAL: 'not judged',
  };
  return words[one.behaviorClose];
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : seconds(ms);
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${STYLE}</style></head>
<body>${body}</body></html>
`;
}

const STYLE = `
:root{--bg:#fff;--fg:#1b1f24;--soft:#59636e;--line:#dfe3e8;--panel:#f6f8fa;--ok:#1a7f37;--okb:#dafbe1;--ns:#8a5a00;--nsb:#fff1c9;--in:#0b5cad;--inb:#ddf0ff;--fa:#b42318;--fab:#ffe3df;--un:#59636e;--unb:#e8ebef;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e3e8ee;--soft:#98a3af;--line:#2c333c;--panel:#1a2027;--ok:#6bd488;--okb:#143220;--ns:#efc15a;--nsb:#3a2d0c;--in:#86c0f5;--inb:#12304a;--fa:#ff9a8f;--fab:#4a1a16;--un:#a9b3bd;--unb:#2a313a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:24px 20px 60px;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:26px;margin:0 0 2px;line-height:1.2}h1 small{color:var(--soft);font-weight:400;font-size:17px}h2{font-size:17px;margin:28px 0 8px}.meta,footer{color:var(--soft);margin:0 0 18px}footer{margin-top:32px;font-size:13.5px}
a{color:inherit}.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:14px}.card{border:1px solid var(--line);border-radius:10px;padding:14px 16px;background:var(--panel)}.card h2{margin:0 0 8px;overflow-wrap:anywhere}.bar{display:flex;height:8px;border-radius:4px;overflow:hidden;background:var(--unb);margin-bottom:10px}.bar i{display:block;min-width:3px}
.bar .ok{background:var(--ok)}.bar .ns{background:var(--ns)}.bar .in{background:var(--in)}.bar .fa{background:var(--fa)}.bar .un{background:var(--un)}
.tiles{display:flex;flex-wrap:wrap;gap:6px}.tile{font-size:11.5px;border-radius:6px;padding:3px 8px;letter-spacing:.02em}.tile b{font-size:15px;margin-right:5px}.warn{color:var(--fa);margin:8px 0 0;font-size:13.5px}
.ok{color:var(--ok)}.ns{color:var(--ns)}.in{color:var(--in)}.fa{color:var(--fa)}.un{color:var(--un)}.tile.ok,.chip.ok{background:var(--okb)}.tile.ns,.chip.ns{background:var(--nsb)}.tile.in,.chip.in{background:var(--inb)}.tile.fa,.chip.fa{background:var(--fab)}.tile.un,.chip.un{background:var(--unb)}
.chip{display:inline-block;font-size:11.5px;font-weight:600;border-radius:5px;padding:1px 7px;text-decoration:none;white-space:nowrap}a.chip:hover{outline:2px solid currentColor}
.filter{display:flex;gap:16px;margin:18px 0 6px;color:var(--soft);font-size:14px}.filter label{cursor:pointer}
details{border-top:1px solid var(--line);padding:8px 0}summary{cursor:pointer;display:flex;align-items:baseline;gap:8px;flex-wrap:wrap}summary h2{display:inline;margin:0;min-width:34px}.gt{flex:1;min-width:120px}.gs{color:var(--soft);font-size:13.5px;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:14px;margin:6px 0}th,td{text-align:left;padding:4px 8px 4px 0;vertical-align:top;border-top:1px solid var(--line)}thead th{color:var(--soft);font-weight:500;font-size:12.5px;border-top:0}th[scope=row]{font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums;width:62px}.v{white-space:nowrap;width:1%}.ms,.n{color:var(--soft);font-size:12.5px;font-variant-numeric:tabular-nums;white-space:nowrap}
body.bad tr.fine{display:none}.why{display:block;color:var(--soft);font-size:13px;overflow-wrap:anywhere}.fine-all{color:var(--ok);font-weight:600}.notable .v{padding-right:12px}.m{white-space:pre-wrap;overflow-wrap:anywhere}
.crumbs{display:flex;justify-content:space-between;margin-bottom:16px;font-size:14px}dl{display:grid;grid-template-columns:110px 1fr;gap:6px 14px;border:1px solid var(--line);border-radius:10px;padding:14px 16px;background:var(--panel);margin:14px 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.wire td{padding:5px 10px 5px 0}.wire .way{white-space:nowrap;font-weight:600}.wire .sent .way{color:var(--in)}.wire .received .way{color:var(--ok)}.wire .note td{color:var(--soft);font-style:italic}.hex{width:46%}.hex code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere;margin-right:8px}
@media(max-width:640px){body{padding:16px 12px 40px}h1{font-size:22px}.d{white-space:normal}thead{display:none}main tr,.notable tr{display:grid;grid-template-columns:62px 1fr;border-top:1px solid var(--line);padding:5px 0}main td,main th,.notable td,.notable th{border:0;padding:0 6px 0 0}main .v,.notable .v,.notable .d{grid-column:2;width:auto;white-space:normal;margin-top:2px}.gs{flex-basis:100%;margin-left:42px}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}
.wire tr{display:grid;grid-template-columns:56px 1fr;border-top:1px solid var(--line);padding:5px 0}.wire td{border:0;padding:0}.wire .hex,.wire td:nth-child(3){grid-column:1/3;width:auto}}
`;
