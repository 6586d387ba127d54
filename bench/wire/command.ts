/**
 * The command line of `npm run bench`: read and checked as a whole, before anything is installed, built or started. Pure.
 * Read next: `run.ts`, which does what it says.
 */

import { parseArgs } from 'node:util';
import { PEERS, type Peer, takesPart } from '../peers/peers.ts';
import type { Schedule } from './compare.ts';
import { SHOWN_NODE } from './merge.ts';
import { chooseWorkloads, type NamedSet, SETS, type Workload } from './workloads.ts';

/** On versions of Node that are not the first: who is written for Node, and runs on all of them. */
export const NODE_PEERS: readonly string[] = ['barewire', 'ws', 'better-sse'];

export const HELP: string = `Usage: npm run bench -- [options]

Compares servers: server and load in processes of their own, pinned to a core each, rounds interleaved, medians.

  --peers A,B       of: ${PEERS.map((peer) => peer.id).join(' ')}
                    (default: those of the set, or all that can be installed)
  --workloads A,B   ids, beginnings of ids, or groups; --list shows them (default: those of the set, or all)
  --set NAME        workloads and peers that answer one question:
${Object.entries(SETS)
  .map(([name, { about }]) => `                    ${name.padEnd(12)}${about}\n`)
  .join('')}  --quick           the same as --set quick, so that both together are refused
  --node A,B        major versions of Node to run on, one after the other: on the first all peers, on the others
                    ${NODE_PEERS.join(', ')}. Installed from npm where they are not there (default: this one; with --save ${SHOWN_NODE})
  --seconds N       length of a round's measurement (default 2)
  --warm-up N       seconds of load before it (default 0.7)
  --rounds N        rounds of each pair (default 5)
  --json FILE       also write all rounds here
  --save            also add this run to bench/results/latest.json, and write bench/results/index.html
  --replace         with --save: earlier runs on the same version of Node go
  --node-args=ARGS  further arguments for Node servers, such as --node-args="--cpu-prof --cpu-prof-dir=profiles"
  --list            shows the workloads that --set and --workloads choose, or all
  --help            this text
`;

export type Command =
  | { readonly do: 'help' }
  | { readonly do: 'list'; readonly workloads: readonly Workload[] }
  | {
      readonly do: 'run';
      readonly workloads: readonly Workload[];
      /** Ids; undefined: all that there are. */
      readonly peers: readonly string[] | undefined;
      readonly schedule: Schedule;
      /** Versions of Node, and whether they were asked for; none: this one. */
      readonly majors: readonly string[];
      readonly majorsNamed: boolean;
      readonly peersNamed: boolean;
      readonly json: string | undefined;
      readonly save: boolean;
      readonly replace: boolean;
    };

const OPTIONS = {
  peers: { type: 'string' },
  workloads: { type: 'string' },
  set: { type: 'string' },
  quick: { type: 'boolean', default: false },
  node: { type: 'string' },
  seconds: { type: 'string', default: '2' },
  'warm-up': { type: 'string', default: '0.7' },
  rounds: { type: 'string', default: '5' },
  json: { type: 'string' },
  save: { type: 'boolean', default: false },
  replace: { type: 'boolean', default: false },
  'node-args': { type: 'string', default: '' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws Error for the first mistake in it, with what would be right */
export function readCommand(args: readonly string[]): Command {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return { do: 'help' };
  if (values.quick && values.set !== undefined) throw new Error('--quick is --set quick: give one of the two');
  if (values.replace && !values.save) throw new Error('--replace is for --save');
  const set = chooseSet(values.set ?? (values.quick ? 'quick' : undefined));
  const workloads = chooseWorkloads(values.workloads?.split(',') ?? set?.workloads ?? ['']);
  if (values.list) return { do: 'list', workloads };
  const peers = values.peers?.split(',') ?? set?.peers;
  const unknown = peers?.find((id) => !PEERS.some((peer) => peer.id === id));
  if (unknown !== undefined) throw new Error(`there is no peer "${unknown}"; --help lists them`);
  const majors = values.node?.split(',') ?? (values.save ? [SHOWN_NODE] : []);
  const wrong = majors.find((major) => !/^\d{2}$/.test(major));
  if (wrong !== undefined) throw new Error(`--node is "${wrong}", must be major versions such as 24,20,26`);
  return {
    do: 'run',
    workloads,
    peers,
    schedule: {
      rounds: numberIn('--rounds', values.rounds, 1, Number.isInteger, 'a whole number of at least 1'),
      warmUpMs: 1_000 * numberIn('--warm-up', values['warm-up'], 0, Number.isFinite, 'a number of at least 0'),
      durationMs: 1_000 * numberIn('--seconds', values.seconds, 0.001, Number.isFinite, 'a number of at least 0.001'),
      nodeArgs: values['node-args'].split(' ').filter((part) => part !== ''),
    },
    majors,
    majorsNamed: values.node !== undefined,
    peersNamed: values.peers !== undefined,
    json: values.json,
    save: values.save,
    replace: values.replace,
  };
}

/** @throws Error when the text is not such a number */
export function numberIn(
  option: string,
  text: string,
  least: number,
  isOne: (value: number) => boolean,
  words: string,
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isOne(value) || value < least) throw new Error(`${option} is "${text}", must be ${words}`);
  return value;
}

function chooseSet(name: string | undefined): NamedSet | undefined {
  if (name === undefined) return undefined;
  if (!Object.hasOwn(SETS, name))
    throw new Error(`there is no set "${name}"; there are ${Object.keys(SETS).join(', ')}`);
  return SETS[name];
}

/** What a round takes beside its warm-up and its measurement: a load process that starts, connects and ends. Measured: 0.4 to 1.3 s. */
const ROUND_OVERHEAD_MS = 700;

/** How long a run takes, in words: about, as it is one figure for workloads of many kinds. */
export function estimateWords(
  workloads: readonly Workload[],
  peers: readonly Peer[],
  { rounds, warmUpMs, durationMs }: Schedule,
): string {
  const pairs = workloads.reduce((sum, each) => sum + peers.filter((peer) => takesPart(peer, each)).length, 0);
  const minutes = (pairs * rounds * (warmUpMs + durationMs + ROUND_OVERHEAD_MS)) / 60_000;
  const time =
    minutes > 90
      ? `${Math.round(minutes / 30) / 2} h`
      : minutes > 5
        ? `${Math.round(minutes / 5) * 5} min`
        : `${Math.ceil(minutes)} min`;
  return `about ${time}`;
}

/** Ids, groups and titles of workloads. */
export function workloadList(workloads: readonly Workload[]): string {
  const idWidth = Math.max(...workloads.map(({ id }) => id.length)) + 2;
  const groupWidth = Math.max(...workloads.map(({ group }) => group.length)) + 2;
  return workloads.map(({ id, group, title }) => `${id.padEnd(idWidth)}${group.padEnd(groupWidth)}${title}\n`).join('');
}
