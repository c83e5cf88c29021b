"""`arena leaderboard`: the finding first, then the table that proves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db, Json, open_source

if TYPE_CHECKING:
    from arena.adjusted_returns import AdjustedReturns
    from arena.anytime_ratings import AnytimeRatings
    from arena.cli.output import Head
    from arena.columns import Exploitability
    from arena.counterfactual import Where
    from arena.explanation import AgentExplanation
    from arena.leaderboards.leaderboard import Leaderboard, Row
    from arena.preference_finding import PreferenceFinding
    from arena.standings import Standings

AXIS = 25  # characters of the drawing of intervals
MATRIX_AT_MOST = 16  # a wider head-to-head matrix does not fit a terminal


def leaderboard_command(
    game: Annotated[str | None, typer.Argument(help="the game; not needed where the ledger has only one")] = None,
    method: Annotated[str, typer.Option("--method", "-m", help="How to rate; --methods lists them.")] = "elo",
    methods: Annotated[bool, typer.Option("--methods", help="List the rating methods and what they mean.")] = False,
    tournament: Annotated[str | None, typer.Option("--tournament", "-t", help="Only this tournament.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Rate a file of results (.csv, .jsonl, .parquet, .pgn); no ledger needed."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to a file: .json, .csv or .parquet.")
    ] = None,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="Mean returns with luck taken out (AIVAT), beside those that were paid.")
    ] = False,
    joint: Annotated[
        bool, typer.Option("--joint", help="Ranks that are all true at once with 95 %, in place of pair by pair.")
    ] = False,
    anytime: Annotated[
        bool,
        typer.Option("--anytime", help="Elo differences with bounds that hold at whatever moment one looks, or stops."),
    ] = False,
    anchor: Annotated[
        str | None, typer.Option("--anchor", help="With --anytime: only the differences to this agent.")
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", help="Why this agent has its rating: opponents, matches, whom to play next."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="Only what was finished since this date (2026-11-20, or 2026-11-20T14:00 in UTC); "
            "with --explain, what changed since.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Only what was finished until this date, written like that of --since."),
    ] = None,
    without_forfeits: Annotated[
        bool, typer.Option("--without-forfeits", help="Only matches that nobody forfeited.")
    ] = False,
    seat: Annotated[int | None, typer.Option("--seat", help="Only what agents did on this seat, from 1.")] = None,
    only_tournament: Annotated[
        list[str] | None, typer.Option("--only-tournament", help="Only this tournament; several times for several.")
    ] = None,
    without_agent: Annotated[
        list[str] | None, typer.Option("--without-agent", help="No match of this agent; several times for several.")
    ] = None,
    without_judge: Annotated[
        list[str] | None, typer.Option("--without-judge", help="No verdict of this judge; several times for several.")
    ] = None,
    context: Annotated[
        list[str] | None, typer.Option("--context", help="Only votes in this context; several times for several.")
    ] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Rate the agents of a game: ratings with 95 % intervals, records, head-to-head, minimax winner."""
    from arena.cli.output import say_json
    from arena.counterfactual import Where
    from arena.games import SpecificationError, UnknownName
    from arena.leaderboards.leaderboard import METHODS
    from arena.leaderboards.record_file import read_record

    if output is not None:
        from arena.leaderboard_file import check_leaderboard_file

        check_leaderboard_file(output)
    if methods:
        print_methods(json=json)
        return
    if method not in METHODS:
        raise UnknownName("rating method", method, METHODS)
    where = Where(
        without_forfeits=without_forfeits,
        seat=seat,
        since=None if explain else since,
        until=until,
        tournaments=tuple(only_tournament or ()),
        without_agents=tuple(without_agent or ()),
        without_judges=tuple(without_judge or ()),
        contexts=tuple(context or ()),
    )
    if adjusted and (where or explain):
        raise SpecificationError("--adjusted is of all matches; leave the other questions out")
    if joint and (adjusted or explain or seat is not None):
        raise SpecificationError("--joint is of the ranks of a leaderboard; leave --adjusted, --explain and --seat out")
    if anchor is not None and not anytime:
        raise SpecificationError("--anchor goes with --anytime")
    if anytime and (adjusted or explain or joint or output is not None or seat is not None or method != "elo"):
        raise SpecificationError(
            "--anytime is of Elo differences, printed or given as JSON with --json; leave --method, --adjusted, --explain, "
            "--joint, --output and --seat out"
        )
    if explain and (source is not None or output is not None):
        raise SpecificationError("--explain is of a ledger, printed or given as JSON with --json")
    if adjusted and output is not None:
        raise SpecificationError("--adjusted is printed, or given as JSON with --json; leave --output out")
    if adjusted and source is not None:
        from arena.adjusted_returns import adjusted_record

        _say_adjusted(adjusted_record(read_record(source, game=game), name=source.name), json=json)
        return
    if anytime and source is not None:
        _say_anytime(_anytime_of_file(source, game, where, anchor), json=json)
        return
    if source is not None:
        board = _board_of_file(source, game, method, where, joint=joint)
        if output is not None:
            _write(output, board, {"from": source.name})
        elif json:
            say_json({"from": str(source), "leaderboard": board.to_dict()})
        else:
            print_leaderboard(board, title=source.name)
        return
    if adjusted:
        from arena.adjusted_returns import adjusted_standings
        from arena.ledger import Ledger

        with Ledger.open(db, create=False, read_only=True) as opened:
            game = game or _only_game([row.game for row in opened.games()])
            _say_adjusted(adjusted_standings(opened, game, tournament=tournament), json=json)
        return
    with open_source(db) as ledger:
        game = game or _only_game([row.game for row in ledger.games()])
        if anytime:
            _say_anytime(ledger.anytime(game, tournament=tournament, anchor=anchor, where=where), json=json)
            return
        if explain:
            _say_explained(
                ledger.explained(game, explain, method=method, tournament=tournament, since=since, where=where),
                json=json,
            )
            return
        found = ledger.standings(game, tournament=tournament, method=method, where=where, joint=joint)
    if output is not None:
        facts = {name: value for name, value in found.to_dict().items() if name not in ("computed_at", "leaderboard")}
        _write(output, found.leaderboard, facts, found.exploitability)
    elif json:
        say_json(found.to_dict())
    else:
        print_standings(found)


