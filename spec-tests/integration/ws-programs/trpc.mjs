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
  keepAlive: { enabled: true, pingMs: 1_000, pongWaitMs: 1_000 },
});
await once(wss, 'listening');
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
handler.broadcastReconnectNotification();
await ws.close();
for (const each of wss.clients) each.terminate();
await new Promise((resolve) => wss.close(resolve));
console.log('done');
