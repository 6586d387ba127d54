"""Python websockets."""

import asyncio
from http import HTTPStatus

import websockets
from common import announce

last = ""


async def refuse(path, _headers):
    return (HTTPStatus.FORBIDDEN, [("Content-Type", "text/plain")], b"no entry") if path == "/refused" else None


async def converse(socket, path):
    global last
    if path == "/echo":
        try:
            async for message in socket:
                await socket.send(message)
        except websockets.ConnectionClosedError:
            pass
        last = f"{socket.close_code} {socket.close_reason}"
    elif path == "/ping":
        await (await socket.ping(b"x"))
        await socket.send("pong x")
        await socket.wait_closed()
    elif path == "/close":
        await socket.send("bye")
        await socket.close(4001, "theirs")
    elif path == "/last":
        await socket.send(last)


async def main():
    server = await websockets.serve(converse, "127.0.0.1", 0, process_request=refuse, subprotocols=["chat"])
    announce(server.sockets[0].getsockname()[1])
    await asyncio.Future()


asyncio.run(main())
