"""Stationary policies of all players of a Markov game: as arrays, as a `TabularPolicy`, and what they earn.

A profile holds one array [S, A_i] a player; rows are probabilities. What players do depends on the state alone, so that
games with a horizon, where the number of steps left matters too, are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from arena.games.errors import NotProvided, SpecificationError
from arena.games.markov_game import MarkovGame
from arena.games.policy import PROBABILITY_TOLERANCE, Policy, TabularPolicy

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
    table: dict[str, dict[int, float]] = {}
    for player, rows in enumerate(profile):
        for state, row in enumerate(rows.tolist()):
            table[game.information_state(player, state)] = dict(enumerate(row))
    return TabularPolicy(game.info.specification, table)


def policy_profile(game: MarkovGame, policy: Policy | Sequence[NDArray[np.float64]]) -> Profile:
    """The profile of a policy: a `TabularPolicy`, or one array [S, A_i] a player, which is checked.

    Raises:
        NotProvided: a policy without probabilities by information state.
        SpecificationError: rows are no probabilities of the player's actions, or arrays do not fit the game.
    """
    if isinstance(policy, TabularPolicy):
        profile = tuple(_tabulated(game, policy, player) for player in range(game.num_players))
    elif isinstance(policy, Sequence):
        profile = tuple(np.asarray(rows, np.float64) for rows in policy)
    else:
        raise NotProvided("a profile is made of a TabularPolicy, or of one array [states, actions] a player")
    shapes = [(game.num_states, size) for size in game.sizes]
    if [rows.shape for rows in profile] != shapes:
        raise SpecificationError(f"a profile has arrays of the shapes {shapes}; got {[rows.shape for rows in profile]}")
    for player, rows in enumerate(profile):
        fits = (rows.min(axis=1) >= 0) & (np.abs(rows.sum(axis=1) - 1) <= PROBABILITY_TOLERANCE)
        if not fits.all():
            state = int(np.flatnonzero(~fits)[0])
            raise SpecificationError(
                f"player {player}'s probabilities in state {game.states[state]!r} must be at least 0 and sum to 1; got "
                f"{rows[state].tolist()}"
            )
    return profile


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


def next_states(game: MarkovGame) -> sp.csr_array:
    """The chances of what follows, [S * J, S]; J joint actions, the last player's fastest."""
    return sp.csr_array(
        (game.chances, game.successors.astype(np.int64), game.begin.astype(np.int64)),
        shape=(len(game.begin) - 1, game.num_states),
    )


def marginal(joint: NDArray[np.float64], profile: Sequence[NDArray[np.float64]], player: int) -> NDArray[np.float64]:
    """What a table [S, A_0, ..., A_{n-1}] of joint actions expects of each action of one player, [S, A_i]."""
    for other in reversed(range(len(profile))):
        if other != player:
            joint = np.einsum("s...a,sa->s...", np.moveaxis(joint, other + 1, -1), profile[other])
    return joint


def discounted_returns(game: MarkovGame, profile: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Each player's expected discounted return from the game's initial states, [n]."""
    weights = np.ones((game.num_states, 1))
    for rows in profile:
        weights = (weights[:, :, None] * rows[:, None, :]).reshape(game.num_states, -1)
    ends = np.arange(game.num_states + 1) * weights.shape[1]
    mixing = sp.csr_array((weights.ravel(), np.arange(weights.size), ends), shape=(game.num_states, weights.size))
    rewards = np.einsum("sj,nsj->sn", weights, game.rewards.reshape(game.num_players, game.num_states, -1))
    ahead = sp.eye_array(game.num_states) - game.discount * (mixing @ next_states(game))
    values: NDArray[np.float64] = game.initial @ splu(sp.csc_array(ahead)).solve(rewards)
    return values


def _tabulated(game: MarkovGame, policy: TabularPolicy, player: int) -> NDArray[np.float64]:
    """[S, A_i]; states that the table does not hold are played uniformly."""
    size = game.sizes[player]
    rows = np.full((game.num_states, size), 1 / size)
    for state in range(game.num_states):
        choices = policy.table.get(game.information_state(player, state))
        if choices is not None:
            if any(not 0 <= action < size for action in choices):
                raise SpecificationError(
                    f"the policy plays actions that player {player} does not have in state {game.states[state]!r}: "
                    f"{dict(choices)}"
                )
            rows[state] = [choices.get(action, 0.0) for action in range(size)]
    return rows
