"""Whether matches have decided what they were to decide: a verdict that may be read at any time, of any pairing.

Each agent's mean score against the whole field is bounded from its complete rounds (`meetings`), each pair's score from its
meetings, by bets that hold at all times at once (`anytime_bounds`); the error rate is shared among the bounds that a wrong
verdict would need to be false. Nothing is assumed about ratings, draws, cycles, or how it was decided who plays next. What is
assumed: meetings of the same two agents are independent of each other and their mean does not change: agents do not learn, and
deterministic agents are not counted again and again for one and the same match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError, NotProvided, UnknownName
from arena.leaderboards.aims import Aim, Comparison, FullOrder, MinimaxSupport, Top
from arena.leaderboards.anytime_bounds import mean_bounds
from arena.leaderboards.certain_support import certain_support
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.meetings import Meetings, complete_rounds, meetings, pair_scores, round_scores
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed
from arena.solvers.minimax_winner import symmetric_game

EVEN = 0.5
ERROR_RATE = 0.05
MOST_IN_SUPPORT = 200
"""Agents: the support takes a linear program for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What matches say about an aim.

    ``sentence``: the verdict in words, with its error rate, or what is open. ``members``: what is certain: agents in the top,
    the whole order once it is decided, agents in the support, the better of two. ``open``: agents about which something is open,
    the least certain first. ``score``, ``low``, ``high`` float64 [A]: mean scores against the field with their bounds (``top``,
    ``order``); weights in the minimax winner of what was seen, nan before every pair met (``support``); shares of the points
    against each other, nan for everybody else (``compare``). ``rounds`` int64 [A]: complete rounds against all others.
    """

    aim: Aim
    decided: bool
    error_rate: float
    sentence: str
    members: tuple[str, ...]
    open: tuple[str, ...]
    agents: tuple[str, ...]
    score: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    rounds: NDArray[np.int64]


def decided(record: Record, aim: Aim, *, error_rate: float = ERROR_RATE) -> Conclusion:
    """Whether a record decides an aim; that a wrong verdict ever comes has a probability of at most `error_rate`.

    That holds however often it is read and however matches were paired, also by the earlier ones. Matches are read in the
    order of their units (``record.pair``), which must be the order of the schedule and not that of completion.

    Args:
        record: the matches; ``record.agents`` is the field, of which nobody may be left out.
        aim: as of `parse_aim`.
        error_rate: in (0, 1).

    Raises:
        UnknownName: an agent of the aim is not in the record.
        ArenaError: the aim does not fit the number of agents.
        NotProvided: matches of more than two players, which compare several pairs at once.
        ValueError: an error rate out of its range.
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate must be in (0, 1); got {error_rate}")
    check_aim(aim, record.agents)
    order = np.array(sorted(range(len(record.agents)), key=record.agents.__getitem__), np.int64)
    made = conclude(meetings(comparisons(by_name(record))), sorted(record.agents), aim, error_rate)
    place = np.argsort(order)
    return replace(
        made,
        agents=record.agents,
        score=made.score[place],
        low=made.low[place],
        high=made.high[place],
        rounds=made.rounds[place],
    )


def check_aim(aim: Aim, agents: tuple[str, ...]) -> None:
    """Nothing, where an aim can be had among these agents.

    Raises:
        UnknownName, ArenaError: it cannot.
    """
    if isinstance(aim, Comparison):
        for name in (aim.first, aim.second):
            if name not in agents:
                raise UnknownName("agent to compare", name, agents)
        if aim.first == aim.second:
            raise ArenaError(f"{aim.first} cannot be compared with itself")
    elif len(agents) < 2:
        raise ArenaError(f"to decide '{aim}' takes at least two agents; got {len(agents)}")
    elif isinstance(aim, Top) and not 0 < aim.k < len(agents):
        raise ArenaError(f"'{aim}' needs more than {aim.k} agents to choose from; got {len(agents)}")
    elif isinstance(aim, MinimaxSupport) and len(agents) > MOST_IN_SUPPORT:
        raise ArenaError(f"the support is decided among at most {MOST_IN_SUPPORT} agents; got {len(agents)}")


