"""Soft equilibria of Markov games: every player's policy is the best soft response to those of the others.

With π_i(a|s) ∝ exp(λ Q̄_i(s, a)) and V_i(s) = λ⁻¹ log Σ_a exp(λ Q̄_i(s, a)), 0 in terminal states, the marginal critics solve

    Q̄_i(s, a_i) = E_{a_-i ~ π_-i}[ r_i(s, a) + γ E_{s'} V_i(s') ]

Then π_i maximises player i's expected discounted return plus λ⁻¹ times the entropy of its choices, the others' policies
given: a Nash equilibrium of the game in which all are paid for that entropy. It is what `mamql` takes demonstrators to
play.

Source: Haynam, Khoja, Kumar, Myers and Bıyık, Multi-Agent Inverse Q-Learning from Demonstrations, ICRA 2025,
arXiv:2503.04679 (marginal critics); Ziebart, Bagnell and Dey, The principle of maximum causal entropy for estimating
interacting processes, IEEE Transactions on Information Theory 59, 2013 (soft responses in Markov games).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import markov_returns, next_states
from arena.solvers.solution import Marginals, Progress, Solution
from arena.solvers.stationary_profile import (
    Profile,
    marginal,
    profile_policy,
    soft_policy,
    soft_values,
    stationary_game,
)

DEFAULT_ITERATIONS = 20_000
DEFAULT_UNTIL = 1e-10


def soft_markov_equilibrium(
    game: Game,
    *,
    rationality: float = 1.0,
    damping: float = 0.3,
    iterations: int | None = None,
    until: float | None = DEFAULT_UNTIL,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """A soft equilibrium of a Markov game, its critics and marginal rewards in ``marginals``.

    All critics go a part of the way to the right side of their equation at once. ``gap`` is the largest difference of the
    two sides at the answer (`soft_bellman_residual`). It is a proof: at a gap of ε no player gains more than 2 ε / (1 - γ) in
    discounted return plus entropy by another policy. That iterations get there is not promised: with γ, the players
    and the rationality small, they do.

    Source: see the module.

    Args:
        game: a `MarkovGame` without a horizon: general-sum, any number of players.
        rationality: λ above 0. With rewards times c it is as rewards with λ c.
        damping: how far critics go, in (0, 1]; 1 is all the way.
        iterations: the most that are done, by default 20,000.
        until: stop once the gap is at most this.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: no Markov game, or one with a horizon.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: a setting outside its range.
    """
    if not (rationality > 0 and np.isfinite(rationality)) or not 0 < damping <= 1:
        raise ValueError(f"rationality must be above 0 and damping in (0, 1]; got {rationality} and {damping}")
    markov = stationary_game(game, "soft_markov_equilibrium")
    following = next_states(markov)
    sizes = markov.sizes
    state: State = {"clock": np.zeros(1, np.int64), "critics": np.zeros(markov.num_states * sum(sizes))}

    def residual() -> NDArray[np.float64]:
        return backed_up(markov, following, state["critics"], rationality) - state["critics"]

    def advance(count: int) -> None:
        for _ in range(count):
            state.update(clock=state["clock"] + 1, critics=state["critics"] + damping * residual())

    settings = {"rationality": rationality, "damping": damping}
    run = Run(
        subject=Subject(
            method="soft_markov_equilibrium",
            game=markov.info.specification,
            fingerprint=fingerprint((markov.begin, markov.successors, markov.chances, markov.rewards)),
            settings={**settings, "discount": markov.discount},
        ),
        state=state,
        advance=advance,
        gap=lambda: float(np.abs(residual()).max()),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    critics = split(state["critics"], markov.num_states, sizes)
    profile = soft_profile(critics, rationality)
    return Solution(
        policy=profile_policy(markov, profile),
        gap=history[-1][1],
        gap_kind="soft_bellman_residual",
        values=tuple(markov_returns(markov, [rows[None] for rows in profile]).tolist()),
        converged=until is not None and history[-1][1] <= until,
        guarantee="a gap of ε bounds every player's gain in discounted return plus entropy by 2 ε / (1 - discount)",
        iterations=run.iterations,
        history=history,
        marginals=Marginals(
            critics=critics,
            rewards=tuple(marginal(rewards, profile, player) for player, rewards in enumerate(markov.rewards)),
        ),
        settings={**settings, "iterations": iterations, "until": until},
        source="Haynam et al. 2025, arXiv:2503.04679",
    )


def backed_up(
    game: MarkovGame, following: sp.csr_array, critics: NDArray[np.float64], rationality: float
) -> NDArray[np.float64]:
    """The right sides of the equations at critics of all players in one row; ``following`` as of `next_states`."""
    players = split(critics, game.num_states, game.sizes)
    profile = soft_profile(players, rationality)
    sides = []
    for player, own in enumerate(players):
        ahead = np.where(game.terminal, 0.0, soft_values(rationality * own) / rationality)
        onward = (following @ ahead).reshape(game.num_states, *game.sizes)
        sides.append(marginal(game.rewards[player] + game.discount * onward, profile, player).ravel())
    return np.concatenate(sides)


def soft_profile(critics: Sequence[NDArray[np.float64]], rationality: float = 1.0) -> Profile:
    """The policies ∝ exp(λ Q̄) of critics [S, A_i], one a player."""
    return tuple(soft_policy(rationality * own) for own in critics)


def split(critics: NDArray[np.float64], num_states: int, sizes: Sequence[int]) -> Profile:
    """The critics [S, A_i] of each player in a row of all of them."""
    ends = np.cumsum([num_states * size for size in sizes])[:-1]
    return tuple(own.reshape(num_states, -1) for own in np.split(critics, ends))
