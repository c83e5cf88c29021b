"""Who takes part in tournaments, kept in memory: a roster never changes, and an agent only when it is retired."""

from __future__ import annotations

import threading
from collections.abc import Collection

import sqlalchemy as sa

from arena.ledger_rows import AgentVersion
from arena.ledger_schema import agents, tournament_agents

Roster = tuple[AgentVersion, ...]
CHUNK = 500  # values in one `in (...)`: databases bound the number of parameters


class Rosters:
    """The rosters of one ledger. Thousands of pages ask for the same few; reading one of a thousand agents takes ten milliseconds."""

    def __init__(self) -> None:
        self._rosters: dict[int, Roster] = {}
        self._retired: object = None
        self._lock = threading.Lock()

    def of(self, connection: sa.Connection, tournaments: Collection[int]) -> dict[int, Roster]:
        """The agents of these tournaments by their ids, in the order of their seats in `MatchSpecs`."""
        retired = tuple(
            connection.execute(sa.select(sa.func.count(agents.c.retired_at), sa.func.max(agents.c.retired_at))).one()
        )
        with self._lock:
            if retired != self._retired:
                self._rosters, self._retired = {}, retired
            kept = self._rosters
        missing = [one for one in tournaments if one not in kept]
        for at in range(0, len(missing), CHUNK):
            kept.update(_read(connection, missing[at : at + CHUNK]))
        return {one: kept[one] for one in tournaments}


def _read(connection: sa.Connection, tournaments: Collection[int]) -> dict[int, Roster]:
    c = tournament_agents.c
    of_these = c.tournament_id.in_(tournaments)
    agent_ids = sa.select(c.agent_id).where(of_these)
    known = {row.id: agent_of(row) for row in connection.execute(sa.select(agents).where(agents.c.id.in_(agent_ids)))}
    entered: dict[int, list[AgentVersion]] = {one: [] for one in tournaments}
    seated = sa.select(c.tournament_id, c.agent_id).where(of_these).order_by(c.tournament_id, c.position)
    for tournament, agent in connection.execute(seated).all():
        if agent in known:  # not in a damaged ledger, of which `arena db check` tells
            entered[tournament].append(known[agent])
    return {one: tuple(roster) for one, roster in entered.items()}


def agent_of(row: sa.Row[tuple[object, ...]]) -> AgentVersion:
    """A row of the table of agents as a value."""
    return AgentVersion(
        id=row.id,
        name=row.name,
        version=row.version,
        specification=row.specification,
        kind=row.kind,
        content_hash=row.content_hash,
        lineage=row.lineage,
        created_at=row.created_at,
        retired=row.retired_at is not None,
    )
