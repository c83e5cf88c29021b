"""``markov:NAME(params)`` and ``markov:FILE``: Markov games by name or from a file (see `arena.games.markov_files`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

import numpy as np

from arena.games.errors import SpecificationError, UnknownName
from arena.games.game import GameInfo
from arena.games.markov_files import SUFFIXES, read_markov_game
from arena.games.markov_game import MarkovGame, markov_game
from arena.games.markov_soccer import soccer
from arena.games.seeds import counter_hash, unit
from arena.games.specification import Call, Value, parse_call, read_parameters

KEPT = 16
LARGEST_TABLE = 50_000_000  # numbers in the transitions of a random game: 400 MB


@dataclass(frozen=True, slots=True)
class _Named:
    make: Callable[..., MarkovGame]
    defaults: Mapping[str, Value]


def load(rest: str) -> MarkovGame:
    """The game behind ``markov:``.

    Raises:
        UnknownName: no such name or parameter.
        GameMissing: the file cannot be read.
        SpecificationError: a parameter outside its range, or a file that holds no Markov game.
    """
    path = rest.strip()
    suffix = PurePath(path.partition("(")[0]).suffix.lower()
    if suffix in SUFFIXES:
        return read_markov_game(path)
    if "/" in path.partition("(")[0] or suffix:
        raise SpecificationError(f"markov:{path} is neither a game's name nor a file ending in {' or '.join(SUFFIXES)}")
    call = parse_call(path)
    if call.name not in _NAMED:
        raise UnknownName("Markov game", call.name, _NAMED)
    values = read_parameters(call, _NAMED[call.name].defaults)
    return _made(call.name, tuple(values.items()))


@lru_cache(KEPT)
def _made(name: str, values: tuple[tuple[str, Value], ...]) -> MarkovGame:
    named = _NAMED[name]
    told = Call(name, {key: value for key, value in values if value != named.defaults[key]})
    return named.make(f"markov:{told}", **dict(values))


def list_infos() -> list[GameInfo]:
    """The facts of all named games, with their parameters as they stand by default."""
    return [load(name).info for name in sorted(_NAMED)]


def rps_chain(specification: str, *, length: int, slip: float, discount: float) -> MarkovGame:
    """A tug of war by an uneven rock, paper, scissors: zero-sum, all mixed, with a value that differs from state to state.

    A token stands on one of ``length`` fields, at first in the middle. The winner of a throw draws it one field to its own
    end, except that with chance ``slip`` it stays. Drawn beyond an end it scores 1 for that player and goes back to the
    middle. Throws pay besides what they win by: rock beats scissors by 1, scissors paper by 1/3, paper rock by 1.
    """
    if length < 1 or not 0 <= slip < 1:
        raise SpecificationError(
            f"rps_chain takes a length of at least 1 and a slip in [0, 1); got {length} and {slip}"
        )
    throw = np.array([[0, -3, 3], [3, 0, -1], [-3, 1, 0]]) / 3
    middle = length // 2
    transitions, rewards = np.zeros((length, 3, 3, length)), np.tile(throw, (length, 1, 1))
    for field in range(length):
        for row, column in np.ndindex(3, 3):
            step = int(np.sign(throw[row, column]))
            outside = not 0 <= field + step < length
            transitions[field, row, column, middle if outside else field + step] += 1 - slip
            transitions[field, row, column, field] += slip
            rewards[field, row, column] += step * (1 - slip) * outside
    return markov_game(
        transitions,
        rewards,
        discount=discount,
        initial=np.eye(length)[middle],
        states=[f"field {field}" for field in range(length)],
        actions=(("rock", "paper", "scissors"),) * 2,
        specification=specification,
        title="Rock, Paper, Scissors Tug of War",
    )


def repeated_prisoners_dilemma(specification: str, *, discount: float) -> MarkovGame:
    """R. Axelrod's dilemma (1980), repeated; the state is what both did last, so that policies may answer it."""
    payoffs = np.array([[3.0, 0.0], [5.0, 1.0]])
    names = ["first move"] + [f"{mine} and {theirs}" for mine in ("C", "D") for theirs in ("C", "D")]
    transitions = np.zeros((5, 2, 2, 5))
    for row, column in np.ndindex(2, 2):
        transitions[:, row, column, 1 + 2 * row + column] = 1.0
    return markov_game(
        transitions,
        np.tile(np.stack((payoffs, payoffs.T))[:, None], (1, 5, 1, 1)),
        discount=discount,
        states=names,
        actions=(("cooperate", "defect"),) * 2,
        specification=specification,
        title="Repeated Prisoner's Dilemma",
    )


def random_game(
    specification: str,
    *,
    states: int,
    actions: int,
    players: int,
    seed: int,
    discount: float,
    horizon: int,
    zero_sum: bool,
) -> MarkovGame:
    """Chances uniform over the simplex, rewards uniform in [-1, 1], every state as likely to be the first.

    ``horizon`` 0 is none. ``zero_sum``: of two players, what one gets the other loses.
    """
    if min(states, actions) < 1 or not 2 <= players <= 8 or not 0 <= seed < 1 << 64 or horizon < 0:
        raise SpecificationError(
            f"{specification}: random takes at least 1 state and 1 action, 2 to 8 players, a seed of at least 0 and below 2^64, "
            "and no negative horizon"
        )
    if zero_sum and players != 2:
        raise SpecificationError(f"{specification}: zero_sum needs 2 players; write zero_sum=false")
    joints = actions**players
    if states * states * joints > LARGEST_TABLE:
        raise SpecificationError(f"{specification}: more than {LARGEST_TABLE:,} chances")
    draws = unit(counter_hash(np.uint64(seed), 0, np.arange(states * joints * states)))
    waits = -np.log1p(-draws).reshape(-1, states)
    count = 1 if zero_sum else players
    rewards = 2 * unit(counter_hash(np.uint64(seed), 1, np.arange(count * states * joints))) - 1
    rewards = rewards.reshape(count, states, *[actions] * players)
    return markov_game(
        (waits / waits.sum(axis=1, keepdims=True)).reshape(states, *[actions] * players, states),
        rewards[0] if zero_sum else rewards,
        discount=discount,
        initial=np.full(states, 1 / states),
        horizon=horizon or None,
        specification=specification,
        title=f"Random Markov game, seed {seed}",
    )


_NAMED: dict[str, _Named] = {
    "random": _Named(
        random_game,
        {"states": 4, "actions": 3, "players": 2, "seed": 0, "discount": 0.9, "horizon": 0, "zero_sum": True},
    ),
    "repeated_prisoners_dilemma": _Named(repeated_prisoners_dilemma, {"discount": 0.9}),
    "rps_chain": _Named(rps_chain, {"length": 3, "slip": 0.1, "discount": 0.9}),
    "soccer": _Named(soccer, {"rows": 4, "columns": 5, "discount": 0.9}),
}
