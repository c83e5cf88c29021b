"""Whose chance is hidden: who plays from elsewhere may look up what is told here, and a seed tells all cards to come.

Every seed of a tournament follows from its own, and its own from any of them. So where an agent is one that Arena does not start, a
person or a program elsewhere, the tournament's seed is drawn and not made from its key, and no seed is told before it is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from arena.agents.registry import LASTING_SCHEMES
from arena.ledger_rows import AgentVersion, Tournament

SEED_BITS = 63


def any_from_elsewhere(agents: Iterable[AgentVersion]) -> bool:
    """Whether one of them is a person or a program that Arena does not start."""
    return any(agent.kind in LASTING_SCHEMES for agent in agents)


def drawn_seed(agents: Iterable[AgentVersion]) -> int | None:
    """The seed of a tournament that is given none; None where it may be made from its key."""
    return secrets.randbits(SEED_BITS) if any_from_elsewhere(agents) else None


def hides_chance(tournament: Tournament) -> bool:
    """Whether no seed of it is told yet."""
    return tournament.source == "play" and tournament.status != "finished" and any_from_elsewhere(tournament.agents)
