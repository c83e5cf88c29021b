"""The environments that PettingZoo and mpe2 offer by name, and how one is made without its guards."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from arena.games.errors import GameMissing, SpecificationError, UnknownName
from arena.games.specification import WORDS, Call, Value

EXTRAS = {family: f"pettingzoo[{family}]" for family in ("atari", "butterfly", "classic", "sisl")} | {"mpe": "mpe2"}
"""family -> what to install for it."""

MPE_NAMES = (
    "collect_treasure_v1",
    "simple_adversary_v3",
    "simple_crypto_v3",
    "simple_formation_v1",
    "simple_line_v1",
    "simple_push_v3",
    "simple_reference_v3",
    "simple_speaker_listener_v4",
    "simple_spread_v3",
    "simple_tag_v3",
    "simple_v3",
    "simple_world_comm_v3",
)
"""What mpe2 1.1 offers: named here so that a name is known where the package is not installed."""

LOOKS = frozenset({"render_mode", "render_fps", "render_ratio", "screen_height", "screen_scaling", "screen_width"})
"""Parameters of pictures, which change no rule: they are not offered, so one game keeps one name."""

LENGTHS = frozenset({"max_cycles", "max_frames", "max_steps", "num_agents", "num_players"})
"""Parameters that count rounds or players, of which a match has at least one."""

QUIET = (
    r"builtin type (SwigPy|swig)\w+ has no __module__ attribute",  # Box2D's bindings, at import
    r".*precision lowered by casting to float32",  # gymnasium, of bounds that an environment wrote as whole numbers
)
"""Warnings at import and construction that are nobody's mistake here, as patterns of their messages."""

