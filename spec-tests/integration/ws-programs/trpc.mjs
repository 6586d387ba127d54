// tRPC's ws adapter and wsLink: a query, a mutation, a subscription, keep-alive, and a notice to come back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import WebSocket, { WebSocketServer } from 'ws';

const t = initTRPC.create();
let kept = 0;
const router = t.router({
  double: t.procedure.input((value) => Number(value)).query(({ input }) => input * 2),
  keep: t.procedure
    .input((value) => Number(value))
    .mutation(({ input }) => {
      kept = input;
      return 'kept';
    }),
  count: t.procedure.subscription(async function* () {
    for (let i = 1; i <= 3; i++) yield i;
  }),
});
const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
const handler = applyWSSHandler({
  wss,
  router,
  createContext: () => ({}),
  keepAlive: { enabled: true, pingMs: 30, pongWaitMs: 1_000 },
});
await once(wss, 'listening');
const opened = [];
let heard = 0;
wss.on('connection', (socket) => {
  opened.push(socket);
  socket.on('message', (data) => {
    if (String(data) === 'PONG') heard++;
  });
});
const ws = createWSClient({ url: `ws://127.0.0.1:${wss.address().port}`, WebSocket });
const client = createTRPCClient({ links: [wsLink({ client: ws })] });
assert.equal(await client.double.query(21), 42);
assert.equal(await client.keep.mutate(5), 'kept');
assert.equal(kept, 5);
const counted = [];
await new Promise((resolve, reject) => {
  client.count.subscribe(undefined, { onData: (value) => counted.push(value), onComplete: resolve, onError: reject });
});
assert.deepEqual(counted, [1, 2, 3]);
const until = async (check) => {
  for (let i = 0; i < 200 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(check());
};
await until(() => heard >= 2); // keep-alive
handler.broadcastReconnectNotification();
await until(() => opened.length === 2);
assert.equal(await client.double.query(4), 8); // on the new connection
await ws.close();
for (const each of wss.clients) each.terminate();
await new Promise((resolve) => wss.close(resolve));
console.log('done');
