"""A solution in types of JSON, and as the table that a file can hold and an agent can play."""

from __future__ import annotations

import math

from arena.games import Game, TabularPolicy
from arena.games.policy import MixturePolicy
from arena.solvers import Solution
from arena.solvers.policy_table import tabulate

COUNTED = ("queries", "comparisons", "exploitability")
"""What learners on preferences tell in their settings of what they asked, and of their answer without the reference."""


def solution_facts(method: str, game: Game, solution: Solution) -> dict[str, object]:
    """An answer with its certificate: what was found, and how good it is. What was not computed is None."""
    return {
        "method": method,
        "game": game.info.specification,
        "gap": solution.gap if math.isfinite(solution.gap) else None,
        "gap_kind": solution.gap_kind,
        "converged": solution.converged,
        "guarantee": solution.guarantee,
        "iterations": solution.iterations,
        **{name: solution.settings[name] for name in COUNTED if name in solution.settings},
        "values": list(solution.values) or None,
        "unique": solution.unique,
        "strategies": [strategy.tolist() for strategy in solution.strategies] or None,
        "equilibria": [[strategy.tolist() for strategy in profile] for profile in solution.equilibria] or None,
        "joint": None if solution.joint is None else solution.joint.tolist(),
    }


def table_of(game: Game, solution: Solution) -> TabularPolicy | None:
    """The policy of a solution as a table; None where it has none, or none that a table holds."""
    policy = tabulate(game, solution.policy) if isinstance(solution.policy, MixturePolicy) else solution.policy
    return policy if isinstance(policy, TabularPolicy) else None
