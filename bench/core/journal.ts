/**
 * How many messages a journal acknowledges for each `fsync`, with publishers that each wait for their acknowledgement.
 *
 * In short turns, one after the other, on the same disk: commits of one message and nothing else (`bare`: what the disk does,
 * one `fsync` at a time), the same with the octets of a hundred messages each, and a journal with 1, 10, 100 and 1,000
 * publishers. The file port counts the `fsync`s.
 * `node dist/bench/core/journal.js [directory] [rounds]`; default a directory of its own under the system's temporary one.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FilePort, type JournalFile, nodeFiles, openJournal } from '../../lib/room-logs/journal-index.ts';
import { columns, median } from '../wire/report.ts';

const TURN_MS = 400;
const ROUNDS = Number(process.argv[3] ?? 11);
const PUBLISHERS = [1, 10, 100, 1_000];
const TEXT = 'x'.repeat(200);

interface Turn {
  readonly acknowledged: number;
  readonly syncs: number;
  readonly seconds: number;
}

/** A file port that counts. */
function counting(files: FilePort): { readonly files: FilePort; syncs: number } {
  const count = { files, syncs: 0 };
  const counted = (file: JournalFile): JournalFile => ({
    ...file,
    sync: () => {
      count.syncs++;
      return file.sync();
    },
  });
  count.files = {
    ...files,
    create: async (name) => counted(await files.create(name)),
    open: async (name) => counted(await files.open(name)),
    syncDirectory: () => {
      count.syncs++;
      return files.syncDirectory();
    },
  };
  return count;
}

/** So many messages a commit, and nothing of ours around it. */
async function bareTurn(directory: string, messages: number): Promise<Turn> {
  const files = nodeFiles(directory);
  const file = await files.create('bare');
  const bytes = new Uint8Array((TEXT.length + 60) * messages).fill(1);
  const started = performance.now();
  let syncs = 0;
  for (; performance.now() - started < TURN_MS; syncs++) {
    await file.write(bytes, syncs * bytes.length);
    await file.sync();
  }
  const seconds = (performance.now() - started) / 1_000;
  await file.close();
  await files.remove('bare');
  return { acknowledged: syncs * messages, syncs, seconds };
}

async function journalTurn(directory: string, publishers: number): Promise<Turn> {
  const count = counting(nodeFiles(directory));
  const journal = await openJournal(directory, { files: count.files });
  const before = count.syncs;
  const started = performance.now();
  let acknowledged = 0;
  const publish = async (publisher: number): Promise<void> => {
    const room = `r${publisher % 10}`;
    while (performance.now() - started < TURN_MS) {
      await journal.append(room, { data: TEXT, key: `${publisher} ${acknowledged}` });
      acknowledged++;
    }
  };
  await Promise.all(Array.from({ length: publishers }, (_, i) => publish(i)));
  const seconds = (performance.now() - started) / 1_000;
  const syncs = count.syncs - before;
  await journal.close();
  return { acknowledged, syncs, seconds };
}

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'barewire-bench-'));
const bare: Turn[] = [];
const bareHundred: Turn[] = [];
const turns = new Map<number, Turn[]>(PUBLISHERS.map((publishers) => [publishers, []]));
try {
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareTurn(directory, 1));
    bareHundred.push(await bareTurn(directory, 100));
    for (const publishers of PUBLISHERS) turns.get(publishers)?.push(await journalTurn(directory, publishers));
  }
} finally {
  rmSync(directory, { recursive: true });
}

const perSecond = (turn: Turn): number => turn.acknowledged / turn.seconds;
const lines = [['publishers', 'acknowledged/s', 'for each fsync', 'times the bare fsync rate', 'of that with 100']];
const rows: [name: string, turns: readonly Turn[]][] = [
  ['bare', bare],
  ['bare, 100 at a time', bareHundred],
  ...[...turns].map(([publishers, all]) => [String(publishers), all] as [string, Turn[]]),
];
for (const [name, all] of rows) {
  const timesBare = all.map((turn, round) => perSecond(turn) / perSecond(bare[round]!));
  const ofHundred = all.map((turn, round) => perSecond(turn) / perSecond(bareHundred[round]!));
  lines.push([
    name,
    median(all.map(perSecond)).toFixed(0),
    median(all.map(({ acknowledged, syncs }) => acknowledged / syncs)).toFixed(1),
    median(timesBare).toFixed(1),
    median(ofHundred).toFixed(2),
  ]);
}
process.stdout.write(
  `journal, ${ROUNDS} rounds of ${TURN_MS} ms each, messages of ${TEXT.length} B\n${columns(lines)}\n`,
);
