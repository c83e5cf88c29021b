"""The ladder: a leaderboard's rows as cells, sorted as the address says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from urllib.parse import urlencode

from markupsafe import Markup

from arena.counterfactual import Where
from arena.games import UnknownName
from arena.leaderboards.leaderboard import Method, Row
from arena.leaderboards.methods import RATING_METHODS
from arena.server import numbers
from arena.server.drawing.bars import exploit_bar, seat_dots, wdl_bar, weight_bar
from arena.server.drawing.intervals import Axis, axis_head, axis_of, interval
from arena.server.filters import query_of
from arena.server.paging import ROWS, Pages
from arena.standings import Standings

METHODS: Mapping[Method, str] = {
    name: method.title[:1].upper() + method.title[1:] for name, method in RATING_METHODS.items()
}
"""Rating methods that the page offers, and how their column is called."""

METHOD_GROUPS: Mapping[str, tuple[Method, ...]] = {
    "Strength": (
        *("elo", "bradley_terry", "davidson", "rao_kupper", "bradley_terry_seats", "plackett_luce"),
        *("multidimensional_elo", "elo_online", "glicko2", "openskill"),
    ),
    "Rankings of the field": ("minimax", "nash_average", "alpha_rank", "deviation", "correlated"),
    "Votes": ("copeland", "schulze", "kemeny"),
    "Returns": ("mean_return",),
}
"""The methods by the question that they answer, as the page lists them."""

BEATEN_TOLD = 12
ASCENDING_FIRST = frozenset({"rank", "name", "exploitability"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A sortable column head: where its link leads, and how the column stands now (``aria-sort``)."""

    title: str
    key: str
    address: str
    sorted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRow:
    """One agent's cells, ready to be shown.

    ``exploiter``: who shows a lower bound; ``exploitable``: how that is known, in words. ``beaten_by``: agents that certainly
    beat it; ``beaten``: the same in words. ``reliability``: the share of its matches that it did not forfeit, with its interval;
    ``played_out``: its rating where nobody forfeited, with its half width. ``tier``: everyone above ranks certainly before
    everyone from here on.
    """

    agent: str
    rank: str
    tier: bool
    rating: str
    doubt: str
    interval: Markup
    weight: Markup | None
    exploitability: Markup | None
    exploiter: str | None
    exploitable: str
    beaten_by: tuple[str, ...]
    beaten: str
    reliability: str
    played_out: str
    record: Markup
    seats: Markup
    mean_return: str
    matches: str
    forfeits: int
    provisional: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The table as a whole: which columns it has, and the axis that its intervals share."""

    rows: tuple[LadderRow, ...]
    heads: Mapping[str, Head]
    axis: Markup
    rating: str
    has_weights: bool
    has_exploitability: bool
    has_returns: bool
    has_seats: bool
    has_reliability: bool
    seat_words: str
    any_provisional: bool


def ladders(
    standings: Standings,
    *,
    sort: str = "rank",
    order: str | None = None,
    page: int = 1,
    path: str = "",
    kinds: Mapping[str, str] | None = None,
    in_teams: bool = False,
) -> tuple[list[Ladder], Pages]:
    """A ladder for each group of agents that met, of those that have rows on this page; and the pages. Arguments as of `ladder`."""
    groups = standings.leaderboard.groups or (tuple(row.agent for row in standings.leaderboard.rows),)
    pages = Pages.of(sum(len(group) for group in groups), at=page)
    found, before = [], 0
    for group in groups:
        shown = pages.shown_of(before, len(group))
        before += len(group)
        if shown.stop > shown.start:
            found.append(
                ladder(
                    standings,
                    agents=group,
                    sort=sort,
                    order=order,
                    shown=shown,
                    path=path,
                    kinds=kinds,
                    in_teams=in_teams,
                )
            )
    return found, pages


def ladder(
    standings: Standings,
    *,
    agents: Sequence[str] | None = None,
    sort: str = "rank",
    order: str | None = None,
    shown: slice = slice(ROWS),
    path: str = "",
    kinds: Mapping[str, str] | None = None,
    in_teams: bool = False,
) -> Ladder:
    """The ladder of these standings; an unknown `sort` or `order` means the ladder's own order.

    Args:
        standings: what is shown.
        agents: only these.
        sort: one of the heads' keys.
        order: ``asc`` or ``desc``; by default names, ranks and exploitability rise, all else falls.
        shown: which of the sorted rows; the axis is that of all.
        path: the page's path, for the heads' links.
        kinds: what each agent is, in a word.
        in_teams: whether players stand in teams, so that scores are by side and not by seat.
    """
    board = standings.leaderboard
    among = None if agents is None else set(agents)
    listed = [row for row in board.rows if among is None or row.agent in among]
    keys = _sort_keys(standings)
    sort = sort if sort in keys else "rank"
    rising = order == "asc" if order in ("asc", "desc") else sort in ASCENDING_FIRST
    written = writer(board.method)
    axis = axis_of([(row.low, row.rating, row.high) for row in listed], written=written)
    weights = [row.minimax_weight for row in listed if row.minimax_weight is not None]
    gaps = [one.value for one in standings.exploitability.values()]
    tiers = _tiers(listed) if sort == "rank" and rising else frozenset()
    rows = tuple(
        _row(
            row,
            standings,
            axis,
            written,
            max(weights, default=1.0),
            max(gaps, default=1.0),
            row.agent in tiers,
            (kinds or {}).get(row.agent, ""),
            "side" if in_teams else "seat",
        )
        for row in _sorted(listed, keys[sort], rising)[shown]
    )
    return Ladder(
        rows=rows,
        heads={
            key: _head(key, title, sort, rising, board.method, path, standings.where)
            for key, title in _titles(board.method).items()
        },
        axis=axis_head(axis, label=f"axis of {METHODS[board.method]}"),
        rating=METHODS[board.method],
        has_weights=bool(weights),
        has_exploitability=bool(gaps),
        has_returns=board.method != "mean_return",
        has_seats=any(len(row.seat_scores) > 1 for row in listed),
        has_reliability=any(row.reliability is not None for row in listed),
        seat_words="side" if in_teams else "seat",
        any_provisional=any(row.provisional for row in listed),
    )


def rank_range(row: Row) -> str:
    """``1``, or ``2–5`` where certainty does not reach further; a dash for a provisional agent."""
    if row.provisional:
        return numbers.MISSING
    first, last = row.rank
    return str(first) if first == last else f"{first}–{last}"


def doubt_in_words(row: Row, method: Method) -> str:
    """``±61``, or of shares ``0.41–0.68``; a dash where there is no interval."""
    return RATING_METHODS[method].doubt(row.low, row.rating, row.high) or numbers.MISSING


def reliability_in_words(row: Row) -> str:
    """``94 % (91–96)``, the share of matches without an own fault with its interval; empty on boards without forfeits."""
    if row.reliability is None or row.reliability_low is None or row.reliability_high is None:
        return ""
    low, high = (f"{100 * value:.0f}" for value in (row.reliability_low, row.reliability_high))
    return f"{numbers.share_of(row.reliability, row.matches)} ({low}–{high})"


def played_out_in_words(row: Row, written: Callable[[float], str]) -> str:
    """``+44 ±13``, the rating by the matches that nobody forfeited; empty where there is none."""
    if row.played_out is None:
        return ""
    if row.played_out_low is None or row.played_out_high is None:
        return written(row.played_out)
    half = max(row.played_out_high - row.played_out, row.played_out - row.played_out_low)
    return f"{written(row.played_out)} ±{_unsigned(written(half))}"


def beaten_in_words(standings: Standings, agent: str) -> str:
    """Who beats an agent and how surely: ``third@1 scores 71 % (62–79)``; an exploiter by what it showed. Of many the first few."""
    matrix, gap = standings.leaderboard.matrix, standings.exploitability.get(agent)
    every = standings.beaten_by.get(agent, ())
    said = []
    for other in every[:BEATEN_TOLD]:
        if other not in matrix.agents or not matrix.matches[matrix.agents.index(other), matrix.agents.index(agent)]:
            said.append(f"{other} gains at least {gap.shown.removeprefix('≥ ')}" if gap is not None else other)
            continue
        at = matrix.agents.index(other), matrix.agents.index(agent)
        score = numbers.share_of(float(matrix.score[at]), int(matrix.matches[at]))
        said.append(f"{other} scores {score} ({100 * matrix.low[at]:.0f}–{100 * matrix.high[at]:.0f})")
    if len(every) > BEATEN_TOLD:
        said.append(f"and {len(every) - BEATEN_TOLD} more")
    return "; ".join(said)


def method_of(name: str) -> Method:
    """The rating method of this name.

    Raises:
        UnknownName: there is none.
    """
    found = next((method for method in METHODS if method == name), None)
    if found is None:
        raise UnknownName("rating method", name, METHODS)
    return found


def writer(method: Method) -> Callable[[float], str]:
    """How a rating of this method is written: with its digits, and a sign where 0 is the middle."""
    known = RATING_METHODS[method]
    if known.scale == "share":
        return numbers.weight
    if known.scale == "points":
        return partial(numbers.unsigned, digits=known.digits)
    return partial(numbers.signed, digits=known.digits) if known.digits else numbers.whole


def _row(
    row: Row,
    standings: Standings,
    axis: Axis,
    written: Callable[[float], str],
    most_weight: float,
    most_gap: float,
    tier: bool,
    kind: str,
    place: str,
) -> LadderRow:
    label = f"{row.agent}: {written(row.rating)}, 95 % interval {written(row.low)} to {written(row.high)}"
    gap = standings.exploitability.get(row.agent)
    return LadderRow(
        agent=row.agent,
        rank=rank_range(row),
        tier=tier,
        rating=written(row.rating),
        doubt=doubt_in_words(row, standings.leaderboard.method),
        interval=interval(axis, row.low, row.rating, row.high, label=label, open_dot=row.provisional),
        weight=_weight(row, most_weight),
        exploitability=exploit_bar(gap.value, most=most_gap, at_least=gap.kind != "exact") if gap is not None else None,
        exploiter=None if gap is None else gap.exploiter,
        exploitable="" if gap is None else gap.sentence(),
        beaten_by=standings.beaten_by.get(row.agent, ()),
        beaten=beaten_in_words(standings, row.agent),
        reliability=reliability_in_words(row),
        played_out=played_out_in_words(row, written),
        record=wdl_bar(row.wins, row.draws, row.losses),
        seats=seat_dots(
            [seat.score for seat in row.seat_scores], [seat.matches for seat in row.seat_scores], place=place
        ),
        mean_return=numbers.signed(row.mean_return),
        matches=numbers.count(row.matches),
        forfeits=row.forfeits,
        provisional=row.provisional,
        kind=kind,
    )


def _weight(row: Row, most: float) -> Markup | None:
    if row.minimax_weight is None:
        return None
    low, high = row.minimax_low, row.minimax_high
    if low is None or high is None:
        return weight_bar(row.minimax_weight, most=most)
    return weight_bar(row.minimax_weight, low=low, high=high, most=most)


def _unsigned(text: str) -> str:
    return text.lstrip("+" + numbers.MINUS)


def _titles(method: Method) -> dict[str, str]:
    return {
        "rank": "Rank",
        "name": "Agent",
        "rating": METHODS[method],
        "weight": "Minimax weight",
        "exploitability": "Exploitability",
        "score": "Wins, draws, losses",
        "return": "Mean return",
        "matches": "Matches",
        "forfeits": "Forfeits",
    }


def _sort_keys(standings: Standings) -> dict[str, Callable[[Row], float | str | None]]:
    """Of a row, the value that a column is sorted by; None goes last either way."""
    order = {row.agent: k for k, row in enumerate(standings.leaderboard.rows)}
    return {
        "rank": lambda row: float(order[row.agent]),
        "name": lambda row: row.agent.casefold(),
        "rating": lambda row: row.rating,
        "weight": lambda row: row.minimax_weight,
        "exploitability": lambda row: (
            standings.exploitability[row.agent].value if row.agent in standings.exploitability else None
        ),
        "score": lambda row: row.score,
        "return": lambda row: row.mean_return,
        "matches": lambda row: float(row.matches),
        "forfeits": lambda row: float(row.forfeits),
    }


def _sorted(rows: Sequence[Row], key: Callable[[Row], float | str | None], rising: bool) -> list[Row]:
    known = [row for row in rows if not _missing(key(row))]
    unknown = [row for row in rows if _missing(key(row))]
    return sorted(known, key=key, reverse=not rising) + unknown  # type: ignore[arg-type]  # one column is all of one type


def _missing(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _head(key: str, title: str, sort: str, rising: bool, method: Method, path: str, where: Where | None) -> Head:
    now = key == sort
    next_rising = not rising if now else key in ASCENDING_FIRST
    query = [("method", method), ("sort", key), ("order", "asc" if next_rising else "desc")]
    query += query_of(where or Where())
    state = ("ascending" if rising else "descending") if now else None
    return Head(title=title, key=key, address=f"{path}?{urlencode(query)}", sorted=state)


def _tiers(rows: Sequence[Row]) -> frozenset[str]:
    """The agents at whose row a certain gap begins: nobody above may rank as low as anybody from here on.

    Provisional agents have no rank, and so no gap.
    """
    rows = [row for row in rows if not row.provisional]
    best_below = list(accumulate((row.rank[0] for row in reversed(rows)), min))[::-1]
    worst_above = list(accumulate((row.rank[1] for row in rows), max))
    return frozenset(rows[k].agent for k in range(1, len(rows)) if best_below[k] > worst_above[k - 1])
