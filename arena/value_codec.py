"""Frozen values as JSON and back without a loss: how a standing travels from a server to a program that reads it there.

The expected type says how a value is read, and the text only which one of several that may stand there. Arrays are lists with their
shape; numbers that are not finite are the texts ``nan``, ``inf`` and ``-inf``, since JSON knows none.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from arena.games.errors import ArenaError

Value = TypeVar("Value")
TYPE = "@type"
"""The field that names the type of a dataclass."""


class UnreadableValue(ArenaError):
    """JSON that is no value of the type that was expected, such as one of another release."""


def encoded(value: object) -> object:
    """A value in types of JSON: dataclasses are objects by their fields."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: encoded(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {TYPE: type(value).__name__} | fields
    if isinstance(value, Mapping):
        return {name: encoded(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": encoded(value.ravel().tolist())}
    if isinstance(value, list | tuple):
        return [encoded(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def decoded(kind: type[Value], told: object) -> Value:
    """The value of this type that `encoded` made the JSON of. Fields that the type does not know are passed over.

    Raises:
        UnreadableValue: it is of no such form.
    """
    try:
        return cast("Value", _read(kind, told))
    except (TypeError, ValueError, KeyError, AttributeError, StopIteration) as error:
        raise UnreadableValue(
            f"this is no {getattr(kind, '__name__', kind)} that this release of Arena reads: {error}"
        ) from None


def _read(kind: Any, told: Any) -> object:
    origin, parts = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass_of(cast("type", kind), told)
    if origin in (Union, types.UnionType):
        return None if told is None else _read(_chosen(parts, told), told)
    if origin is Literal:
        if told not in parts:
            raise ValueError(f"{told!r} is none of {', '.join(map(str, parts))}")
        return told
    if origin is tuple:
        ends = parts[-1] is Ellipsis
        return tuple(_read(parts[0], one) for one in told) if ends else tuple(map(_read, parts, told))
    if origin is list:
        return [_read(parts[0], one) for one in told]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _read(parts[1], one) for name, one in told.items()}
    if origin is np.ndarray:
        made = np.array([float(one) if isinstance(one, str) else one for one in told["values"]], get_args(parts[1])[0])
        return made.reshape(told["shape"])
    if kind is float:
        return float(told)
    if isinstance(kind, type) and kind is not object and not isinstance(told, kind):
        raise TypeError(f"{told!r} is not of type {kind.__name__}")
    return told


def _chosen(parts: tuple[Any, ...], told: Any) -> object:
    """Of the types that may stand here the one that is told."""
    some = [part for part in parts if part is not type(None)]
    return some[0] if len(some) == 1 else next(part for part in some if part.__name__ == told[TYPE])


def _dataclass_of(kind: type, told: Mapping[str, object]) -> object:
    hints = _hints(kind)
    given = {one.name: told[one.name] for one in dataclasses.fields(kind) if one.name in told}
    return kind(**{name: _read(hints[name], value) for name, value in given.items()})


@cache
def _hints(kind: type) -> dict[str, object]:
    return get_type_hints(kind)
