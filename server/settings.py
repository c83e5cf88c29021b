"""What an operator can set of a server: by options of ``arena serve``, ``ARENA_SERVE_...`` in the environment, or a TOML file.

Options go before the environment, the environment before the file. A key that is not known is an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from arena.toml_file import ConfigError, read_values, refused, unknown_key

PREFIX = "ARENA_SERVE_"


class ServerSettings(BaseSettings):
    """All settings with their defaults. A key's description is its documentation, here and on the page of the reference."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Which address to listen at; `0.0.0.0` is all of this machine.")
    port: int = Field(default=8000, ge=0, le=65535, description="Which port to listen at; 0 takes any that is free.")
    visitors: Literal["nothing", "read", "play"] = Field(
        default="read", description="What somebody may do who has not signed in. `play` lets visitors vote and play."
    )


def load_settings(file: str | Path | None = None, **options: object) -> ServerSettings:
    """The settings of a server.

    Args:
        file: a TOML file of keys, or none.
        options: of the command line; None says nothing.

    Raises:
        ConfigError: the file cannot be read, or a key or a value is wrong.
    """
    _refuse_unknown(os.environ)
    values, text = read_values(file) if file is not None else ({}, "")
    filed = {key: value for key, value in values.items() if PREFIX + key.upper() not in os.environ}
    asked = {key: value for key, value in options.items() if value is not None}
    try:
        return ServerSettings(**filed | asked)  # type: ignore[arg-type]  # pydantic checks each
    except ValidationError as error:
        raise refused(error, ServerSettings, source=_source(error, file, asked), text=text) from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    for name in environment:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in ServerSettings.model_fields:
            raise ConfigError(f"{name}: {unknown_key(name.removeprefix(PREFIX).lower(), ServerSettings)}")


def _source(error: ValidationError, file: str | Path | None, asked: Mapping[str, object]) -> str:
    """Where the first value that was refused stood."""
    where = error.errors()[0]["loc"]
    key = str(where[0]) if where else ""
    if key in asked:
        return "--" + key.replace("_", "-")
    if PREFIX + key.upper() in os.environ:
        return PREFIX + key.upper()
    return str(file)
