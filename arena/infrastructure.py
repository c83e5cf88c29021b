"""Infrastructure faults: blocks of matches that were played again because a worker process died. Nobody's forfeit, never rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from arena.ledger import Ledger, Tournament
from arena.ledger_schema import blocks, faults
from arena.results import Termination


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedAgain:
    """``blocks`` that were played again, ``matches`` in them. What a dead worker had played of them was dropped."""

    blocks: int
    matches: int

    def sentence(self) -> str:
        """``2 blocks (512 matches) were played again after a worker died or a game failed: not rated, nobody's fault``."""
        if not self.blocks:
            return "no block was played again"
        what = f"{self.blocks:,} {'block' if self.blocks == 1 else 'blocks'}"
        matches = f"{self.matches:,} {'match' if self.matches == 1 else 'matches'}"
        was = "was" if self.blocks == 1 else "were"
        return f"{what} ({matches}) {was} played again after a worker died or a game failed: the lost attempts are not rated, nobody's fault"

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {"blocks": self.blocks, "matches": self.matches, "sentence": self.sentence()}


NOTHING_PLAYED_AGAIN = PlayedAgain(blocks=0, matches=0)


def played_again(ledger: Ledger, tournaments: Sequence[Tournament]) -> PlayedAgain:
    """What was played again in these tournaments, as far as its blocks are recorded: a death is noted with its block.

    Of a hosted game each match that the game failed in is one.
    """
    failed = faults.c.termination == int(Termination.INFRASTRUCTURE)
    hosted = sa.select(sa.func.count(), sa.func.count()).select_from(faults).where(failed)
    query = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(blocks.c.matches), 0))
        .select_from(faults)
        .join(
            blocks,
            sa.and_(blocks.c.tournament_id == faults.c.tournament_id, blocks.c.first == faults.c.number),
        )
        .where(failed)
    )
    count = matches = 0
    with ledger.reading() as connection:
        for tournament in tournaments:
            asked = hosted if tournament.lane == "hosted" else query
            found = connection.execute(asked.where(faults.c.tournament_id == tournament.id)).one()
            count, matches = count + int(found[0]), matches + int(found[1])
    return PlayedAgain(blocks=count, matches=matches)
