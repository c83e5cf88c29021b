"""`arena doctor`: what is here, what is missing, what does not work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Db, Json

MARKS = {"good": "ok", "absent": "-", "broken": "BROKEN"}


def doctor_command(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The settings of a server, which are looked at too.", dir_okay=False),
    ] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Say what is here, what is missing and for what, and what does not work; exit code 1 where that was asked for."""
    import dataclasses

    from arena.cli.output import say, say_json
    from arena.doctor import Asked, examine
    from arena.server.settings import load_settings

    found = []
    for check in examine(Asked(db=db, settings=load_settings(config), named=config is not None)):
        found.append(check)
        if not json:
            said = f"{check.said}; {check.mend}" if check.mend else check.said
            say(f"{MARKS[check.state]:<7} {check.name:<16} {said}")
    broken = [check for check in found if check.state == "broken"]
    if json:
        say_json({"well": not broken, "checks": [dataclasses.asdict(check) for check in found]})
    elif broken:
        do = "does" if len(broken) == 1 else "do"
        say(f"\n{len(broken)} of {len(found)} {do} not work: {', '.join(check.name for check in broken)}")
    raise typer.Exit(1 if broken else 0)
