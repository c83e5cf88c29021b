"""Random general-sum Markov games without structure, as the research on demonstrations uses them.

game = unstructured_game(seed=0, sizes=(3, 3))      S = 6, discount .9; chances Dirichlet(.3), rewards N(0, 1)
"""

import numpy as np

from arena.games import markov_game


def unstructured_game(*, seed, states=6, sizes=(3, 3), discount=0.9, scale=1.0, terminal=False):
    """``sizes``: actions of each player. ``terminal``: whether the last state ends the match."""
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.3), size=(states, *sizes))
    rewards = scale * rng.normal(size=(len(sizes), states, *sizes))
    initial = np.full(states, 1 / states)
    if terminal:
        transitions[-1], rewards[:, -1] = np.eye(states)[-1], 0.0
        initial = np.append(np.full(states - 1, 1 / (states - 1)), 0.0)
    return markov_game(transitions, rewards, discount=discount, initial=initial)
