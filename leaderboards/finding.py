"""What a leaderboard shows, in a sentence: a cycle at the top, a certain leader, or who is not told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from arena.leaderboards.forfeited import Forfeits
from arena.leaderboards.methods import RATING_METHODS
from arena.leaderboards.minimax_ranking import MinimaxWinner
from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.response_graph import SURE, Cycle, top_component
from arena.leaderboards.wording import FEW, listed, percent, probability, share_of, signed

METHOD_NAMES: dict[str, str] = {name: method.title for name, method in RATING_METHODS.items()}
DIGITS: dict[str, int] = {name: method.digits for name, method in RATING_METHODS.items()}
_DOUBT = {str(name): method.doubt for name, method in RATING_METHODS.items()}
_WRITTEN = {str(name): method.written for name, method in RATING_METHODS.items()}
MINOR_PART = 0.5  # a leader with certainly less than this weight is not what the mixture is made of
LEAST_SHOWN = 0.005  # a weight that is written as 0.00
UNDECIDED = "not decided by these matches"
GROUPS_TOLD = 4
ORDINALS = ("first", "second", "third", "fourth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Agents that met, at least through others. ``agents``: all; ``ranked``: those with enough matches, the best first;
    both are numbers in the ratings. ``cycle``: what `top_cycle` found among the ranked."""

    agents: tuple[int, ...]
    ranked: tuple[int, ...]
    cycle: Cycle | None


def top_cycle(matrix: Matrix, found: Sequence[Cycle]) -> Cycle | None:
    """The best supported certain cycle among those agents whom nobody else beats: if there is one, no agent is best."""
    if len(matrix) < 3:
        return None
    top = set(top_component(matrix))
    return next((one for one in found if one.certain and one.probability >= SURE and top.issuperset(one.agents)), None)


def finding(
    ratings: Ratings, groups: Sequence[Group], matrix: Matrix, *, minimax: MinimaxWinner | None, forfeits: Forfeits
) -> str:
    """The finding of a leaderboard: of its group of agents, or of each of several.

    Args:
        ratings: of all agents.
        groups: the largest first.
        matrix: of all agents.
        minimax: the minimax winner, where there is one.
        forfeits: where they decide, the sentence says so.
    """
    if len(ratings.names) == 1:
        return f"Only {ratings.names[0]} has played: there is nobody to compare it with."
    if not groups or len(groups[0].agents) < 2:
        return "No two agents have met: there is nothing to rank."
    if len(groups) == 1:
        return _of_group(ratings, groups[0], matrix, minimax, forfeits)
    said = [f"{len(groups)} groups of agents never met, and each is ranked alone."]
    for ordinal, group in zip(ORDINALS, groups[:GROUPS_TOLD], strict=False):
        said.append(
            f"In the {ordinal}, of {len(group.agents)} agents: {_of_group(ratings, group, matrix, minimax, forfeits)}"
        )
    if len(groups) > GROUPS_TOLD:
        said.append(f"{len(groups) - GROUPS_TOLD} smaller groups are in the table.")
    return " ".join(said)


def mixture_in_words(winner: MinimaxWinner) -> str:
    """The minimax winner with its doubt: ``a 0.62 (0.40 to 0.81) and b 0.38 (0.19 to 0.60)``.

    Where no agent has a weight above 0 for certain, which mixture it is remains open: ``not decided by these matches``.
    """
    weighed = [(round(float(weight), 2), agent) for agent, weight in zip(winner.agents, winner.weights, strict=True)]
    shown = [
        f"{agent} {weight:.2f}{_weight_interval(winner, agent)}"
        for weight, agent in sorted(weighed, key=lambda pair: (-pair[0], pair[1]))
        if weight >= LEAST_SHOWN
    ]
    if not len(winner.draws):
        return f"{listed(shown)} (no intervals: too many agents)"
    return listed(shown) if is_decided(winner) else UNDECIDED


def is_decided(winner: MinimaxWinner) -> bool:
    """Whether some agent has a weight above 0 at the confidence of the intervals, or none were computed."""
    return not len(winner.draws) or bool((np.minimum(winner.low, winner.weights) >= LEAST_SHOWN).any())


def weight_bounds(winner: MinimaxWinner, agent: str) -> tuple[float, float]:
    """The interval of an agent's weight, which holds the weight itself; nan where none was computed."""
    at = winner.agents.index(agent)
    return float(np.minimum(winner.low[at], winner.weights[at])), float(np.maximum(winner.high[at], winner.weights[at]))


def _weight_interval(winner: MinimaxWinner, agent: str) -> str:
    low, high = weight_bounds(winner, agent)
    return "" if low != low else f" ({low:.2f} to {high:.2f})"


def _of_group(ratings: Ratings, group: Group, matrix: Matrix, minimax: MinimaxWinner | None, forfeits: Forfeits) -> str:
    agents = list(group.agents)
    if forfeits.by[agents].any() and not forfeits.played_out[agents].any():
        failed = [ratings.names[i] for i in agents if forfeits.by[i]]
        return f"Every match was forfeited, by {listed(failed)}: this shows who failed, not who plays better."
    return _strength(ratings, group, matrix, minimax, forfeits) + _forfeit_sentence(ratings, group, forfeits)


