/** Rooms, as `handlers.ts` has servers: what a member keeps is of the type that it was made with. */

import { createServer, type PreparedMessage, prepareMessage } from 'barewire';
import { Hub, type Member } from 'barewire/rooms';

interface Mine {
  readonly user: string;
}

/** Refuses anything but exactly the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const hub = new Hub<PreparedMessage>({ prepare: (item) => prepareMessage(item.type) });
const connection = { send: (): 'sent' => 'sent', evicted(): void {} };

// With data it is there; without it, not until it is set.
same<ReturnType<typeof made>['data'], { user: string }>(true);
function made() {
  return hub.member(connection, { user: 'x' });
}
const bare = hub.member(connection);
same<typeof bare.data, undefined>(true);
const later = hub.member<Mine>(connection);
same<typeof later.data, Mine | undefined>(true);
later.data = { user: 'x' };

// A member is what belongs to a socket.
const server = createServer();
server.webSocket<Member<PreparedMessage, Mine>>('/rooms/:room', {
  open(socket, { params }) {
    const mine: Mine = { user: 'x' };
    socket.data = hub.member(socket, mine);
    socket.data.join(params['room'] ?? '', { as: socket.data.data.user });
    // @ts-expect-error: its data is not there
    socket.data = hub.member(socket);
    // @ts-expect-error: of another type
    socket.data = hub.member(socket, { user: 5 });
  },
  drain: (socket) => socket.data.drained(),
  close: (socket) => socket.data.close(),
});
