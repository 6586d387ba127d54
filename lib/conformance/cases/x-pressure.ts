/**
 * X.5 a tester that sends and does not read, X.6 ends that cross each other.
 *
 * What a peer must not do: hold without bound what nobody reads, send a second close frame, hang when TCP goes.
 * Sections: RFC 6455 §5.5, §7. Read next: `x-deflate.ts`.
 */

import { fill, hex, type ProbeCase, probe, seenText, utf8 } from '../case.ts';
import type { Connection } from '../connection.ts';
import {
  closeCleanly,
  expectSeen,
  failed,
  HandshakeFailure,
  how,
  nonStrict,
  ok,
  type ProbeVerdict,
  type Stage,
  waitFor,
  watch,
} from '../probe.ts';
import { sameSeen } from '../verdict.ts';
import { CLOSE, closeBody, encodeFrame, octetCount, PING, TEXT } from '../wire.ts';

const HELLO = utf8('hello');
const MIB = 1_048_576;

/** What loopback's socket buffers may take before a stalled peer shows; beyond it the peer itself must be holding it. */
const FLOOD_BYTES = 48 * MIB;

/** Sends `octets` again and again without reading; a peer that pushes back or ends the connection is fine. */
async function floodWithout(stage: Stage, octets: (key: Buffer | undefined) => Buffer): Promise<ProbeVerdict> {
  const { connection } = await stage.open();
  watch(connection);
  connection.pauseReading();
  const one = octets(connection.subject === 'server' ? Buffer.alloc(4) : undefined);
  const batch = Buffer.concat(Array.from({ length: Math.ceil(262_144 / one.length) }, () => one));
  let sent = 0;
  while (sent < FLOOD_BYTES && !connection.ends) {
    connection.write(batch);
    sent += batch.length;
    if (!(await connection.drained(600))) {
      const verdict = connection.ends
        ? ok(`the peer dropped TCP after about ${octetCount(Math.round(sent / MIB) * MIB)}`)
        : ok(`the peer stopped reading after about ${octetCount(Math.round(sent / MIB) * MIB)}`);
      return recovers(connection, verdict);
    }
  }
  if (connection.ends) return ok('the peer dropped TCP');
  // It took everything: does it hold the answers, or did it leave most of them out? Read, until a last ping is answered.
  const ending = utf8('the last one');
  let answered = false;
  connection.onSeen = (seen) => {
    if (seen.kind === 'pong' && ending.equals(seen.payload)) answered = true;
  };
  connection.resumeReading();
  connection.send({ opcode: PING, payload: ending });
  // However long it takes, as long as something comes.
  for (let before = -1; !answered && connection.octetsReceived > before && connection.state === 'open'; ) {
    before = connection.octetsReceived;
    await connection.until(() => answered || connection.state !== 'open', 3_000);
  }
  const took = `the peer took ${octetCount(FLOOD_BYTES)} without an end`;
  if (!answered)
    return connection.ends ? ok(`${took}, then dropped TCP`) : failed(`${took} and does not answer any more`);
  return connection.octetsReceived > FLOOD_BYTES / 2
    ? nonStrict(`${took} and held ${octetCount(connection.octetsReceived)} of answers`)
    : ok(`${took}, and held no more than ${octetCount(connection.octetsReceived)} of answers`);
}

/** Once read again, the peer must go on or have ended; it must not be stuck. */
async function recovers(connection: Connection, verdict: ProbeVerdict): Promise<ProbeVerdict> {
  if (connection.ends) return verdict;
  const before = connection.octetsReceived;
  connection.resumeReading();
  await connection.until(() => connection.octetsReceived > before + 100_000, 2_000);
  if (connection.ends || connection.octetsReceived > before) return verdict;
  return failed(`${verdict.reason}, and said nothing once it was read again`);
}

