"""Whether a game has far too many histories to be written out: told by a few random matches, in place of writing out the most allowed.

A match played at random, with b_1, b_2, ... ways on from its positions, is worth 1 + b_1 + b_1 b_2 + ...: on average exactly the
number of histories. Source: Knuth, Estimating the efficiency of backtrack programs, Mathematics of Computation 29 (1975), theorem 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

CHANCE, SIMULTANEOUS, TERMINAL = -1, -2, -4  # pyspiel.PlayerId, which a game does not give before it is loaded
MATCHES = 8
DOUBT = 1e-6
"""How likely it may be, over the random words, that a game which is small enough is called too large."""


def is_far_larger(rules: Any, most: int) -> bool:
    """Whether a `pyspiel.Game` has more than `most` histories, beyond `DOUBT`.

    By Markov's inequality a game of no more has a mean of matches above ``most / DOUBT`` at most that often. False says
    nothing: it may be larger all the same. The same game gets the same answer.
    """
    limit, words = MATCHES * most / DOUBT, np.random.default_rng(0)
    worth = 0.0
    for _ in range(MATCHES):
        worth += worth_of_match(rules, words, enough=limit, longest=most)
        if worth > limit:
            return True
    return False


def worth_of_match(rules: Any, words: np.random.Generator, *, enough: float, longest: int) -> float:
    """What one match is worth. Once that is more than `enough` it is not played on; of more than `longest` moves it is infinite."""
    state, worth, ways = rules.new_initial_state(), 1.0, 1.0
    for _ in range(longest):
        player = state.current_player()
        if player == SIMULTANEOUS:
            choices = [state.legal_actions(one) or [0] for one in range(rules.num_players())]
            state = state.clone()
            state.apply_actions([legal[words.integers(len(legal))] for legal in choices])
            ways *= math.prod(map(float, map(len, choices)))
        else:
            outcomes = state.chance_outcomes() if player == CHANCE else ()
            legal = state.legal_actions() if player >= 0 else [outcome for outcome, _ in outcomes]
            if not legal or worth > enough:
                return worth
            state = state.child(legal[words.integers(len(legal))])
            ways *= len(legal)
        worth += ways
    return math.inf
