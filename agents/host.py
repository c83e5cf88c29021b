"""Runs a Python class as a program of the agent protocol: `python -m arena.agents.host MODULE:CLASS`.

A process of its own for other people's code. Imports nothing heavy: a class that needs no numpy starts without it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from arena.agents.clients.arena_agent import run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class HostObservation:
    """One decision as `arena.agents.observation.Observation` shows it, read from a message.

    The same attributes, so that a class plays alike in Arena's process and in its own.
    """

    game: str
    player: int
    ply: int
    seed: int
    match: int
    legal_actions: tuple[int, ...] = ()
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    whole: bool = False
    text: str | None = None
    information_state: str | None = None
    numbers: tuple[float, ...] | None = None
    known_numbers: tuple[float, ...] | None = None

    @property
    def tensor(self) -> NDArray[np.float32] | None:
        """float32 [tensor_width]."""
        return _array(self.numbers)

    @property
    def information_state_tensor(self) -> NDArray[np.float32] | None:
        """float32 [information_state_width]."""
        return _array(self.known_numbers)


def read_observation(message: Mapping[str, Any]) -> HostObservation:
    """The observation of a message."""
    low, high = message.get("low"), message.get("high")
    tensor, known = message.get("tensor"), message.get("information_state_tensor")
    return HostObservation(
        game=message["game"],
        player=message["player"],
        ply=message["ply"],
        seed=message["seed"],
        match=message["match"],
        legal_actions=tuple(message.get("legal_actions", ())),
        low=None if low is None else tuple(-math.inf if bound is None else bound for bound in low),
        high=None if high is None else tuple(math.inf if bound is None else bound for bound in high),
        whole=message.get("whole", False),
        text=message.get("text"),
        information_state=message.get("information_state"),
        numbers=None if tensor is None else tuple(tensor),
        known_numbers=None if known is None else tuple(known),
    )


def load_attribute(specification: str) -> Any:
    """What ``MODULE:NAME`` or ``path/to/file.py:NAME`` names.

    Raises:
        SystemExit: no such module, file or name; the sentence says which.
    """
    where, _, attribute = specification.rpartition(":")
    module = _load_file(Path(where)) if where.endswith(".py") else _import(where)
    found = getattr(module, attribute, None)
    if found is None:
        known = [name for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")]
        raise SystemExit(f"{where} has no {attribute!r}; its classes are {', '.join(known) or 'none'}")
    return found


def play(agent: Any) -> None:
    """Speaks the protocol for an object with `act(observation)` until Arena says quit.

    Optional methods ``start(*, game, player, match)`` and ``end(*, match, returns)``; optional attributes ``wants``,
    ``matches``, ``deterministic``, ``name`` and ``version``, as in the protocol's hello.
    """
    game = ""

    def hello(message: Mapping[str, Any]) -> None:
        nonlocal game
        game = message["game"]["specification"]

    def start(message: Mapping[str, Any]) -> None:
        if hasattr(agent, "start"):
            agent.start(game=game, player=message["player"], match=message["match"])

    def end(message: Mapping[str, Any]) -> None:
        if hasattr(agent, "end"):
            agent.end(match=message["match"], returns=message["returns"])

    about = {key: getattr(agent, key) for key in ("matches", "deterministic", "version") if hasattr(agent, key)}
    run(
        lambda message: _plain(agent.act(read_observation(message))),
        name=getattr(agent, "name", type(agent).__name__),
        wants=getattr(agent, "wants", None),
        hello=hello,
        start=start,
        end=end,
        **about,
    )


def main(arguments: list[str]) -> None:
    """Plays the class (or the function ``act``) that the one argument names."""
    if len(arguments) != 1 or ":" not in arguments[0]:
        raise SystemExit("usage: python -m arena.agents.host MODULE:CLASS (or path/to/file.py:CLASS)")
    found = load_attribute(arguments[0])
    play(found() if inspect.isclass(found) else _Function(found))


class _Function:
    """A function from observation to action, as an agent."""

    def __init__(self, act: Callable[[HostObservation], object]):
        self.act, self.name = act, act.__name__


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise  # the module is there, and something that it imports is not
        raise SystemExit(f"there is no module {name!r}; python: takes a module on the path or a file.py") from None


def _load_file(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or specification is None or specification.loader is None:
        raise SystemExit(f"there is no file {str(path)!r}")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))  # its neighbours are importable, as when it is run
    specification.loader.exec_module(module)
    return module


def _array(numbers: tuple[float, ...] | None) -> NDArray[np.float32] | None:
    import numpy as np  # late: a class that needs none starts without it

    return None if numbers is None else np.array(numbers, np.float32)


def _plain(action: Any) -> Any:
    """Numpy's numbers and arrays as plain ones; what else is wrong, the protocol tells."""
    return action.tolist() if hasattr(action, "tolist") else action


if __name__ == "__main__":
    main(sys.argv[1:])
