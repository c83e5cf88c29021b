"""Files of matches: what a hosted match left behind is an artifact, and the ledger knows which match each is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from arena.artifacts import ArtifactStore
from arena.games.errors import UnknownName
from arena.ledger_rows import Tournament
from arena.match_file_schema import match_files
from arena.results import MatchFile

if TYPE_CHECKING:
    from arena.ledger import Ledger


def file_rows(store: ArtifactStore, tournament: Tournament, files: Sequence[MatchFile]) -> list[tuple[object, ...]]:
    """The rows of the ledger's table for these files, whose contents are in the store by then."""
    return [(tournament.id, file.index, file.name, store.put(file.content)) for file in files]


def files_of(ledger: Ledger, tournament: Tournament, number: int) -> dict[str, str]:
    """What a match left behind: name -> artifact, by name."""
    mine = (match_files.c.tournament_id == tournament.id, match_files.c.number == number)
    query = sa.select(match_files.c.name, match_files.c.artifact).where(*mine).order_by(match_files.c.name)
    with ledger.reading(tournament.game) as connection:
        return {row.name: row.artifact for row in connection.execute(query)}


def read_file(ledger: Ledger, tournament: Tournament, number: int, name: str) -> bytes:
    """The content of a file of a match.

    Raises:
        UnknownName: it left no such file.
        ArtifactError: the content is missing or damaged.
    """
    found = files_of(ledger, tournament, number)
    if name not in found:
        raise UnknownName(f"file of match {tournament.key}/{number}", name, found)
    return ledger.artifacts.path(found[name]).read_bytes()
