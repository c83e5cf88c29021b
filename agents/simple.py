"""People's own Python as an agent in this process: an object with ``act(observation)``, or a function.

The object may also have ``start(*, game, player, match)`` and ``end(*, match, returns)``, called around each match.
It plays one match at a time, so that what it remembers and what it breaks concern that match alone; an object that keeps
its matches apart by ``observation.match`` says so with an attribute ``tables_at_once`` (a number, or None for any).
The same classes run in a process of their own as ``python:MODULE:CLASS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import Observation, observations
from arena.agents.protocol import match_numbers
from arena.games import (
    ActionSpace,
    Agent,
    AgentCrashed,
    AgentFault,
    AgentInfo,
    ClockedAgent,
    Game,
    ObservationBatch,
    ProtocolError,
    SpecificationError,
)

Choice = int | list[int] | list[float] | NDArray[Any]
"""One action: a whole number, or the components of a vector."""


class HasAct(Protocol):
    """The least that a simple agent has."""

    def act(self, observation: Observation, /) -> Choice: ...


class SimpleAgent:
    """An object with ``act`` as an agent of the engine; what it raises becomes `AgentCrashed`."""

    def __init__(self, player: HasAct, *, name: str, game: str = ""):
        self.player = player
        self._start = getattr(player, "start", None)
        self._end = getattr(player, "end", None)
        self._close = getattr(player, "close", None)
        self._game = game
        self._matches: dict[tuple[int, int], int] = {}
        self.info = AgentInfo(
            name=name,
            deterministic=bool(getattr(player, "deterministic", True)),
            remembers=self._start is not None or self._end is not None,
            tables_at_once=getattr(player, "tables_at_once", 1),
        )

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        seats = zip(table.tolist(), player.tolist(), strict=True)
        for seat, match in zip(seats, match_numbers(seed, player), strict=True):
            self._matches[seat] = match
            if self._start is not None:
                self._call(self._start, game=self._game, player=seat[1], match=match)

    def act(self, batch: ObservationBatch) -> NDArray[Any]:
        """One action a row.

        Raises:
            AgentCrashed: its code raised.
            ProtocolError: it answered no action.
        """
        rows = observations(batch)
        try:
            choices = [self._call(self.player.act, row) for row in rows]
        finally:
            rows[0].columns.close()
        return np.array([self._action(choice, batch.game.action_space) for choice in choices])

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        for seat, value in zip(zip(table.tolist(), player.tolist(), strict=True), returns.tolist(), strict=True):
            match = self._matches.pop(seat, None)
            if match is not None and self._end is not None:
                self._call(self._end, match=match, returns=value)

    def close(self) -> None:
        if self._close is not None:
            self._call(self._close)

    def _call(self, function: Callable[..., Any], *arguments: object, **named: object) -> Any:
        try:
            return function(*arguments, **named)
        except AgentFault:
            raise
        except Exception as error:  # whatever foreign code raises ends its match, not ours
            raise AgentCrashed(f"{self.info.name} raised {type(error).__name__}: {error}") from error

    def _action(self, choice: object, space: ActionSpace) -> NDArray[Any]:
        """The choice in the form of the game's actions; whether it is legal, the engine judges."""
        try:
            action = np.asarray(choice)
        except ValueError:  # lists of different lengths
            action = np.asarray(None)
        whole = action.dtype.kind in "iu"
        if action.shape != space.shape or not (whole or (space.kind == "box" and action.dtype.kind == "f")):
            words = {"discrete": "a whole number", "multi_discrete": f"{space.width} whole numbers"}
            wanted = words.get(space.kind, f"{space.width} numbers")
            raise ProtocolError(f"{self.info.name} must answer {wanted}; got {choice!r:.80}")
        return action.astype(space.dtype)


def from_function(function: Callable[[Observation], Choice], *, name: str | None = None) -> Agent:
    """An agent that answers each observation with ``function(observation)``.

    The function keeps nothing from one call to the next, or keeps it by ``observation.match``.

    Args:
        function: from an `Observation` to an action: a whole number, or the components of a vector.
        name: what results call it; the function's name, if None.
    """
    return SimpleAgent(_Function(function), name=name or str(getattr(function, "__name__", "function")))


def as_agent(player: object, *, game: Game, name: str | None = None) -> Agent | ClockedAgent:
    """Whatever a caller hands in, as an agent of the engine: agents as they are, objects with ``act``, functions.

    Raises:
        SpecificationError: it is none of these, or a class in place of an object.
    """
    if isinstance(player, type):
        raise SpecificationError(f"{player.__name__} is a class; hand in an object of it: {player.__name__}()")
    if _is_agent(player):
        return player
    if _has_act(player):
        return SimpleAgent(player, name=name or type(player).__name__, game=game.info.specification)
    if callable(player):
        return from_function(player, name=name)
    raise SpecificationError(
        f"{player!r:.80} is no agent: hand in an object with act(observation), a function, or a specification"
    )


class _Function:
    """A function as an object with ``act``."""

    def __init__(self, function: Callable[[Observation], Choice]):
        self._function = function

    def act(self, observation: Observation, /) -> Choice:
        return self._function(observation)


def _is_agent(player: object) -> TypeGuard[Agent | ClockedAgent]:
    answers = callable(getattr(player, "act", None)) or callable(getattr(player, "send", None))
    return answers and isinstance(getattr(player, "info", None), AgentInfo)


def _has_act(player: object) -> TypeGuard[HasAct]:
    return callable(getattr(player, "act", None))
