"""A method's own settings, from what people type: ``--set key=value``, read as the type that the method's function says."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin, get_type_hints

from arena.games import SpecificationError, UnknownName

if TYPE_CHECKING:
    from arena.solvers.learning.settings import Settings

GIVEN_ELSEWHERE = frozenset({"progress"})
FLAGS = ("iterations", "until", "seed", "device", "checkpoint")
"""Settings that have an option of their own, where the method has them."""
UNREADABLE = "a value that only Python can give"
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSetting:
    """A keyword of a method: its type, and its default as text."""

    name: str
    kind: object
    default: str

    @property
    def shown(self) -> str:
        """The type in words."""
        return _in_words(self.kind)


def settings_of(function: Callable[..., object]) -> dict[str, MethodSetting]:
    """The settings of a method's function by name, in its order; the game and what reports progress are none."""
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return {
        one.name: MethodSetting(
            name=one.name,
            kind=hints.get(one.name, str),
            default="" if one.default in (inspect.Parameter.empty, None) else str(one.default),
        )
        for one in parameters
        if one.name not in GIVEN_ELSEWHERE and one.kind is not inspect.Parameter.VAR_KEYWORD
    }


def own_settings(settings: Settings) -> dict[str, MethodSetting]:
    """The settings of a method of training by name, in their order."""
    hints = get_type_hints(type(settings))
    return {
        one.name: MethodSetting(name=one.name, kind=hints[one.name], default=str(getattr(settings, one.name)).lower())
        for one in fields(settings)
    }


def runs_on(function: Callable[..., object]) -> Literal["tree", "histories", "game"]:
    """What a method wants the game written out to: its tree, its histories with their tree, or nothing."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    annotation = "" if first is None else str(first.annotation)
    return "tree" if "GameTree" in annotation else "histories" if "HistoryTree" in annotation else "game"


def reports(function: Callable[..., object]) -> bool:
    """Whether a method tells its progress: then it is iterative, and has a history."""
    return "progress" in inspect.signature(function).parameters


def read_settings(method: str, texts: Sequence[str], known: Mapping[str, MethodSetting]) -> dict[str, object]:
    """name -> value of the texts ``key=value``.

    Raises:
        UnknownName: the method has no such setting; the message has the nearest.
        SpecificationError: a text without ``=``, a setting twice, or a value of another type.
    """
    values: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise SpecificationError(f"--set takes key=value; got {text!r}")
        if name not in known:
            raise UnknownName(f"setting of {method}", name, known)
        if name in values:
            raise SpecificationError(f"--set gives {name} twice")
        try:
            values[name] = _read(value.strip(), known[name].kind)
        except ValueError:
            raise SpecificationError(f"{name} of {method} must be {known[name].shown}; got {value.strip()!r}") from None
    return values


def as_typed(value: object) -> str:
    """A value, of JSON too, as people type it: what `read_settings` reads back."""
    if isinstance(value, list | tuple):
        return ",".join(map(as_typed, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _read(text: str, kind: object) -> object:
    """The text as a value of this type. Raises ValueError where it is none."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(text, get_args(kind))
    if kind is type(None):
        if text.lower() != "none":
            raise ValueError
        return None
    if origin is Literal:
        found = [value for value in get_args(kind) if str(value) == text]
        if not found:
            raise ValueError
        return found[0]
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ValueError
        return _TRUTH[text.lower()]
    if kind is int:
        return int(text)
    if kind is float:
        value = float(text)
        if math.isnan(value):
            raise ValueError
        return value
    if kind is str:
        return text
    if kind is Path:
        return Path(text)
    if _is_list(origin):
        return tuple(_read(one.strip(), _member(kind)) for one in text.split(",") if one.strip())
    raise ValueError


def _read_union(text: str, kinds: Sequence[object]) -> object:
    """The first type that takes the text; plain text comes last, whatever the order, because it takes all."""
    for kind in sorted(kinds, key=(str, Path).__contains__):
        try:
            return _read(text, kind)
        except ValueError:
            continue
    raise ValueError


def _is_list(origin: object) -> bool:
    return isinstance(origin, type) and issubclass(origin, Sequence)


def _member(kind: object) -> object:
    return next((one for one in get_args(kind) if one is not Ellipsis), str)


def _in_words(kind: object) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a file"}
    words[type(None)] = "none"
    if isinstance(kind, type) and kind in words:
        return words[kind]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        members = [
            one for one in get_args(kind) if not (one is str and Path in get_args(kind))
        ]  # a file's name is text
        said = dict.fromkeys(map(_in_words, members))
        if said.keys() - {UNREADABLE, "none"}:
            said.pop(UNREADABLE, None)
        return " or ".join(said)
    if origin is Literal:
        return " or ".join(str(value) for value in get_args(kind))
    if _is_list(origin):
        return f"a list ({_in_words(_member(kind))}, separated by commas)"
    return UNREADABLE
