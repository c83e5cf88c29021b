"""`arena serve` and `arena doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from arena.cli.options import Db, Json


def serve_command(
    host: Annotated[str, typer.Option("--host", help="Which address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535)] = 8000,
    db: Db = None,
) -> None:
    """Serve leaderboards, tournaments and replays to a browser."""
    from arena.server.run import serve

    serve(db, host=host, port=port)


def doctor_command(db: Db = None, json: Json = False) -> None:
    """Say what is installed, and what is missing for which games and ledgers."""
    import importlib.metadata
    import os
    import platform
    import shutil

    from arena.cli.output import say, say_json
    from arena.ledger import ledger_exists

    found: dict[str, str] = {"python": platform.python_version(), "processors": str(os.cpu_count())}
    parts = {
        "minimax-arena": "",
        "open_spiel": "openspiel: games",
        "pettingzoo": "pettingzoo: games",
        "torch": "checkpoint: agents",
        "numba": "native games",
        "psycopg": "PostgreSQL ledgers: pip install 'minimax-arena[postgres]'",
        "ray": "many machines: pip install 'minimax-arena[ray]'",
        "pysc2": "StarCraft II: pip install 'minimax-arena[sc2]'",
    }
    for name, use in parts.items():
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = f"not installed ({use})"
    found["node"] = shutil.which("node") or "not found (only needed by agents written in JavaScript)"
    found["ledger"] = "found" if ledger_exists(db) else "none yet: arena tournament run makes it"
    if json:
        say_json(found)
        return
    for name, value in found.items():
        say(f"{name:<14} {value}")
