"""The leaderboard of a record: a finding, a row for each agent, the head-to-head matrix, and what a reader must know."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError, UnknownName
from arena.leaderboards.comparisons import Comparisons, comparisons
from arena.leaderboards.cycle_bootstrap import with_probabilities
from arena.leaderboards.finding import Group, finding, top_cycle, weight_bounds
from arena.leaderboards.forfeited import Forfeits, forfeits_of, played_out, reliability
from arena.leaderboards.methods import METHODS, RATING_METHODS, Method
from arena.leaderboards.minimax_ranking import (
    MOST_RESAMPLED,
    RESAMPLES,
    MinimaxWinner,
    minimax_winner_of,
    ratings_of,
)
from arena.leaderboards.multiplicity import compared_pairs, joint_ratings, single_sentence
from arena.leaderboards.payoff_matrix import Matrix, matrix_of
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.leaderboards.response_graph import Cycle, cycles
from arena.leaderboards.tallies import Tallies, tallies
from arena.leaderboards.wording import FEW, listed

__all__ = ["METHODS", "Leaderboard", "Method", "Row", "SeatScore", "leaderboard"]

PROVISIONAL_BELOW = FEW
"""Matches: an agent with fewer is provisional. A row of a file counts once, whatever its weight."""

PROVISIONAL = "provisional, "
"""How the note of provisional agents begins."""

ONE_BY_ONE = ("elo_online", "glicko2", "openskill")
"""Methods that read matches one after the other."""

MATRIX_SHOWN = (
    "score",
    "low",
    "high",
    "matches",
    "wins",
    "draws",
    "losses",
    "margin",
    "margin_low",
    "margin_high",
)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatScore:
    """How an agent did in one seat. ``score``: share of the points, 0..1."""

    seat: int
    matches: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One agent's line.

    ``rank``: best and worst rank in its group at the leaderboard's confidence, agents compared pair by pair; a
    ``provisional`` agent takes no rank: its own is the whole range of its group. ``rating`` with its interval
    ``low``..``high``, on the method's scale. ``wins``, ``draws``, ``losses``, ``forfeits`` sum to ``matches``: first alone,
    first with others, not first, at fault. ``score``: share of the points, 0..1. ``minimax_weight`` with its interval
    ``minimax_low``..``minimax_high``, None where there is none. On a board with forfeits, with their intervals:
    ``reliability``, the share of its matches that the agent did not forfeit, and ``played_out``, its rating by the matches that nobody
    forfeited, which is strength alone; None elsewhere, and where an agent has no such match.
    """

    agent: str
    rank: tuple[int, int]
    rating: float
    low: float
    high: float
    matches: int
    wins: int
    draws: int
    losses: int
    forfeits: int
    score: float
    mean_return: float
    seat_scores: tuple[SeatScore, ...]
    minimax_weight: float | None
    provisional: bool
    minimax_low: float | None = None
    minimax_high: float | None = None
    reliability: float | None = None
    reliability_low: float | None = None
    reliability_high: float | None = None
    played_out: float | None = None
    played_out_low: float | None = None
    played_out_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """Ratings with what they hide.

    ``rows``: by group, the best first, provisional agents at the end by name; agents without a rated match are left out and named in ``notes``. ``groups``:
    agents of different groups never met, not even through others, and are ranked apart. ``cycles``: who beats whom in a
    circle, the best supported first; ``cycle``: the agents of one that makes the best agent of the first group undefined,
    () where there is none. ``forfeited``: how many of the matches ended by a forfeit. ``comparisons``: of two ranked agents, how many
    the ranks rest on; ``joint``: whether these are all true at once with the confidence, or each for itself.
    """

    method: Method
    finding: str
    rows: tuple[Row, ...]
    matrix: Matrix
    minimax: MinimaxWinner | None
    cycles: tuple[Cycle, ...]
    cycle: tuple[str, ...]
    matches: int
    groups: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    confidence: float = 0.95
    forfeited: int = 0
    comparisons: int = 0
    joint: bool = False

    def to_dict(self) -> dict[str, Json]:
        """All of it in types of JSON; what is not a finite number is None."""
        matrix, minimax = self.matrix, self.minimax
        return {
            "method": self.method,
            "confidence": self.confidence,
            "comparisons": self.comparisons,
            "joint": self.joint,
            "finding": self.finding,
            "matches": self.matches,
            "forfeited": self.forfeited,
            "rows": [_row_dict(row) for row in self.rows],
            "matrix": {
                "agents": list(matrix.agents),
                "graded": matrix.graded,
                **{name: _json(getattr(matrix, name)) for name in MATRIX_SHOWN},
            },
            "minimax": None
            if minimax is None
            else {
                "agents": list(minimax.agents),
                "weights": _json(minimax.weights),
                "low": _json(minimax.low),
                "high": _json(minimax.high),
                "payoff": minimax.payoff,
                "unique": minimax.unique,
                "gap": minimax.gap,
            },
            "cycles": [
                {
                    "agents": list(cycle.agents),
                    "scores": list(cycle.scores),
                    "probability": cycle.probability,
                    "certain": cycle.certain,
                }
                for cycle in self.cycles
            ],
            "cycle": list(self.cycle),
            "groups": [list(group) for group in self.groups],
            "notes": list(self.notes),
        }

    def to_csv_rows(self) -> list[dict[str, str | int | float]]:
        """One flat dictionary a row, seats apart; an unknown number is ''."""
        return [
            {
                "agent": row.agent,
                "rank_from": "" if row.provisional else row.rank[0],
                "rank_to": "" if row.provisional else row.rank[1],
                "rating": _cell(row.rating),
                "low": _cell(row.low),
                "high": _cell(row.high),
                "matches": row.matches,
                "wins": row.wins,
                "draws": row.draws,
                "losses": row.losses,
                "forfeits": row.forfeits,
                "score": _cell(row.score),
                "mean_return": _cell(row.mean_return),
                "minimax_weight": "" if row.minimax_weight is None else row.minimax_weight,
                "minimax_low": "" if row.minimax_low is None else row.minimax_low,
                "minimax_high": "" if row.minimax_high is None else row.minimax_high,
                **{name: "" if value is None else value for name, value in _reliability(row).items()},
                "provisional": int(row.provisional),
            }
            for row in self.rows
        ]


