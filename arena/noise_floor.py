"""Twins and a random anchor on request: who joins a tournament so that its ladder can say how far apart equals seem to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.noise_floor import NoiseFloor, noise_floor
from arena.leaderboards.record import Record
from arena.ledger import AgentVersion, Ledger, Tournament

TWIN = "-twin"


def twins_of(config: Mapping[str, object]) -> dict[str, str]:
    """The twin's name -> whose twin it is, of a tournament's configuration; empty where no noise floor was asked for."""
    agents = config.get("agents")
    if not config.get("noise_floor") or not isinstance(agents, Mapping) or not agents:
        return {}
    name = str(config.get("twin_of") or next(iter(agents)))
    return {f"{name}{TWIN}": name}


def add_twin(ledger: Ledger, twin: str, of: AgentVersion) -> AgentVersion:
    """The version of the agent `twin` that is `of` byte for byte: the same specification, the same content."""
    return ledger.add_agent(
        twin, specification=of.specification, kind=of.kind, content_hash=of.content_hash, lineage=of.lineage
    )


def noise_floor_of(tournaments: Sequence[Tournament], record: Record, board: Leaderboard) -> NoiseFloor | None:
    """The noise floor of a board whose tournaments were asked for one, the latest first; None where none was."""
    for tournament in reversed(tournaments):
        agents = {agent.name: agent for agent in tournament.agents}
        anchor = next((agent.label for agent in tournament.agents if agent.kind == "random"), "")
        for twin, name in twins_of(tournament.config).items():
            one, other = agents[name], agents[twin]
            same = (one.specification, one.content_hash) == (other.specification, other.content_hash)
            if same and {one.label, other.label} <= set(record.agents):
                return noise_floor(record, board, agent=one.label, twin=other.label, anchor=anchor)
    return None
