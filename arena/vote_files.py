"""Votes between the ledger and files: which files are votes that name judges or contexts, and the ledger's own votes as such a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from arena.games import NotProvided, SpecificationError
from arena.games.vote_columns import OPTIONAL, plain, vote_columns
from arena.games.vote_file import csv_head, read_votes
from arena.games.votes import UNSAID, Votes
from arena.judgements import votes_of
from arena.ledger import Ledger, Tournament
from arena.match_files import PARQUET_MISSING

EVEN = 0.5
OF_MATCHES = frozenset({"pair", "forfeit", "tournament", "game", "return_1", "return_a", "returns"})
"""Columns of results that are more than votes: a file that has one is read as results."""


def read_judged_votes(path: Path) -> Votes | None:
    """The votes of a file whose columns name a judge or a context; None for any other file of results.

    Raises:
        SpecificationError: a row is no vote.
        NotProvided: a Parquet file, and pyarrow is not installed.
    """
    head = _head(path)
    names = {plain(name) for name in head}
    if names & OF_MATCHES or not names & {*OPTIONAL["judge"], *OPTIONAL["context"]}:
        return None
    try:
        vote_columns(head, lambda _: str(path))
    except SpecificationError:
        return None  # no table of votes: the reader of results says what is wrong with it
    return read_votes(path)


def votes_of_game(ledger: Ledger, tournaments: list[Tournament]) -> Votes:
    """The votes of these tournaments; candidates by name, by label where two versions of one name are among them.

    Raises:
        SpecificationError: there is none.
        LedgerError: a tournament that is not of two players.
    """
    votes = votes_of(ledger, tournaments)
    if not len(votes):
        raise SpecificationError("these tournaments hold no votes yet")
    agents = {agent.label: agent.name for one in tournaments for agent in one.agents}
    names = [agents[label] for label in votes.candidates]
    single = len(set(names)) == len(names)
    return Votes(
        candidates=tuple(names) if single else votes.candidates,
        **{name: getattr(votes, name) for name in Votes.__slots__ if name != "candidates"},
    )


def vote_rows(votes: Votes) -> Iterator[dict[str, str | float]]:
    """A row a vote, as `read_votes` reads them: ``winner``, or where a verdict is graded ``score`` in all rows, and ``both_bad``
    where any tie is so; ``weight`` where any is not 1; ``judge`` and ``context`` where any is named."""
    graded = bool((~np.isin(votes.score, (0, EVEN, 1))).any())
    weighted = bool((votes.weight != 1).any())
    columns = (votes.first, votes.second, votes.score, votes.both_bad, votes.weight, votes.context, votes.judge)
    for first, second, score, bad, weight, context, judge in zip(*(column.tolist() for column in columns), strict=True):
        row: dict[str, str | float] = {"model_a": votes.candidates[first], "model_b": votes.candidates[second]}
        if graded:
            row["score"] = score
            if votes.both_bad.any():
                row["both_bad"] = int(bad)
        else:
            tie = "tie (bothbad)" if bad else "tie"
            row["winner"] = tie if score == EVEN else "model_a" if score > EVEN else "model_b"
        if weighted:
            row["weight"] = weight
        if votes.contexts:
            row["context"] = "" if context == UNSAID else votes.contexts[context]
        if votes.judges:
            row["judge"] = "" if judge == UNSAID else votes.judges[judge]
        yield row


def write_votes(stream: TextIO, votes: Votes, kind: str) -> None:
    """CSV or JSON lines of `vote_rows`."""
    if kind not in ("csv", "jsonl"):
        raise NotProvided(f"votes are written as csv, jsonl or parquet, not as {kind}")
    if kind == "jsonl":
        for row in vote_rows(votes):
            stream.write(
                json.dumps({name: cell for name, cell in row.items() if cell != ""}, ensure_ascii=False) + "\n"
            )
        return
    rows = vote_rows(votes)
    first = next(rows)
    writer = csv.DictWriter(stream, list(first), lineterminator="\n")
    writer.writeheader()
    writer.writerow(first)
    writer.writerows(rows)


def votes_file(votes: Votes, kind: str) -> bytes:
    """A file of `vote_rows` as `read_votes` reads it back: ``csv``, ``jsonl`` or ``parquet``.

    Raises:
        NotProvided: another kind, or a Parquet file where pyarrow is not installed.
    """
    if kind != "parquet":
        text = io.StringIO(newline="")
        write_votes(text, votes, kind)
        return text.getvalue().encode()
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise NotProvided(PARQUET_MISSING) from missing
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(vote_rows(votes))), content)
    return content.getvalue()


def _head(path: Path) -> list[str]:
    """The names of a file's columns; [] where they cannot be told: its reader will say why."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            with path.open("rb") as stream:
                return csv_head(stream.read(1 << 16).rpartition(b"\n")[0], str(path))
        if suffix in (".jsonl", ".ndjson"):
            with path.open(encoding="utf-8-sig") as text:
                value = json.loads(next((line for line in text if not line.isspace()), "null"))
            return list(value) if isinstance(value, dict) else []
        if suffix == ".parquet":
            import pyarrow.parquet as pq

            return [str(name) for name in pq.read_schema(path).names]
    except (OSError, ValueError, ImportError, SpecificationError):  # pyarrow's errors are ValueErrors and OSErrors
        return []
    return []