def leaderboard(
    record: Record,
    *,
    method: str = "elo",
    confidence: float = 0.95,
    shown: Sequence[str] | None = None,
    joint: bool = False,
    weighted: Record | None = None,
) -> Leaderboard:
    """The leaderboard of a record.

    Where all players always get the same (utility ``identical``) nobody beats anybody: such games are ranked by mean
    return whatever the method asked for, and a note says so; so are games of one player, in which nobody meets anybody.

    Args:
        record: the matches; their order does not matter.
        method: one of `METHODS`.
        confidence: of intervals, rank ranges and what is called certain.
        shown: the agents that the board is of, all by default; the others count as opponents alone, and what needs a whole
            field, cycles and the minimax winner, is left out.
        joint: whether ranks, and what the finding says of ratings, hold all at once with the confidence (`joint_ratings`); else each
            comparison of two agents has it for itself. Intervals are each agent's own either way.
        weighted: the same matches with other weights (`uniform_field`), by which ratings, head-to-head scores, cycles and the minimax
            winner are found; what is counted, points and mean returns, is of the matches as played. Methods that read matches
            one after the other take no weights and go by the record.

    Raises:
        UnknownName: no such method.
        ArenaError: more agents than are rated at once, or matches that the method cannot rank, such as pairs that never met.
    """
    if method not in METHODS:
        raise UnknownName("rating method", method, METHODS)
    chosen = method
    played, record_rated = record, record if weighted is None or method in ONE_BY_ONE else weighted
    compared = comparisons(record_rated)
    matrix = matrix_of(record.agents, compared, confidence=confidence)
    if record_rated is not played:
        counts = matrix_of(record.agents, comparisons(played), confidence=confidence)
        matrix = replace(matrix, **{name: getattr(counts, name) for name in ("matches", "wins", "draws", "losses")})
    notes: list[str] = []
    cooperative, alone = record.utility == "identical", record.seats.shape[1] == 1
    ranked_by_mean = cooperative or alone
    hidden = np.array([shown is not None and name not in shown for name in record.agents], np.bool_)
    minimax = None if ranked_by_mean or hidden.any() else _minimax(record, matrix, notes)
    if ranked_by_mean and chosen != "mean_return":
        why = (
            "nobody meets anybody"
            if alone
            else "all players of this game get the same return, so that nobody beats anybody"
        )
        notes.append(f"{why}: ranked by mean return")
        chosen = "mean_return"
    if chosen == "minimax" and minimax is None:
        notes.append("this record has no minimax winner: ranked by Elo")
        chosen = "elo"
    ratings = _ratings(record_rated, compared, chosen, minimax, confidence)
    counted, forfeits = tallies(record), forfeits_of(record)
    provisional = _rows_played(record, counted, chosen) < PROVISIONAL_BELOW
    ranked_pairs = int(compared_pairs(ratings, provisional | hidden).sum()) // 2
    level = None
    if joint:
        rate = RATING_METHODS[chosen].rate if minimax is None or chosen != "minimax" else _minimax_rate(minimax, matrix)
        level = joint_ratings(record_rated, rate, confidence=confidence, left_out=provisional | hidden)
        ratings = replace(ratings, above=_of_names(level.ratings, record.agents).above)
    found = [] if ranked_by_mean or hidden.any() else with_probabilities(cycles(matrix), record.agents, compared)
    groups = _groups(ratings, provisional, matrix, found, hidden)
    ranks = ratings.rank_ranges(provisional | hidden)
    rows = tuple(
        _row(ratings, ranks, counted, minimax, agent, provisional=bool(provisional[agent]))
        for group in groups
        for agent in group.agents
    )
    if forfeits.rated:
        rows = _with_reliability(rows, record, chosen, confidence)
    notes += _notes(record, chosen, [row.agent for row in rows if row.provisional])
    notes += _forfeit_notes(ratings, groups, forfeits)
    if level is not None:
        notes.append(level.sentence())
    elif ranked_pairs > 1:
        notes.append(single_sentence(ranked_pairs, confidence))
    said = finding(ratings, groups, matrix, minimax=minimax, forfeits=forfeits)
    if level is not None and ranked_pairs > 1:
        said = said.replace(
            f"{100 * confidence:g}\N{NO-BREAK SPACE}% confidence",
            f"{100 * confidence:g}\N{NO-BREAK SPACE}% joint confidence",
        )
    return Leaderboard(
        method=chosen,
        finding=said,
        rows=rows,
        matrix=matrix,
        minimax=minimax,
        cycles=tuple(found),
        cycle=groups[0].cycle.agents if groups and groups[0].cycle is not None else (),
        matches=ratings.matches,
        groups=tuple(tuple(ratings.names[i] for i in group.agents) for group in groups),
        notes=(*notes, *ratings.notes),
        confidence=confidence,
        forfeited=forfeits.rated,
        comparisons=ranked_pairs,
        joint=joint,
    )


