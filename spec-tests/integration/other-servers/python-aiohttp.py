"""aiohttp."""

import asyncio

from aiohttp import WSMsgType, web
from common import announce, stream_text

last = ""


async def echo(request):
    global last
    socket = web.WebSocketResponse(protocols=["chat"])
    await socket.prepare(request)
    reason = ""
    while True:
        message = await socket.receive()
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        else:
            reason = message.extra or ""
            break
    last = f"{socket.close_code} {reason}"
    return socket


async def ping(request):
    socket = web.WebSocketResponse(autoping=False)
    await socket.prepare(request)
    await socket.ping(b"x")
    async for message in socket:
        if message.type == WSMsgType.PONG:
            await socket.send_str(f"pong {message.data.decode()}")
    return socket


async def close(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("bye")
    await socket.close(code=4001, message=b"theirs")
    return socket


async def tell_last(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(last)
    await socket.close()
    return socket


async def refused(_request):
    return web.Response(status=403, text="no entry")


async def events(request):
    last_event_id = request.headers.get("Last-Event-ID")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    response.enable_compression()
    await response.prepare(request)
    await response.write(stream_text(last_event_id).encode())
    if last_event_id:
        await asyncio.sleep(60)
    return response


async def main():
    app = web.Application()
    routes = {"/echo": echo, "/ping": ping, "/close": close, "/last": tell_last, "/refused": refused, "/events": events}
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    announce(runner.addresses[0][1])
    await asyncio.Future()


asyncio.run(main())
