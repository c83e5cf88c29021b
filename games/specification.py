"""Specifications: ``scheme:name(key=value, ...)``, the strings that load games and agents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from arena.games.errors import SpecificationError, UnknownName

_CALL = re.compile(r"\s*(\w[\w\-.]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+)")

Value = str | int | float | bool

WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
"""What the types of values are called where people read of them."""


@dataclass(frozen=True, slots=True)
class Call:
    """``name(key=value, ...)`` taken apart."""

    name: str
    parameters: Mapping[str, Value]

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        inside = ",".join(f"{key}={_written(value)}" for key, value in sorted(self.parameters.items()))
        return f"{self.name}({inside})"


def split_scheme(text: str, *, kind: str) -> tuple[str, str]:
    """(scheme, rest) of ``scheme:rest``; rest is '' where there is no colon.

    Raises:
        SpecificationError: the text is empty.
    """
    if not text.strip():
        raise SpecificationError(f"an empty specification names no {kind}")
    scheme, _, rest = text.strip().partition(":")
    return scheme, rest


def parse_call(text: str) -> Call:
    """``mcts(simulations=200)`` as a name and typed parameters. Values: whole numbers, reals, true/false, words, "quoted".

    Raises:
        SpecificationError: not of that form.
    """
    match = _CALL.fullmatch(text)
    if match is None:
        raise SpecificationError(f"cannot read {text!r}; write name or name(key=value, key=value)")
    name, inside = match.groups()
    parameters: dict[str, Value] = {}
    for part in _split_commas(inside or "", text):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise SpecificationError(f"cannot read {part.strip()!r} in {text!r}; write key=value")
        if key in parameters:
            raise SpecificationError(f"{key!r} stands twice in {text!r}")
        parameters[key] = _read(value.strip())
    return Call(name, parameters)


def read_parameters(call: Call, defaults: Mapping[str, Value], *, required: tuple[str, ...] = ()) -> dict[str, Value]:
    """The call's parameters over the defaults, each converted to its default's type.

    Raises:
        UnknownName: a parameter that the defaults do not know.
        SpecificationError: a value of the wrong type, or a required one missing.
    """
    values = dict(defaults)
    for key, value in call.parameters.items():
        if key not in defaults:
            raise UnknownName(f"parameter of {call.name}", key, defaults)
        default = defaults[key]
        if isinstance(default, bool) != isinstance(value, bool):
            raise SpecificationError(f"{call.name}: {key} must be {WORDS[type(default)]}; got {value!r}")
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default):
            raise SpecificationError(f"{call.name}: {key} must be {WORDS[type(default)]}; got {value!r}")
        values[key] = value
    for key in required:
        if key not in call.parameters:
            raise SpecificationError(f"{call.name} needs {key}=...")
    return values


def _split_commas(text: str, whole: str) -> list[str]:
    parts, depth, quote, current = [], 0, "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        if character == "," and depth == 0 and not quote:
            parts.append(current)
            current = ""
        else:
            current += character
    if quote or depth:
        raise SpecificationError(f"a bracket or a quote is left open in {whole!r}")
    if current.strip() or parts:
        parts.append(current)
    return parts


def _read(text: str) -> Value:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