def _minimax_rate(minimax: MinimaxWinner, matrix: Matrix) -> Callable[..., Ratings]:
    """The board's own minimax winner as a rating method, with as many resamples as are asked for."""

    def rate(record: Record, *, confidence: float, resamples: int | None = None) -> Ratings:
        winner = minimax
        if resamples is not None:
            part = matrix.of([matrix.agents.index(agent) for agent in minimax.agents])
            winner = minimax_winner_of(part, payoff=minimax.payoff, resamples=resamples)
        return ratings_of(winner, matches=len(record), confidence=confidence).spread_over(record.agents)

    return rate


def _of_names(ratings: Ratings, names: tuple[str, ...]) -> Ratings:
    """The same ratings of exactly these agents."""
    return ratings if ratings.names == names else ratings.spread_over(names)


def _with_reliability(rows: tuple[Row, ...], record: Record, method: Method, confidence: float) -> tuple[Row, ...]:
    """The rows with how seldom each agent fails, and how strong it is where nobody fails."""
    kept = reliability(record, confidence=confidence)
    try:
        strength = RATING_METHODS[method].rate(played_out(record), confidence=confidence)
    except ArenaError:  # what is left does not suffice for the method
        strength = None
    numbers = {name: at for at, name in enumerate(record.agents)}
    told = []
    for row in rows:
        at = numbers[row.agent]
        share, low, high = (_finite(value) for value in kept[at].tolist())
        row = replace(row, reliability=share, reliability_low=low, reliability_high=high)
        if strength is not None and row.agent in strength.names:
            here = strength.names.index(row.agent)
            row = replace(
                row,
                played_out=_finite(float(strength.scores[here])),
                played_out_low=_finite(float(strength.intervals[here, 0])),
                played_out_high=_finite(float(strength.intervals[here, 1])),
            )
        told.append(row)
    return tuple(told)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _minimax(record: Record, matrix: Matrix, notes: list[str]) -> MinimaxWinner | None:
    """Of games of two players in which every pair has met. Agents that met nobody are left aside."""
    if _most_players(record) != 2:
        return None
    active = np.flatnonzero(matrix.matches.sum(axis=1))
    part = matrix.of(active.tolist())
    if len(active) < 2 or not part.all_met:
        if len(active) > 2:
            notes.append("some pairs never met, so that there is no minimax winner")
        return None
    payoff: Literal["score", "margin"] = "margin" if matrix.graded and record.utility != "general_sum" else "score"
    if payoff == "margin":
        notes.append(
            "returns differ in size: Elo counts who got more, the minimax winner and mean return count by how much"
        )
    return minimax_winner_of(part, payoff=payoff, resamples=RESAMPLES if len(active) <= MOST_RESAMPLED else 0)


