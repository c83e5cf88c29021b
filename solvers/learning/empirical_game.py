"""The game between the members of populations: what they earn against each other, exactly on small trees, else as played.

On a tree that `compile_tree` takes, exact payoffs are cheaper than the thousand matches that give two digits of each.
A population of networks serves every side: the k-th member of a side is what the k-th network plays there.

Source: Lanctot et al., A unified game-theoretic approach to multiagent reinforcement learning, NeurIPS 2017, arXiv:1711.00832,
section 3 (meta-games).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.compile_tree import compile_tree
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.games.seeds import seed_of
from arena.games.tree_walk import TooLarge
from arena.solvers.learning.environment import Environment
from arena.solvers.learning.experience import draw
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.networks import log_probabilities
from arena.solvers.policy_table import strategies_of
from arena.solvers.realisation_plans import grown_payoffs, own_part, realisation_plan
from arena.solvers.tree_solution import is_covered

MOST_TABLES = 4096

Grow = Callable[[Sequence[NetworkPolicy], NDArray[np.float64]], NDArray[np.float64]]
"""(all K members, payoffs [S, k, ..., k] of the first of them) -> payoffs [S, K, ..., K] of all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmpiricalGame:
    """``names`` of the K members in the order in which they joined; ``payoffs`` [S, K, ..., K]: what each of S sides gets, of the first
    k members what it was when they were all; ``weights`` [S, K]: the meta-strategies; ``grown``: those of the first 1, 2, ..., K
    members, [S, k] each."""

    names: tuple[str, ...]
    payoffs: NDArray[np.float64] = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)
    grown: tuple[NDArray[np.float64], ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {
            "names": list(self.names),
            "payoffs": self.payoffs.tolist(),
            "weights": [weights.tolist() for weights in self.grown],
        }


def payoffs_between(game: Game, *, matches: int, seed: int) -> tuple[Grow, bool]:
    """What computes the payoffs, and whether two sides share a constant sum.

    Args:
        matches: how many each joint choice plays at least, where the game is too large to be exact.
        seed: of chance and draws.
    """
    try:
        tree = compile_tree(game)
    except (NotProvided, TooLarge):
        shared = game.info.utility in ("zero_sum", "constant_sum") and len(game.info.sides) == 2
        return lambda members, payoffs: played_payoffs(game, members, payoffs, matches=matches, seed=seed), shared
    return lambda members, payoffs: exact_payoffs(game, tree, members, payoffs), is_covered(tree)


def exact_payoffs(
    game: Game, tree: GameTree, members: Sequence[NetworkPolicy], payoffs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """As `Grow`, on the game's tree."""
    plans = [realisation_plan(tree, strategy) for strategy in strategies_of(game, tree, members)]
    populations = [np.stack([own_part(tree, plan, player) for plan in plans]) for player in range(tree.num_players)]
    return grown_payoffs(tree, populations, payoffs)


def played_payoffs(
    game: Game, members: Sequence[NetworkPolicy], payoffs: NDArray[np.float64], *, matches: int, seed: int
) -> NDArray[np.float64]:
    """As `Grow`, by matches of each joint choice in which a member is new, all of them at once. A side gets its players' mean."""
    sides, before, after = game.info.sides, payoffs.shape[1], len(members)
    choices = np.array(list(itertools.product(range(after), repeat=len(sides))))
    choices = choices[choices.max(axis=1) >= before]
    tables = max(1, min(matches, MOST_TABLES // len(choices)))
    side_of = np.empty(game.info.num_players, np.int64)
    for side, players in enumerate(sides):
        side_of[list(players)] = side
    words = seed_of(("payoffs", seed, after))
    returns = played_returns(
        MatchTables(game, tables * len(choices), seed=words),
        members,
        torch.from_numpy(np.repeat(choices[:, side_of], tables, axis=0)),
        matches=math.ceil(matches / tables),
        generator=torch.Generator().manual_seed(words),
    )
    means = returns.numpy().reshape(len(choices), tables, -1).mean(axis=1)
    grown = np.zeros((len(sides), *[after] * len(sides)))
    grown[(slice(None), *[slice(before)] * len(sides))] = payoffs
    for side, players in enumerate(sides):
        grown[(side, *choices.T)] = means[:, list(players)].mean(axis=1)
    return grown


def played_returns(
    environment: Environment,
    members: Sequence[NetworkPolicy],
    lineup: Tensor,
    *,
    matches: int,
    generator: torch.Generator,
) -> Tensor:
    """The mean returns [N, P] of the first so many matches at each table: as many at each, however long they take.

    Args:
        environment: with the N tables, on the CPU.
        members: K.
        lineup: which of them plays each player, int64 [N, P].
        generator: of the draws.
    """
    gained = torch.zeros(lineup.shape, dtype=torch.float64)
    left = torch.full((len(lineup),), matches)
    with torch.inference_mode():
        while bool((left > 0).any()):
            seen = environment.seen()
            who = torch.where(seen.acting, lineup.gather(1, seen.player), -1)
            action = torch.zeros_like(seen.player)
            for k, member in enumerate(members):
                rows = who == k
                if bool(rows.any()):
                    logits = member.network.actor(seen.observation[rows])
                    action[rows] = draw(log_probabilities(logits, legal := seen.legal[rows]), legal, generator)
            happened = environment.step(action)
            gained += torch.where(left[:, None] > 0, happened.reward, 0.0)
            left -= happened.over.long()
    return gained / matches
