"""Random Markov games that tests share: small enough for plain twins."""

from __future__ import annotations

import numpy as np

from arena.games import MarkovGame, markov_game


def random_markov_game(
    seed: int,
    *,
    states: int = 3,
    sizes: tuple[int, ...] = (2, 3),
    zero_sum: bool = True,
    discount: float = 0.8,
    horizon: int | None = None,
) -> MarkovGame:
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.4), (states, *sizes))
    rewards = rng.normal(size=(len(sizes), states, *sizes))
    if zero_sum:
        rewards[1] = -rewards[0]
    return markov_game(transitions, rewards, discount=discount, horizon=horizon, initial=rng.dirichlet(np.ones(states)))


def random_profile(game: MarkovGame, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.dirichlet(np.full(size, 0.5), (game.stages, game.num_states)) for size in game.sizes)
