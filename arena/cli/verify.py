"""`arena verify`: a ledger held against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import LAST_SEED, Db, Json, at_server

if TYPE_CHECKING:
    from arena.verification import Verification

SHOWN = 50
"""How many differences are told; --json has all."""


def verify_command(
    what: Annotated[
        str | None, typer.Argument(help="a game, a tournament or TOURNAMENT/NUMBER; the whole ledger without it")
    ] = None,
    matches: Annotated[
        int | None, typer.Option("--matches", "-n", min=1, help="Play again only so many, drawn at random.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=LAST_SEED, help="Of that draw; made up without it.")
    ] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Play recorded matches again and recompute all that follows from them. Exit code 1 where something differs."""
    from arena.cli.output import progress, say_json

    if at_server(db):
        found = _verified_there(db, what, matches, seed)
    else:
        from arena.verify import verify_ledger

        with progress("verify") as told:
            found = verify_ledger(db, what, matches=matches, seed=seed, progress=told)
    if json:
        say_json(found.to_dict())
    else:
        print_verification(found)
    if not found.good:
        raise typer.Exit(1)


def _verified_there(url: str, what: str | None, matches: int | None, seed: int | None) -> Verification:
    from arena.cli.done_there import wait_there
    from arena.client import Client
    from arena.games import SpecificationError
    from arena.verification import Verification

    if what is None:
        raise SpecificationError(
            "name a game, a tournament or a match of the server; its whole database is checked on its machine"
        )
    with Client(url) as client:
        done = wait_there(client, client.verify(what, matches=matches, seed=seed))
    return Verification.of_dict(done.result or {})


def print_verification(found: Verification) -> None:
    """The finding, then what differs, then how far the matches could be played again."""
    from arena.cli.output import say, table

    say(found.sentence())
    for one in found.differences[:SHOWN]:
        say(f"{one.where}: {one.what}")
    if len(found.differences) > SHOWN:
        say(f"and {len(found.differences) - SHOWN:,} more: --json")
    rows = [
        [one.tournament, f"{one.matches:,}", f"{one.replayed:,}", one.cannot or HOW.get(one.replay, one.replay)]
        for one in found.tournaments
    ]
    if rows:
        table(["tournament", ("matches", "right"), ("played again", "right"), "compared"], rows)
    if found.jobs:
        answers = [
            [one.job, f"{one.kind} of {one.agent or one.game}", one.cannot or "computed anew"] for one in found.jobs
        ]
        table(["job", "answer", "compared"], answers)
    if found.seed is not None:
        say(f"a sample, drawn with --seed {found.seed}")


HOW = {"exact": "exactly", "tolerance": "returns within 0.0001"}
