/**
 * What a load must say and expect of Socket.IO (engine.io 4, socket.io 5, the protocols' own numbers), so that the generator of the other
 * peers drives it too. A text T travels as the frame `42["m",T]`, in both directions the same: 4 is a message of engine.io, 2 an
 * event of socket.io.
 *
 * Read next: `../wire/load.ts`.
 */

import type { LoadConnection } from '../../lib/load/connection.ts';
import { type MessageShape, maskedFrame, payloadOf, TEXT, variantsOf } from '../../lib/load/messages.ts';
import { ServerFrameReader } from '../../lib/load/server-frames.ts';

export const SOCKET_IO_PATH = '/socket.io/?EIO=4&transport=websocket';

/** The server says hello to every connection at once. */
const JOIN_TIMEOUT_MS = 10_000;
const FIN = 0x80;

/** The same texts as `shape` has, as events. */
export function socketIoShape(shape: MessageShape): MessageShape {
  if (shape.kind === 'binary')
    throw new Error('binary events of Socket.IO are two messages each, and are not compared');
  const messages = Array.from({ length: variantsOf(shape) }, (_, i) =>
    Buffer.from(`42${JSON.stringify(['m', payloadOf(shape, i).toString()])}`),
  );
  return { ...shape, messages };
}

/** Waits for the server's hello (`0{…}`), asks for the main namespace (`40`), and waits until it is granted (`40{…}`). */
export function joinSocketIo(connection: LoadConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Socket.IO did not grant the namespace')), JOIN_TIMEOUT_MS);
    const reader = new ServerFrameReader(
      (payload) => {
        const packet = payload.toString();
        if (packet.startsWith('0')) connection.socket.write(maskedFrame(FIN | TEXT, Buffer.from('40'), 0x5a5a5a5a));
        if (!packet.startsWith('40')) return;
        clearTimeout(timer);
        resolve();
      },
      () => {},
    );
    connection.onChunk = (chunk, length) => reader.receive(chunk, length);
    connection.start();
  });
}
