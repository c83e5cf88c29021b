"""`arena leaderboard`: the finding first, then the table that proves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db, Json

if TYPE_CHECKING:
    from arena.cli.output import Head
    from arena.leaderboards.leaderboard import Leaderboard, Row
    from arena.standings import Standings

AXIS = 25  # characters of the drawing of intervals
MATRIX_AT_MOST = 16  # a wider head-to-head matrix does not fit a terminal


def leaderboard_command(
    game: Annotated[str | None, typer.Argument(help="the game; not needed where the ledger has only one")] = None,
    method: Annotated[str, typer.Option("--method", "-m", help="elo or bradley_terry")] = "elo",
    tournament: Annotated[str | None, typer.Option("--tournament", "-t", help="Only this tournament.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Rate a file of results (.csv, .jsonl, .pgn); no ledger needed.")
    ] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Rate the agents of a game: ratings with 95 % intervals, records, head-to-head, minimax winner."""
    from arena.cli.output import say_json
    from arena.games import SpecificationError, UnknownName
    from arena.leaderboards.leaderboard import METHODS, leaderboard
    from arena.leaderboards.record_file import read_record

    if method not in METHODS:
        raise UnknownName("rating method", method, METHODS)
    if source is not None:
        board = leaderboard(read_record(source), method=method)
        if json:
            say_json({"from": str(source), "leaderboard": board.to_dict()})
        else:
            print_leaderboard(board, title=source.name)
        return
    from arena.ledger import Ledger
    from arena.standings import standings

    with Ledger.open(db, create=False) as ledger:
        games = [row.game for row in ledger.games()]
        if game is None:
            if len(games) != 1:
                raise SpecificationError(f"name the game; the ledger has {', '.join(games) or 'none yet'}")
            game = games[0]
        found = standings(ledger, game, tournament=tournament, method=method)
    if json:
        say_json(found.to_dict())
    else:
        print_standings(found)


def print_standings(found: Standings) -> None:
    """The leaderboard of a ledger's game."""
    from arena.cli.output import say

    print_leaderboard(found.leaderboard, title=found.title, exploitability=found.exploitability)
    if found.verdict:
        say(f"Verdict: {found.verdict}")
    if found.surplus:
        say(f"{found.surplus:,} matches after the verdict are kept and not rated")
    say(f"{found.game}, {found.matches:,} matches of {', '.join(found.tournaments)}; computed {found.computed_at}")


def print_leaderboard(board: Leaderboard, *, title: str, exploitability: dict[str, float] | None = None) -> None:
    """Finding, table, head-to-head matrix, minimax winner, notes."""
    from arena.cli.output import say

    exploitability = exploitability or {}
    say(f"{title}: {board.finding}")
    groups = board.groups or (tuple(row.agent for row in board.rows),)
    for number, group in enumerate(groups):
        rows = [row for row in board.rows if row.agent in group]
        _print_rows(
            rows, exploitability, title=f"Group {number + 1}: never met the others" if len(groups) > 1 else None
        )
    _print_matrix(board)
    if board.minimax is not None:
        support = [(row.agent, row.minimax_weight) for row in board.rows if row.minimax_weight]
        shares = ", ".join(f"{agent} {weight:.3f}" for agent, weight in sorted(support, key=lambda pair: -pair[1]))
        say(f"Minimax winner: {shares}")
    for note in board.notes:
        say(f"Note: {note}")


def _print_rows(rows: list[Row], exploitability: dict[str, float], *, title: str | None) -> None:
    from arena.cli.output import table
    from arena.leaderboards.wording import percent, signed

    rated = [row for row in rows if row.rating is not None]
    low = min((row.low for row in rated), default=0.0)
    high = max((row.high for row in rated), default=0.0)
    heads: list[Head] = [("rank", "right"), "agent"]
    if rated:
        heads += [("rating", "right"), ("95 %", "right"), f"{signed(low)} to {signed(high)}"]
    heads += [("matches", "right"), ("won", "right"), ("drawn", "right"), ("lost", "right"), ("score", "right")]
    heads += ["by seat", ("mean return", "right")]
    minimax = any(row.minimax_weight is not None for row in rows)
    if minimax:
        heads.append(("minimax", "right"))
    if exploitability:
        heads.append(("exploitability", "right"))
    if any(row.forfeits for row in rows):
        heads.append(("forfeits", "right"))
    lines = []
    for row in rows:
        line = [_rank(row.rank), row.agent + (" (provisional)" if row.provisional else "")]
        if rated:
            line += [signed(row.rating), f"±{(row.high - row.low) / 2:.0f}", _interval(row, low, high)]
        line += [
            f"{row.matches:,}",
            f"{row.wins:,}",
            f"{row.draws:,}",
            f"{row.losses:,}",
            percent(row.score, row.matches),
        ]
        line += [" ".join(percent(seat.score, seat.matches) for seat in row.seat_scores), signed(row.mean_return, 3)]
        if minimax:
            line.append("" if row.minimax_weight is None else f"{row.minimax_weight:.2f}")
        if exploitability:
            value = exploitability.get(row.agent)
            line.append("" if value is None else f"{value:.4f}")
        if any(other.forfeits for other in rows):
            line.append(f"{row.forfeits:,}")
        lines.append(line)
    table(heads, lines, title=title)


def _rank(rank: tuple[int, int]) -> str:
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"


def _interval(row: Row, low: float, high: float) -> str:
    """The interval and the estimate on one axis for all rows: ``  ├──●──┤   ``."""
    if not high > low:
        return "●"

    def place(value: float) -> int:
        return min(AXIS - 1, max(0, round((value - low) / (high - low) * (AXIS - 1))))

    cells = [" "] * AXIS
    left, right = place(row.low), place(row.high)
    for at in range(left, right + 1):
        cells[at] = "─"
    cells[left], cells[right] = "├", "┤"
    cells[place(row.rating)] = "●"
    return "".join(cells)


def _print_matrix(board: Leaderboard) -> None:
    from arena.cli.output import say, table

    agents = board.matrix.agents
    if not 2 <= len(agents) <= MATRIX_AT_MOST:
        if len(agents) > MATRIX_AT_MOST:
            say(f"Head-to-head of {len(agents)} agents: --json, or arena serve")
        return
    heads: list[Head] = ["row's score against"]
    heads += [(str(number + 1), "right") for number in range(len(agents))]
    rows = []
    for i, agent in enumerate(agents):
        scores = ["·" if i == j else _share(board, i, j) for j in range(len(agents))]
        rows.append([f"{i + 1} {agent}", *scores])
    table(heads, rows)


def _share(board: Leaderboard, row: int, column: int) -> str:
    """The row's score against the column; a dash where they never met."""
    from arena.leaderboards.wording import percent

    matches = int(board.matrix.matches[row, column])
    return percent(float(board.matrix.score[row, column]), matches) if matches else "–"
