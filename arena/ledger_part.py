"""Some games of a ledger as if it had no others: what is shown of a part of it names nothing of the rest."""

from __future__ import annotations

from collections.abc import Collection

from arena.games import UnknownName
from arena.ledger import Ledger
from arena.ledger_rows import AgentVersion, GameRow, Tournament


class LedgerPart(Ledger):
    """The same ledger with these games alone, for reading. Agents are those that play in their tournaments."""

    def __init__(self, ledger: Ledger, games: Collection[str]):
        super().__init__(ledger._url, ledger._engine)
        self._chosen = frozenset(games)

    def games(self) -> list[GameRow]:
        return [row for row in super().games() if row.game in self._chosen]

    def tournaments(self, game: str | None = None) -> list[Tournament]:
        return [one for one in super().tournaments(game) if one.game in self._chosen]

    def tournament(self, key: str) -> Tournament:
        found = super().tournament(key)
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

    def matches_of(self, agent_id: int, limit: int = 100) -> list[tuple[str, int]]:
        keys = {one.key for one in self.tournaments()}
        found: list[tuple[str, int]] = []
        asked = limit
        while True:  # matches of other games stand between them
            every = super().matches_of(agent_id, asked)
            found = [(key, number) for key, number in every if key in keys]
            if len(found) >= limit or len(every) < asked:
                return found[:limit]
            asked *= 2
