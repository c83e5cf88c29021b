"""Files of settings: TOML, and what is wrong in one told by file, line and key, with the nearest key that is known."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from arena.games import SpecificationError


class ConfigError(SpecificationError):
    """A file of settings that cannot be read; the message names file, line and key."""


def read_values(path: str | Path) -> tuple[dict[str, object], str]:
    """(the values of a TOML file, its text), not yet checked.

    Raises:
        ConfigError: no such file, or broken TOML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read {path}: {reason}") from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is broken TOML: {_with_key(str(error), text)}") from None


def refused(error: ValidationError, model: type[BaseModel], *, source: str, text: str = "") -> ConfigError:
    """What a model has against values: the first complaint, with the place of its key in `text`, which `source` names."""
    first = error.errors(include_url=False)[0]
    keys = [str(part) for part in first["loc"] if part != "dict[str,str]"]
    key = ".".join(keys)
    at = place(keys, source, text)
    if first["type"] == "extra_forbidden":
        return ConfigError(f"{at}: {unknown_key(key, model)}")
    if first["type"] == "missing":
        return ConfigError(f"{at}: the key {key!r} is missing")
    said = str(first["msg"]).removeprefix("Value error, ")
    if not keys:  # of the whole: its sentence begins with the key
        at = place([said.split()[0].rstrip(":")], source, text)
    said = said[:1].lower() + said[1:]
    got = "" if first["type"] == "value_error" else f"; got {first['input']!r}"
    return ConfigError(f"{at}: {key + ': ' if key else ''}{said}{got}")


def unknown_key(key: str, model: type[BaseModel]) -> str:
    """Half a sentence on a key that the model does not have."""
    known = list(model.model_fields)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key {key!r}; {hint}"


def place(keys: list[str], source: str, text: str) -> str:
    """Where a key stands: the source, with the line if it can be found."""
    where = _line_of(keys, text)
    return f"{source}, line {where}" if where else source


def _line_of(keys: list[str], text: str) -> int | None:
    """The line where a key stands, if it can be found."""
    for key in reversed(keys):
        name = re.escape(key)
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(rf"""(?:^|[\[{{,\s])["']?{name}["']?\s*(?:=|\])""", line.partition("#")[0]):
                return number
    return None


def _with_key(message: str, text: str) -> str:
    """The parser's message, with the key whose line it names."""
    found = re.search(r"at line (\d+)", message)
    lines = text.splitlines()
    number = int(found.group(1)) if found else len(lines)
    message = message.replace("at end of document", f"at line {number}, the end of the document")
    key = lines[number - 1].partition("=")[0].strip() if 0 < number <= len(lines) else ""
    return f"{message[:1].lower()}{message[1:]}, key {key!r}" if key else message
