"""What a policy that learns is worth, as a number that falls to 0: exactly where its game can be written out, else in matches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from arena.games.compile_tree import compile_tree
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.policy import Policy
from arena.games.seeds import seed_of
from arena.games.tree_walk import TooLarge
from arena.solvers.exploitability import nash_conv
from arena.solvers.learning.experience import draw
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.smax_teams import SmaxTeams, rules_of

NASH_CONV, NOT_WON = "nash_conv", "share_of_matches_not_won"
MOST_HISTORIES = 1_000_000
"""Larger games are not written out to be measured while a policy learns."""
OFTEN, SELDOM = 1.25, 10.0
"""A policy is measured after updates that grow by the first factor, about twenty times in a run, or by the second."""
MANY_HISTORIES = 300_000
"""On more of them a policy is measured seldom: each time takes seconds."""
MATCHES = 1000
"""A share of them is known within 3 points, with 95 % confidence."""
STARTS = seed_of(("measure",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """``matches``: in how many that are drawn it is measured; None = exactly. ``growth``: `OFTEN` or `SELDOM`."""

    value: Callable[[Policy], float]
    matches: int | None = None
    growth: float = OFTEN


def exact_measure(game: Game) -> Measure | None:
    """NashConv; None where the game is no Markov game and cannot be written out, or is too large."""
    if isinstance(game, MarkovGame):
        return Measure(value=lambda policy: float(nash_conv(game, policy)))
    return tree_measure(game)


def tree_measure(game: Game) -> Measure | None:
    """NashConv of mixtures too; None where the game cannot be written out, or is too large."""
    try:
        tree = compile_tree(game, max_nodes=MOST_HISTORIES)
    except (NotProvided, TooLarge):
        return None
    growth = OFTEN if tree.num_nodes <= MANY_HISTORIES else SELDOM
    return Measure(value=lambda policy: float(nash_conv(tree, policy)), growth=growth)


def team_measure(game: Game) -> Measure:
    """The share of matches that a team does not win against the scripted one, half of them from either side.

    All policies meet the same starts, whatever they were trained with.

    Raises:
        NotProvided: no game of SMAX, or continuous actions.
    """
    rules = rules_of(game)

    def value(policy: Policy) -> float:
        assert isinstance(policy, NetworkPolicy), "teams are networks"
        tables = SmaxTeams(rules, MATCHES, seed=STARTS, central=False)
        words = torch.Generator().manual_seed(STARTS)
        memory = torch.zeros(MATCHES * tables.facts.seats, policy.memory_width)
        plays, won = torch.ones(MATCHES, dtype=torch.bool), 0
        while plays.any():
            seen = tables.seen()
            legal = seen.legal.flatten(0, 1)
            chances, memory = policy.answers(seen.observation.flatten(0, 1), legal, memory)
            over = tables.step(draw(chances.log(), legal, words).reshape(seen.player.shape)).over
            won += int((tables.won & plays).sum())
            plays &= ~over
        return 1 - won / MATCHES

    return Measure(value=value, matches=MATCHES)
