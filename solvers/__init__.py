"""From a game to a policy, with a certificate of how good it is."""

from __future__ import annotations

from arena.solvers.alpha_rank import alpha_rank
from arena.solvers.cfr_plus import cfr_plus
from arena.solvers.correlated_equilibrium import correlated_equilibrium
from arena.solvers.exploitability import exploitability, nash_conv
from arena.solvers.fictitious_play import fictitious_play
from arena.solvers.lp import matrix_game_lp
from arena.solvers.minimax_winner import minimax_winner
from arena.solvers.policy_file import load_policy, save_policy
from arena.solvers.projected_replicator_dynamics import projected_replicator_dynamics
from arena.solvers.registry import Method, methods, solve
from arena.solvers.solution import Solution

__all__ = [
    "Method",
    "Solution",
    "alpha_rank",
    "cfr_plus",
    "correlated_equilibrium",
    "exploitability",
    "fictitious_play",
    "load_policy",
    "matrix_game_lp",
    "methods",
    "minimax_winner",
    "nash_conv",
    "projected_replicator_dynamics",
    "save_policy",
    "solve",
]
