"""The value that every solver returns: what to play, and a certificate of how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.games.policy import Policy

Progress = Callable[[int, float], None]
"""Called with (iterations done, gap) whenever a solver has measured its gap."""

Setting = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marginals:
    """Of a Markov game, what each player's own actions are worth while the others play as they do; arrays [S, A_i], one a player.

    ``critics``: Q̄_i(s, a_i), what is expected from there on. ``rewards``: r_i(s, a_i), what is expected at once; where
    demonstrations alone speak of them, one of all that explain the same play, and nan where nobody showed the action.
    """

    critics: tuple[NDArray[np.float64], ...] = field(repr=False)
    rewards: tuple[NDArray[np.float64], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A policy profile with its certificate.

    ``policy``: plays every seat, None where ``strategies`` says it all. ``strategies``: one probability vector a player,
    for normal-form and preference games. ``gap``: measured after the fact, not promised; ``gap_kind`` names it
    (``nash_conv`` = sum over players of the gain of a best response). ``values``: each player's expected return, () where
    it was not computed. ``converged``: the gap asked for was reached and the method's theory covers the game.
    ``guarantee``: what the theory says of the answer, ``none`` outside of it. ``unique``: whether it is the only
    solution, None where that was not looked at. ``history``: (iteration, gap) as measured.

    Of methods for normal forms: ``joint``: a distribution over joint actions [A_0, A_1, ...], of correlated equilibria and
    alpha-rank. ``equilibria``: every equilibrium that was found, ``strategies`` among them. ``branch``: (rationality,
    strategies) along a path of quantal response equilibria.

    Of `mamql` and soft equilibria of Markov games: ``marginals``.

    Of preferences in contexts, [contexts, n, n]: each array of ``strategies`` is [contexts, n], ``context_gaps`` [contexts]
    has the gap in each, and ``gap`` is the largest of them, which is what ``until`` waits for.
    """

    policy: Policy | None = None
    strategies: tuple[NDArray[np.float64], ...] = ()
    gap: float
    gap_kind: str
    values: tuple[float, ...] = ()
    converged: bool
    guarantee: str
    unique: bool | None = None
    iterations: int
    history: tuple[tuple[int, float], ...] = ()
    joint: NDArray[np.float64] | None = None
    equilibria: tuple[tuple[NDArray[np.float64], ...], ...] = ()
    branch: tuple[tuple[float, tuple[NDArray[np.float64], ...]], ...] = ()
    marginals: Marginals | None = None
    context_gaps: NDArray[np.float64] | None = field(default=None, repr=False)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    source: str
