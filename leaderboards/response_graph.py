"""Who beats whom as a graph, and the cycles in it: what no list of ratings can show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import comb, prod
from statistics import NormalDist

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from arena.leaderboards.payoff_matrix import EVEN, Matrix
from arena.solvers.social_choice import top_cycle

FALSE_CYCLES = 0.05
"""How many certain cycles of three may be expected among agents that are all equal."""
SURE = 0.9
"""A cycle below this probability is called possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Agents each of whom beats the next, the last the first.

    ``scores``: of each against the next. ``probability``: that every link is real, links taken as independent and normal.
    ``certain``: each link is, at a level at which at most 0.05 such cycles are expected among equal agents.
    """

    agents: tuple[str, ...]
    scores: tuple[float, ...]
    probability: float
    certain: bool


def response_graph(matrix: Matrix) -> nx.DiGraph[str]:
    """The graph of agents with an arrow from the loser to the winner of each pair that met and is not even.

    Following arrows is improving one's choice against the last opponent; a strongly connected component of more than one
    agent is a set of cycles. Each arrow has ``score`` (the winner's), ``certain`` (its interval excludes even) and
    ``matches``.

    Source: Omidshafiei et al., α-Rank, Scientific Reports 2019, arXiv:1903.01373, section 2.3.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(matrix.agents)
    for winner, loser in np.argwhere(matrix.score > EVEN).tolist():
        graph.add_edge(
            matrix.agents[loser],
            matrix.agents[winner],
            score=float(matrix.score[winner, loser]),
            certain=bool(matrix.low[winner, loser] > EVEN),
            matches=int(matrix.matches[winner, loser]),
        )
    return graph


def top_component(matrix: Matrix) -> tuple[str, ...]:
    """The smallest set of agents of whom none is beaten from outside, in the matrix' order; all agents where it is not unique."""
    return tuple(matrix.agents[i] for i in top_cycle(matrix.score))


def cycles(matrix: Matrix, *, most: int = 10) -> list[Cycle]:
    """The cycles that are best supported, by their weakest link, at most `most`.

    Where every pair met and none is even, every cycle contains one of three agents (Moon 1968); so cycles of three are
    searched, and a longer one is given only for components that have none.
    """
    strength = (matrix.centre - EVEN) / matrix.error
    strength = np.where(matrix.score > EVEN, strength, -np.inf)  # nan and even are no links
    certain_from = NormalDist().inv_cdf(1 - _link_level(len(matrix), matrix.confidence))
    found = _triples(strength, most)
    covered = {agent for cycle in found for agent in cycle}
    links = np.isfinite(strength)
    component = _components(links)
    without = np.bincount(component) > 1
    without[component[list(covered)]] = False
    if without.any():
        graph = nx.DiGraph((i, j) for i, j in np.argwhere(links).tolist())
        for number in np.flatnonzero(without).tolist():
            inside = graph.subgraph(np.flatnonzero(component == number).tolist())
            found.append(tuple(link[0] for link in nx.find_cycle(inside)))
    made = [_cycle(matrix, strength, cycle, certain_from) for cycle in found]
    return sorted(made, key=lambda cycle: (-cycle.certain, -cycle.probability, cycle.agents))[:most]


def _components(links: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The number of the strongly connected component of each agent [A]; links [A, A] lead from the row to the column."""
    if not len(links):
        return np.empty(0, np.int64)
    _, component = connected_components(links, directed=True, connection="strong")
    return np.asarray(component, np.int64)


def _link_level(num_agents: int, confidence: float) -> float:
    """How improbable each link must be among equals: that of the confidence, less where many triples are searched."""
    triples = 2 * comb(num_agents, 3)
    return min((1 - confidence) / 2, (FALSE_CYCLES / triples) ** (1 / 3) if triples else 1.0)


def _triples(strength: NDArray[np.float64], most: int) -> list[tuple[int, ...]]:
    """The cycles of three with the strongest weakest link, each beginning with its smallest number."""
    best: list[tuple[float, tuple[int, ...]]] = []
    for i in range(len(strength)):
        least = best[-1][0] if len(best) == most else -np.inf  # what is no stronger comes behind those that are found
        others = strength[i + 1 :, i + 1 :]
        beaten = np.flatnonzero(strength[i, i + 1 :] > least)
        beats = np.flatnonzero(strength[i + 1 :, i] > least)
        if not len(beaten) or not len(beats):
            continue
        # weakest[j, k] of i beats j beats k beats i
        weakest = np.minimum(strength[i, i + 1 + beaten, None], strength[i + 1 + beats, i])
        weakest = np.minimum(weakest, others[np.ix_(beaten, beats)]).ravel()
        places = np.flatnonzero((weakest > least) & (weakest < np.inf))
        if len(places) > most:
            cut = np.partition(weakest[places], -most)[-most]
            stronger = places[weakest[places] > cut]
            places = np.concatenate((stronger, places[weakest[places] == cut][: most - len(stronger)]))
        best += [
            (float(weakest[at]), (i, i + 1 + int(beaten[at // len(beats)]), i + 1 + int(beats[at % len(beats)])))
            for at in places.tolist()
        ]
        best = sorted(best, key=lambda found: (-found[0], found[1]))[:most]
    return [cycle for _, cycle in best]


def _cycle(matrix: Matrix, strength: NDArray[np.float64], members: tuple[int, ...], certain_from: float) -> Cycle:
    links = list(pairwise((*members, members[0])))
    start = min(range(len(links)), key=lambda k: (-matrix.score[links[k]], matrix.agents[members[k]]))
    links = links[start:] + links[:start]
    return Cycle(
        agents=tuple(matrix.agents[i] for i, _ in links),
        scores=tuple(float(matrix.score[link]) for link in links),
        probability=prod(NormalDist().cdf(float(strength[link])) for link in links),
        certain=all(strength[link] >= certain_from for link in links),
    )