def _strength(ratings: Ratings, group: Group, matrix: Matrix, minimax: MinimaxWinner | None, forfeits: Forfeits) -> str:
    order = group.ranked
    if not order:
        return f"Too few matches to rank: every agent has fewer than {FEW}."
    if len(order) == 1:
        return f"Too few matches to rank: only {ratings.names[order[0]]} has {FEW} or more."
    if group.cycle is not None:
        return _cycle_sentence(ratings, order, matrix, group.cycle, minimax)
    leader, second = order[0], order[1]
    if all(ratings.above[leader, other] for other in order[1:]):
        return _leader_sentence(ratings, leader, second, matrix, forfeits) + _but_sentence(ratings, leader, minimax)
    tied = [i for i in order if not any(ratings.above[other, i] for other in order)]
    everyone = " at the top" if len(tied) < len(order) else ""
    values = listed([_value(ratings, i) for i in tied])
    return f"{listed([ratings.names[i] for i in tied])} are not told apart{everyone}: {values} {METHOD_NAMES[ratings.method]}."


def _forfeit_sentence(ratings: Ratings, group: Group, forfeits: Forfeits) -> str:
    failed = [
        f"{ratings.names[i]} forfeited {forfeits.by[i]:,.0f} of its {forfeits.matches[i]:,.0f} matches"
        for i in group.agents
        if forfeits.decisive(i)
    ]
    return f" Forfeits decide here: {listed(failed)}." if failed else ""


def _cycle_sentence(
    ratings: Ratings, order: Sequence[int], matrix: Matrix, cycle: Cycle, minimax: MinimaxWinner | None
) -> str:
    at = {agent: i for i, agent in enumerate(matrix.agents)}
    steps = []
    for (winner, loser), score in zip(pairwise((*cycle.agents, cycle.agents[0])), cycle.scores, strict=True):
        shown = share_of(score, int(matrix.matches[at[winner], at[loser]]))
        steps.append(f"beats {loser} ({shown})")
    said = (
        f"{cycle.agents[0]} {', which '.join(steps)}: a cycle, real with probability {probability(cycle.probability)}."
    )
    name = METHOD_NAMES[ratings.method]
    if ratings.method == "minimax":
        return said
    if any(ratings.above[order[0], other] for other in order[1:]):
        said += f" {name} puts {ratings.names[order[0]]} first"
    else:
        said += f" {name} does not tell them apart"
    if minimax is None:
        return said + "."
    return f"{said}, but the mix that nobody beats is {mixture_in_words(minimax)}."


def _leader_sentence(ratings: Ratings, leader: int, second: int, matrix: Matrix, forfeits: Forfeits) -> str:
    first, runner_up = ratings.names[leader], ratings.names[second]
    name = METHOD_NAMES[ratings.method]
    said = (
        f"{first} leads: {_value(ratings, leader)} {name}, ahead of {runner_up} at {_value(ratings, second)} "
        f"with {100 * ratings.confidence:g}\N{NO-BREAK SPACE}% confidence"
    )
    matches = int(matrix.matches[leader, second])
    if not matches or ratings.method == "mean_return":
        return said + "."
    shown = percent(float(matrix.score[leader, second]), matches)
    said += f"; head to head it scores {shown} in {matches:,} {'match' if matches == 1 else 'matches'}"
    failed = [(i, float(forfeits.between[i, j])) for i, j in ((second, leader), (leader, second))]
    shares = [f"{count:,.0f} of them forfeited by {ratings.names[i]}" for i, count in failed if count]
    return ", ".join([said, *shares]) + "."


def _but_sentence(ratings: Ratings, leader: int, minimax: MinimaxWinner | None) -> str:
    """What a leader's rating hides: that the mix that nobody beats is certainly made of others."""
    name = ratings.names[leader]
    if minimax is None or ratings.method == "minimax" or name not in minimax.agents or not is_decided(minimax):
        return ""
    if not weight_bounds(minimax, name)[1] < MINOR_PART:
        return ""
    measured = "by how much they win" if minimax.payoff == "margin" else "by who beats whom"
    return f" But {measured}, the mix that nobody beats is {mixture_in_words(minimax)}."


def written_of(method: str, value: float) -> str:
    """A rating as its method writes it; of a method that is not in the list with a sign and two digits."""
    return _WRITTEN[method](value) if method in _WRITTEN else signed(value, 2)


def doubt_of(method: str, low: float, value: float, high: float) -> str:
    """The interval beside a rating, as its method writes it; "" where there is none."""
    if method in _DOUBT:
        return _DOUBT[method](low, value, high)
    half = max(high - value, value - low)
    return f"±{half:,.2f}" if half == half else ""


def _value(ratings: Ratings, agent: int) -> str:
    low, high = (float(end) for end in ratings.intervals[agent])
    value = float(ratings.scores[agent])
    written, doubt = written_of(ratings.method, value), doubt_of(ratings.method, low, value, high)
    return f"{written} {doubt}" if doubt.startswith("±") else f"{written} ({doubt})" if doubt else written
