"""Serving a ledger: its pages and API, workers for its jobs, and an end that loses nothing."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from arena.accounts import Scope, has_admin
from arena.agents.reach import only_public
from arena.credentials import Shown, end, issue
from arena.frozen_heap import frozen_heap
from arena.games import ArenaError, list_games
from arena.interruption import signals_interrupt
from arena.ledger import Ledger, LedgerError
from arena.origin import demanded
from arena.server.api.seats import LONGEST_MESSAGE
from arena.server.api_description import begin_description
from arena.server.app import create_app
from arena.server.host_names import KnownNames, names_of
from arena.server.logs import logs
from arena.server.settings import ServerSettings
from arena.worker_pool import usual_workers, worker_pool

BACKLOG = 2048
FIRST_ADMIN_S = 3600  # how long the link holds that makes the first admin


def serve(ledger_url: str | Path | None, settings: ServerSettings | None = None) -> None:
    """Serves the ledger until interrupted or told to end (SIGTERM), and prints the address.

    Streams and sockets end first, then answers under way have their grace, then workers give their jobs back.

    Raises:
        ArenaError: the port is taken, or the host is none of this machine's.
    """
    settings = settings or ServerSettings()
    list_games()  # once, in the main thread: only there can OpenSpiel's warnings about its own games be kept quiet
    with (
        suppress(KeyboardInterrupt),  # the way to stop it, once what was open is closed
        signals_interrupt(),
        Ledger.open(ledger_url, create=False) as ledger,
        _listen(settings.host, settings.port) as listener,
        only_public(settings.reachable_networks),
        demanded(settings.uploads_sandbox),
        logs(settings.log),
    ):
        address = settings.public_url or _address(settings.host, listener.getsockname()[1])
        print(f"Arena at {address} (Ctrl-C stops)", flush=True)  # noqa: T201  this is what the command says
        with _first_admin(ledger, address), _workers(ledger, settings):
            server = make_server(ledger, settings)
            begin_description(server.app)
            with (
                frozen_heap()
            ):  # a walk over all that is imported is a third of a second in which nobody gets an answer
                server.run(sockets=[listener])


def make_server(ledger: Ledger, settings: ServerSettings | None = None) -> Server:
    """A server of the ledger that ends its live streams before it stops."""
    settings = settings or ServerSettings()
    app = create_app(ledger, settings)
    if app.state.tables is not None:
        app.state.tables.resume(ledger)
    app.state.site.standings.begin()
    config = uvicorn.Config(
        KnownNames(app, names_of(settings)),
        log_config=None,  # as `arena.server.logs` says
        access_log=False,  # the application's own knows more
        proxy_headers=False,  # whom to believe is a setting
        server_header=False,
        timeout_graceful_shutdown=settings.grace_s,
        ws_max_size=2 * LONGEST_MESSAGE,  # what is longer than may be said at all is not read into memory first,
        ws_per_message_deflate=False,  # nor unpacked
    )
    return Server(config, app)


class Server(uvicorn.Server):
    """What answers for an application, until it is told to stop; then its streams end, and its tables."""

    def __init__(self, config: uvicorn.Config, app: FastAPI):
        super().__init__(config)
        self.app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.app.state.site.closing.set()
        await super().shutdown(sockets)
        if self.app.state.tables is not None:
            await run_in_threadpool(self.app.state.tables.close)


@contextmanager
def _first_admin(ledger: Ledger, address: str) -> Iterator[None]:
    """Where nobody can administer the server yet, whoever sits at its terminal is shown the way; nobody else sees it."""
    shown = _first_invitation(ledger) if sys.stdout.isatty() and not has_admin(ledger) else None
    if shown is None:
        yield
        return
    print(  # noqa: T201  this is what the command says
        f"Nobody can sign in as admin yet. Within an hour, once: {address}/sign-up?invitation={shown.text}", flush=True
    )
    try:
        yield
    finally:
        end(ledger, shown.credential.prefix)


def _first_invitation(ledger: Ledger) -> Shown | None:
    try:
        return issue(ledger, "invitation", None, name="first admin", scope=Scope.ADMIN, seconds=FIRST_ADMIN_S)
    except LedgerError:  # one that this user may only read can be looked at all the same
        return None


def _workers(ledger: Ledger, settings: ServerSettings) -> AbstractContextManager[object]:
    """Who does the ledger's jobs while the server runs."""
    if settings.executor == "none":
        return nullcontext()
    within = partial(logs, settings.log)
    return worker_pool(ledger, settings.workers or usual_workers(), settings.executor, within=within)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: else asyncio leaves TCP's delay of small answers on.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # who asks once the address is printed waits, and is not refused
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ArenaError(f"port {port} of {host} is taken; choose another with --port") from error
        raise ArenaError(f"cannot listen on {host} port {port}: {error}") from error
    return listener