def _only_game(games: list[str]) -> str:
    """The game of a ledger that has one."""
    from arena.games import SpecificationError

    if len(games) != 1:
        raise SpecificationError(f"name the game; the ledger has {', '.join(games) or 'none yet'}")
    return games[0]


def _board_of_file(source: Path, game: str | None, method: str, where: Where, *, joint: bool) -> Leaderboard:
    """The leaderboard of a file of results, of all of it or of what counts."""
    from dataclasses import replace

    from arena.counterfactual import kept_of, moves, moves_in_words
    from arena.leaderboards.leaderboard import leaderboard
    from arena.leaderboards.one_seat import seat_leaderboard
    from arena.leaderboards.record_file import read_record

    everything = read_record(source, game=game)
    full = leaderboard(everything, method=method, joint=joint)
    if not where:
        return full
    kept = kept_of(read_record(source, game=game, without_judges=where.without_judges), where)
    if where.seat is None:
        board = leaderboard(kept, method=method, joint=joint)
    else:
        board = seat_leaderboard(kept, seat=where.seat - 1, method=method)
    left_out = len(everything) - len(kept)
    said = f"this board is not the full one: {where.sentence()}; {left_out:,} matches are left out"
    return replace(board, notes=(said, moves_in_words(moves(full, board)), *board.notes))


