"""What a leaderboard shows, in a sentence: a cycle at the top, a certain leader, or who is not told apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from arena.leaderboards.minimax_ranking import MinimaxWinner
from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.response_graph import SURE, Cycle, top_component
from arena.leaderboards.wording import listed, percent, probability, signed

METHOD_NAMES = {
    "elo": "Elo",
    "bradley_terry": "Bradley-Terry",
    "minimax": "minimax weight",
    "mean_return": "mean return",
}
DIGITS = {"elo": 0}
LEAST_SHOWN = 0.005  # a weight that is written as 0.00


def top_cycle(matrix: Matrix, found: Sequence[Cycle]) -> Cycle | None:
    """The best supported certain cycle among those agents whom nobody else beats: if there is one, no agent is best."""
    if len(matrix) < 3:
        return None
    top = set(top_component(matrix))
    return next((one for one in found if one.certain and one.probability >= SURE and top.issuperset(one.agents)), None)


def finding(
    ratings: Ratings, order: Sequence[int], matrix: Matrix, *, cycle: Cycle | None, minimax: MinimaxWinner | None
) -> str:
    """The finding of one group of agents.

    Args:
        ratings: of all agents.
        order: the group's agents, indices into the ratings, the best first.
        matrix: of all agents.
        cycle: what `top_cycle` found in the group.
        minimax: the group's minimax winner.
    """
    if len(order) < 2:
        return "No two agents have met: there is nothing to rank."
    if cycle is not None:
        return _cycle_sentence(ratings, order, matrix, cycle, minimax)
    leader, second = order[0], order[1]
    if all(ratings.above[leader, other] for other in order[1:]):
        return _leader_sentence(ratings, leader, second, matrix)
    tied = [i for i in order if not any(ratings.above[other, i] for other in order)]
    everyone = " at the top" if len(tied) < len(order) else ""
    values = listed([_value(ratings, i) for i in tied])
    return f"{listed([ratings.names[i] for i in tied])} are not told apart{everyone}: {values} {METHOD_NAMES[ratings.method]}."


def _cycle_sentence(
    ratings: Ratings, order: Sequence[int], matrix: Matrix, cycle: Cycle, minimax: MinimaxWinner | None
) -> str:
    at = {agent: i for i, agent in enumerate(matrix.agents)}
    steps = []
    for (winner, loser), score in zip(pairwise((*cycle.agents, cycle.agents[0])), cycle.scores, strict=True):
        shown = percent(score, int(matrix.matches[at[winner], at[loser]]))
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
    mixed = sorted(zip(minimax.weights, minimax.agents, strict=True), key=lambda pair: (-round(pair[0], 2), pair[1]))
    shares = [f"{agent} {weight:.2f}" for weight, agent in mixed if weight >= LEAST_SHOWN]
    return f"{said}, but the mix that nobody beats is {listed(shares)}."


def _leader_sentence(ratings: Ratings, leader: int, second: int, matrix: Matrix) -> str:
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
    return f"{said}; head to head it scores {shown} in {matches:,} {'match' if matches == 1 else 'matches'}."


def _value(ratings: Ratings, agent: int) -> str:
    digits = DIGITS.get(ratings.method, 2)
    low, high = ratings.intervals[agent]
    half = max(high - ratings.scores[agent], ratings.scores[agent] - low)
    return f"{signed(float(ratings.scores[agent]), digits)}{'' if half != half else f' ±{half:,.{digits}f}'}"
