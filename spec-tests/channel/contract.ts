/**
 * What `lib/channel/port.ts` promises, as tests that every kind of channel passes.
 *
 * A kind joins a channel with a far side that is driven by hand; the sink writes down what it is told, and notes when that comes
 * from within a call to the channel. Read next: `contract.test.ts`, which has the kinds.
 */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Channel, Owner, Sink } from '../../lib/channel/port.ts';
import { noise } from '../support/deflate.ts';
import { turns, until } from '../support/sockets.ts';

/** The other end of the connection, by code that is not the channel's. */
export interface Far {
  /** All that has come; the far side reads unless it is paused. */
  readonly received: Buffer;
  /** The channel's FIN has come. */
  readonly ended: boolean;
  readonly gone: boolean;
  write(bytes: Uint8Array): void;
  end(): void;
  /** Breaks the connection. */
  reset(): void;
  pause(): void;
  resume(): void;
}

export interface Kind {
  readonly name: string;
  readonly skip: string | false;
  /** Joins a channel and a far side; the channel is reading. */
  join(sink: Sink, owner: Owner): Promise<{ readonly channel: Channel; readonly far: Far }>;
  /** Ends whatever `join` has made. */
  end(): Promise<void>;
}

/** Writes down what it is told. `on` may act, or throw, in its place. */
class Recorder implements Sink {
  readonly told: string[] = [];
  readonly on: Partial<{ [Name in keyof Sink]: (chunk: Uint8Array) => void }> = {};
  error: Error | undefined = undefined;
  /** A call to the channel is under way. */
  calling = false;
  readonly #chunks: Uint8Array[] = [];

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get chunks(): number {
    return this.#chunks.length;
  }

  count(what: string): number {
    return this.told.filter((each) => each === what).length;
  }

  receive(chunk: Uint8Array): void {
    this.#chunks.push(new Uint8Array(chunk));
    if (this.told.at(-1) !== 'receive') this.#note('receive');
    this.on.receive?.(chunk);
  }

  receiveEnd(): void {
    this.#note('end');
    this.on.receiveEnd?.(NOTHING);
  }

  drained(): void {
    this.#note('drained');
    this.on.drained?.(NOTHING);
  }

  gone(error: Error | undefined): void {
    this.error = error;
    this.#note('gone');
    this.on.gone?.(NOTHING);
  }

  #note(what: string): void {
    this.told.push(this.calling ? `${what} within a call` : what);
  }
}

const NOTHING = new Uint8Array(0);

interface Joined {
  readonly sink: Recorder;
  readonly channel: Channel;
  readonly far: Far;
  /** How often the owner was told, and what the sink had been told until then. */
  readonly ownerTold: string[][];
  /** Calls the channel from outside: the sink must not be told anything meanwhile. */
  call(act: (channel: Channel) => void): void;
  write(bytes: Uint8Array): void;
}

/** Appends as the core does: into the block that all connections share. */
function appendOwn(channel: Channel, bytes: Uint8Array): void {
  const arena = channel.output.reserve(bytes.length);
  arena.bytes.set(bytes, arena.position);
  channel.output.commit(bytes.length);
}

const text = (of: Buffer): string => of.toString('latin1');

