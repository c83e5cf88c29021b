"""The settings of ``preference:FILE(unmet=..., judge=..., without=..., context=..., flip_rate=...)``, read and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from arena.games.errors import SpecificationError, UnknownName
from arena.games.specification import Value, parse_call

EVEN = 0.5
NAMES = ("context", "flip_rate", "judge", "unmet", "without")

Unmet = Literal["refused", "even", "unknown"]

_PLAIN = re.compile(r"[A-Za-z_][\w.\-/:@]*")  # what is read as a text without quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceSettings:
    """``unmet``: what becomes of pairs that were never compared. ``judges``: only these; ``without``: not these. ``context``:
    this one alone, None = all. ``flip_rate``: with which chance a judge names the other one."""

    unmet: Unmet = "refused"
    judges: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    context: str | None = None
    flip_rate: float = 0.0

    def __str__(self) -> str:
        """As they stand behind a file, '' where none is set."""
        shown = {
            "context": "" if self.context is None else _quoted(self.context),
            "flip_rate": f"{self.flip_rate!r}" if self.flip_rate else "",
            "judge": _listed(self.judges),
            "unmet": {"refused": "", "even": f"{EVEN}", "unknown": "unknown"}[self.unmet],
            "without": _listed(self.without),
        }
        inside = ",".join(f"{key}={value}" for key, value in shown.items() if value)
        return f"({inside})" if inside else ""


def split_settings(text: str, suffixes: tuple[str, ...]) -> tuple[str, PreferenceSettings]:
    """(path, settings) of ``FILE(key=value, ...)``; a path may have brackets of its own.

    Raises:
        UnknownName: no such setting.
        SpecificationError: a setting that cannot be read.
    """
    endings = "|".join(map(re.escape, suffixes))
    wrong: SpecificationError | None = None
    for found in re.finditer(rf"(?:{endings})(?=\s*\()", text, re.IGNORECASE):
        inside = text[found.end() :].strip()
        if not inside.endswith(")") or "=" not in inside:
            continue
        try:
            call = parse_call(f"preference{inside}")
        except SpecificationError as error:
            wrong = wrong or error
            continue
        return text[: found.end()].strip(), _settings(call.parameters)
    if wrong is not None:
        raise wrong
    return text, PreferenceSettings()


def _settings(given: Mapping[str, Value]) -> PreferenceSettings:
    for key in given:
        if key not in NAMES:
            raise UnknownName("parameter of preference", key, NAMES)
    judges, without = (_names(given[key], key) if key in given else () for key in ("judge", "without"))
    if judges and without:
        raise SpecificationError(
            "preference: judge names the only judges, without those to leave out; give one of the two"
        )
    return PreferenceSettings(
        unmet=_unmet(given["unmet"]) if "unmet" in given else "refused",
        judges=judges,
        without=without,
        context=_text(given["context"], "context") if "context" in given else None,
        flip_rate=_flip(given.get("flip_rate", 0.0)),
    )


def _unmet(value: Value) -> Unmet:
    if value == "unknown":
        return "unknown"
    if isinstance(value, float) and value == EVEN:
        return "even"
    raise SpecificationError(f"preference: unmet must be {EVEN}, the only even value, or unknown; got {value}")


def _flip(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < EVEN:
        raise SpecificationError(f"preference: flip_rate must be a rate from 0 to below {EVEN}; got {value}")
    return float(value)


def _names(value: Value, key: str) -> tuple[str, ...]:
    """One name, or several in square brackets; sorted, each once."""
    text = _text(value, key)
    if not (text.startswith("[") and text.endswith("]")):
        return (text,)
    call = parse_call(f"names({','.join(f'n{k}={part}' for k, part in enumerate(_parts(text[1:-1])))})")
    return tuple(sorted({_text(name, key) for name in call.parameters.values()}))


def _parts(text: str) -> list[str]:
    """What stands between commas that are in no quotes."""
    parts, quote, begun = [], "", 0
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == ",":
            parts.append(text[begun:place])
            begun = place + 1
    return [*parts, text[begun:]]


def _text(value: Value, key: str) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text.strip():
        raise SpecificationError(f"preference: {key} names nothing")
    return text


def _listed(names: tuple[str, ...]) -> str:
    if len(names) == 1 and not names[0].startswith("["):
        return _quoted(names[0])
    return f"[{','.join(map(_quoted, names))}]" if names else ""


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in ("true", "false", "nan", "inf", "infinity"):
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'
