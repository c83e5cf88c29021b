"""Some games of a ledger as if it had no others: what is shown of a part of it names nothing of the rest."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from arena.games import UnknownName
from arena.ledger import Ledger
from arena.ledger_rows import AgentVersion, Tournament
from arena.ledger_schema import tournaments


class LedgerPart(Ledger):
    """The same ledger with these games alone, for reading. Agents are those that play in their tournaments."""

    def __init__(self, ledger: Ledger, games: Collection[str]):
        super().__init__(ledger._url, ledger._engine, ledger._state)
        self._whole, self._chosen = ledger, frozenset(games)

    def tournament(self, key: str) -> Tournament:
        found = self._whole.tournament(key)
        if found.game not in self._chosen:
            raise UnknownName("tournament", key, [one.key for one in self.tournaments()])
        return found

    def agents(self, include_retired: bool = False) -> list[AgentVersion]:
        playing = {agent.id for one in self.tournaments() for agent in one.agents}
        return [agent for agent in super().agents(include_retired) if agent.id in playing]

    def agent(self, reference: str) -> AgentVersion:
        found = super().agent(reference)
        known = self.agents(include_retired=True)
        if found.id not in {agent.id for agent in known}:
            raise UnknownName("agent", reference, [agent.label for agent in known])
        return found

    def _shown(self) -> sa.ColumnElement[bool]:
        return self._whole._shown() & tournaments.c.game.in_(self._chosen)
