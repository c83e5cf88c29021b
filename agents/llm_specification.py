"""``MODEL@URL(key=value, ...)``: which model behind which endpoint, and how it is asked; of agents and of judges."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from arena.agents.chat_endpoint import EndpointSettings, base_url
from arena.games import SpecificationError
from arena.games.specification import Call, Value, parse_call, read_parameters

MOST_ATTEMPTS, MOST_RETRIES, MOST_CONCURRENCY = 20, 20, 1024
LONGEST_TIMEOUT_S = 86_400.0

OPTIONS: Mapping[str, Value] = {
    "temperature": 1.0,
    "max_tokens": 1024,
    "attempts": 3,
    "retries": 5,
    "concurrency": 16,
    "timeout": 120.0,
    "price_in": 0.0,
    "price_out": 0.0,
    "key": "OPENAI_API_KEY",
}
"""What every model takes, for the types; where one is left out, `EndpointSettings` decides."""

NO_KEY = "none"
"""In place of the name of a variable: no API key is sent."""
_FORM = re.compile(r"(?P<model>\S+?)@(?P<url>https?:[^\s()]*)(?:\((?P<inside>.*)\))?", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_llm(rest: str, more: Mapping[str, Value]) -> tuple[EndpointSettings, dict[str, Value]]:
    """(the endpoint, the options ``attempts`` and those in ``more``) of what follows ``llm:``.

    Args:
        rest: for example ``qwen3@http://localhost:8000/v1(temperature=0)``.
        more: further options with their defaults.

    Raises:
        SpecificationError: not of that form, or a value out of its range; a value of ``key`` is never repeated.
        UnknownName: an option that there is not.
    """
    form, call = _parsed(rest)
    values = read_parameters(call, {**OPTIONS, **more})
    settings = EndpointSettings(model=form["model"], url=form["url"])
    base_url(settings.url)
    given = {key for key in call.parameters if key in OPTIONS}
    settings = replace(
        settings,
        timeout_s=_number(values, "timeout", 0.001, LONGEST_TIMEOUT_S),
        retries=_whole(values, "retries", 0, MOST_RETRIES),
        concurrency=_whole(values, "concurrency", 1, MOST_CONCURRENCY),
        max_tokens=_whole(values, "max_tokens", 0, 10**9) or None,
        key=_variable(values["key"], required="key" in given),
    )
    if "temperature" in given:
        settings = replace(settings, temperature=_number(values, "temperature", 0.0, 100.0))
    if ("price_in" in given) != ("price_out" in given):
        raise SpecificationError("llm: price_in and price_out, each per million tokens, go together")
    if "price_in" in given:
        prices = (_number(values, name, 0.0, 1e9) for name in ("price_in", "price_out"))
        settings = replace(settings, price_in=next(prices), price_out=next(prices))
    _whole(values, "attempts", 1, MOST_ATTEMPTS)
    return settings, {key: values[key] for key in ("attempts", *more)}


def with_lent_key(rest: str, lent: Collection[str]) -> str:
    """What follows ``llm:`` as somebody names it to a server: no key of its machine is sent but those lent to that host.

    Args:
        rest: as of `read_llm`. Where it names no key and none is lent it becomes ``key=none``.
        lent: ``NAME@HOST``, environment variables and the hosts that may be sent what they hold.

    Raises:
        SpecificationError: it names a key that is not lent to its host, or is not of the form.
    """
    form, call = _parsed(rest)
    host, key = urlsplit(form["url"]).hostname, call.parameters.get("key", OPTIONS["key"])
    if key == NO_KEY or f"{key}@{host}" in lent:
        return rest
    if "key" in call.parameters:
        raise SpecificationError(
            f"llm: this server sends {host} no such key; its operator lists those that it sends in endpoint_keys, as NAME@HOST"
        )
    inside = ", ".join(part for part in ((form["inside"] or "").strip(), f"key={NO_KEY}") if part)
    return f"{form['model']}@{form['url']}({inside})"


def _parsed(rest: str) -> tuple[re.Match[str], Call]:
    form = _FORM.fullmatch(rest.strip())
    if form is None:
        raise SpecificationError(
            f"cannot read llm:{rest:.120}; write llm:MODEL@URL, for example llm:qwen3@http://localhost:8000/v1(temperature=0)"
        )
    return form, parse_call(f"llm({form['inside'] or ''})")


def _number(values: Mapping[str, Value], name: str, low: float, high: float) -> float:
    value = values[name]
    assert isinstance(value, float)
    if not (math.isfinite(value) and low <= value <= high):
        raise SpecificationError(f"llm: {name} must be from {low:g} to {high:g}; got {value}")
    return value


def _whole(values: Mapping[str, Value], name: str, low: int, high: int) -> int:
    value = values[name]
    assert isinstance(value, int)
    if not low <= value <= high:
        raise SpecificationError(f"llm: {name} must be from {low} to {high}; got {value}")
    return value


def _variable(name: Value, *, required: bool) -> str:
    """The name of the variable that holds the key, '' for none. What was written may be the key itself, and is not repeated."""
    if name == NO_KEY:
        return ""
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise SpecificationError("llm: key= takes the name of an environment variable, never the API key itself")
    if required and name not in os.environ:
        raise SpecificationError("llm: the environment variable that key= names is not set")
    return name
