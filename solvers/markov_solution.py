"""Zero-sum Markov games as their solvers take them, and what they find as a `Solution`.

A two-player zero- or constant-sum game in normal form is a Markov game of one state and one step; a constant that both
players' payoffs sum to is split evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import information_states, payoffs_of
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.markov_game import MarkovGame, markov_game
from arena.games.policy import TabularPolicy
from arena.solvers.checkpoint import Subject, fingerprint
from arena.solvers.deviations import is_constant_sum, zero_sum_matrix
from arena.solvers.markov_measures import Profile, markov_measures, policy_of
from arena.solvers.solution import Setting, Solution


def zero_sum_markov_game(game: Game, method: str) -> MarkovGame:
    """The game as a two-player zero-sum Markov game.

    Raises:
        NotProvided: it is none.
    """
    if isinstance(game, MarkovGame):
        if game.num_players != 2 or game.info.utility != "zero_sum":
            raise NotProvided(
                f"{method} needs a two-player zero-sum game; {game.info.specification} is {game.info.utility} with "
                f"{game.num_players} players"
            )
        return game
    payoffs = payoffs_of(game)
    if payoffs is None or not is_constant_sum(payoffs):
        raise NotProvided(
            f"{method} needs a two-player zero-sum Markov game (markov:soccer) or normal form; {game.info.specification} is "
            "neither"
        )
    own = zero_sum_matrix(payoffs)
    return markov_game(
        np.ones((1, *own.shape, 1)),
        own[None],
        discount=1.0,
        horizon=1,
        specification=game.info.specification,
        title=game.info.title,
    )


def markov_subject(game: MarkovGame, method: str, settings: Mapping[str, Setting]) -> Subject:
    """What a checkpoint of the method on this game is of."""
    read = (game.begin, game.successors, game.chances, game.paid, game.initial)
    return Subject(
        method=method,
        game=game.info.specification,
        fingerprint=fingerprint(read),
        settings={**settings, "discount": game.discount, "horizon": game.horizon},
    )


def markov_solution(
    game: Game,
    markov: MarkovGame,
    profile: Profile,
    *,
    gap: float | None = None,
    gap_kind: str = "nash_conv",
    until: float | None,
    guarantee: str | None,
    iterations: int,
    history: Sequence[tuple[int, float]],
    settings: Mapping[str, Setting],
    source: str,
) -> Solution:
    """The solution whose policy plays `profile`.

    Args:
        game: what was asked to be solved, which names the policy's information states.
        markov: the same as a Markov game.
        gap: None = NashConv of the profile.
        guarantee: what the method's theory says of this game, None outside of it: then ``converged`` is never claimed.
    """
    found = markov_measures(markov, profile)
    gap = found.nash_conv if gap is None else gap
    strategies: tuple[NDArray[np.float64], ...] = ()
    policy = policy_of(markov, profile)
    if not isinstance(game, MarkovGame):  # everybody chooses once
        strategies = tuple(table[0, 0] for table in profile)
        keys = information_states(game)
        table = {key: dict(enumerate(own.tolist())) for key, own in zip(keys, strategies, strict=True)}
        policy = TabularPolicy(game.info.specification, table)
    return Solution(
        policy=policy,
        strategies=strategies,
        gap=gap,
        gap_kind=gap_kind,
        values=tuple(found.returns.tolist()),
        converged=guarantee is not None and until is not None and gap <= until,
        guarantee=guarantee or "none",
        iterations=iterations,
        history=tuple(history),
        settings=settings,
        source=source,
    )
