"""`arena figure`: a ladder as a figure for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from arena.figures.style import Columns
    from arena.leaderboards.record import Record

KINDS = ("ratings", "payoffs", "graph", "weights")


def figure_command(
    kind: Annotated[str, typer.Argument(help="ratings, payoffs, graph or weights")],
    game: Annotated[str | None, typer.Argument(help="the game; not needed where the ledger has only one")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file: .svg, .pdf or .png; KIND.svg without it.")
    ] = None,
    method: Annotated[str, typer.Option("--method", "-m", help="How to rate; of ratings and graph.")] = "elo",
    tournament: Annotated[str | None, typer.Option("--tournament", "-t", help="Only this tournament.")] = None,
    source: Annotated[Path | None, typer.Option("--from", help="Of a file of results; no ledger needed.")] = None,
    columns: Annotated[int, typer.Option("--columns", min=1, max=2, help="Of a page, whose width it takes.")] = 1,
    heading: Annotated[
        bool, typer.Option("--heading/--no-heading", help="The finding and the legend in words on top.")
    ] = True,
    db: Db = None,
) -> None:
    """Draw rating intervals, payoffs ordered by cycles, the response graph, or minimax weights over time."""
    from arena.cli.output import say
    from arena.figures import save_figure
    from arena.figures.style import check_figure_file, letters_missing
    from arena.games import SpecificationError, UnknownName
    from arena.leaderboards.leaderboard import METHODS

    if kind not in KINDS:
        raise UnknownName("figure", kind, KINDS)
    if method not in METHODS:
        raise UnknownName("rating method", method, METHODS)
    path = output or Path(f"{kind}.svg")
    check_figure_file(path)
    record, events = _record(game, tournament, source, db)
    try:
        drawn = _drawn(kind, record, events, method, 2 if columns == 2 else 1, heading)
    except ValueError as error:  # what cannot be drawn of these matches
        raise SpecificationError(str(error)) from None
    save_figure(drawn, path)
    say(f"wrote {path}: {path.stat().st_size:,} bytes")
    missing = letters_missing(record.agents)
    if missing is not None:
        say(f"Note: {missing}")


def _record(
    game: str | None, tournament: str | None, source: Path | None, db: str | None
) -> tuple[Record, list[tuple[int, str]]]:
    """The rated matches in schedule order, and after how many of them each tournament ends."""
    import numpy as np

    from arena.games import SpecificationError
    from arena.leaderboards.record_file import read_record
    from arena.ledger import Ledger
    from arena.rated_matches import rated_matches
    from arena.standings import canonical_game

    if source is not None:
        return read_record(source, game=game), []
    with Ledger.open(db, create=False, read_only=True) as ledger:
        games = [row.game for row in ledger.games()]
        if game is None:
            if len(games) != 1:
                raise SpecificationError(f"name the game; the ledger has {', '.join(games) or 'none yet'}")
            game = games[0]
        game = canonical_game(ledger, game)
        chosen = ledger.tournaments(game) if tournament is None else [ledger.tournament(tournament)]
        if chosen[0].game != game:
            raise SpecificationError(f"tournament {tournament!r} is of {chosen[0].game}, not of {game}")
        rated = rated_matches(ledger, chosen)
    counts = np.bincount(rated.tournament, minlength=len(rated.keys))
    return rated.record, list(zip(np.cumsum(counts).tolist(), rated.keys, strict=True))


def _drawn(
    kind: str, record: Record, events: list[tuple[int, str]], method: str, columns: Columns, heading: bool
) -> Figure:
    from arena.figures import graph_figure, payoffs_figure, ratings_figure, weights_figure
    from arena.leaderboards import leaderboard, payoff_matrix, weights_over_time

    if kind == "weights":
        over_time = weights_over_time(record, ends=[at for at, _ in events])
        return weights_figure(over_time, events=events, columns=columns, heading=heading)
    if kind == "payoffs":
        return payoffs_figure(payoff_matrix(record), columns=columns, heading=heading)
    board = leaderboard(record, method=method)
    draw = ratings_figure if kind == "ratings" else graph_figure
    return draw(board, columns=columns, heading=heading)
