"""What a row of a leaderboard says in words: rating methods and their numbers, ranks, doubts, who beats an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from arena.games import UnknownName
from arena.job_columns import Estimate
from arena.leaderboards.bradley_terry import expected_score
from arena.leaderboards.leaderboard import Leaderboard, Method, Row
from arena.leaderboards.methods import RATING_METHODS
from arena.server import numbers
from arena.standings import Standings

METHODS: Mapping[Method, str] = {
    name: method.title[:1].upper() + method.title[1:] for name, method in RATING_METHODS.items()
}
"""Rating methods that the page offers, and how their column is called."""

BEATEN_TOLD = 12

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


def method_of(name: str) -> Method:
    """The rating method of this name.

    Raises:
        UnknownName: there is none.
    """
    found = next((method for method in METHODS if method == name), None)
    if found is None:
        raise UnknownName("rating method", name, METHODS)
    return found


@cache
def writer(method: Method) -> Callable[[float], str]:
    """How a rating of this method is written: with its digits, and a sign where 0 is the middle."""
    known = RATING_METHODS[method]
    if known.scale == "share":
        return numbers.weight
    if known.scale == "points":
        return partial(numbers.unsigned, digits=known.digits)
    return partial(numbers.signed, digits=known.digits) if known.digits else numbers.whole


def rank_range(row: Row) -> str:
    """``1``, or ``2–5`` where certainty does not reach further; a dash for a provisional agent."""
    if row.provisional:
        return numbers.MISSING
    first, last = row.rank
    return str(first) if first == last else f"{first}–{last}"


def doubt_in_words(row: Row, method: Method) -> str:
    """``±61``, or of shares ``0.41–0.68``; a dash where there is no interval."""
    return RATING_METHODS[method].doubt(row.low, row.rating, row.high) or numbers.MISSING


def estimate_in_words(known: Estimate, method: Method) -> tuple[str, str]:
    """What a job found of an agent: the number, and its doubt as `doubt_in_words` has it."""
    if known.low is None or known.high is None:
        return writer(method)(known.value), numbers.MISSING
    return writer(method)(known.value), RATING_METHODS[method].doubt(known.low, known.value, known.high)


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


def _unsigned(text: str) -> str:
    return text.lstrip("+" + numbers.MINUS)


def elo_predicts(board: Leaderboard, first: str, second: str) -> float | None:
    """The score that the two ratings expect; None where the board is not by Elo."""
    rating = {row.agent: row.rating for row in board.rows}
    if board.method != "elo" or first not in rating or second not in rating:
        return None
    return expected_score(rating[first] - rating[second])