def _most_players(record: Record) -> int:
    return int((record.seats >= 0).sum(axis=1).max(initial=0))


def _ratings(
    record: Record, compared: Comparisons, method: Method, minimax: MinimaxWinner | None, confidence: float
) -> Ratings:
    if method == "minimax":
        assert minimax is not None
        ratings = ratings_of(minimax, matches=compared.matches, confidence=confidence)
        return ratings.spread_over(record.agents)
    return RATING_METHODS[method].rate(record, confidence=confidence)


def _rows_played(record: Record, counted: Tallies, method: Method) -> NDArray[np.float64]:
    """[A]: how many matches of each agent were rated; the mean return rates self-play too."""
    rows: NDArray[np.float64] = counted.rows.sum(axis=1)
    if method != "mean_return":
        return rows
    rows = np.zeros(len(record.agents))
    for seat in range(record.seats.shape[1]):
        agents = record.seats[:, seat]
        first = (agents >= 0) & (record.weight > 0) & (record.seats[:, :seat] != agents[:, None]).all(axis=1)
        rows += np.bincount(agents[first], minlength=len(rows))
    return rows


def _groups(
    ratings: Ratings,
    provisional: NDArray[np.bool_],
    matrix: Matrix,
    found: list[Cycle],
    hidden: NDArray[np.bool_],
) -> list[Group]:
    """The rated agents of each group, the largest group first, the best agent first; names decide ties.

    Provisional agents come last, by name.
    """
    groups = []
    for group in range(int(ratings.groups.max(initial=-1)) + 1):
        rated = np.flatnonzero((ratings.groups == group) & np.isfinite(ratings.scores) & ~hidden).tolist()
        if not rated:
            continue
        ranked = sorted((i for i in rated if not provisional[i]), key=lambda i: (-ratings.scores[i], ratings.names[i]))
        others = sorted((i for i in rated if provisional[i]), key=lambda i: (ratings.names[i].casefold(), i))
        top = top_cycle(matrix.of(ranked), found) if found else None
        groups.append(Group(agents=(*ranked, *others), ranked=tuple(ranked), cycle=top))
    return groups