def _anytime_of_file(source: Path, game: str | None, where: Where, anchor: str | None) -> AnytimeRatings:
    """The differences of a file of results, in the order of its rows."""
    from dataclasses import replace

    from arena.anytime_ratings import anytime_ratings
    from arena.counterfactual import kept_of
    from arena.leaderboards.record_file import read_record

    record = read_record(source, game=game, without_judges=where.without_judges)
    found = anytime_ratings(kept_of(record, where) if where else record, name=source.name, anchor=anchor)
    return replace(found, notes=(f"counted: {where.sentence()}", *found.notes)) if where else found


def _say_anytime(found: AnytimeRatings, *, json: bool) -> None:
    from arena.cli.anytime import print_anytime
    from arena.cli.output import say_json

    if json:
        say_json(found.to_dict())
    else:
        print_anytime(found)


def _say_explained(found: AgentExplanation, *, json: bool) -> None:
    from arena.cli.explain import print_explanation
    from arena.cli.output import say_json

    if json:
        say_json(found.to_dict())
    else:
        print_explanation(found)


def _say_adjusted(found: AdjustedReturns, *, json: bool) -> None:
    from arena.cli.adjusted import print_adjusted
    from arena.cli.output import say_json

    if json:
        say_json(found.to_dict())
    else:
        print_adjusted(found)


def _write(
    output: Path, board: Leaderboard, facts: dict[str, object], exploitability: dict[str, Exploitability] | None = None
) -> None:
    from arena.cli.output import say
    from arena.columns import values_of
    from arena.leaderboard_file import write_leaderboard

    known = exploitability or {}
    write_leaderboard(
        output, board, facts=facts, exploitability=values_of(known, "exact"), at_least=values_of(known, "lower bound")
    )
    say(f"wrote {output}: {len(board.rows):,} agents, {output.stat().st_size:,} bytes")


def print_methods(*, json: bool) -> None:
    """The rating methods and what their numbers mean."""
    from arena.cli.output import say_json, table
    from arena.leaderboards.methods import RATING_METHODS

    if json:
        say_json({"methods": {name: method.meaning for name, method in RATING_METHODS.items()}})
        return
    table(["method", "what the number means"], [[name, method.meaning] for name, method in RATING_METHODS.items()])


def print_standings(found: Standings) -> None:
    """The leaderboard of a ledger's game."""
    from arena.cli.output import say

    if found.where is not None:
        _print_moves(found)
    print_leaderboard(
        found.leaderboard, title=found.title, exploitability=found.exploitability, beaten_by=found.beaten_by
    )
    _print_columns(found)
    if found.preference is not None:
        _print_preference(found.preference)
    if found.noise_floor is not None:
        say(f"Noise floor: {found.noise_floor.sentence()}")
    if found.surplus:
        say(f"{found.surplus:,} matches after the verdict are kept and not rated")
    say(
        f"{found.game}, {found.matches:,} matches of {', '.join(found.tournaments)}; computed {found.computed_at}, here"
    )


def _print_preference(found: PreferenceFinding) -> None:
    """What votes say besides ratings, and how good their judges are."""
    from arena.cli.judge import print_judges
    from arena.cli.output import say

    for sentence in found.sentences():
        say(sentence)
    print_judges(found.judges)


def _print_columns(found: Standings) -> None:
    """What jobs have computed, with when and where."""
    from arena.cli.output import say, table

    if not found.columns:
        return
    heads: list[Head] = ["computed as jobs", *((column.title, "right") for column in found.columns)]
    agents = [row.agent for row in found.leaderboard.rows]
    table(heads, [[agent, *(column.cell(agent) for column in found.columns)] for agent in agents])
    for column in found.columns:
        say(column.sentence())