_VERSION = re.compile(r"(.+?)[_-]v(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One environment: its name with version, and the function that makes it (parallel where there is one)."""

    name: str
    family: str
    creator: str | Callable[..., Any]
    parallel: bool


def catalogue() -> dict[str, Entry]:
    """Name with version -> entry, whether or not its packages are installed.

    Raises:
        GameMissing: PettingZoo is older than its registry.
    """
    try:
        from pettingzoo import aec_registry, parallel_registry
    except ImportError as error:
        raise GameMissing("PettingZoo is missing or too old; pip install 'pettingzoo[classic]>=1.27'") from error
    found: dict[str, Entry] = {}
    for parallel, registry in ((False, aec_registry), (True, parallel_registry)):  # the second one wins
        for spec in registry.values():
            name = spec.name if spec.version is None else f"{spec.name}_v{spec.version}"
            found[name] = Entry(name=name, family=spec.namespace or "", creator=spec.entry_point, parallel=parallel)
    for name in _mpe_names():
        found[name] = Entry(name=name, family="mpe", creator=f"mpe2.{name}:parallel_env", parallel=True)
    return found


def find(name: str) -> Entry:
    """The entry of a name; without a version, of the newest one.

    Raises:
        UnknownName: no such environment; the message has the nearest names.
    """
    entries = catalogue()
    match = _VERSION.fullmatch(name)
    exact = f"{match[1]}_v{match[2]}" if match else name
    if exact in entries:
        return entries[exact]
    versions = [known for known in entries if (parts := _VERSION.fullmatch(known)) and parts[1] == name]
    if not versions:
        raise UnknownName("PettingZoo environment", name, entries)
    return entries[max(versions, key=lambda known: int(known.rpartition("_v")[2]))]


def parameters_of(entry: Entry) -> dict[str, object]:
    """The parameters that the environment takes, with their defaults (`inspect.Parameter.empty` where there is none).

    Raises:
        GameMissing: a package is not installed.
    """
    creator = _creator(entry)
    module = importlib.import_module(_module_of(creator, entry))
    raw = getattr(module, "raw_env", creator)
    found = _keywords(raw)
    if found is None:  # raw_env hands on **kwargs to the environment's own class, which is defined or imported there
        makers = [value for key, value in vars(module).items() if _makes(module, key, value)]
        found = {name: default for maker in makers for name, default in (_keywords(maker) or {}).items()}
        found = {name: default for name, default in found.items() if default is not inspect.Parameter.empty}
    return {name: default for name, default in found.items() if name not in LOOKS}


def draws_text(entry: Entry) -> bool:
    """Whether the environment can show itself as text."""
    creator = _creator(entry)
    raw = getattr(importlib.import_module(_module_of(creator, entry)), "raw_env", creator)
    return "ansi" in getattr(raw, "metadata", {}).get("render_modes", ())


def checked_parameters(call: Call, known: Mapping[str, object]) -> dict[str, Value]:
    """The call's parameters that differ from their defaults, each of its default's type.

    Raises:
        UnknownName: a parameter that the environment does not take; the message lists those it does.
        SpecificationError: a value of the wrong type, or a count below zero.
    """
    given: dict[str, Value] = {}
    for key, value in call.parameters.items():
        if key not in known:
            raise UnknownName(f"parameter of {call.name}", key, known)
        default = known[key]
        if isinstance(default, bool | int | float | str):
            wanted = bool if isinstance(default, bool) else str if isinstance(default, str) else (int, float)
            if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
                raise SpecificationError(
                    f"{call.name}: {key} must be {WORDS[type(default)]} (it is {default!r} by default); got {value!r}"
                )
            if isinstance(default, float):
                value = float(value)
        if type(default) is int and isinstance(value, int):
            least = 1 if key in LENGTHS else 0 if default > 0 else -math.inf
            if value < least:
                raise SpecificationError(f"{call.name}: {key} must be at least {least}; got {value}")
        if value != default:
            given[key] = value
    return given


def make(entry: Entry, parameters: Mapping[str, object]) -> Any:
    """A new environment, without its guards.

    Raises:
        GameMissing: a package or a data file is not installed.
        SpecificationError: the environment refuses the parameters.
    """
    creator = _creator(entry)
    try:
        with quiet():
            return without_guards(creator(**parameters))
    except (ImportError, OSError) as error:
        raise _missing(entry, error) from error
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise SpecificationError(f"{entry.name} refuses {dict(parameters)}: {error}") from error


def check_start(entry: Entry, given: Mapping[str, object], parameters: Mapping[str, object]) -> None:
    """Returns if a match can begin. ``given``: what the caller chose among the parameters.

    Raises:
        GameMissing: a package or a data file is not installed.
        SpecificationError: it cannot begin with these parameters.
    """
    env = make(entry, parameters)
    try:
        with quiet():
            env.reset(seed=0)
    except Exception as error:  # whatever an environment stumbles over, its parameters were the caller's
        shown = ", ".join(f"{key}={value}" for key, value in given.items())
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SpecificationError(f"{entry.name} cannot begin a match with {shown}: {reason}") from error
    finally:
        env.close()
    if not env.agents:
        raise SpecificationError(f"{entry.name} begins with nobody to play with {dict(given)}")


def without_guards(env: Any) -> Any:
    """The environment without the wrappers that check what the engine has checked already: order and legality."""
    from pettingzoo.utils import wrappers
    from pettingzoo.utils.conversions import aec_to_parallel_wrapper

    guards = (
        wrappers.AssertOutOfBoundsWrapper,
        wrappers.ClipOutOfBoundsWrapper,
        wrappers.OrderEnforcingWrapper,
        wrappers.TerminateIllegalWrapper,
    )
    while type(env) in guards:
        env = env.env
    if type(env) is aec_to_parallel_wrapper:
        env.aec_env = without_guards(env.aec_env)
    return env


def implementation(entry: Entry, packages: tuple[str, ...]) -> str:
    """Names and versions of the distributions that hold the rules."""
    home = "mpe2" if entry.family == "mpe" else "pettingzoo"
    return ", ".join(f"{package} {version(package)}" for package in (home, *packages))


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, the warnings named in `QUIET` are not shown; all others are."""
    with warnings.catch_warnings():
        for message in QUIET:
            warnings.filterwarnings("ignore", message=message)
        yield


def _mpe_names() -> tuple[str, ...]:
    package = importlib.util.find_spec("mpe2")
    if package is None or package.submodule_search_locations is None:
        return MPE_NAMES
    modules = pkgutil.iter_modules(package.submodule_search_locations)
    return tuple(module.name for module in modules if _VERSION.fullmatch(module.name))


def _creator(entry: Entry) -> Callable[..., Any]:
    if not isinstance(entry.creator, str):
        return entry.creator
    module, _, attribute = entry.creator.partition(":")
    try:
        with quiet():
            creator: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise _missing(entry, error) from error
    return creator


def _missing(entry: Entry, error: Exception) -> GameMissing:
    extra = EXTRAS.get(entry.family)
    remedy = f"; pip install '{extra}'" if extra and isinstance(error, ImportError) else ""
    return GameMissing(f"pettingzoo:{entry.name} cannot be played here: {error}{remedy}")


def _module_of(creator: Callable[..., Any], entry: Entry) -> str:
    return entry.creator.partition(":")[0] if isinstance(entry.creator, str) else creator.__module__


def _keywords(maker: Callable[..., Any]) -> dict[str, object] | None:
    """Names and defaults of what can be given by name; None where it is handed on unseen."""
    parameters = inspect.signature(maker).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return {parameter.name: parameter.default for parameter in parameters}


def _makes(module: Any, key: str, value: object) -> bool:
    """Whether this is the class that the module's `raw_env` builds: imported as `_env`, or defined there and rendering."""
    if not inspect.isclass(value) or key == "raw_env":
        return False
    return key == "_env" or (value.__module__ == module.__name__ and hasattr(value, "render"))
