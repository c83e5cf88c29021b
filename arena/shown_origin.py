"""What is told of where agents come from to others than this machine's user: no path of its disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from arena.agents.registry import FILE_SCHEMES, PROGRAM_SCHEMES
from arena.ledger_rows import Json
from arena.results import Fault
from arena.source_facts import FaultFacts

FaultT = TypeVar("FaultT", Fault, FaultFacts)
FOLDER = "folder"
"""Of a lineage: the working folder in which the agent was added."""
_FOLDERS = re.compile(
    r"""(?<=[\s:=,'"])~?/(?!/)[^\s:=,'"]*/(?=[^\s:=,'"/])"""
)  # of a path from the root on, not of a URL


def shown_lineage(lineage: Mapping[str, object]) -> Json:
    """A lineage without the folder in which the agent was added."""
    return {name: value for name, value in lineage.items() if name != FOLDER}


def shown_specification(specification: str) -> str:
    """A specification in which files stand by their names alone: ``policy:kuhn.json`` of ``policy:/home/ada/kuhn.json``."""
    scheme = specification.partition(":")[0]
    return _FOLDERS.sub("", specification) if scheme in FILE_SCHEMES + PROGRAM_SCHEMES else specification


def shown_fault(fault: FaultT) -> FaultT:
    """Why a player forfeited, in whose words files stand by their names alone: ``File "host.py", line 3``."""
    return replace(fault, message=_FOLDERS.sub("", fault.message), log=_FOLDERS.sub("", fault.log))


def shown_config(config: Mapping[str, object], *, hidden: bool) -> Json:
    """A tournament's configuration with its agents' specifications as `shown_specification` has them; where its chance is ``hidden``
    without the seed (`arena.hidden_chance`)."""
    agents, told = config.get("agents"), dict(config)
    if hidden:
        told["seed"] = None
    if not isinstance(agents, Mapping):
        return told
    return {**told, "agents": {name: shown_specification(str(text)) for name, text in agents.items()}}
