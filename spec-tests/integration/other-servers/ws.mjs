// ws, with a listener of its own.
import { WebSocketServer } from 'ws';
import { announce, converse, makeRecord } from './common.mjs';

const record = makeRecord();
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => offered.has('chat') && 'chat',
  verifyClient: ({ req }, done) => (req.url === '/refused' ? done(false, 403, 'no entry') : done(true)),
});
server.on('connection', (socket, request) => converse(socket, request.url, record));
server.on('listening', () => announce(server.address().port));
