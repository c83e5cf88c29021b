"""What an operator can set of a server: by options of ``arena serve``, ``ARENA_SERVE_...`` in the environment, or a TOML file.

Options go before the environment, the environment before the file. A key that is not known is an error.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from arena.toml_file import ConfigError, read_values, refused, unknown_key


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


PREFIX = "ARENA_SERVE_"

Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""In a file a list; in the environment and on the command line separated by commas."""


class ServerSettings(BaseSettings):
    """All settings with their defaults. A key's description is its documentation, here and on the page of the reference."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Which address to listen at; `0.0.0.0` is all of this machine.")
    port: int = Field(default=8000, ge=0, le=65535, description="Which port to listen at; 0 takes any that is free.")
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^/?#]+)?$",
        description="What people's browsers call this server, such as `https://arena.example.org`, where a proxy stands "
        "before it. With `https` cookies are sent encrypted alone.",
    )
    hosts: Listed = Field(
        default=(),
        description="Names by which the server may be asked besides `localhost`, its machine's and that of `public_url`; `*` is "
        "any. Addresses always may.",
    )
    trusted_proxies: Listed = Field(
        default=(),
        description="Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    )
    visitors: Literal["nothing", "read", "play"] = Field(
        default="read",
        description="What somebody may do who has not signed in: `nothing`, `read`, or `play`, which lets visitors play; each poll says itself who votes.",
    )
    sign_up: Literal["closed", "invite", "open"] = Field(
        default="closed",
        description="Who may make an account: nobody (`closed`), who was invited by an admin (`invite`), or everybody (`open`). "
        "The command line and an admin's programs always may.",
    )
    sign_up_scope: Literal["read", "play", "submit", "run"] = Field(
        default="play", description="What an account may do that somebody made without an invitation."
    )
    session_days: float = Field(default=14, gt=0, le=365, description="How long somebody stays signed in.")
    requests_per_minute: int = Field(
        default=3000, ge=1, description="Requests of one address, and of one token, to each process that serves."
    )
    writes_per_minute: int = Field(
        default=300, ge=1, description="Writes of one address, and of one token, to each process that serves."
    )
    sign_ins_per_minute: int = Field(
        default=10,
        ge=1,
        description="Attempts to sign in or up from one address, to all processes that serve one ledger.",
    )
    wrong_passwords_per_hour: int = Field(
        default=20,
        ge=1,
        description="Wrong passwords for one name, from whatever addresses, to all processes that serve one ledger. A browser in which "
        "its owner has signed in before has as many of its own.",
    )
    body_bytes: int = Field(default=2**20, ge=1, description="The most bytes of a request.")
    upload_bytes: int = Field(
        default=64 * 2**20, ge=1, description="The most bytes of a file that somebody sends who may submit agents."
    )
    uploaded_programs: Literal["off", "bubblewrap"] = Field(
        default="off",
        description="`off`, or `bubblewrap`: whether Python files that somebody uploads who may submit agents run here, always confined so.",
    )
    uploads_sandbox: Literal["best", "bubblewrap", "limits", "none"] | None = Field(
        default=None,
        description="In which tier policies and networks from elsewhere, uploaded or merged, are read and play, each in a process of its own: "
        "`bubblewrap`, `limits`, `none`, or `best`: `bubblewrap` where it holds on the machine, else `limits`. Where the tier does not hold "
        "they are refused. Without: as `ARENA_UPLOADS_SANDBOX` says, else `best`.",
    )
    reachable_networks: Listed = Field(
        default=(),
        description="Private networks in which agents and endpoints may be that people name to this server; else only "
        "public addresses are asked.",
    )
    endpoint_keys: Listed = Field(
        default=(),
        description="Which API keys of this machine are sent to endpoints of language models that people name to this server: "
        "`NAME@HOST`, an environment variable and the host that may have what it holds. Else none is.",
    )
    executor: str = Field(
        default="processes",
        pattern=r"^(processes|none|ray://[^/]+)$",
        description="Who does the jobs of the ledger: `processes` beside the server; a Ray cluster, `ray://HOST:PORT`, "
        "10001 in most cases, or one that is started here, `ray://local`; `none`: only workers elsewhere.",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="How many processes do jobs; one core less than the machine has without.",
    )
    metrics: Literal["loopback", "admin"] = Field(
        default="loopback",
        description="Who may read `/metrics`: `loopback`: programs of this machine, and tokens of scope admin; `admin`: "
        "such tokens alone.",
    )
    log: Literal["text", "json"] = Field(
        default="text", description="How a line of the log is written: `text` or `json`."
    )
    access_log: bool = Field(default=False, description="Whether each request is logged.")
    grace_s: int = Field(
        default=3,
        ge=0,
        le=600,
        description="Seconds that what is under way has to end when the server is told to stop.",
    )

    @field_validator("trusted_proxies", "reachable_networks")
    @classmethod
    def _are_networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            ipaddress.ip_network(value)  # its ValueError says what is wrong
        return values


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
