/**
 * The floor of the rooms on Redis: bare `net` sockets, and a stream in Redis through the same client as the others use.
 *
 * What cannot be left out, and nothing else: a POST is an XADD and is answered, one XREAD at a time waits for what comes, and each
 * message is one write to each member. No numbering, no history, no receipts, no queue; of HTTP only what this load sends.
 * Read next: `server.ts`, which starts it.
 */

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { entriesOfStream, type IoredisClient, streamEntry } from '../../lib/room-logs/redis-port.ts';

const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n-';
/** Of a frame with one octet of length. */
const MAX_SHORT = 125;

/** One frame of text. @throws RangeError for a text that needs a longer header */
function frameOf(text: string): Buffer {
  if (text.length > MAX_SHORT) throw new RangeError(`a text of ${text.length}, limit ${MAX_SHORT}`);
  return Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
}

/** Hands every entry of the stream to everyone, for as long as the process lives. */
async function deliver(reader: IoredisClient, members: ReadonlySet<Socket>): Promise<void> {
  for (let last = '$'; ; ) {
    const reply = await reader.call('XREAD', ['COUNT', '200', 'BLOCK', '5000', 'STREAMS', 'bare', last]);
    for (const each of entriesOfStream(reply)) {
      const { id, fields } = streamEntry(each);
      last = id;
      const frame = frameOf(fields.get('d') ?? '');
      for (const member of members) member.write(frame);
    }
  }
}

/** Starts it. Answers the port. */
export async function bareRedis(client: IoredisClient): Promise<number> {
  const members = new Set<Socket>();
  void deliver(client.duplicate(), members);
  const server = createServer({ noDelay: true }, (socket) => {
    let head = '';
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('close', () => members.delete(socket));
    socket.on('data', (chunk) => {
      head += chunk;
      for (let end = head.indexOf('\r\n\r\n'); end !== -1; end = head.indexOf('\r\n\r\n')) {
        if (head.startsWith('GET')) {
          members.add(socket);
          socket.write(ACCEPTED);
          head = '';
          return;
        }
        const length = Number(/Content-Length: (\d+)/.exec(head)?.[1]);
        if (head.length < end + 4 + length) return;
        void client.call('XADD', ['bare', 'MAXLEN', '~', '1000', '*', 'd', head.slice(end + 4, end + 4 + length)]);
        socket.write(ANSWER);
        head = head.slice(end + 4 + length);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