def _notes(record: Record, method: Method, provisional: list[str]) -> list[str]:
    notes = []
    reads = RATING_METHODS[method].reads
    if record.utility == "general_sum" and reads != "returns":
        notes.append(
            "this is a general-sum game: a win is getting more than the opponent, which is not the same as getting much; "
            "read the mean return beside it"
        )
    if _most_players(record) > 2 and reads == "comparisons" and method != "minimax":
        notes.append(
            "matches of more than two players count as comparisons of every two of them, each with weight 1 / (players - 1)"
        )
    if provisional:
        notes.append(
            f"{PROVISIONAL}with fewer than {PROVISIONAL_BELOW} matches and without a rank: {listed(provisional)}"
        )
    return notes


def _forfeit_notes(ratings: Ratings, groups: list[Group], forfeits: Forfeits) -> list[str]:
    """Where forfeits decide: a win over an agent that failed says little of strength."""
    failed = [
        f"{ratings.names[i]} ({forfeits.by[i]:,.0f} of {forfeits.matches[i]:,.0f} matches)"
        for group in groups
        for i in group.agents
        if forfeits.decisive(i)
    ]
    if not failed:
        return []
    return [f"forfeits count as matches won and lost, and say little of strength; they decide for {listed(failed)}"]


def _row(
    ratings: Ratings,
    ranks: list[tuple[int, int]],
    counted: Tallies,
    minimax: MinimaxWinner | None,
    agent: int,
    *,
    provisional: bool,
) -> Row:
    name = ratings.names[agent]
    matches, points = counted.matches[agent], counted.points[agent]
    total, earnings = float(matches.sum()), float(counted.earnings[agent].sum())
    weight, low, high = None, math.nan, math.nan
    if minimax is not None and name in minimax.agents:
        weight = float(minimax.weights[minimax.agents.index(name)])
        low, high = weight_bounds(minimax, name)
    return Row(
        agent=name,
        rank=ranks[agent],
        rating=float(ratings.scores[agent]),
        low=float(ratings.intervals[agent, 0]),
        high=float(ratings.intervals[agent, 1]),
        matches=round(total),
        wins=round(float(counted.wins[agent].sum())),
        draws=round(float(counted.draws[agent].sum())),
        losses=round(float(counted.losses[agent].sum())),
        forfeits=round(float(counted.forfeits[agent].sum())),
        score=float(points.sum()) / total if total else math.nan,
        mean_return=float(counted.returns[agent].sum()) / earnings if earnings else math.nan,
        seat_scores=tuple(
            SeatScore(seat=seat, matches=round(float(matches[seat])), score=float(points[seat] / matches[seat]))
            for seat in np.flatnonzero(matches).tolist()
        ),
        minimax_weight=weight,
        provisional=provisional,
        minimax_low=low if math.isfinite(low) else None,
        minimax_high=high if math.isfinite(high) else None,
    )


def _json(values: NDArray[np.float64] | NDArray[np.int64]) -> list[Json]:
    return [_json(row) if row.ndim else _number(row.item()) for row in values]


def _number(value: float) -> Json:
    return value if math.isfinite(value) else None


def _cell(value: float) -> float | str:
    return value if math.isfinite(value) else ""


def _row_dict(row: Row) -> dict[str, Json]:
    return {
        "agent": row.agent,
        "rank": None if row.provisional else list(row.rank),
        "rating": _number(row.rating),
        "low": _number(row.low),
        "high": _number(row.high),
        "matches": row.matches,
        "wins": row.wins,
        "draws": row.draws,
        "losses": row.losses,
        "forfeits": row.forfeits,
        "score": _number(row.score),
        "mean_return": _number(row.mean_return),
        "seat_scores": [
            {"seat": seat.seat, "matches": seat.matches, "score": _number(seat.score)} for seat in row.seat_scores
        ],
        "minimax_weight": row.minimax_weight,
        "minimax_low": row.minimax_low,
        "minimax_high": row.minimax_high,
        **_reliability(row),
        "provisional": row.provisional,
    }


def _reliability(row: Row) -> dict[str, float | None]:
    return {
        "reliability": row.reliability,
        "reliability_low": row.reliability_low,
        "reliability_high": row.reliability_high,
        "played_out": row.played_out,
        "played_out_low": row.played_out_low,
        "played_out_high": row.played_out_high,
    }
