"""A ledger as those may see it who may vote: of a poll that is open and shows no names, no vote is there until it is closed.

Whoever votes and then looks how a board moved, or which match came, would learn whose answers he saw. All that is shown or sent is made
of what a ledger hands out, so that here is the one place where such votes are kept back.
"""

from __future__ import annotations

import sqlalchemy as sa

from arena.games import UnknownName
from arena.ledger import AgentVersion, Ledger, Tournament
from arena.ledger_schema import tournaments
from arena.ledger_state import REST
from arena.poll_schema import polls


class VotesWithheld(UnknownName):
    """A poll's tournament that is asked for while its votes are kept back."""

    def __init__(self, key: str):
        super().__init__("tournament", key, ())
        self.args = (
            f"the votes of {key!r} are shown once the poll is closed, since they tell voters whose answers they see; "
            f"/polls/{key} says how far it is",
        )


class VotersLedger(Ledger):
    """The same ledger without the tournaments of such polls. ``whole``: the ledger with them."""

    def __init__(self, ledger: Ledger):
        super().__init__(ledger._url, ledger._engine, ledger._state)
        self.whole = ledger
        self._lineups, self._columns, self._rosters = ledger._lineups, ledger._columns, ledger._rosters

    def withholds(self) -> bool:
        """Whether anything is kept back now."""
        with self.reading(REST) as connection:
            return connection.execute(_secret().limit(1)).first() is not None

    def tournament(self, key: str) -> Tournament:
        found = self.whole.tournament(key)
        with self.reading(REST) as connection:
            if connection.execute(_secret().where(polls.c.tournament_id == found.id)).first() is not None:
                raise VotesWithheld(key)
        return found

    def agents(self, include_retired: bool = False) -> list[AgentVersion]:
        return self.whole.agents(include_retired)

    def agent(self, reference: str) -> AgentVersion:
        return self.whole.agent(reference)

    def _shown(self) -> sa.ColumnElement[bool]:
        return self.whole._shown() & tournaments.c.id.not_in(_secret())


def _secret() -> sa.Select[tuple[int]]:
    """The tournaments of polls that are open and show no names."""
    return sa.select(polls.c.tournament_id).where(polls.c.state == "open", ~polls.c.settings["reveal"].as_boolean())
