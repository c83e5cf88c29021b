"""Options that several commands share, each in one wording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from arena.source import Source

SERVERS = ("http://", "https://")


def server_of(context: typer.Context) -> str | None:
    """The server that was named before the command."""
    server: str | None = context.find_root().params.get("server")
    return server


def _place(context: typer.Context, db: str | None) -> str | None:
    """Where the ledger is: behind the server that was named before the command, unless the command itself names another place."""
    server = server_of(context)
    said = context.get_parameter_source("db")
    return db if server is None or (said is not None and said.name == "COMMANDLINE") else server


Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar="ARENA_DB",
        help="The ledger: a file or a database URL. Default: ./arena.db",
        callback=_place,
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="ARENA_SERVER",
        metavar="URL",
        help="Ask a server in place of a ledger here: agent, tournament, leaderboard, match, job, game. "
        "$ARENA_TOKEN, or the file that $ARENA_TOKEN_FILE names, says who asks.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="The same seed gives the same matches.")]
Workers = Annotated[
    int, typer.Option("--workers", "-w", min=1, max=1024, help="Processes that play; 1 plays in this one.")
]
Submit = Annotated[
    bool, typer.Option("--submit", help="Leave it to whoever does the ledger's jobs: arena worker, arena serve.")
]
MoveClock = Annotated[
    float | None,
    typer.Option("--move-clock", help="Seconds for each answer of an agent outside Arena's process."),
]
Sandbox = Annotated[
    str | None,
    typer.Option(
        "--sandbox", help="How exec: and python: agents are confined: none, limits, bubblewrap, bubblewrap-gpu."
    ),
]
MatchClock = Annotated[
    float | None,
    typer.Option("--match-clock", help="Seconds for all answers of one player in one match."),
]


def at_server(place: str | None) -> bool:
    """Whether the ledger is behind a server."""
    return place is not None and place.startswith(SERVERS)


def open_source(place: str | None, *, create: bool = False, read_only: bool = True) -> Source:
    """The ledger of a command, whether it is here or behind a server.

    Args:
        place: what `Db` says.
        create: whether one is made here, where there is none.
        read_only: whether the command only reads.
    """
    if place is not None and at_server(place):
        from arena.client import Client

        return Client(place)
    from arena.ledger import Ledger
    from arena.source import LedgerSource

    return LedgerSource(Ledger.open(place, create=create, read_only=read_only))