def by_name(record: Record) -> Record:
    """The record with its agents in the order of their names, so that nothing depends on how they were numbered.

    Raises:
        NotProvided: matches of more than two players.
    """
    if (record.seats[:, 2:] >= 0).any():
        raise NotProvided(
            "decisions by pairs are for matches of two players: a match of more compares several pairs at once, which "
            "are not independent of each other"
        )
    order = sorted(range(len(record.agents)), key=record.agents.__getitem__)
    place = np.empty(len(order) + 1, np.int64)
    place[order], place[-1] = np.arange(len(order)), -1  # an empty seat stays empty
    return replace(record, agents=tuple(record.agents[i] for i in order), seats=place[record.seats])


def conclude(met: Meetings, names: Sequence[str], aim: Aim, error_rate: float) -> Conclusion:
    """`decided` of meetings among agents that are in the order of their names."""
    match aim:
        case Top() | FullOrder():
            return _by_score(met, names, aim, error_rate)
        case MinimaxSupport():
            return _support(met, names, aim, error_rate)
        case Comparison():
            return _comparison(met, names, aim, error_rate)
    assert_never(aim)


def field_scores(values: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean scores [A] of `counts` [A, K] of `values` [K]; 1/2 where there are none."""
    total = counts.sum(axis=1)
    return np.where(total > 0, counts @ values / np.where(total > 0, total, 1), EVEN)


def bound_error(aim: Top | FullOrder, num_agents: int, error_rate: float) -> float:
    """The error rate of each single bound.

    A wrong top needs a false lower bound of an agent that is not in it, or a false upper one of an agent that is: one for each
    agent. A wrong order needs any of the bounds but the upper one of the first and the lower one of the last.
    """
    return error_rate / (num_agents if isinstance(aim, Top) else 2 * (num_agents - 1))


def top_of(score: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """The `k` agents of the greatest scores [A], the earlier of equals."""
    inside = np.zeros(len(score), np.bool_)
    inside[np.argsort(-score, kind="stable")[:k]] = True
    return inside


def unsettled(
    aim: Top | FullOrder, score: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """[A]: agents whose bounds leave it open on which side of another they stand; nobody: the aim is decided."""
    if isinstance(aim, Top):
        level: NDArray[np.intp] = np.where(top_of(score, aim.k), 0, 1)
    else:
        level = np.argsort(np.argsort(-score, kind="stable"))
    overlap = (level[:, None] < level) & (low[:, None] + aim.margin < high)
    asked: NDArray[np.bool_] = np.logical_or(overlap.any(axis=1), overlap.any(axis=0))
    return asked


def _by_score(met: Meetings, names: Sequence[str], aim: Top | FullOrder, error_rate: float) -> Conclusion:
    counts = round_scores(met)
    score = field_scores(met.values, counts)
    low, high = mean_bounds(met.values, counts, error_rate=bound_error(aim, len(names), error_rate))
    rounds = complete_rounds(met.counts)
    asked = unsettled(aim, score, low, high)
    order = [int(i) for i in np.argsort(-score, kind="stable")]
    widest = [i for i in np.argsort(low - high, kind="stable") if asked[i]]
    if isinstance(aim, Top):
        inside = top_of(score, aim.k)
        members = tuple(names[i] for i in order if inside[i] and not asked[i])
        what = f"the top {aim.k}"
        said = f"{what} {'is' if aim.k == 1 else 'are'} {listed(members, most=aim.k)}" if members else ""
    else:
        members = () if asked.any() else tuple(names[i] for i in order)
        what = "the order"
        said = f"{what} is {', '.join(members)}"
    still = tuple(names[i] for i in widest)
    if not still:
        within = f", scores within {aim.margin:g} exchangeable" if aim.margin else ""
        sentence = f"{said}, by mean score against the whole field{within} {_rate(error_rate)}"
    elif not rounds.min():
        unmet = [f"{names[i]} and {names[j]}" for i, j in np.argwhere(np.triu(met.counts == 0, 1))]
        sentence = f"{what} {_is(what)} not decided: {_never_met(unmet)}"
    else:
        sentence = f"{what} {_is(what)} not decided: {_is_open(still)}"
    return Conclusion(
        aim=aim,
        decided=not still,
        error_rate=error_rate,
        sentence=sentence,
        members=members,
        open=still,
        agents=tuple(names),
        score=score,
        low=low,
        high=high,
        rounds=rounds,
    )


def score_bounds(met: Meetings, error_rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(score, upper bound) [A, A] of the row against the column, all bounds true with a probability of 1 − `error_rate`.

    Of a pair that never met the score is nan and the bound 1; on the diagonal both are 1/2.
    """
    size = len(met.counts)
    low_agent, high_agent, counts = pair_scores(met)
    low, high = mean_bounds(met.values, counts, error_rate=error_rate / max(size * (size - 1), 1))
    score, upper = np.full((size, size), np.nan), np.ones((size, size))
    mean = field_scores(met.values, counts)
    score[low_agent, high_agent], score[high_agent, low_agent] = mean, 1 - mean
    upper[low_agent, high_agent], upper[high_agent, low_agent] = high, 1 - low
    np.fill_diagonal(score, EVEN)
    np.fill_diagonal(upper, EVEN)
    return score, upper


def _support(met: Meetings, names: Sequence[str], aim: MinimaxSupport, error_rate: float) -> Conclusion:
    score, upper = score_bounds(met, error_rate)
    size = len(names)
    weights = np.full(size, np.nan)
    likely = None
    if not np.isnan(score).any():
        weights = symmetric_game(score - score.T).strategies[0]
        likely = weights > 1e-9
    certain = certain_support(upper - EVEN, likely=likely)
    members = tuple(names[i] for i in range(size) if certain.inside[i])
    low, high = np.where(np.isnan(certain.least), 0.0, certain.least), certain.most
    still = tuple(names[i] for i in np.argsort(low - high, kind="stable") if not (certain.inside | certain.outside)[i])
    if not still:
        sentence = f"the minimax winner is {'' if len(members) == 1 else 'a mixture of '}{listed(members, most=size)}"
        sentence += f" {_rate(error_rate)}"
    else:
        settled = f"{listed(members)} {'is' if len(members) == 1 else 'are'} in it, " if members else ""
        sentence = f"who is in the minimax winner is not decided: {settled}{_is_open(still)}"
    return Conclusion(
        aim=aim,
        decided=not still,
        error_rate=error_rate,
        sentence=sentence,
        members=members,
        open=still,
        agents=tuple(names),
        score=weights,
        low=low,
        high=high,
        rounds=complete_rounds(met.counts),
    )


def _comparison(met: Meetings, names: Sequence[str], aim: Comparison, error_rate: float) -> Conclusion:
    first, second = names.index(aim.first), names.index(aim.second)
    one, two = min(first, second), max(first, second)
    of_pair = (met.low == one) & (met.high == two)
    counts = np.bincount(met.score[of_pair], minlength=len(met.values)).astype(np.float64)[None]
    (low,), (high,) = mean_bounds(met.values, counts, error_rate=error_rate / 2)
    score = float(field_scores(met.values, counts)[0]) if of_pair.any() else float("nan")
    columns = np.full((3, len(names)), np.nan)
    columns[:, one], columns[:, two] = (score, low, high), (1 - score, 1 - high, 1 - low)
    better = None if low <= EVEN <= high else one if low > EVEN else two
    played = f"{int(counts.sum()):,} meeting{'' if counts.sum() == 1 else 's'}"
    if better is None:
        sentence = f"{aim.first} and {aim.second} are not told apart by {played}"
    else:
        worse = one + two - better
        share = 100 * columns[0, better]
        sentence = f"{names[better]} beats {names[worse]} with {share:.0f}\N{NO-BREAK SPACE}% of the points in {played} {_rate(error_rate)}"
    return Conclusion(
        aim=aim,
        decided=better is not None,
        error_rate=error_rate,
        sentence=sentence,
        members=() if better is None else (names[better],),
        open=() if better is not None else (aim.first, aim.second),
        agents=tuple(names),
        score=columns[0],
        low=columns[1],
        high=columns[2],
        rounds=complete_rounds(met.counts),
    )


def _rate(error_rate: float) -> str:
    return f"(a wrong verdict has a probability of at most {error_rate:g})"


def _is(what: str) -> str:
    return "are" if what.startswith("the top") and what != "the top 1" else "is"


def _is_open(names: tuple[str, ...]) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} open"


def _never_met(pairs: list[str]) -> str:
    return f"{pairs[0]} never met" + (f", nor did {len(pairs) - 1:,} other pairs" if len(pairs) > 1 else "")
