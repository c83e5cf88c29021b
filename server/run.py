"""Serving a ledger to browsers on this machine, or to others where the host says so."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import suppress
from pathlib import Path

import uvicorn

from arena.games import ArenaError, list_games
from arena.ledger import Ledger
from arena.server.app import create_app

GRACE_S = 3  # what still answers this long after an interrupt is cut


def serve(ledger_url: str | Path | None, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serves the ledger until interrupted, and prints the address; port 0 takes any free one.

    Raises:
        ArenaError: the port is taken, or the host is none of this machine's.
    """
    list_games()  # once, in the main thread: only there can OpenSpiel's warnings about its own games be kept quiet
    with Ledger.open(ledger_url, create=False) as ledger, _listen(host, port) as listener:
        chosen = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        print(f"Arena at http://{shown}:{chosen} (Ctrl-C stops)", flush=True)  # noqa: T201  this is what the command says
        with suppress(KeyboardInterrupt):  # the way to stop it, once it has closed what was open
            make_server(ledger).run(sockets=[listener])


def make_server(ledger: Ledger) -> uvicorn.Server:
    """A server of the ledger that ends its live streams before it stops."""
    app = create_app(ledger)
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=GRACE_S)
    return _Server(config, app.state.site.closing)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, closing: threading.Event):
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ArenaError(f"port {port} of {host} is taken; choose another with --port") from error
        raise ArenaError(f"cannot listen on {host} port {port}: {error}") from error
    return listener
