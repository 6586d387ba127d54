/**
 * Runs one case on one connection, in either role, and answers its result. Always comes to an end.
 *
 * `runOnServer` connects to a server under test; `runOnClient` is given the stream and request of a client under test.
 * The rest is shared: the same steps, the same rules, other masking. Read next: `run-client.ts`, `serve.ts`.
 */

import type { Duplex } from 'node:stream';
import { CONFORMANCE_LIMITS } from '../limits.ts';
import type { Case, EchoCase, ScriptCase, Seen, Subject } from './case.ts';
import { Connection } from './connection.ts';
import { agreementForOffer, agreementFromAnswer, Compressor, Decompressor, type DeflateAgreement } from './deflate.ts';
import {
  faultOfRequest,
  faultOfResponse,
  fieldOf,
  type Head,
  headOctets,
  headText,
  newKey,
  readHead,
  requestLines,
  responseLines,
} from './handshake.ts';
import { failed, HandshakeFailure, type Opened, type ProbeVerdict, type Stage } from './probe.ts';
import { type Entrance, endStream, inTime, type Target } from './target.ts';
import {
  type CaseResult,
  describeSeen,
  isPrefix,
  type Judgement,
  judgeScript,
  type Observation,
  sameSeen,
  sayOne,
} from './verdict.ts';
import { closeBody } from './wire.ts';
import { WireLog } from './wire-log.ts';

const NORMAL = closeBody(1000);
const GOING_AWAY = closeBody(1001);

/** Runs a case against a server. */
export async function runOnServer(one: Case, target: Target | Entrance): Promise<CaseResult> {
  const log = new WireLog();
  const stage = 'enter' in target ? new EntranceStage(target, log) : new ServerStage(target, log);
  return run(one, stage, log);
}

/** Runs a case against a client whose request has arrived. `rest` is what came behind its head. */
export async function runOnClient(one: Case, socket: Duplex, request: Head, log: WireLog): Promise<CaseResult> {
  return run(one, new ClientStage(socket, request, log), log);
}

async function run(one: Case, stage: BaseStage, log: WireLog): Promise<CaseResult> {
  const startedAt = performance.now();
  let outcome: Outcome;
  try {
    if (one.kind === 'script') outcome = await runScript(one, stage);
    else if (one.kind === 'echo') outcome = await runEcho(one, stage);
    else {
      const verdict = await withinBounds(one.probe(stage));
      outcome = { ...verdict, behaviorClose: 'OK', seen: [] };
    }
  } catch (error) {
    if (!(error instanceof HandshakeFailure)) throw error;
    outcome = { behavior: 'FAILED', behaviorClose: 'FAILED', reason: error.message, seen: [] };
  }
  const { connection } = stage;
  const violation = one.kind === 'probe' ? connection?.violation : undefined;
  if (violation !== undefined) {
    const reason = outcome.reason.includes(violation) ? outcome.reason : `the peer ${violation}; ${outcome.reason}`;
    outcome = { ...outcome, behavior: 'FAILED', reason };
  }
  stage.dispose();
  return {
    id: one.id,
    description: one.description,
    expectation: one.expectation,
    startedAt,
    durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
    remoteCloseCode: connection?.closeReceived?.code ?? null,
    wire: log.rows(),
    ...outcome,
  };
}

type Outcome = Judgement & Pick<CaseResult, 'seen' | 'accepted' | 'compression'>;

