// better-sse on Node's own server.
import { createServer } from 'node:http';
import { createSession } from 'better-sse';
import { announce } from './common.mjs';

const server = createServer(async (request, response) => {
  if (request.url === '/refused') {
    response.writeHead(403).end('no entry');
    return;
  }
  const session = await createSession(request, response, { retry: 20 });
  if (session.lastId !== '') session.push(`behind ${session.lastId}`, 'message', '3');
  else {
    session.push('one', 'message', '1');
    session.push('two\nlines', 'tick', '2');
    response.end();
  }
});
server.listen(0, '127.0.0.1', () => announce(server.address().port));
