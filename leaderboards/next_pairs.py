"""Who should meet next, so that a named decision is made with few matches: random pairs with known probabilities.

A share `explore` of the pairs is drawn uniformly, so that every pair has a known chance of at least explore / (number of pairs)
and whatever concerns the whole field can be estimated without bias (`propensities`). The rest goes where the decision is in doubt:

- top k, full order: to agents whose bounds are not yet on their side of the border, each as many matches as it is expected to
  need, 2 ln(1/α) σ² / (Δ² + s²) less what it has: Δ the distance to the border, σ² the variance of its scores, s the standard
  error of its mean. The border of the top is put where all agents together need least. The opponent is one of those the
  agent met least, so that its rounds against the field get complete.
- support of the minimax winner: to pairs of an agent that is not certainly out with an opponent, in proportion to the opponent's weight in
  the minimax winner, averaged over games drawn from what is known of each cell: what agents earn against it decides who is in.
- one comparison: to that pair.

Random words are hashes of (seed, number of the draw), and agents are taken in the order of their names: the pairs do not
depend on the order of matches or on how agents are numbered.

Sources: Kalyanakrishnan, Tewari, Auer and Stone, PAC subset selection in stochastic multi-armed bandits, ICML 2012 (matches to
those at the border); Garivier and Kaufmann, Optimal best arm identification with fixed confidence, COLT 2016,
arXiv:1602.04589 (shares in proportion to what is needed); Rowland et al., Multiagent evaluation under incomplete
information, NeurIPS 2019, arXiv:1909.09849 (cells of a game sampled by what the ranking needs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import numba as nb
import numpy as np
import scipy.special
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.aims import Aim, Comparison, FullOrder, MinimaxSupport, Top
from arena.leaderboards.anytime_bounds import mean_bounds
from arena.leaderboards.bootstrap import unit_weights
from arena.leaderboards.certain_support import certain_support
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.decided import (
    ERROR_RATE,
    EVEN,
    bound_error,
    by_name,
    check_aim,
    field_scores,
    score_bounds,
    top_of,
    unsettled,
)
from arena.leaderboards.meetings import Meetings, complete_rounds, meetings, pair_scores, round_scores
from arena.leaderboards.record import Record
from arena.solvers.simplex import symmetric_strategies

EXPLORE = 0.05
BORDERS = 21  # places that are tried for the border between the top and the rest
GAMES_DRAWN = 40
WORDS = 4  # random numbers a draw: explore or not, the agent or the pair, the opponent, who is first


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Who meets next, in this order.

    ``first``, ``second`` int64 [batch]: numbers of agents in the record; who is first is random. ``propensity`` float64 [batch]: the probability that this draw gave these two
    agents, given the matches so far and the earlier draws of the batch. ``floor``: the least that a propensity can be.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    propensity: NDArray[np.float64]
    floor: float

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """Where the doubt is: ``agents`` float64 [A], the share of draws that each agent's next matches should get, sum 1 or nothing
    but zeros where nothing is in doubt; ``opponents`` float64 [A, A], the probabilities of each one's opponents, or None: those it met least.
    """

    agents: NDArray[np.float64]
    opponents: NDArray[np.float64] | None


def next_pairs(
    record: Record,
    aim: Aim,
    *,
    batch: int,
    seed: int,
    explore: float = EXPLORE,
    error_rate: float = ERROR_RATE,
) -> Pairs:
    """The next `batch` pairs of agents to play, by what a named decision still needs; a function of the arguments alone.

    A pair is one unit: a match, or a pair of seat-swapped twins. Once the decision is made all pairs are uniform.

    Args:
        record: the matches so far, maybe none; ``record.agents`` is the field.
        aim: as of `parse_aim`.
        batch: how many pairs, at least 1. Small batches follow the doubt more closely.
        seed: of the random words; give each batch its own.
        explore: the share of uniform draws, in (0, 1].
        error_rate: at which the decision is to be made, in (0, 1).

    Raises:
        UnknownName: an agent of the aim is not in the record.
        ArenaError: fewer than two agents, or the aim does not fit their number.
        NotProvided: matches of more than two players.
        ValueError: a number out of its range.
    """
    if batch < 1 or seed < 0:
        raise ValueError(f"batch must be at least 1 and seed at least 0; got {batch} and {seed}")
    if not 0 < explore <= 1 or not 0 < error_rate < 1:
        raise ValueError(f"explore must be in (0, 1] and error_rate in (0, 1); got {explore} and {error_rate}")
    check_aim(aim, record.agents)
    if len(record.agents) < 2:
        raise ArenaError("a pair takes two agents")
    sorted_record = by_name(record)
    met = meetings(comparisons(sorted_record))
    focus = focus_of(met, sorted_record.agents, aim, error_rate=error_rate, seed=seed)
    pairs = draw_pairs(met.counts, focus, batch=batch, seed=seed, explore=explore)
    number = np.array(sorted(range(len(record.agents)), key=record.agents.__getitem__), np.int64)
    return Pairs(first=number[pairs.first], second=number[pairs.second], propensity=pairs.propensity, floor=pairs.floor)


def focus_of(met: Meetings, names: tuple[str, ...], aim: Aim, *, error_rate: float, seed: int) -> Focus:
    """Where the decision is in doubt, of agents in the order of their names."""
    match aim:
        case Top() | FullOrder():
            return score_focus(met.values, round_scores(met), complete_rounds(met.counts), aim, error_rate=error_rate)
        case MinimaxSupport():
            return _support_focus(met, error_rate, seed)
        case Comparison():
            agents, opponents = np.zeros(len(names)), np.zeros((len(names),) * 2)
            first, second = names.index(aim.first), names.index(aim.second)
            agents[[first, second]] = 0.5
            opponents[first, second] = opponents[second, first] = 1.0
            return Focus(agents=agents, opponents=opponents)
    assert_never(aim)


def score_focus(
    values: NDArray[np.float64],
    counts: NDArray[np.float64],
    rounds: NDArray[np.int64],
    aim: Top | FullOrder,
    *,
    error_rate: float,
) -> Focus:
    """The focus of decisions about mean scores.

    Args:
        values: [K], the scores that occur.
        counts: [A, K], how often each agent scored each in its complete rounds.
        rounds: [A], how many rounds these are.
    """
    size = len(counts)
    alpha = bound_error(aim, size, error_rate)
    score = field_scores(values, counts)
    low, high = mean_bounds(values, counts, error_rate=alpha)
    played = counts.sum(axis=1)
    # two scores of unknown outcome, one of each kind: who won everything so far has a spread too
    centre = (played * score + 1) / (played + 2)
    variance = (counts @ values**2 + 1) / (played + 2) - centre**2
    error = variance / np.maximum(played, 1)
    if isinstance(aim, Top):
        distance, asked = _to_border(aim, centre, variance, error, low, high)
    else:
        distance, asked = _to_neighbours(centre) + aim.margin / 2, unsettled(aim, score, low, high)
    asked = asked | ((rounds == 0) & asked.any())
    cost = variance / np.maximum(distance**2 + error, 1e-12)
    need = 2 * math.log(1 / alpha) * cost
    share = np.where(asked, np.maximum(need - played, need / 20), 0.0)
    total = float(share.sum())
    return Focus(agents=share / total if total else share, opponents=None)


def draw_pairs(counts: NDArray[np.int64], focus: Focus, *, batch: int, seed: int, explore: float) -> Pairs:
    """`batch` pairs drawn one after the other, with the probability of each.

    Args:
        counts: [A, A], how often two agents met; who met least changes as the batch is drawn.
    """
    size = len(counts)
    words = np.exp(-unit_weights(WORDS * batch, resample=0, seed=seed)).reshape(batch, WORDS)
    none = np.zeros((0, 0))
    pairs, propensity = _draw(
        counts.copy(),
        focus.agents,
        none if focus.opponents is None else focus.opponents,
        explore if focus.agents.any() else 1.0,
        words,
    )
    return Pairs(first=pairs[:, 0], second=pairs[:, 1], propensity=propensity, floor=explore / (size * (size - 1) / 2))


def _to_border(
    aim: Top,
    score: NDArray[np.float64],
    variance: NDArray[np.float64],
    error: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(distance of each agent to the border of the top, who is not on its side of it for certain)."""
    inside = top_of(score, aim.k)
    slack = aim.margin / 2
    borders = np.linspace(score[~inside].max(), score[inside].min(), BORDERS)
    distances = np.abs(score - borders[:, None]) + slack
    border = borders[np.argmin((variance / np.maximum(distances**2 + error, 1e-12)).sum(axis=1))]
    asked = np.where(inside, low < border - slack, high > border + slack)
    return np.abs(score - border) + slack, asked & unsettled(aim, score, low, high).any()