export function contract(kind: Kind): void {
  describe(`the contract of a channel: ${kind.name}`, { skip: kind.skip }, () => {
    let warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);

    beforeEach(() => {
      warnings = [];
      process.on('warning', onWarning);
    });

    afterEach(async () => {
      process.off('warning', onWarning);
      await kind.end();
    });

    async function join(): Promise<Joined> {
      const sink = new Recorder();
      const ownerTold: string[][] = [];
      const { channel, far } = await kind.join(sink, {
        channelGone: () => void ownerTold.push([...sink.told]),
      });
      const call = (act: (channel: Channel) => void): void => {
        sink.calling = true;
        act(channel);
        sink.calling = false;
      };
      const write = (bytes: Uint8Array): void =>
        call(() => {
          channel.output.append(bytes, 0, bytes.length);
          channel.flush();
        });
      return { sink, channel, far, ownerTold, call, write };
    }

    /** Writes until the far side, which does not read, holds us back; answers all that was written. */
    async function block({ channel, far, write }: Joined): Promise<Buffer> {
      far.pause();
      const written: Uint8Array[] = [];
      for (;;) {
        assert.ok(written.length < 1_000, 'nothing holds us back');
        const part = noise(100_000, written.length + 1);
        written.push(part);
        write(part);
        const before = channel.bufferedAmount;
        await turns();
        if (channel.blocked && channel.bufferedAmount === before) return Buffer.concat(written);
      }
    }

    async function assertGone({ sink, channel, ownerTold }: Joined): Promise<void> {
      await until('it has gone', () => ownerTold.length > 0);
      await turns();
      assert.equal(sink.count('gone'), 1);
      assert.equal(sink.told.at(-1), 'gone', 'nothing follows');
      assert.deepEqual(ownerTold, [sink.told], 'the owner is told once, behind the sink');
      assert.equal(channel.destroyed, true);
      assert.equal(channel.bufferedAmount, 0);
      assert.equal(channel.blocked, false);
    }

    it('bytes come in order, FIN behind the last one and once; then we may still write, and end', async () => {
      const joined = await join();
      const { sink, channel, far, write, call } = joined;
      const sent = Buffer.concat(Array.from({ length: 60 }, (_, i) => noise(i * 331 + 1, i + 1)));
      for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 30_011)
        far.write(sent.subarray(at, at + size));
      far.end();
      await until('FIN has come', () => sink.count('end') > 0);
      assert.ok(sink.received.equals(sent));
      assert.deepEqual(sink.told, ['receive', 'end']);
      assert.equal(channel.peerEnded, true);
      assert.equal(channel.receivedBytes, sent.length);
      write(Buffer.from('still here'));
      call(() => channel.end());
      await until('our FIN has arrived', () => far.ended);
      assert.equal(text(far.received), 'still here');
      assert.equal(channel.sentBytes, 10);
      await assertGone(joined);
      assert.equal(sink.error, undefined, 'it ended in peace');
      assert.equal(sink.count('end'), 1);
    });

    it('our direction ends alone: behind our FIN the peer may still send', async () => {
      const joined = await join();
      const { sink, far, call, channel } = joined;
      channel.output.append(Buffer.from('goodbye'), 0, 7);
      call(() => channel.end());
      await until('our FIN has arrived', () => far.ended);
      assert.equal(text(far.received), 'goodbye', 'FIN stands behind what was to be written');
      far.write(Buffer.from('wait'));
      await until('it has come', () => text(sink.received) === 'wait');
      assert.equal(sink.count('gone'), 0);
      far.end();
      await assertGone(joined);
      assert.equal(sink.error, undefined);
    });

    it('end() while output is blocked: everything arrives, then FIN', async () => {
      const joined = await join();
      const written = await block(joined);
      joined.call((channel) => channel.end());
      joined.far.resume();
      await until('our FIN has arrived', () => joined.far.ended);
      assert.ok(joined.far.received.equals(written));
      joined.far.end();
      await assertGone(joined);
    });

    it('a reset is told once, with its error, and no FIN before it', async () => {
      const joined = await join();
      joined.far.reset();
      await assertGone(joined);
      assert.deepEqual(joined.sink.told, ['gone']);
      assert.ok(joined.sink.error instanceof Error);
    });

    it('destroy: what was not written is lost, the error is told, later output is dropped', async () => {
      const joined = await join();
      const { channel, call, write, sink, far } = joined;
      await block(joined);
      const why = new Error('enough');
      call(() => {
        channel.destroy(why);
        channel.destroy(new Error('a second one changes nothing'));
      });
      write(Buffer.from('too late'));
      assert.equal(channel.output.byteLength, 0);
      await assertGone(joined);
      assert.equal(sink.error, why);
      far.resume();
      await until('the peer notices', () => far.ended || far.gone);
      assert.doesNotMatch(text(far.received), /too late/);
    });

    it('paused, nothing comes; resumed, all of it', async () => {
      const { sink, channel, far, call } = await join();
      call(() => channel.pause());
      const sent = noise(3_000_000);
      far.write(sent);
      await turns(50);
      assert.equal(sink.received.length, 0);
      call(() => channel.resume());
      await until('all has come', () => sink.received.length === sent.length);
      assert.ok(sink.received.equals(sent));
    });

    it('bufferedAmount is exact: what was appended, less what the system took', async () => {
      const joined = await join();
      const { channel, write, far, sink, call } = joined;
      call(() => {
        channel.output.append(noise(1_000), 0, 1_000);
        assert.equal(channel.bufferedAmount, 1_000, 'not flushed yet');
        channel.flush();
      });
      await until('it has been taken', () => channel.bufferedAmount === 0);
      assert.equal(channel.sentBytes, 1_000);
      const written = 1_000 + (await block(joined)).length;
      const before = channel.bufferedAmount;
      assert.ok(before > 0 && channel.blocked);
      for (let i = 1; i <= 5; i++) {
        write(noise(777, i));
        assert.equal(channel.bufferedAmount, before + i * 777);
      }
      assert.equal(channel.sentBytes + channel.output.byteLength, written + 5 * 777);
      const drained = sink.count('drained');
      far.resume();
      await until('all has left', () => sink.count('drained') > drained);
      assert.equal(channel.bufferedAmount, 0);
      assert.equal(channel.blocked, false);
      await until('all has arrived', () => far.received.length === written + 5 * 777);
    });

    it('drained is told once, when everything has been taken, and the bytes are those that were sent', async () => {
      const joined = await join();
      const { sink, far, channel, write } = joined;
      await until('the line is quiet', () => !channel.blocked);
      const quiet = sink.count('drained');
      const written = await block(joined);
      const more = noise(400_000, 99);
      write(more);
      const before = sink.count('drained');
      far.resume();
      await until('it is told', () => sink.count('drained') > before);
      assert.equal(channel.bufferedAmount, 0);
      await until('all has arrived', () => far.received.length === written.length + more.length);
      await turns();
      assert.equal(sink.count('drained'), before + 1);
      assert.equal(quiet, 0);
      assert.ok(far.received.equals(Buffer.concat([written, more])));
    });

    it('progressed tells a peer that takes something from one that takes nothing', async () => {
      const joined = await join();
      const { channel, far, sink } = joined;
      await block(joined);
      channel.progressed();
      await turns();
      assert.equal(channel.progressed(), false, 'nothing was taken');
      assert.equal(channel.progressed(), false);
      const before = sink.count('drained');
      far.resume();
      await until('all has left', () => sink.count('drained') > before);
      assert.equal(channel.progressed(), true);
    });

    it('what receive sends leaves in order behind it, and what it sends elsewhere leaves in the same turn', async () => {
      const one = await join();
      const other = await join();
      one.sink.on.receive = (chunk) => {
        for (const octet of chunk) {
          appendOwn(one.channel, Uint8Array.of(octet));
          one.channel.flushSoon();
          appendOwn(other.channel, Uint8Array.of(octet + 32));
          other.channel.flushSoon();
        }
      };
      one.far.write(Buffer.from('ABC'));
      await until('both have it', () => one.far.received.length === 3 && other.far.received.length === 3);
      assert.equal(text(one.far.received), 'ABC');
      assert.equal(text(other.far.received), 'abc');
    });

    it('flushLast waits for promises that settle in the same turn, within receive and at FIN too', async () => {
      const { channel, far, sink } = await join();
      const instead = (): void => {
        appendOwn(channel, Buffer.from('taken back'));
        channel.flushLast();
        channel.flushSoon();
        void Promise.resolve().then(() => {
          channel.output.clear();
          appendOwn(channel, Buffer.from('sent;'));
        });
      };
      sink.on.receive = instead;
      sink.on.receiveEnd = instead;
      far.write(Buffer.from('x'));
      await until('what came in place of it has left', () => far.received.length >= 5);
      far.end();
      await until('so it has at FIN', () => far.received.length >= 10);
      assert.equal(text(far.received), 'sent;sent;');
    });

    it('destroyed within receive: nothing more is received, and it is gone once, without an error', async () => {
      const joined = await join();
      const { sink, channel, far, call } = joined;
      call(() => channel.pause()); // so that several chunks are there when the first is received
      sink.on.receive = () => {
        appendOwn(channel, Buffer.from('lost'));
        channel.destroy();
      };
      for (let i = 0; i < 30; i++) {
        far.write(noise(10_000, i));
        await turns(1);
      }
      call(() => channel.resume());
      await assertGone(joined);
      assert.deepEqual(sink.told, ['receive', 'gone']);
      assert.equal(sink.error, undefined);
      assert.equal(sink.chunks, 1);
    });

    for (const where of ['receive', 'receiveEnd', 'drained', 'gone'] as const) {
      it(`a sink that throws in ${where} ends its own channel, and no other`, async () => {
        const broken = await join();
        const other = await join();
        const fault = new Error(`broken in ${where}`);
        if (where === 'drained') await block(broken);
        broken.sink.on[where] = () => {
          throw fault;
        };
        if (where === 'receive') broken.far.write(Buffer.from('x'));
        else if (where === 'receiveEnd') broken.far.end();
        else if (where === 'gone') broken.call((channel) => channel.destroy());
        else broken.far.resume();
        await assertGone(broken);
        if (where !== 'gone') assert.equal(broken.sink.error, fault);
        assert.deepEqual(
          warnings.map(({ name, message }) => [name, message]),
          [['BarewireFault', fault.stack]],
          'and the operator is told',
        );
        other.far.write(Buffer.from('fine'));
        await until('the other one receives', () => text(other.sink.received) === 'fine');
        other.write(Buffer.from('and sends'));
        await until('the other one sends', () => text(other.far.received) === 'and sends');
      });
    }

    it('two blocked connections: each gets its own bytes, to the last one', async () => {
      const joined = [await join(), await join()];
      for (const { far } of joined) far.pause();
      const sent: Uint8Array[][] = [[], []];
      const sentBytes = [0, 0];
      /** A piece that the other connection never has, encoded into the shared block and flushed by itself. */
      const piece = (which: number): void => {
        const { channel, call } = joined[which]!;
        const bytes = new Uint8Array(3_461).fill((sent[which]!.length % 100) + which * 128);
        sent[which]!.push(bytes);
        sentBytes[which]! += bytes.length;
        call(() => {
          appendOwn(channel, bytes);
          channel.flush();
        });
      };
      while (joined.some(({ channel }) => channel.output.byteLength < 100_000)) {
        for (let i = 0; i < 20; i++) for (const which of [0, 1]) piece(which);
        await turns(1);
      }
      for (const { far } of joined) far.resume();
      for (const [which, { far }] of joined.entries()) {
        await until('all has arrived', () => far.received.length === sentBytes[which]);
        assert.ok(
          far.received.equals(Buffer.concat(sent[which]!)),
          `connection ${which} has bytes that were not its own`,
        );
      }
    });
  });
}