const PRESSURE: ProbeCase[] = [
  probe(
    'X.5.1',
    'Pings of 125 octets without end from a tester that does not read.',
    'The peer stops reading or ends the connection, and does not hold pongs without bound (NON-STRICT at 48 MiB).',
    (stage) => floodWithout(stage, (key) => encodeFrame({ opcode: PING, payload: fill(0x70, 125) }, key)),
    { alone: true },
  ),
  probe(
    'X.5.2',
    'Messages of 16 KiB without end from a tester that does not read the echoes.',
    'The peer stops reading, drops echoes or ends the connection, and does not hold them without bound (NON-STRICT at 48 MiB).',
    (stage) => floodWithout(stage, (key) => encodeFrame({ opcode: TEXT, payload: fill(0x6d, 16_384) }, key)),
    // The WHATWG interface gives a client no way to stop reading: what it echoes without looking is its user's doing.
    { alone: true, subject: 'server' },
  ),
  probe(
    'X.5.3',
    '1000 pings in one write, while a message is in fragments.',
    'The latest ping is answered; the message comes back whole.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      connection.send({ opcode: TEXT, fin: false, payload: HELLO });
      for (let i = 0; i < 1_000; i++) connection.send({ opcode: PING, payload: utf8(`${i}`) });
      connection.send({ opcode: 0, payload: HELLO });
      await connection.until(() => seen.at(-1)?.kind === 'text' || connection.state !== 'open', 3_000);
      const pongs = seen.filter(({ kind }) => kind === 'pong');
      const last = pongs.at(-1);
      if (connection.ends && seen.every(({ kind }) => kind === 'pong'))
        return nonStrict('the peer took it for an attack and ended the connection');
      if (seen.at(-1)?.kind !== 'text') return failed(`the message did not come back${how(connection)}`);
      if (last === undefined || last.kind === 'open' || !utf8('999').equals(last.payload))
        return failed('the latest ping was not answered (RFC 6455 §5.5.3)');
      return closeCleanly(connection, `${pongs.length} pongs, then the message`);
    },
  ),
];

const ONE_CLOSE = 'One close frame comes back, then TCP ends.';

async function oneClose(connection: Connection, codes: readonly (number | null)[]): Promise<ProbeVerdict> {
  await connection.until(() => connection.ends, 3_000);
  const closes = connection.frameCounts.get(CLOSE) ?? 0;
  if (!connection.ends) return failed('TCP was left open');
  if (connection.droppedByTester) return failed('TCP was left open and the tester had to drop it');
  if (closes > 1) return failed(`${closes} close frames came back`);
  const code = connection.closeReceived?.code;
  if (code !== undefined && !codes.includes(code)) return failed(`close code ${code}, not ${codes.join(' or ')}`);
  return ok(closes === 0 ? 'TCP ended' : `one close frame${how(connection)}`);
}

