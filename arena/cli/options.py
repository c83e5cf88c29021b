"""Options that several commands share, each in one wording."""

from __future__ import annotations

from typing import Annotated

import typer

Db = Annotated[
    str | None,
    typer.Option("--db", envvar="ARENA_DB", help="The ledger: a file or a database URL. Default: ./arena.db"),
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
