"""`arena serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Db


def serve_command(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A TOML file of settings.", dir_okay=False)
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Which address to listen at: 127.0.0.1 without.")] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", min=0, max=65535, help="Which port: 8000 without; 0 takes any free one."),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="What browsers call this server, where a proxy stands before it.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option("--executor", help="Who does the ledger's jobs: processes, ray://HOST:PORT or none.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=1024, help="How many processes do jobs.")
    ] = None,
    access_log: Annotated[bool | None, typer.Option("--access-log", help="Log each request.")] = None,
    db: Db = None,
) -> None:
    """Serve leaderboards, tournaments and replays to browsers, the API to programs, and workers to the ledger's jobs.

    All settings may stand in a file or in the environment, as ARENA_SERVE_PORT; options go before the environment, and that
    before the file.
    """
    from arena.server.run import serve
    from arena.server.settings import load_settings

    settings = load_settings(
        config,
        host=host,
        port=port,
        public_url=public_url,
        executor=executor,
        workers=workers,
        access_log=access_log,
    )
    serve(db, settings)
