"""`arena db`: the ledger as a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.exchange import say_merged
from arena.cli.options import Db, Json

app = typer.Typer(help="The ledger as a database: upgrade, backup, check, merge.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_command(db: Db = None) -> None:
    """Bring an older ledger to this version's form; back it up first."""
    from arena.cli.output import say
    from arena.database import upgrade

    say(upgrade(db))


@app.command("backup")
def backup_command(to: Annotated[Path, typer.Argument(help="the file to write")], db: Db = None) -> None:
    """Copy the ledger while it is in use."""
    from arena.cli.output import say
    from arena.database import backup

    backup(db, to)
    say(f"wrote {to}")


@app.command("check")
def check_command(db: Db = None, json: Json = False) -> None:
    """Look for damage: pages, keys, blocks, artifacts. Exit code 1 when there is some."""
    from arena.cli.output import say, say_json
    from arena.database import check

    problems = check(db)
    if json:
        say_json({"problems": problems})
    else:
        for problem in problems:
            say(problem)
        say("the ledger is good" if not problems else f"{len(problems)} problem{'' if len(problems) == 1 else 's'}")
    if problems:
        raise typer.Exit(1)


@app.command("merge")
def merge_command(
    other: Annotated[str, typer.Argument(help="the ledger to take from: a file or a database URL")],
    db: Db = None,
    json: Json = False,
) -> None:
    """Take another ledger's agents, tournaments and matches into this one; merging twice changes nothing."""
    from arena.ledger import Ledger
    from arena.merge import merge

    with Ledger.open(other, create=False, read_only=True) as theirs, Ledger.open(db) as ledger:
        merged = merge(ledger, theirs)
        place = ledger.url_for_people
    say_merged(merged, place, json=json)