def _to_neighbours(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the distance [A] to the nearest other score."""
    order = np.argsort(-score, kind="stable")
    gaps = np.concatenate(([np.inf], -np.diff(score[order]), [np.inf]))
    distance = np.empty(len(score))
    distance[order] = np.minimum(gaps[:-1], gaps[1:]) / 2
    return distance


def _support_focus(met: Meetings, error_rate: float, seed: int) -> Focus:
    size = len(met.counts)
    score, upper = score_bounds(met, error_rate)
    certain = certain_support(upper - EVEN, likely=None if np.isnan(score).any() else _winner(score)[0] > 1e-9)
    if (certain.inside | certain.outside).all():
        return Focus(agents=np.zeros(size), opponents=None)
    one, two, counts = pair_scores(met)
    played = counts.sum(axis=1)
    centre, error = np.full((size, size), EVEN), np.full((size, size), EVEN)
    mean = (counts @ met.values + 1) / (played + 2)
    spread = (counts @ met.values**2 + 1) / (played + 2) - mean**2
    centre[one, two], error[one, two] = mean, np.sqrt(spread / (played + 2))
    above = np.triu(np.ones((size, size), np.bool_), 1)
    words = np.exp(-unit_weights(GAMES_DRAWN * size * size, resample=1, seed=seed)).reshape(GAMES_DRAWN, size, size)
    games = np.where(above, centre - EVEN + error * scipy.special.ndtri(words), 0.0)
    weights = symmetric_strategies(games - games.transpose(0, 2, 1)).mean(axis=0)
    wanted = np.where(certain.outside, 0.0, 1.0)[:, None] * weights
    wanted = np.where(above | above.T, wanted + wanted.T, 0.0)
    rows = wanted.sum(axis=1)
    return Focus(agents=rows / rows.sum(), opponents=wanted / np.where(rows > 0, rows, 1)[:, None])


def _winner(score: NDArray[np.float64]) -> NDArray[np.float64]:
    return symmetric_strategies((score - score.T)[None])


@nb.njit(cache=True, error_model="numpy")
def _draw(counts, share, opponents, explore, words):  # type: ignore[no-untyped-def]  # numba kernel
    """(pairs [batch, 2], propensity [batch]). A drawn agent's quota shrinks, so that a batch keeps to the shares."""
    size, batch = len(counts), len(words)
    uniform = 2.0 / (size * (size - 1))
    quota = share * batch
    pairs, propensity = np.empty((batch, 2), np.int64), np.empty(batch)
    least = np.empty(size, np.int64)  # of each row without the diagonal, and how often it stands there
    ties = np.empty(size, np.int64)
    for i in range(size):
        _least_of(counts, i, least, ties)
    for draw in range(batch):
        total = 0.0
        for i in range(size):
            total += max(quota[i], 0.0)
        agent, opponent = 0, 0
        if words[draw, 0] < explore or total <= 0:
            agent = min(int(words[draw, 1] * size), size - 1)
            opponent = min(int(words[draw, 2] * (size - 1)), size - 2)
            opponent += opponent >= agent
        else:
            rest = words[draw, 1] * total
            for i in range(size):
                if quota[i] > 0:
                    agent = i
                    rest -= quota[i]
                    if rest <= 0:
                        break
            rest = words[draw, 2]
            for j in range(size):
                chance = _chance(counts, opponents, least, ties, agent, j)
                if chance > 0:
                    opponent = j
                    rest -= chance
                    if rest <= 0:
                        break
        chance = 1.0
        if total > 0:
            chance = max(quota[agent], 0.0) * _chance(counts, opponents, least, ties, agent, opponent)
            chance += max(quota[opponent], 0.0) * _chance(counts, opponents, least, ties, opponent, agent)
            propensity[draw] = explore * uniform + (1 - explore) * chance / total
        else:
            propensity[draw] = uniform
        if words[draw, 0] >= explore and total > 0:
            quota[agent] -= 1
        if words[draw, 3] < 0.5:
            pairs[draw, 0], pairs[draw, 1] = agent, opponent
        else:
            pairs[draw, 0], pairs[draw, 1] = opponent, agent
        counts[agent, opponent] += 1
        counts[opponent, agent] += 1
        _least_of(counts, agent, least, ties)
        _least_of(counts, opponent, least, ties)
    return pairs, propensity


@nb.njit(cache=True, error_model="numpy")
def _least_of(counts, row, least, ties):  # type: ignore[no-untyped-def]  # numba kernel
    fewest, times = np.iinfo(np.int64).max, 0
    for j in range(len(counts)):
        if j == row:
            continue
        if counts[row, j] < fewest:
            fewest, times = counts[row, j], 1
        elif counts[row, j] == fewest:
            times += 1
    least[row], ties[row] = fewest, times


@nb.njit(cache=True, error_model="numpy")
def _chance(counts, opponents, least, ties, agent, opponent):  # type: ignore[no-untyped-def]  # numba kernel
    """The probability that `opponent` is drawn against `agent`."""
    if agent == opponent:
        return 0.0
    if len(opponents):
        return opponents[agent, opponent]
    return 1.0 / ties[agent] if counts[agent, opponent] == least[agent] else 0.0
