/** Ours behind servers of others, with ws and then Socket.IO beside it on the same port: one script, each framework. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createServer } from '../../lib/index.ts';
import { patiently, RawClient } from '../support/sockets.ts';
import {
  addRoutes,
  closesBothWays,
  closesOurs,
  compresses,
  echoesEverySize,
  holdsBackForSlowReader,
  holdsBackForSlowSocket,
  leavingAbortsStream,
  leavingAbortsUpgrade,
  nothingSeen,
  refusesWithBody,
  requestsFindTheirOwner,
  resumesStream,
  runStream,
  type Site,
  servesThousand,
  socketIoAnswers,
  wsAnswers,
} from './behaviours.ts';
import { FRAMEWORKS, type Framework, type Standing, socketIoBeside, wsBeside } from './frameworks.ts';
import { missing } from './installed.ts';

for (const framework of FRAMEWORKS)
  describe(`behind ${framework.name}`, { skip: framework.skip }, () => describeFramework(framework));

function describeFramework(framework: Framework): void {
  const seen = nothingSeen();
  const errors: unknown[] = [];
  const server = createServer({ onError: (error) => void errors.push(error) });
  let standing: Standing;
  let site: Site;
  const others: (() => void)[] = [];

  before(async () => {
    addRoutes(server, seen);
    standing = await framework.stand(server, (stream) => runStream(stream, seen));
    if (missing({ packages: ['ws'] }) === false) others.push(await wsBeside(standing.http));
    const { port } = standing;
    const { certificate } = framework;
    const tls = certificate && { ca: certificate.cert, servername: 'localhost' };
    site = { server, seen, port, tls };
  });

  after(() => {
    for (const client of RawClient.open) client.socket.destroy();
  });

  it('messages of every size come back', () => echoesEverySize(site));
  it('compression is agreed to', () => compresses(site));
  it('either side closes, and both know why', () => closesBothWays(site));
  it('a refusal has its body', () => refusesWithBody(site));
  it('a client that leaves while upgrade awaits aborts request.signal', () => leavingAbortsUpgrade(site));
  it('a slow client holds write back', () => holdsBackForSlowSocket(site));
  it('requests find their owner', () => requestsFindTheirOwner(site));
  for (const [path, whose] of [
    ['/events', 'a route of ours'],
    ['/stream', 'a handler of theirs'],
  ] as const) {
    it(`an event stream of ${whose} goes on behind Last-Event-ID`, () => resumesStream(site, path));
    it(`a reader that leaves aborts the stream of ${whose}`, () => leavingAbortsStream(site, path));
    it(`a slow reader holds back the stream of ${whose}`, () => holdsBackForSlowReader(site, path));
  }
  it('ws beside it is ws still', { skip: missing({ packages: ['ws'] }) }, () => wsAnswers(site));
  // ws with a path ends the upgrades of Socket.IO: one after the other.
  it('Socket.IO beside it is Socket.IO still', {
    skip: missing({ packages: ['socket.io', 'socket.io-client'] }),
  }, async () => {
    for (const close of others.splice(0)) close();
    others.push(await socketIoBeside(standing.http));
    await socketIoAnswers(site);
    await closesBothWays(site);
  });
  it('1,000 clients at a time', () => servesThousand(site));
  it('close ends ours alone; then the framework ends too', async () => {
    await closesOurs(site);
    for (const close of others) close();
    await patiently(`${framework.name} to close`, standing.close());
    assert.deepEqual(errors, []);
  });
}
