"""Python's websockets: its asyncio server and its `broadcast`, behind the arguments of `../arguments.ts`.

Compression is without context takeover, as with the other peers, unless `--takeover` asks for it. It has no event streams.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import threading

from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

# As MAX_MESSAGE_BYTES in ../arguments.ts.
MAX_MESSAGE_BYTES = 67_108_864

rooms = {}


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def answer(connection):
    """As `answerText` in `../arguments.ts`: a document with one field changed."""
    async for message in connection:
        document = json.loads(message)
        document["state"] = "seen"
        await connection.send(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


async def fan_out(connection):
    room = rooms.setdefault(connection.request.path, set())
    room.add(connection)
    try:
        async for message in connection:
            broadcast(room, message)
    finally:
        room.discard(connection)


def guarded(handler):
    """Whoever leaves without a close frame is no error that a benchmark should log."""

    async def handle(connection):
        try:
            await handler(connection)
        except ConnectionClosed:
            pass

    return handle


def end_with_input():
    while os.read(0, 4096):
        pass
    os._exit(0)


async def main():
    mode = next((arg[7:] for arg in sys.argv if arg.startswith("--mode=")), "echo")
    handler = {"answer": answer, "fan-out": fan_out}.get(mode, echo)
    alone = "--takeover" not in sys.argv
    deflate = ServerPerMessageDeflateFactory(server_no_context_takeover=alone, client_no_context_takeover=alone)
    server = await serve(
        guarded(handler),
        "127.0.0.1",
        0,
        compression=None,
        extensions=[deflate] if "--deflate" in sys.argv else None,
        max_size=MAX_MESSAGE_BYTES,
        backlog=4096,
    )
    print(f"listening {server.sockets[0].getsockname()[1]}", flush=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, gc.collect)
    threading.Thread(target=end_with_input, daemon=True).start()
    await server.serve_forever()


asyncio.run(main())
