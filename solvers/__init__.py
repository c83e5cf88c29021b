"""From a game to a policy, with a certificate of how good it is."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from arena.solvers.adversarial_mdp import AdversarialEpisodes, adversarial_mdp
from arena.solvers.agent_qre import agent_qre
from arena.solvers.alpha_rank import alpha_rank
from arena.solvers.bimatrix_nash import bimatrix_nash
from arena.solvers.correlated_equilibrium import correlated_equilibrium
from arena.solvers.counterfactual import cfr, cfr_plus, dcfr, pcfr_plus
from arena.solvers.dark_hex_measures import DarkHexMeasures, dark_hex_measures, dark_hex_nash_conv
from arena.solvers.demonstrations import Demonstrations, demonstrate, load_demonstrations, save_demonstrations
from arena.solvers.dno import dno
from arena.solvers.double_oracle import double_oracle
from arena.solvers.exploitability import BestResponse, best_response, expected_returns, exploitability, nash_conv
from arena.solvers.fictitious_play import fictitious_play
from arena.solvers.gamma_curriculum import gamma_shapes, next_shape
from arena.solvers.inpo import inpo
from arena.solvers.log_barrier_ftrl import log_barrier_bound, log_barrier_ftrl, log_barrier_strategies
from arena.solvers.logit_qre import logit_qre
from arena.solvers.lp import matrix_game_lp
from arena.solvers.mamql import mamql
from arena.solvers.markov_measures import markov_nash_conv
from arena.solvers.mccfr import mccfr
from arena.solvers.method_list import Method, methods
from arena.solvers.mex import exploration_regret, mex
from arena.solvers.minimax_q import minimax_q
from arena.solvers.minimax_winner import minimax_winner
from arena.solvers.mmd import mmd
from arena.solvers.mmd_self_play import mmd_self_play
from arena.solvers.nash_average import nash_average
from arena.solvers.nash_md import nash_md
from arena.solvers.nash_mirror_prox import nash_mirror_prox, nash_mp
from arena.solvers.nash_prox import nash_prox
from arena.solvers.nash_value_iteration import nash_value_iteration
from arena.solvers.online_ipo import online_ipo
from arena.solvers.optimistic_mwu import optimistic_mwu
from arena.solvers.policy_file import load_policy, save_policy
from arena.solvers.policy_table import tabulate
from arena.solvers.preference_solution import PreferenceSolution, preference_solution
from arena.solvers.projected_replicator_dynamics import projected_replicator_dynamics
from arena.solvers.psro import psro
from arena.solvers.qarl import qarl
from arena.solvers.qre_curriculum import qre_curriculum
from arena.solvers.registry import solve
from arena.solvers.self_play import self_play
from arena.solvers.sequence_form_lp import sequence_form_lp
from arena.solvers.social_choice import borda_scores, condorcet_winner, copeland_scores, kemeny_scores, top_cycle
from arena.solvers.soft_markov_equilibrium import soft_markov_equilibrium
from arena.solvers.solution import Marginals, Solution
from arena.solvers.spo import spo

if TYPE_CHECKING:
    from arena.solvers.neural import (
        NeuralSolution,
        PreferenceContexts,
        judged_contexts,
        preference_contexts,
        train_on_preferences,
    )

_LATE = {
    "NeuralSolution": "arena.solvers.neural",
    "PreferenceContexts": "arena.solvers.neural",
    "judged_contexts": "arena.solvers.neural",
    "preference_contexts": "arena.solvers.neural",
    "train_on_preferences": "arena.solvers.neural",
}
"""Names whose modules load torch: they are loaded when first used."""

__all__ = [
    "AdversarialEpisodes",
    "BestResponse",
    "DarkHexMeasures",
    "Demonstrations",
    "Marginals",
    "Method",
    "NeuralSolution",
    "PreferenceContexts",
    "PreferenceSolution",
    "Solution",
    "adversarial_mdp",
    "agent_qre",
    "alpha_rank",
    "best_response",
    "bimatrix_nash",
    "borda_scores",
    "cfr",
    "cfr_plus",
    "condorcet_winner",
    "copeland_scores",
    "correlated_equilibrium",
    "dark_hex_measures",
    "dark_hex_nash_conv",
    "dcfr",
    "demonstrate",
    "dno",
    "double_oracle",
    "expected_returns",
    "exploitability",
    "exploration_regret",
    "fictitious_play",
    "gamma_shapes",
    "inpo",
    "judged_contexts",
    "kemeny_scores",
    "load_demonstrations",
    "load_policy",
    "log_barrier_bound",
    "log_barrier_ftrl",
    "log_barrier_strategies",
    "logit_qre",
    "mamql",
    "markov_nash_conv",
    "matrix_game_lp",
    "mccfr",
    "methods",
    "mex",
    "minimax_q",
    "minimax_winner",
    "mmd",
    "mmd_self_play",
    "nash_average",
    "nash_conv",
    "nash_md",
    "nash_mirror_prox",
    "nash_mp",
    "nash_prox",
    "nash_value_iteration",
    "next_shape",
    "online_ipo",
    "optimistic_mwu",
    "pcfr_plus",
    "preference_contexts",
    "preference_solution",
    "projected_replicator_dynamics",
    "psro",
    "qarl",
    "qre_curriculum",
    "save_demonstrations",
    "save_policy",
    "self_play",
    "sequence_form_lp",
    "soft_markov_equilibrium",
    "solve",
    "spo",
    "tabulate",
    "top_cycle",
    "train_on_preferences",
]


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module 'arena.solvers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
