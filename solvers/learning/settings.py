"""Settings of methods of training: frozen dataclasses whose fields say what values they take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, ClassVar, Protocol, TypeVar

from arena.games.errors import SpecificationError, UnknownName
from arena.solvers.solution import Setting


class Settings(Protocol):
    """A dataclass all of whose fields are made by `whole`, `number`, `switch` or `word`."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """From ``low`` to ``high``, ``low`` itself only where ``closed``; ``whole``: no fractions; ``none``: or None."""

    low: float
    high: float
    closed: bool
    whole: bool = False
    none: bool = False

    def has(self, value: object) -> bool:
        if value is None:
            return self.none
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return math.isfinite(value) and value <= self.high and (value >= self.low if self.closed else value > self.low)

    def __str__(self) -> str:
        if self.whole and self.high < math.inf:
            text = f"a whole number from {self.low:g} to {self.high:,}"
        elif self.whole:
            text = f"a whole number from {self.low:g} on"
        elif self.high < math.inf:
            text = (
                f"from {self.low:g} to {self.high:g}" if self.closed else f"above {self.low:g}, at most {self.high:g}"
            )
        else:
            text = f"a number from {self.low:g} on" if self.closed else f"a number above {self.low:g}"
        return f"{text}, or none" if self.none else text


class _Switch:
    def has(self, value: object) -> bool:
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class _Words:
    among: tuple[str, ...]

    def has(self, value: object) -> bool:
        return value in self.among

    def __str__(self) -> str:
        return f"one of {', '.join(self.among)}"


def whole(default: int, *, at_least: int = 1) -> Any:  # as of `dataclasses.field`
    """A field that takes whole numbers."""
    return field(default=default, metadata={"takes": _whole_from(at_least)})


def number(
    default: float | None,
    *,
    at_least: float | None = None,
    above: float = 0.0,
    at_most: float = math.inf,
    none: bool = False,
) -> Any:
    """A field that takes finite numbers above a bound, or from one on; ``none``: or None."""
    low, closed = (above, False) if at_least is None else (at_least, True)
    return field(default=default, metadata={"takes": _Numbers(low, at_most, closed=closed, none=none)})


def switch(default: bool) -> Any:
    """A field that is on or off."""
    return field(default=default, metadata={"takes": _Switch()})


def word(default: str, *, among: tuple[str, ...]) -> Any:
    """A field that takes one of some words."""
    return field(default=default, metadata={"takes": _Words(among)})


def require_whole(name: str, value: object, *, at_least: int = 1, at_most: float = math.inf) -> None:
    """Raises `SpecificationError` where an argument is no whole number between these."""
    _require(name, value, _whole_from(at_least, at_most))


def require_number(name: str, value: object, *, above: float = 0.0, none: bool = False) -> None:
    """Raises `SpecificationError` where an argument is no finite number above a bound; ``none``: nor None."""
    _require(name, value, _Numbers(above, math.inf, closed=False, none=none))


def require_word(name: str, value: object, among: tuple[str, ...]) -> None:
    """Raises `SpecificationError` where an argument is none of these words."""
    _require(name, value, _Words(among))


def with_given(own: S, given: Mapping[str, Setting], *, of: str) -> S:
    """The settings with those that are given in place of a method's own.

    Args:
        of: the method, for messages.

    Raises:
        UnknownName: no such setting.
        SpecificationError: a value that is not of its kind, or outside its range.
    """
    takes = {one.name: one.metadata["takes"] for one in fields(own)}
    for name, value in given.items():
        if name not in takes:
            raise UnknownName(f"setting of {of}", name, takes)
        _require(name, value, takes[name])
    return replace(own, **given)


def _whole_from(at_least: int, at_most: float = math.inf) -> _Numbers:
    return _Numbers(at_least, at_most, closed=True, whole=True)


def _require(name: str, value: object, takes: _Numbers | _Switch | _Words) -> None:
    if not takes.has(value):
        raise SpecificationError(f"{name} must be {takes}; got {value!r}")