def _print_moves(found: Standings) -> None:
    """How ranks moved against the full board: the finding of a counterfactual one."""
    from arena.cli.output import say, table
    from arena.counterfactual import moves_in_words, rating_moved
    from arena.leaderboards.methods import RATING_METHODS

    assert found.where is not None
    digits = RATING_METHODS[found.leaderboard.method].digits
    say(f"Counted: {found.where.sentence()}. {moves_in_words(found.moved)}")
    rows = [
        [
            one.agent,
            "–" if one.rank_in_full is None else _rank(one.rank_in_full),
            "–" if one.rank is None else _rank(one.rank),
            rating_moved(one, digits),
        ]
        for one in found.moved
    ]
    table(["agent", ("rank in full", "right"), ("rank here", "right"), ("rating moved", "right")], rows)


def print_leaderboard(
    board: Leaderboard,
    *,
    title: str,
    exploitability: dict[str, Exploitability] | None = None,
    beaten_by: dict[str, tuple[str, ...]] | None = None,
) -> None:
    """Finding, table, head-to-head matrix, minimax winner, notes."""
    from arena.cli.output import say
    from arena.leaderboards.finding import METHOD_NAMES, mixture_in_words
    from arena.leaderboards.methods import RATING_METHODS
    from arena.leaderboards.wording import listed

    exploitability = exploitability or {}
    say(f"{title}: {board.finding}")
    groups = board.groups or (tuple(row.agent for row in board.rows),)
    for number, group in enumerate(groups):
        rows = [row for row in board.rows if row.agent in group]
        if not rows:
            continue
        _print_rows(
            board, rows, exploitability, title=f"Group {number + 1}: never met the others" if len(groups) > 1 else None
        )
    say(f"{METHOD_NAMES[board.method]}: {RATING_METHODS[board.method].meaning}")
    _print_matrix(board)
    if board.minimax is not None:
        say(f"Minimax winner: {mixture_in_words(board.minimax)}")
    exact: dict[str, list[str]] = {}
    for agent, one in exploitability.items():
        if one.kind == "exact":
            exact.setdefault(one.sentence(), []).append(agent)
        else:
            say(f"Exploitability of {agent}: {one.shown}, {one.sentence()}")
    for sentence, agents in exact.items():
        say(f"Exploitability of {listed(agents)}: {sentence}")
    if beaten_by:
        beaten = "; ".join(f"{agent} by {listed(others)}" for agent, others in beaten_by.items())
        say(f"Beaten with 95 % confidence, each pair for itself: {beaten}")
    for note in board.notes:
        say(f"Note: {note}")


def _print_rows(
    board: Leaderboard, rows: list[Row], exploitability: dict[str, Exploitability], *, title: str | None
) -> None:
    from arena.cli.output import table
    from arena.leaderboards.finding import DIGITS, METHOD_NAMES, doubt_of, written_of
    from arena.leaderboards.wording import share_of, signed

    digits = DIGITS.get(board.method, 2)
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    drawing = f"{written_of(board.method, low)} to {written_of(board.method, high)}" if low == low else "interval"
    columns: list[tuple[Head, Callable[[Row], str]]] = [
        (("rank", "right"), lambda row: "–" if row.provisional else _rank(row.rank)),
        ("agent", lambda row: row.agent + (" (provisional)" if row.provisional else "")),
        ((METHOD_NAMES[board.method], "right"), lambda row: written_of(board.method, row.rating)),
        (("95 %", "right"), lambda row: doubt_of(board.method, row.low, row.rating, row.high) or "–"),
        (drawing, lambda row: _interval(row, low, high)),
        (("matches", "right"), lambda row: f"{row.matches:,}"),
        (("won", "right"), lambda row: f"{row.wins:,}"),
        (("drawn", "right"), lambda row: f"{row.draws:,}"),
        (("lost", "right"), lambda row: f"{row.losses:,}"),
        (("score", "right"), lambda row: share_of(row.score, row.matches)),
        ("by seat", lambda row: " ".join(share_of(seat.score, seat.matches) for seat in row.seat_scores)),
        (("mean return", "right"), lambda row: signed(row.mean_return, 3)),
    ]
    if any(row.minimax_weight is not None for row in rows):
        columns.append((("minimax", "right"), _weight))
    if exploitability:
        columns.append(
            (
                ("exploitability", "right"),
                lambda row: exploitability[row.agent].shown if row.agent in exploitability else "",
            )
        )
    if any(row.forfeits for row in rows):
        columns.append((("forfeits", "right"), lambda row: f"{row.forfeits:,}"))
        columns.append((("reliable", "right"), _reliability))
        columns.append((("where nobody forfeits", "right"), lambda row: _played_out(row, digits)))
    table(
        [head for head, _ in columns],
        [[cell(row) for _, cell in columns] for row in rows],
        title=title,
        optional=("by seat", "mean return", drawing, "drawn", "won", "lost", "matches"),
    )


