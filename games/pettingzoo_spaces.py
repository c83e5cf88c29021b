"""Gymnasium's spaces in Arena's terms: what a player may do, and what a player sees as numbers or as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ActionSpace
from arena.games.errors import GameMissing

SHOWN_NUMBERS = 400  # an observation of more numbers is abbreviated in text
SHOWN_PLANES = 9  # so that one digit names a plane of a board
OBSERVATION, MASK = "observation", "action_mask"

Decode = Callable[[Any], object]
Flatten = Callable[[object], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerActions:
    """One player's actions.

    ``decode``: an action of Arena's (int, or a row [width]) as the environment wants it. ``legal``: every number of a
    discrete space, empty otherwise. ``low``, ``high``: bounds [width] of a vector, zeros past the player's own length.
    """

    decode: Decode
    legal: tuple[int, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def action_space(spaces: Sequence[Any]) -> tuple[ActionSpace, tuple[PlayerActions, ...]]:
    """The game's action space from each player's, wide enough for all, and what each player may do in it.

    Raises:
        GameMissing: a space that is no number, vector of numbers or box, or players with different kinds of them.
    """
    from gymnasium import spaces as kinds

    if all(isinstance(space, kinds.Discrete) for space in spaces):
        size = max(int(space.n) for space in spaces)
        return ActionSpace(kind="discrete", size=size), tuple(_discrete(space) for space in spaces)
    vectors = [_vector(space) for space in spaces]
    if len({whole for whole, *_ in vectors}) > 1:
        raise GameMissing("some of its players choose whole numbers and others real ones; Arena plays one kind a game")
    kind: Literal["multi_discrete", "box"] = "multi_discrete" if vectors[0][0] else "box"
    width = max(len(low) for _, low, _, _ in vectors)
    players = tuple(
        PlayerActions(
            decode=decode,
            legal=(),
            low=np.pad(low, (0, width - len(low))),
            high=np.pad(high, (0, width - len(high))),
        )
        for _, low, high, decode in vectors
    )
    return ActionSpace(kind=kind, width=width), players


def flatten_of(space: Any) -> tuple[int, Flatten] | None:
    """(length, function) that makes float32 [length] of an observation of this space; None where it has no numbers.

    Boxes are laid out in C order, discrete ones one-hot, composed ones as `gymnasium.spaces.flatten` does.
    """
    from gymnasium import spaces as kinds

    if isinstance(space, kinds.Dict) and OBSERVATION in space.spaces:
        return flatten_of(space.spaces[OBSERVATION])
    if isinstance(space, kinds.Dict) and MASK in space.spaces:
        return flatten_of(kinds.Dict({key: inner for key, inner in space.spaces.items() if key != MASK}))
    if isinstance(space, kinds.Box):
        return math.prod(space.shape), lambda seen: np.asarray(seen, np.float32).ravel()
    if isinstance(space, kinds.Discrete):
        return int(space.n), _one_hot(int(space.n), int(space.start))
    if not space.is_np_flattenable:
        return None
    return int(kinds.flatdim(space)), lambda seen: np.asarray(kinds.flatten(space, seen), np.float32)


def observed(observation: object) -> object:
    """What is to be seen in an observation, without its action mask."""
    if not isinstance(observation, dict):
        return observation
    if OBSERVATION in observation:
        return observation[OBSERVATION]
    return {key: value for key, value in observation.items() if key != MASK}


def text_of(seen: object) -> str:
    """An observation for people: a board for a stack of planes that do not overlap, else the numbers, shortened if many."""
    if isinstance(seen, dict):
        return "\n".join(f"{key}: {text_of(value)}" for key, value in seen.items())
    if not isinstance(seen, np.ndarray) or seen.ndim == 0:
        return str(seen)
    if np.all((seen == 0) | (seen == 1)):
        if seen.ndim == 3 and seen.shape[2] <= SHOWN_PLANES and seen.sum(axis=2).max() <= 1:
            return _board(seen)
        return _ones(seen)
    return np.array2string(seen, threshold=SHOWN_NUMBERS, precision=4, suppress_small=True, separator=", ")


def _discrete(space: Any) -> PlayerActions:
    start = int(space.start)
    return PlayerActions(
        decode=(lambda action: action + start) if start else _same,
        legal=tuple(range(int(space.n))),
        low=np.empty(0),
        high=np.empty(0),
    )


def _same(action: Any) -> object:
    return action


def _vector(space: Any) -> tuple[bool, NDArray[np.float64], NDArray[np.float64], Decode]:
    """(whole numbers?, low [length], high [length], decode), both bounds allowed."""
    from gymnasium import spaces as kinds

    if isinstance(space, kinds.Discrete):
        start, n = int(space.start), int(space.n)
        return True, np.array([start], np.float64), np.array([start + n - 1], np.float64), lambda row: int(row[0])
    if isinstance(space, kinds.Box):
        low, high = space.low, space.high
    elif isinstance(space, kinds.MultiDiscrete):
        low, high = space.start, space.start + space.nvec - 1
    elif isinstance(space, kinds.MultiBinary):
        low, high = np.zeros(space.shape), np.ones(space.shape)
    else:
        raise GameMissing(f"its actions come from {space}; Arena plays discrete, multi-discrete and box actions")
    shape, dtype, length = space.shape, space.dtype, math.prod(space.shape)

    def decode(row: Any) -> object:
        return row[:length].astype(dtype).reshape(shape)

    whole = bool(np.issubdtype(dtype, np.integer))
    return whole, low.astype(np.float64).ravel(), high.astype(np.float64).ravel(), decode


def _one_hot(size: int, start: int) -> Flatten:
    rows = np.eye(size, dtype=np.float32)

    def flatten(seen: object) -> NDArray[np.float32]:
        row: NDArray[np.float32] = rows[int(np.asarray(seen)) - start]
        return row

    return flatten


def _board(planes: NDArray[Any]) -> str:
    symbols = np.where(planes.any(axis=2), planes.argmax(axis=2), -1)
    lines = [" ".join("." if plane < 0 else str(plane) for plane in row) for row in symbols.tolist()]
    return "\n".join(lines) + "\n(a digit is the plane that is 1 there)"


def _ones(seen: NDArray[Any]) -> str:
    places = np.argwhere(seen).tolist()
    shown = ", ".join(str(place[0] if seen.ndim == 1 else tuple(place)) for place in places[:SHOWN_NUMBERS])
    more = f" and {len(places) - SHOWN_NUMBERS} more" if len(places) > SHOWN_NUMBERS else ""
    shape = " x ".join(map(str, seen.shape))
    return f"{shape} of zeros" + (f", ones at {shown}{more}" if places else "")
