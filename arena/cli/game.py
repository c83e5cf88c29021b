"""`arena game`: what can be played."""

from __future__ import annotations

from typing import Annotated

import typer

from arena.cli.options import Json

app = typer.Typer(help="Games that can be played here.", no_args_is_help=True)


@app.command("list")
def list_command(
    scheme: Annotated[str | None, typer.Argument(help="arena, matrix, openspiel, pettingzoo, preference, ...")] = None,
    json: Json = False,
) -> None:
    """List games by name."""
    from arena.cli.output import Head, say, say_json, table
    from arena.games import list_games

    found = list_games(scheme)
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
    game: Annotated[str, typer.Argument(help="for example openspiel:leduc_poker")], json: Json = False
) -> None:
    """Show the facts of one game."""
    from arena.cli.output import say, say_json
    from arena.games import load_game

    info = load_game(game).info
    if json:
        say_json(facts(info))
        return
    say(f"{info.title} ({info.version})")
    for key, value in facts(info).items():
        say(f"  {key:<18} {value}")


def facts(info: object) -> dict[str, object]:
    """The facts as JSON values."""
    import dataclasses

    assert dataclasses.is_dataclass(info) and not isinstance(info, type)
    return dataclasses.asdict(info)
