"""Where agents come from, and so how they play: what somebody sent or merged plays in a process of its own, in the tier that is demanded here.

Only here a record becomes a tier. The lineage of an agent says who uploaded it, or that it was merged from another ledger; all others
were registered on this machine and play in the engine's process, as before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

from arena.agents.confined import DATA_KINDS, EXPLOITER
from arena.agents.sandbox import SandboxUnavailable, Tier, require_tier, tier_version
from arena.games import SpecificationError, UnknownName
from arena.ledger_rows import AgentVersion, Json, Tournament

VARIABLE = "ARENA_UPLOADS_SANDBOX"
"""In the environment, so that worker processes have it too."""
Demand = Literal["best", "bubblewrap", "limits", "none"]
DEMANDS: tuple[Demand, ...] = get_args(Demand)
BEST: tuple[Tier, ...] = ("bubblewrap", "limits")
"""What ``best`` takes, the first that holds on this machine. Which it was stands in the record."""
STRENGTH: Mapping[Tier, int] = {"none": 0, "limits": 1, "bubblewrap": 2}

UNCONFINED: Tier = "none"

UPLOADED_BY, MERGED = "uploaded_by", "merged"
"""Of a lineage: the account that sent the file, None where nobody signs in; that it stood in another ledger."""
UPLOADS = "uploads"
"""Among the versions of a tournament: the tier of its agents from elsewhere, and which they are by their places in it."""
_RECORDED = re.compile(r"(.*); agents? ([\d, ]+)", re.DOTALL)


def is_from_elsewhere(agent: AgentVersion) -> bool:
    """Whether somebody else made it, as far as its record says."""
    return UPLOADED_BY in agent.lineage or MERGED in agent.lineage


def inherited(agent: AgentVersion | None) -> Json:
    """What the lineage of an agent that holds this one must have of it."""
    return {key: agent.lineage[key] for key in (UPLOADED_BY, MERGED) if agent is not None and key in agent.lineage}


def is_confined(agent: AgentVersion) -> bool:
    """Whether it plays in a process of its own because of where it comes from. Programs do for what they are."""
    return is_from_elsewhere(agent) and agent.kind in (*DATA_KINDS, EXPLOITER)


def demand() -> Demand:
    """What is demanded of agents from elsewhere. Raises `UnknownName`."""
    named = os.environ.get(VARIABLE, "") or "best"
    for one in DEMANDS:
        if one == named:
            return one
    raise UnknownName(f"tier in {VARIABLE}", named, DEMANDS)


@contextmanager
def demanded(tier: Demand | None) -> Iterator[None]:
    """Within, this process and those that it starts demand this; None: as before."""
    before = os.environ.get(VARIABLE)
    if tier is not None:
        os.environ[VARIABLE] = tier
    try:
        demand()  # what cannot be read is said now, and not when somebody is to play
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def demanded_tier() -> Tier:
    """The tier in which agents from elsewhere play on this machine.

    Raises:
        SandboxUnavailable: it does not hold here; nothing plays in a lower one instead.
        UnknownName: as `demand`.
    """
    asked = demand()
    tiers = BEST if asked == "best" else (asked,)
    for tier in tiers:
        try:
            require_tier(tier)
        except SandboxUnavailable as unavailable:
            if tier == tiers[-1]:
                raise SandboxUnavailable(
                    f"agents from elsewhere are read and play in {tier!r} here ({VARIABLE}), which does not hold: {unavailable}"
                ) from None
        else:
            return tier
    raise AssertionError(tiers)


def recorded(agents: Sequence[AgentVersion]) -> dict[str, str]:
    """What is recorded of a tournament of these agents that begins now, for its versions; nothing where none comes from elsewhere."""
    places = [str(place) for place, agent in enumerate(agents, 1) if is_confined(agent)]
    if not places:
        return {}
    word = "agent" if len(places) == 1 else "agents"
    return {UPLOADS: f"{tier_version(demanded_tier())}; {word} {', '.join(places)}"}


def tiers(tournament: Tournament) -> list[Tier | None]:
    """The tier in which each agent of a tournament plays because of where it comes from: the one in which it began.

    Where nothing is recorded of it, as of a tournament from before that was, or one that was merged, it began unconfined: it goes on in
    a process of its own where no more than that is demanded.

    Raises:
        SpecificationError: it began in a lower one than is demanded here.
    """
    said = recorded_tiers(tournament)
    return [
        _kept(tournament, agent, said.get(seat, UNCONFINED).partition(" ")[0]) if is_confined(agent) else None
        for seat, agent in enumerate(tournament.agents)
    ]


def recorded_tiers(tournament: Tournament) -> dict[int, str]:
    """By the agent's index in a tournament, the tier in which it played for where it came from, with the version of what makes the tier."""
    read = _RECORDED.fullmatch(str(tournament.versions.get(UPLOADS, "")))
    return {} if read is None else {int(place) - 1: read[1] for place in read[2].split(",") if place.strip()}


def _kept(tournament: Tournament, agent: AgentVersion, began: str) -> Tier:
    asked = demand()
    least = BEST[-1] if asked == "best" else asked
    for tier, strength in STRENGTH.items():
        if tier == began and strength >= STRENGTH[least]:
            return tier
    raise SpecificationError(
        f"{tournament.key} began with {agent.label} in "
        + ("the engine's own process" if began == UNCONFINED else f"the tier {began!r}")
        + f", and agents from elsewhere play in {asked!r} here; begin a new tournament, or go on with this one as it began, "
        + f"with {VARIABLE}={began}"
    )
