/** One worker of a cluster, for `net/cluster.test.ts`: says its process id to whoever sends a message. */

import { createServer } from '../../lib/index.ts';

const server = createServer();
server.webSocket('/', { message: (socket) => void socket.send(String(process.pid)) });
await server.listen({ port: Number(process.argv[2]) });
process.send?.({ port: server.port });
process.on('message', () => {
  server.close().then(() => process.exit(0));
});
