"""A file of results or votes from elsewhere taken into the ledger, whichever of the two it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from arena.leaderboards.record_file import read_record
from arena.ledger import Ledger, Tournament
from arena.match_import import import_record, record_of
from arena.vote_files import read_judged_votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was taken in: the tournament that holds it, of how many agents; of votes also by how many judges in how many contexts."""

    tournament: Tournament
    agents: int
    judges: int | None
    contexts: int | None


def import_file(ledger: Ledger, file: Path, *, game: str, name: str) -> Imported:
    """The results of a file (.csv, .jsonl, .pgn, .parquet) in the ledger. The same file again is the same tournament.

    Args:
        ledger: which takes them.
        file: what `arena.leaderboards.record_file` or votes' files are.
        game: what was played; names the ladder.
        name: of the tournament.

    Raises:
        SpecificationError: the file cannot be read.
        LedgerError: as `import_record`.
    """
    votes = read_judged_votes(file)
    record = read_record(file) if votes is None else record_of(votes)
    tournament = import_record(ledger, record, game=game, name=name, source_text=file.read_bytes(), votes=votes)
    return Imported(
        tournament=tournament,
        agents=len(record.agents),
        judges=None if votes is None else len(votes.judges),
        contexts=None if votes is None else len(votes.contexts),
    )
