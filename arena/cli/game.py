"""`arena game`: what can be played."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Json, server_of

if TYPE_CHECKING:
    from arena.games import GameInfo

app = typer.Typer(help="Games that can be played here.", no_args_is_help=True)


@app.command("list")
def list_command(
    context: typer.Context,
    scheme: Annotated[str | None, typer.Argument(help="arena, matrix, openspiel, pettingzoo, preference, ...")] = None,
    json: Json = False,
) -> None:
    """List games by name."""
    from arena.cli.output import Head, say, say_json, table
    from arena.games import list_games

    server = server_of(context)
    found = list_games(scheme) if server is None else _playable_at(server, scheme)
    if json:
        say_json([facts(info) for info in found])
        return
    rows = [
        (
            info.specification,
            str(info.num_players),
            "simultaneous" if info.simultaneous else "turns",
            ("chance, " if info.chance else "") + info.information,
            info.utility.replace("_", "-"),
            info.lane,
        )
        for info in found
    ]
    heads: list[Head] = ["game", ("players", "right"), "moves", "information", "utility", "lane"]
    table(heads, rows, optional=("lane", "information", "moves", "utility"))
    say(f"{len(found):,} games. Files are games too: matrix:FILE (.csv, .npy, .nfg), preference:FILE (.csv, .jsonl)")


@app.command("show")
def show_command(
    context: typer.Context,
    game: Annotated[str, typer.Argument(help="for example openspiel:leduc_poker")],
    json: Json = False,
) -> None:
    """Show the facts of one game; of a server's, one that it lists by name."""
    from arena.cli.output import say, say_json
    from arena.games import UnknownName, load_game

    server = server_of(context)
    if server is None:
        info = load_game(game).info
    else:
        there = {one.specification: one for one in _playable_at(server, game.partition(":")[0])}
        if game not in there:
            raise UnknownName("game of this server", game, there)
        info = there[game]
    if json:
        say_json(facts(info))
        return
    say(f"{info.title} ({info.version})")
    for key, value in facts(info).items():
        say(f"  {key:<18} {value}")


def _playable_at(server: str, scheme: str | None) -> list[GameInfo]:
    from arena.client import Client

    with Client(server) as client:
        return client.playable(scheme)


def facts(info: object) -> dict[str, object]:
    """The facts as JSON values."""
    import dataclasses

    assert dataclasses.is_dataclass(info) and not isinstance(info, type)
    return dataclasses.asdict(info)