def _weight(row: Row) -> str:
    """The weight in the minimax winner, with its interval where it is not a point: ``1.00 (0.00–1.00)``."""
    if row.minimax_weight is None:
        return ""
    weight = f"{row.minimax_weight:.2f}"
    low, high = row.minimax_low, row.minimax_high
    if low is None or high is None or f"{low:.2f}" == f"{high:.2f}" == weight:
        return weight
    return f"{weight} ({low:.2f}–{high:.2f})"


def _reliability(row: Row) -> str:
    """The share of its matches that an agent did not forfeit, with its interval: ``67 % (58–75)``."""
    from arena.leaderboards.wording import share_of

    if row.reliability is None or row.reliability_low is None or row.reliability_high is None:
        return ""
    return (
        f"{share_of(row.reliability, row.matches)} ({100 * row.reliability_low:.0f}–{100 * row.reliability_high:.0f})"
    )


def _played_out(row: Row, digits: int) -> str:
    """The rating by matches that nobody forfeited: ``+104 ±12``."""
    from arena.leaderboards.wording import signed

    if row.played_out is None:
        return "–"
    if row.played_out_low is None or row.played_out_high is None:
        return signed(row.played_out, digits)
    return f"{signed(row.played_out, digits)} ±{(row.played_out_high - row.played_out_low) / 2:.{digits}f}"


def _rank(rank: tuple[int, int]) -> str:
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"


def _interval(row: Row, low: float, high: float) -> str:
    """The interval and the estimate on one axis for all rows: ``  ├──●──┤   ``."""
    if not high > low or not row.high >= row.low:
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
    """Head-to-head, in the order of the table."""
    from arena.cli.output import say, table

    if not 2 <= len(board.rows) <= MATRIX_AT_MOST:
        if len(board.rows) > MATRIX_AT_MOST:
            say(f"Head-to-head of {len(board.rows)} agents: --json, or arena serve")
        return
    at = {agent: index for index, agent in enumerate(board.matrix.agents)}
    order = [at[row.agent] for row in board.rows]
    heads: list[Head] = ["row's score against"]
    heads += [(str(number + 1), "right") for number in range(len(order))]
    rows = [
        [f"{number + 1} {board.matrix.agents[i]}", *("·" if i == j else _share(board, i, j) for j in order)]
        for number, i in enumerate(order)
    ]
    table(heads, rows)
    if board.minimax is not None and board.minimax.payoff == "margin":
        heads[0] = "row's mean margin over"
        margins = [
            [rows[at][0], *("·" if i == j else _margin(board, i, j) for j in order)] for at, i in enumerate(order)
        ]
        table(heads, margins)


def _margin(board: Leaderboard, row: int, column: int) -> str:
    from arena.leaderboards.wording import signed

    return signed(float(board.matrix.margin[row, column]), 2) if board.matrix.matches[row, column] else "–"


def _share(board: Leaderboard, row: int, column: int) -> str:
    """The row's score against the column; a dash where they never met."""
    from arena.leaderboards.wording import share_of

    matches = int(board.matrix.matches[row, column])
    return share_of(float(board.matrix.score[row, column]), matches) if matches else "–"
