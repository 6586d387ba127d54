"""Tornado."""

import asyncio
import logging

from common import announce, stream_text
from tornado.netutil import bind_sockets
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

last = ""
logging.getLogger("tornado.access").disabled = True  # refusals are asked for


class Conversation(WebSocketHandler):
    def get_compression_options(self):
        return {}

    def select_subprotocol(self, offered):
        return "chat" if "chat" in offered else None

    def open(self):
        path = self.request.path
        if path == "/ping":
            self.ping(b"x")
        elif path == "/last":
            self.write_message(last)
        elif path == "/close":
            self.write_message("bye")
            self.close(4001, "theirs")

    def on_message(self, message):
        self.write_message(message, binary=isinstance(message, bytes))

    def on_pong(self, data):
        if self.request.path == "/ping":
            self.write_message(f"pong {data.decode()}")

    def on_close(self):
        global last
        if self.request.path == "/echo":
            last = f"{self.close_code} {self.close_reason}"


class Refused(RequestHandler):
    def get(self):
        self.set_status(403)
        self.set_header("Content-Type", "text/plain")
        self.finish("no entry")


class Events(RequestHandler):
    async def get(self):
        last_event_id = self.request.headers.get("Last-Event-ID")
        self.set_header("Content-Type", "text/event-stream")
        self.write(stream_text(last_event_id))
        await self.flush()
        if last_event_id:
            await asyncio.sleep(60)


async def main():
    app = Application([("/refused", Refused), ("/events", Events), ("/.*", Conversation)])
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(app).add_sockets(sockets)
    announce(sockets[0].getsockname()[1])
    await asyncio.Future()


asyncio.run(main())
