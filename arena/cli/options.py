"""Options that several commands share, each in one wording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeGuard

import typer

if TYPE_CHECKING:
    from arena.source import Source

SERVERS = ("http://", "https://")
LAST_SEED = 2**63 - 1


def server_of(context: typer.Context) -> str | None:
    """The server that was named before the command."""
    server: str | None = context.find_root().params.get("server")
    return server


HERE_ALONE = {
    "account": "accounts are made on its machine (arena account --db), or in a browser at {server}/admin",
    "token": "tokens are made on its machine (arena token --db), or in a browser at {server}/account",
    "audit": "its audit log is read on its machine (arena audit --db), or in a browser at {server}/admin/audit",
    "db": "its database is looked after on its machine",
    "doctor": "the doctor looks at this machine: leave the server out; {server}/readyz says how the server is",
    "serve": "it serves already; leave the server out to serve a ledger of this machine",
    "worker": "a worker reaches the ledger itself: leave the server out and name the ledger with --db",
    "judge": "judges are asked from here: leave the server out, and send what they said with arena push {server}",
}
"""What of a server's ledger is done elsewhere than over HTTP by a command, and how instead."""


def _place(context: typer.Context, db: str | None) -> str | None:
    """Where the ledger is: behind the server that was named before the command, unless the command itself names another place."""
    server = server_of(context)
    said = context.get_parameter_source("db")
    if server is None or (said is not None and said.name == "COMMANDLINE"):
        return db
    instead = HERE_ALONE.get(_command(context))
    if instead is not None:
        from arena.games.errors import SpecificationError

        raise SpecificationError(f"{server} is a server, and {instead.format(server=server.rstrip('/'))}")
    return server


def _command(context: typer.Context) -> str:
    """What stands first after `arena`: of ``arena db check`` ``db``."""
    name, within = context.info_name, context.parent
    while within is not None and within.parent is not None:
        name, within = within.info_name, within.parent
    return name or ""


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
        help="Ask a server in place of a ledger here: agent, tournament, leaderboard, match, job, poll, game, solve, train, exploit, verify. "
        "$ARENA_TOKEN, or the file that $ARENA_TOKEN_FILE names, says who asks.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=LAST_SEED, help="The same seed gives the same matches.")]
Workers = Annotated[
    int, typer.Option("--workers", "-w", min=1, max=1024, help="Processes that play; 1 plays in this one.")
]
Submit = Annotated[
    bool, typer.Option("--submit", help="Leave it to whoever does the ledger's jobs: arena worker, arena serve.")
]
Cpus = Annotated[float | None, typer.Option("--cpus", min=0.01, help="Cores that a worker must give it; 1.")]
Gpus = Annotated[
    float | None, typer.Option("--gpus", min=0, help="GPUs that a worker must give it; 1 where it computes on cuda.")
]
Memory = Annotated[
    float | None, typer.Option("--memory", min=0, metavar="GIB", help="GiB of memory that a worker must give it.")
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


def at_server(place: str | None) -> TypeGuard[str]:
    """Whether the ledger is behind a server."""
    return place is not None and place.startswith(SERVERS)


def open_source(place: str | None, *, create: bool = False, read_only: bool = True) -> Source:
    """The ledger of a command, whether it is here or behind a server.

    Args:
        place: what `Db` says.
        create: whether one is made here, where there is none.
        read_only: whether the command only reads.
    """
    if at_server(place):
        from arena.client import Client

        return Client(place)
    from arena.ledger import Ledger
    from arena.source import LedgerSource

    return LedgerSource(Ledger.open(place, create=create, read_only=read_only))