/** A probe is written to end; should one not, the run must. */
async function withinBounds(probe: Promise<ProbeVerdict>): Promise<ProbeVerdict> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<ProbeVerdict>((resolve) => {
    timer = setTimeout(() => resolve(failed('the case did not end within 60 s')), 60_000);
  });
  try {
    return await Promise.race([probe, limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function runScript(one: ScriptCase, stage: BaseStage): Promise<Outcome> {
  const { connection } = await stage.open();
  const accepts = one.accepts?.();
  const seen: Seen[] = [];
  const strict = accepts?.[0];
  connection.onSeen = (event) => {
    seen.push(event);
    if (connection.state !== 'open' || strict === undefined) return;
    const { tester } = one.close;
    const done =
      tester === 'when-done'
        ? seen.length >= strict.seen.length
        : tester === 'on-match' && accepts!.length === 1 && sameSeen(strict.seen, seen);
    if (done) connection.sendClose(NORMAL);
    // Nothing that may still come can save the case: end it now and not at its deadline.
    else if (!accepts!.some((accepted) => isPrefix(seen, accepted.seen)))
      connection.sendClose(one.onTimeout === 'fail' ? GOING_AWAY : undefined);
  };

  for (const step of one.steps()) {
    if (connection.ends) break;
    if (step.do === 'frame') connection.send(step, step.write);
    else if (step.do === 'fragments') connection.sendFragments(step.opcode, step.payload, step.size);
    else if (step.do === 'header') connection.sendHeader({ opcode: step.opcode, fin: step.fin }, step.length);
    else if (step.do === 'octets') connection.sendOctets(step.payload);
    else if (step.do === 'close') connection.sendClose(step.body);
    else {
      await connection.pauseWhileOpen(step.ms);
      if (step.mark !== undefined) {
        if (connection.state !== 'open') break;
        seen.push({ kind: 'open', mark: step.mark });
      }
    }
  }
  giveUpAfter(connection, one.timeoutMs, () => {
    if (connection.state === 'open') connection.sendClose(one.onTimeout === 'fail' ? GOING_AWAY : undefined);
    else if (one.onTimeout === 'fail' && connection.closeReceived === undefined) connection.drop('deadline');
  });
  await connection.ended;

  const judgement = judgeScript(one, accepts, observe(connection, seen));
  return {
    ...judgement,
    seen: seen.map(sayOne),
    ...(accepts === undefined
      ? {}
      : { accepted: accepts.map((accepted) => `${accepted.behavior}: ${describeSeen(accepted.seen)}`) }),
  };
}

/** After `timeoutMs`, or earlier once no octet has moved for the stall timeout. */
function giveUpAfter(connection: Connection, timeoutMs: number, action: () => void): void {
  const { stallTimeoutMs } = CONFORMANCE_LIMITS;
  let moved = performance.now();
  connection.onActivity = () => {
    moved = performance.now();
  };
  const began = moved;
  const check = (): void => {
    const now = performance.now();
    const left = Math.min(began + timeoutMs - now, moved + stallTimeoutMs - now);
    if (left <= 0) action();
    else connection.after(left + 1, check);
  };
  connection.after(Math.min(timeoutMs, stallTimeoutMs), check);
}

async function runEcho(one: EchoCase, stage: BaseStage): Promise<Outcome> {
  const { connection, deflate } = await stage.open(
    one.deflate === undefined ? {} : { offer: one.deflate.offer, deflate: true, terms: one.deflate },
  );
  if (one.deflate !== undefined && deflate === undefined)
    return unimplementedEcho(connection, 'the peer did not agree to permessage-deflate');
  if (one.takeover && deflate?.tester.takeover === false)
    return unimplementedEcho(connection, `the peer does not let messages refer to earlier ones: ${deflate.answer}`);
  const compressor = deflate && new Compressor(deflate.tester, one.deflate?.series);
  const kind = one.opcode === 1 ? 'text' : 'binary';
  let k = 0;
  let expected: Uint8Array = one.message(0);
  let wrong: string | undefined;

  const sendNext = (): void => {
    expected = one.message(k);
    const payload = compressor === undefined ? expected : compressor.compress(expected, k);
    const rsv = compressor === undefined ? 0 : 4;
    if (one.fragment === undefined) connection.send({ opcode: one.opcode, payload, rsv });
    else connection.sendFragments(one.opcode, payload, one.fragment, rsv);
  };
  connection.onSeen = (seen) => {
    if (connection.state !== 'open' || seen.kind === 'open') {
      wrong ??= `got ${sayOne(seen)} after the last echo`;
      return;
    }
    if (seen.kind !== kind || Buffer.compare(seen.payload, expected) !== 0)
      wrong ??= `echo ${k + 1} of ${one.count} differs: expected ${sayOne({ kind, payload: expected })}, got ${sayOne(seen)}`;
    k++;
    if (wrong !== undefined || k === one.count) connection.sendClose(NORMAL);
    else sendNext();
  };
  sendNext();
  giveUpAfter(connection, one.timeoutMs, () => {
    wrong ??= `echo ${k + 1} of ${one.count} did not come`;
    if (connection.state === 'open') connection.sendClose();
  });
  await connection.ended;
  if (k < one.count) wrong ??= `the connection ended after ${k} of ${one.count} echoes`;

  return echoOutcome(one, { connection, wrong, echoes: k, answer: deflate?.answer, inflater: stage.decompressor });
}

async function unimplementedEcho(connection: Connection, reason: string): Promise<Outcome> {
  connection.sendClose(NORMAL);
  await connection.ended;
  const { behaviorClose } = judgeScript({ close: ECHO_CLOSE }, NOTHING_ELSE, observe(connection, []));
  return { behavior: 'UNIMPLEMENTED', behaviorClose, reason, seen: [] };
}

function echoOutcome(
  one: EchoCase,
  run: {
    readonly connection: Connection;
    /** What went wrong first. */
    readonly wrong: string | undefined;
    readonly echoes: number;
    /** The agreement, where there is one. */
    readonly answer: string | undefined;
    readonly inflater: Decompressor | undefined;
  },
): Outcome {
  const { connection, wrong, echoes, answer, inflater } = run;
  const judged = judgeScript({ close: ECHO_CLOSE }, NOTHING_ELSE, observe(connection, []));
  const compressed = inflater === undefined ? '' : `, ${inflater.messages} of them compressed`;
  const reasons = [wrong ?? `${one.count} echoes${compressed}`];
  if (!judged.reason.startsWith('as expected')) reasons.push(judged.reason);
  const nothingToSee = one.wantsCompressed === true && inflater?.messages === 0 && judged.behavior === 'OK';
  return {
    behavior: wrong !== undefined ? 'FAILED' : nothingToSee ? 'INFORMATIONAL' : judged.behavior,
    behaviorClose: judged.behaviorClose,
    reason: reasons.join('; '),
    seen: [`${echoes} echoes`],
    ...(answer === undefined ? {} : { accepted: [`OK: ${one.count} echoes under ${answer}`] }),
    ...(inflater === undefined
      ? {}
      : { compression: { compressed: inflater.compressedOctets, plain: inflater.plainOctets } }),
  };
}

const NOTHING_ELSE = [{ behavior: 'OK', seen: [] }] as const;
const ECHO_CLOSE = { first: 'tester', codes: [1000], clean: true } as const;

function observe(connection: Connection, seen: readonly Seen[]): Observation {
  const { firstClose, closeSent, closeReceived, droppedByTester, violation } = connection;
  return {
    seen,
    closeSent,
    // Testing a client, the tester ends TCP itself: only one that left the closing handshake unfinished counts.
    droppedByTester,
    ...(firstClose === undefined ? {} : { firstClose }),
    ...(closeReceived === undefined ? {} : { remoteCode: closeReceived.code }),
    ...(violation === undefined ? {} : { violation }),
  };
}

type OpenOptions = Parameters<Stage['open']>[0] & { terms?: EchoCase['deflate'] };

abstract class BaseStage implements Stage {
  abstract readonly subject: Subject;
  readonly log: WireLog;
  /** The last connection that was opened. */
  connection: Connection | undefined;
  decompressor: Decompressor | undefined;

  constructor(log: WireLog) {
    this.log = log;
  }

  abstract open(options?: OpenOptions): Promise<Opened>;
  abstract exchange(octets: Buffer, pieces?: number, timeoutMs?: number): ReturnType<Stage['exchange']>;
  abstract answer(octets: Buffer, pieces?: number): Connection;
  abstract dispose(): void;

  protected connect(socket: Duplex, rest: Uint8Array, deflate: DeflateAgreement | undefined): Opened {
    const connection = new Connection(socket, this.subject === 'client' ? 'client' : 'server', this.log, rest);
    this.connection = connection;
    if (deflate !== undefined) {
      const decompressor = new Decompressor(deflate.peer);
      this.decompressor = decompressor;
      connection.inflate = (payload) => decompressor.inflate(payload);
    }
    socket.resume();
    return { connection, ...(deflate === undefined ? {} : { deflate }) };
  }
}

class ServerStage extends BaseStage {
  readonly subject = 'server';
  readonly target: Target;
  readonly #sockets: Duplex[] = [];

  constructor(target: Target, log: WireLog) {
    super(log);
    this.target = target;
  }

  async open(options: OpenOptions = {}): Promise<Opened> {
    const { offer, behind = Buffer.alloc(0) } = options;
    const key = newKey();
    const lines = requestLines(this.target, key, offer);
    const { socket, result } = await this.exchange(Buffer.concat([headOctets(lines), behind]));
    if (!result.ok) throw new HandshakeFailure(`opening handshake: ${result.reason}`);
    const fault = faultOfResponse(result.head, key, offer !== undefined);
    if (fault !== undefined) throw new HandshakeFailure(`opening handshake: ${fault}`);
    const deflate = agreementFromAnswer(fieldOf(result.head, 'sec-websocket-extensions'), offer ?? '', {
      compare: options.terms === undefined,
    });
    if (typeof deflate === 'string') throw new HandshakeFailure(`opening handshake: the server ${deflate}`);
    return this.connect(socket, result.head.rest, deflate);
  }

  async exchange(octets: Buffer, pieces?: number, timeoutMs?: number): ReturnType<Stage['exchange']> {
    const socket = await inTime(this.target.name, this.target.connect(), (stream) => stream);
    if (typeof socket === 'string') throw new HandshakeFailure(socket);
    this.#sockets.push(socket);
    this.log.sent(octets, headText(octets));
    writePieces(socket, octets, pieces);
    return { socket, result: await readHead(socket, this.log, timeoutMs) };
  }

  answer(): Connection {
    throw new TypeError('a server is answered by nobody');
  }

  dispose(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A server whose opening handshake is done by other means than a head of HTTP/1.1. */
class EntranceStage extends BaseStage {
  readonly subject = 'server';
  readonly #entrance: Entrance;
  readonly #streams: Duplex[] = [];

  constructor(entrance: Entrance, log: WireLog) {
    super(log);
    this.#entrance = entrance;
  }

  async open(options: OpenOptions = {}): Promise<Opened> {
    const { offer, terms } = options;
    if (options.behind !== undefined) throw new TypeError('there is no head that octets could stand behind');
    const { name } = this.#entrance;
    this.log.note(`opening handshake over ${name}${offer === undefined ? '' : `, offering ${offer}`}`);
    const entered = await inTime(name, this.#entrance.enter(offer), ({ stream }) => stream);
    if (typeof entered === 'string') throw new HandshakeFailure(`opening handshake: ${entered}`);
    this.#streams.push(entered.stream);
    const { extensions } = entered;
    this.log.note(`the server agreed${extensions === '' ? '' : ` to ${extensions}`}`);
    if (offer === undefined && extensions !== '')
      throw new HandshakeFailure(`opening handshake: the server answered ${extensions}, which was not offered`);
    const deflate = agreementFromAnswer(extensions, offer ?? '', { compare: terms === undefined });
    if (typeof deflate === 'string') throw new HandshakeFailure(`opening handshake: the server ${deflate}`);
    return this.connect(entered.stream, Buffer.alloc(0), deflate);
  }

  exchange(): never {
    throw new TypeError('the tester does not write the head here');
  }

  answer(): never {
    throw new TypeError('a server is answered by nobody');
  }

  dispose(): void {
    for (const stream of this.#streams) stream.destroy();
  }
}

class ClientStage extends BaseStage {
  readonly subject = 'client';
  readonly request: Head;
  readonly #socket: Duplex;

  constructor(socket: Duplex, request: Head, log: WireLog) {
    super(log);
    this.#socket = socket;
    this.request = request;
  }

  open(options: OpenOptions = {}): Promise<Opened> {
    const fault = faultOfRequest(this.request);
    if (fault !== undefined) return Promise.reject(new HandshakeFailure(`opening handshake: ${fault}`));
    const offers = fieldOf(this.request, 'sec-websocket-extensions');
    const agreement = options.deflate ? agreementForOffer(offers, options.terms ?? { offer: '' }) : undefined;
    const head = headOctets(responseLines(fieldOf(this.request, 'sec-websocket-key'), agreement?.answer));
    this.log.sent(head, headText(head));
    this.#socket.write(Buffer.concat([head, options.behind ?? Buffer.alloc(0)]));
    return Promise.resolve(this.connect(this.#socket, this.request.rest, agreement));
  }

  exchange(): never {
    throw new TypeError('a client sends its own request');
  }

  answer(octets: Buffer, pieces?: number): Connection {
    this.log.sent(octets, headText(octets));
    const { connection } = this.connect(this.#socket, this.request.rest, undefined);
    connection.write(octets, pieces); // what is sent next queues behind it
    return connection;
  }

  dispose(): void {
    endStream(this.#socket);
    setTimeout(() => this.#socket.destroy(), CONFORMANCE_LIMITS.closeTimeoutMs).unref();
  }
}

/** Writes octets, `pieces` at a time, each from its own turn of the event loop. */
function writePieces(socket: Duplex, octets: Buffer, pieces?: number): void {
  if (pieces === undefined) {
    socket.write(octets);
    return;
  }
  let at = 0;
  const next = (): void => {
    if (socket.destroyed || at >= octets.length) return;
    socket.write(octets.subarray(at, at + pieces));
    at += pieces;
    setImmediate(next);
  };
  next();
}
