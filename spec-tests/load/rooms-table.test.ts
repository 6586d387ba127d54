/** The rooms' section of bench/README.md: what it says of a result, and that it shows the results that are committed. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isReached, type Measured, type RoomResults, renderRooms, replaceRooms } from '../../bench/rooms/table.ts';

const root = new URL('../../../', import.meta.url);
const measured: Measured = {
  id: 'a',
  title: 'a load',
  rounds: 3,
  node: '24.1.0',
  date: '2026-01-01',
  commit: 'abc',
  load: 3,
  rows: [
    { name: 'barewire', cpuUs: 5, p99: 2.5, complete: 1 },
    { name: 'socket.io', cpuUs: 10, p99: 5, complete: 0.5 },
  ],
  wanted: [
    { figure: 'cpuUs', of: 'barewire', than: 'socket.io', most: 0.6, value: 0.5 },
    { figure: 'p99', of: 'barewire', most: 2, value: 2.5 },
    { figure: 'complete', of: 'barewire', least: 1, value: 0.5 },
  ],
};
const results: RoomResults = { machine: 'a machine', placement: 'pinned', scenarios: [measured] };

describe('the table of the rooms’ benchmark', () => {
  it('shows each contender, and what was reached of what was wanted', () => {
    const text = renderRooms(results);
    assert.match(text, /\| a load \| barewire \| 5\.00 \| {2}\| 2\.5 \| 100 % \| {2}\|/);
    assert.match(
      text,
      /CPU of barewire \/ socket\.io 0\.5 ≤ 0\.6; p99 of barewire 2\.5 > 2; complete of barewire 0\.5 < 1 \|/,
    );
    assert.match(text, / \|\n\nRatios are medians of the ratios of the rounds, /, 'right under the table');
    assert.match(text, /a machine, Node 24\.1\.0 \(uWebSockets/);
    assert.match(text, /Load average when a scenario began: 3\.0 to 3\.0/);
    assert.deepEqual(measured.wanted.map(isReached), [true, false, false]);
    assert.ok(!isReached({ figure: 'complete', of: 'a', least: 1, value: Number.NaN }), 'what was not measured');
  });

  it('replaces its own section and nothing else', () => {
    const page = 'before\n<!-- rooms:start -->\nold\n<!-- rooms:end -->\nafter';
    assert.equal(replaceRooms(page, 'new'), 'before\n<!-- rooms:start -->\nnew\n<!-- rooms:end -->\nafter');
    assert.throws(() => replaceRooms('a page', 'new'), /there is no <!-- rooms:start -->/);
  });

  it('in bench/README.md is that of bench/results/rooms.json', () => {
    const file = new URL('bench/results/rooms.json', root);
    assert.ok(existsSync(file));
    const page = readFileSync(new URL('bench/README.md', root), 'utf8');
    assert.equal(replaceRooms(page, renderRooms(JSON.parse(readFileSync(file, 'utf8')) as RoomResults)), page);
  });
});
