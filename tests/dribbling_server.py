"""A server whose answers never end: they come byte by byte, each in time for a timeout of one read."""

from __future__ import annotations

import socketserver
import threading
import time
from contextlib import contextmanager


@contextmanager
def dribbling(start: bytes, dribble: bytes, path: str = "/v1"):
    """A server that sends ``start``, and then ``dribble`` again and again, until it is hung up on."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1 << 16)
            self.request.sendall(start)
            try:
                for _ in range(400):
                    self.request.sendall(dribble)
                    time.sleep(0.01)
            except OSError:
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
