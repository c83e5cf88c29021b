"""What an agent takes along to another machine: its specification, and the content of the file that it is made of.

Programs, addresses, API keys and people stay where they are, and so do games that are read from a file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from arena.agents.confined import EXPLOITER, confined_specification, tier_of, unconfined
from arena.agents.exploiter_file import read_exploiter
from arena.agents.registry import SELF_CONTAINED, split_specification

FILES = ("policy", "checkpoint")
"""Kinds of agents that are one file, as an exploiter is, which holds its opponent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Luggage:
    """A packed agent. ``content``: of the file of that name, where its specification names one."""

    specification: str
    file: str = ""
    content: bytes | None = None


def travels(specification: str) -> bool:
    """Whether an agent can be packed.

    Raises:
        UnknownName: no such kind of agent.
        SpecificationError: no file of an exploiter.
    """
    scheme, rest = split_specification(unconfined(specification))
    if scheme == EXPLOITER:
        scheme, _ = split_specification(read_exploiter(rest).victim)
    return scheme in SELF_CONTAINED + FILES


def pack(specification: str) -> Luggage:
    """The agent as it goes to another machine.

    Raises:
        UnknownName: no such kind of agent.
        OSError: its file cannot be read.
    """
    scheme, rest = split_specification(unconfined(specification))
    if scheme not in (*FILES, EXPLOITER):
        return Luggage(specification=specification)
    packed = confined_specification(scheme, tier_of(specification))
    return Luggage(specification=packed, file=Path(rest).name, content=Path(rest).read_bytes())


def unpack(luggage: Luggage) -> str:
    """The specification to load here; files are kept by their content in this machine's folder for what is temporary."""
    if luggage.content is None:
        return luggage.specification
    digest = hashlib.sha256(luggage.content).hexdigest()
    place = Path(tempfile.gettempdir()) / f"arena-luggage-{os.getuid()}" / digest[:16] / luggage.file
    if not (place.is_file() and place.read_bytes() == luggage.content):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(luggage.content)
        os.replace(name, place)
    return f"{luggage.specification}:{place}"
