"""What the Python programs of this folder share; the conversation is in common.mjs."""

import os
import sys
import threading


def announce(port):
    """Tells where the program listens; ends it when its standard input ends."""
    print(f"listening {port}", flush=True)

    def wait():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def stream_text(last_event_id):
    if last_event_id:
        return f"data: behind {last_event_id}\n\n"
    return "retry: 20\n\nid: 1\ndata: one\n\nevent: tick\nid: 2\ndata: two\ndata: lines\n\n"
