"""Stationary policies of all players of a Markov game: as a policy and back, made of critics, and what a player sees of them.

A profile holds here one array [S, A_i] a player, where `arena.solvers.markov_measures` has one for each step of a horizon; rows
are probabilities. What players do depends on the state alone, so that games with a horizon, where the number of steps left
matters too, are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import NotProvided
from arena.games.markov_game import MarkovGame
from arena.games.policy import Policy, TabularPolicy
from arena.solvers.markov_measures import policy_of, profile_of

Profile = tuple[NDArray[np.float64], ...]


def stationary_game(game: object, method: str) -> MarkovGame:
    """The game, where it is a Markov game without a horizon.

    Raises:
        NotProvided: it is none.
    """
    if not isinstance(game, MarkovGame):
        named = getattr(getattr(game, "info", None), "specification", type(game).__name__)
        raise NotProvided(f"{method} needs a tabular Markov game, such as markov:rps_chain; {named} is none")
    if game.horizon is not None:
        raise NotProvided(
            f"{method} finds policies of the state alone; {game.info.specification} has a horizon, where the number of "
            "steps left matters too: make the step a part of the state, or drop the horizon"
        )
    return game


def profile_policy(game: MarkovGame, profile: Sequence[NDArray[np.float64]]) -> TabularPolicy:
    """The profile as a table by information states, which files hold and agents play."""
    return policy_of(game, [rows[None] for rows in profile])


def policy_profile(game: MarkovGame, policy: Policy | Sequence[NDArray[np.float64]]) -> Profile:
    """The profile of a policy that `profile_of` takes, or of one array [S, A_i] a player, which is checked.

    Raises:
        NotProvided: a policy that has no probabilities by state.
        SpecificationError: rows are no probabilities of the player's actions, or arrays do not fit the game.
    """
    return tuple(rows[0] for rows in profile_of(game, policy))


def soft_values(critic: NDArray[np.float64]) -> NDArray[np.float64]:
    """V [S] = log Σ exp Q of a critic [S, A]."""
    most = critic.max(axis=1)
    values: NDArray[np.float64] = most + np.log(np.exp(critic - most[:, None]).sum(axis=1))
    return values


def soft_policy(critic: NDArray[np.float64]) -> NDArray[np.float64]:
    """π [S, A] ∝ exp Q of a critic [S, A]."""
    weights = np.exp(critic - critic.max(axis=1, keepdims=True))
    policy: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return policy


def marginal(joint: NDArray[np.float64], profile: Sequence[NDArray[np.float64]], player: int) -> NDArray[np.float64]:
    """What a table [S, A_0, ..., A_{n-1}] of joint actions expects of each action of one player, [S, A_i]."""
    for other in reversed(range(len(profile))):
        if other != player:
            joint = np.einsum("s...a,sa->s...", np.moveaxis(joint, other + 1, -1), profile[other])
    return joint
