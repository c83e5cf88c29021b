"""`arena site`: the pages of a ledger as files that need no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Db, Json


def site_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="where to write it; made if missing")],
    games: Annotated[
        list[str] | None, typer.Argument(metavar="[GAME]...", help="only these games; all without")
    ] = None,
    matches: Annotated[
        int, typer.Option("--matches", "-n", min=0, help="Replays of each tournament, the last ones.")
    ] = 5,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something else, too.")] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Write ladders, agents, tournaments and replays as a web site without a server."""
    from arena.cli.output import progress, say, say_json
    from arena.ledger import Ledger
    from arena.server.static_site import write_site
    from arena.standings import canonical_game

    with Ledger.open(db, create=False, read_only=True) as ledger:
        chosen = [canonical_game(ledger, game) for game in games or ()]
        with progress("writing", unit="pages") as told:
            made = write_site(ledger, folder, games=chosen, matches=matches, force=force, progress=told)
    if json:
        say_json({"folder": str(folder), "files": len(made.pages), "bytes": made.size, "failed": list(made.failed)})
        return
    say(f"wrote {len(made.pages):,} files, {made.size:,} bytes; open {folder / 'index.html'}")
    for address in made.failed:
        say(f"the server answers {address} with an error; its page says why")
