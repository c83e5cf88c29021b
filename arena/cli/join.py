"""`arena join`: an agent on this machine plays on a server elsewhere, which never gets its code."""

from __future__ import annotations

from typing import Annotated

import typer


def join_command(
    url: Annotated[str, typer.Argument(help="The server, for example https://arena.example.org.")],
    agent: Annotated[str, typer.Argument(help="What plays, here: exec:./mybot, python:mybot.py:Bot, policy:FILE ...")],
    game: Annotated[str, typer.Option("--game", "-g", help="What it plays, as the server calls it.")],
    token: Annotated[
        str, typer.Option("--token", envvar="ARENA_TOKEN", help="Of your account there, with the scope play or more.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What the agent is called there; made of its specification otherwise.")
    ] = None,
    version: Annotated[
        str,
        typer.Option("--agent-version", help="What it says of itself; another one is another version, rated apart."),
    ] = "",
    matches: Annotated[int, typer.Option("--matches", "-n", min=1, max=4096, help="How many at once.")] = 8,
) -> None:
    """Let an agent on this machine play on a server, until you interrupt it."""
    from arena.cli.output import say
    from arena.config import short_name
    from arena.games import load_game
    from arena.interruption import signals_interrupt
    from arena.join import Joining, join

    joining = Joining(
        url=url,
        token=token,
        game=load_game(game),
        specification=agent,
        name=name or short_name(agent),
        matches=matches,
        version=version,
    )
    with signals_interrupt():
        try:
            join(joining, say=say)
        except KeyboardInterrupt:  # the way to stop it
            say("stopped")