const RACES: ProbeCase[] = [
  probe(
    'X.6.1',
    'Three messages and a close in one segment.',
    'All three come back before the close is answered; a peer that loses them is NON-STRICT.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      const texts = ['one', 'two', 'three'].map(utf8);
      for (const payload of texts) connection.send({ opcode: TEXT, payload });
      connection.sendClose(closeBody(1000));
      const verdict = await oneClose(connection, [1000, null]);
      if (verdict.behavior !== 'OK') return verdict;
      if (connection.closeReceived === undefined) return failed('the close was not answered');
      return sameSeen(texts.map(seenText), seen)
        ? ok('three echoes, then the close')
        : nonStrict(`${seen.length} of 3 echoes before the close`);
    },
  ),
  probe(
    'X.6.2',
    'An invalid frame and a close behind it in one segment.',
    `The peer fails the connection. ${ONE_CLOSE}`,
    async (stage) => {
      const { connection } = await stage.open();
      watch(connection);
      connection.send({ opcode: 3, payload: HELLO });
      connection.sendClose(closeBody(1000));
      return oneClose(connection, [1002]);
    },
  ),
  probe('X.6.3', 'A close, then a second one with another code in the same segment.', ONE_CLOSE, async (stage) => {
    const { connection } = await stage.open();
    watch(connection);
    connection.sendClose(closeBody(3000));
    connection.send({ opcode: CLOSE, payload: closeBody(3001) });
    return oneClose(connection, [3000, 1000, null]);
  }),
  probe('X.6.4', 'A close, then an invalid frame in the same segment.', ONE_CLOSE, async (stage) => {
    const { connection } = await stage.open();
    watch(connection);
    connection.sendClose(closeBody(1000));
    connection.send({ opcode: 11, rsv: 7, payload: HELLO });
    return oneClose(connection, [1000, null]);
  }),
  probe(
    'X.6.5',
    'A close, and the tester ends its half of TCP at once.',
    `${ONE_CLOSE} An answer that is lost is NON-STRICT.`,
    async (stage) => {
      const { connection } = await stage.open();
      watch(connection);
      connection.sendClose(closeBody(1000));
      connection.endWriting();
      const verdict = await oneClose(connection, [1000, null]);
      if (verdict.behavior === 'OK' && connection.closeReceived === undefined)
        return nonStrict('TCP ended without an answer');
      return verdict;
    },
  ),
  probe(
    'X.6.6',
    'The tester ends its half of TCP in the middle of a frame.',
    'The peer ends TCP too and does not wait.',
    async (stage) => {
      const { connection } = await stage.open();
      const seen = watch(connection);
      connection.sendHeader({ opcode: TEXT }, 100);
      connection.sendOctets(HELLO);
      await connection.until(() => false, 20);
      connection.endWriting();
      await connection.until(() => connection.ends, 2_000);
      if (seen.length > 0) return failed('the peer took half a message for a whole one');
      return connection.ends ? ok('the peer ended TCP') : failed('the peer left TCP open for 2 s');
    },
  ),
  probe(
    'X.6.7',
    'Fifty connections that are reset in the middle of a frame, then one that is not.',
    'The server goes on serving.',
    async (stage) => {
      for (let i = 0; i < 50; i++) {
        const { connection } = await stage.open();
        watch(connection);
        connection.sendHeader({ opcode: TEXT }, 100);
        connection.sendOctets(HELLO);
        await connection.until(() => false, 1);
        connection.drop('reset');
        await connection.ended;
      }
      try {
        const { connection } = await stage.open();
        const seen = watch(connection);
        connection.send({ opcode: TEXT, payload: HELLO });
        return await expectSeen(connection, seen, [seenText(HELLO)]);
      } catch (error) {
        if (error instanceof HandshakeFailure) return failed(`after the resets: ${error.message}`);
        throw error;
      }
    },
    { subject: 'server' },
  ),
  ...[1012, 1013, 1014].map((code, i) =>
    probe(
      `X.6.${8 + i}`,
      `A close with code ${code}, registered after RFC 6455.`,
      `The peer answers with ${code} or 1000; one that refuses the code is NON-STRICT.`,
      async (stage) => {
        const { connection } = await stage.open();
        watch(connection);
        connection.sendClose(closeBody(code));
        const verdict = await oneClose(connection, [code, 1000, 1002, null]);
        if (verdict.behavior !== 'OK') return verdict;
        return connection.closeReceived?.code === 1002 ? nonStrict(`the peer refuses code ${code}`) : verdict;
      },
    ),
  ),
  probe(
    'X.6.11',
    'A close with code 1015, which must never be sent.',
    'The peer closes with 1002 or drops TCP.',
    async (stage) => {
      const { connection } = await stage.open();
      watch(connection);
      connection.sendClose(closeBody(1015));
      return oneClose(connection, [1002]);
    },
  ),
  probe(
    'X.6.12',
    'A close whose reason is cut within a character.',
    'The peer closes with 1007 (or 1002), or drops TCP.',
    async (stage) => {
      const { connection } = await stage.open();
      watch(connection);
      connection.sendClose(Buffer.concat([closeBody(1000), hex('e282')]));
      return oneClose(connection, [1007, 1002]);
    },
  ),
  probe(
    'X.6.13',
    'A message, and a close once its echo is there, 100 times over.',
    'Every connection closes cleanly.',
    async (stage) => {
      if (stage.subject === 'client') {
        const { connection } = await stage.open();
        const seen = watch(connection);
        for (let i = 0; i < 100; i++) connection.send({ opcode: TEXT, payload: HELLO });
        await waitFor(connection, seen, 100, 3_000);
        return closeCleanly(connection, `${seen.length} echoes`);
      }
      for (let i = 0; i < 100; i++) {
        const { connection } = await stage.open();
        const seen = watch(connection);
        connection.send({ opcode: TEXT, payload: HELLO });
        const verdict = await expectSeen(connection, seen, [seenText(HELLO)]);
        if (verdict.behavior !== 'OK') return failed(`connection ${i + 1}: ${verdict.reason}`);
      }
      return ok('100 connections');
    },
  ),
];

export const PRESSURE_CASES: readonly ProbeCase[] = [...PRESSURE, ...RACES];
