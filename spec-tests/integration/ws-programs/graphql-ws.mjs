// graphql-ws, server and client: a query, a subscription, an error, and a server that goes away.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buildSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';

const schema = buildSchema('type Query { hello: String } type Subscription { count: Int }');
const roots = {
  query: { hello: () => 'world' },
  subscription: {
    async *count() {
      for (let i = 1; i <= 3; i++) yield { count: i };
    },
  },
};
const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/graphql' });
const server = useServer({ schema, roots }, wss);
await once(wss, 'listening');
const client = createClient({
  url: `ws://127.0.0.1:${wss.address().port}/graphql`,
  webSocketImpl: WebSocket,
  retryAttempts: 0,
});
const all = async (query) => {
  const results = [];
  for await (const result of client.iterate({ query })) results.push(result);
  return results;
};
assert.deepEqual(await all('{ hello }'), [{ data: { hello: 'world' } }]);
assert.deepEqual(
  (await all('subscription { count }')).map(({ data }) => data.count),
  [1, 2, 3],
);
await assert.rejects(all('{ nothing }'));
const gone = new Promise((resolve) => client.on('closed', resolve));
const pending = all('subscription { count }').catch(() => {});
await server.dispose();
await pending;
await client.dispose();
await gone;
console.log('done');
