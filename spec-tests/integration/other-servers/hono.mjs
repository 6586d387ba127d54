// Hono on Node, with @hono/node-ws and its own streamSSE.
import { serve } from '@hono/node-server';
import { createNodeWebSocket } from '@hono/node-ws';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { announce, makeRecord } from './common.mjs';

const record = makeRecord();
const app = new Hono();
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
app.get(
  '/echo',
  upgradeWebSocket(() => ({
    onMessage: ({ data }, socket) => socket.send(data),
    onClose: ({ code, reason }) => record(`${code} ${reason}`),
  })),
);
app.get(
  '/last',
  upgradeWebSocket(() => ({ onOpen: (_event, socket) => socket.send(record()) })),
);
app.get(
  '/close',
  upgradeWebSocket(() => ({
    onOpen(_event, socket) {
      socket.send('bye');
      socket.close(4001, 'theirs');
    },
  })),
);
app.get('/refused', (context) => context.text('no entry', 403));
app.get('/events', (context) =>
  streamSSE(context, async (stream) => {
    const lastEventId = context.req.header('last-event-id');
    if (lastEventId) {
      await stream.writeSSE({ data: `behind ${lastEventId}` });
      await new Promise((resolve) => stream.onAbort(resolve));
    } else {
      await stream.writeSSE({ id: '1', data: 'one', retry: 20 });
      await stream.writeSSE({ id: '2', event: 'tick', data: 'two\nlines' });
    }
  }),
);
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => announce(port));
injectWebSocket(server);
