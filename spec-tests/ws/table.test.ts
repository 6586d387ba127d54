/**
 * The tables of `lib/ws/README.md` name everything that ws has: each option, method, attribute, event and error code is read out of
 * ws's own sources as they are installed, so that a new version with more fails here.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import ours from '../../lib/ws/index.ts';
import { loadPeer, ROOT, withoutPeer } from '../support/peers.ts';

const table = readFileSync(join(ROOT, 'lib/ws/README.md'), 'utf8');
const sourceOf = (file: string): string => readFileSync(join(ROOT, 'bench/node_modules/ws/lib', file), 'utf8');

/** All that `pattern` finds in a file of ws, once each. */
function found(file: string, pattern: RegExp): string[] {
  return [...new Set([...sourceOf(file).matchAll(pattern)].map(([, name]) => name!))];
}

/** What the tables do not name as code: alone, with a dot in front, or with arguments behind. */
function unnamed(names: readonly string[]): string[] {
  return names.filter((name) => !new RegExp(`[\`.]${name}[\`(:]`).test(table));
}

/** Names on a class of ws and on its instances that are no secret of its own. */
function publicNames(of: object): string[] {
  return Object.getOwnPropertyNames(of).filter(
    (name) => !/^(_|constructor$|length$|name$|prototype$|[A-Z]+$)/.test(name),
  );
}

/** Marked `@private` in ws, or without a word in its documentation. */
const INTERNAL = ['emitClose', 'completeUpgrade'];
const NOT_THERE = ['PerMessageDeflate', 'Receiver', 'Sender'];

describe('the tables of lib/ws/README.md are whole', { skip: withoutPeer('ws') }, () => {
  const theirs = loadPeer<typeof ours>('ws');

  it('each option of servers, clients, send and permessage-deflate', () => {
    const names = ['websocket.js', 'websocket-server.js', 'permessage-deflate.js'].flatMap((file) =>
      found(file, /@param \{.+\} \[options\.(\w+)/g),
    );
    assert.ok(names.length > 40, `${names.length}`);
    assert.deepEqual(unnamed(names.filter((name) => name !== 'isServer')), []);
  });

  it('each method and attribute is there, and is named', () => {
    for (const [their, our] of [
      [theirs, ours],
      [theirs.prototype, ours.prototype],
      [theirs.Server, ours.Server],
      [theirs.Server.prototype, ours.Server.prototype],
    ] as const) {
      const names = publicNames(their).filter((name) => !INTERNAL.includes(name));
      assert.deepEqual(
        names.filter((name) => !(name in our) && !NOT_THERE.includes(name)),
        [],
      );
      assert.deepEqual(unnamed(names), []);
    }
  });

  it('each event', () => {
    const names = ['websocket.js', 'websocket-server.js'].flatMap((file) => found(file, /emit\('([\w-]+)'/g));
    assert.ok(names.length > 10, `${names.length}`);
    assert.deepEqual(unnamed([...names, 'connection', 'listening']), []);
  });

  it('each code of an error is told by ours too', () => {
    const violations = readFileSync(join(ROOT, 'lib/ws/violations.ts'), 'utf8');
    const codes = found('receiver.js', /'(WS_ERR_\w+)'/g);
    assert.ok(codes.length >= 12, `${codes.length}`);
    assert.deepEqual(
      codes.filter((code) => !violations.includes(code)),
      [],
    );
  });

  it('each variable of the environment', () => {
    const names = ['buffer-util.js', 'validation.js'].flatMap((file) => found(file, /process\.env\.(\w+)/g));
    assert.equal(names.length, 2);
    assert.deepEqual(unnamed(names), []);
  });
});
