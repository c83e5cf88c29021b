"""`arena push` and `arena pull`: a ledger here and one behind a server exchange what they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db, Json

if TYPE_CHECKING:
    from arena.merge import Merged

Url = Annotated[str, typer.Argument(metavar="URL", help="of the server; $ARENA_TOKEN says who asks")]


def push_command(url: Url, db: Db = None, json: Json = False) -> None:
    """Send a server what this ledger has and it lacks: agents, tournaments, matches, answers of jobs. Twice changes nothing."""
    from arena.client import Client
    from arena.ledger import Ledger
    from arena.push_pull import push

    with Ledger.open(db, create=False) as ledger, Client(url) as server:
        merged = push(ledger, server)
    say_merged(merged, url, json=json)
    _say_refused(merged, there=url)


def pull_command(url: Url, db: Db = None, json: Json = False) -> None:
    """Take into this ledger what a server has and it lacks. Programs among the agents do not run before they are approved here."""
    from arena.client import Client
    from arena.ledger import Ledger
    from arena.push_pull import pull

    with Ledger.open(db) as ledger, Client(url) as server:
        merged = pull(ledger, server)
        place = ledger.url_for_people
    say_merged(merged, place, json=json)
    _say_refused(merged, there=place)


def say_merged(merged: Merged, place: str, *, json: bool) -> None:
    """What was new to the ledger at a place."""
    from arena.cli.output import say, say_json

    if json:
        say_json(merged.to_dict())
        return
    if not merged.changed:
        say(f"{place} has all of it already")
        return
    say(
        f"merged into {place}: {_new(len(merged.agents), 'agent')}, {_new(len(merged.tournaments), 'tournament')}, "
        f"{len(merged.completed):,} completed ones, {merged.matches:,} matches, {_new(merged.jobs, 'answer')} of jobs"
    )
    for there, here in merged.renamed.items():
        say(f"{there} is {here} here")


def _say_refused(merged: Merged, *, there: str) -> None:
    """Tells what did not travel; then the exit code is 1."""
    import sys

    for key in merged.refused:
        sys.stderr.write(
            f"tournament {key} is left out: {there} has another one of this key, or the same file imported under another key\n"
        )
    if merged.refused:
        raise typer.Exit(1)


def _new(count: int, what: str) -> str:
    return f"{count:,} new {what}{'' if count == 1 else 's'}"
