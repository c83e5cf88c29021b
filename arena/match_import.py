"""Results from elsewhere as a tournament of the ledger: matches without moves, played by agents that cannot play here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ActionSpace
from arena.games.game import GameInfo
from arena.games.ragged import Ragged
from arena.games.votes import Votes
from arena.judgements import Context, keep_contexts, write_judgements
from arena.leaderboards.record import Record
from arena.leaderboards.vote_units import vote_units
from arena.ledger import AgentVersion, Ledger, LedgerError, Tournament
from arena.results import NOBODY, Fault, MatchResults, MatchSpecs, Termination

EXTERNAL = "external"
"""The kind of agents that are known by their results alone."""

ALONE = 0
"""The seed of a match that stands once."""
BLOCK = 16384
MAX_MATCHES = 10_000_000
MAX_GAME_NAME = 200
FORFEIT = Termination.CRASH  # a record says that a player was at fault, never how


def import_votes(ledger: Ledger, votes: Votes, *, game: str, name: str, source_text: str | bytes) -> Tournament:
    """As `import_record`, of votes: their judges and contexts are kept beside the matches, in the order shown.

    Raises:
        LedgerError: as `import_record`.
    """
    return import_record(ledger, record_of(votes), game=game, name=name, source_text=source_text, votes=votes)


def record_of(votes: Votes) -> Record:
    """Votes as matches: the first shown sits on the first seat; units of resampling are those of `vote_units`."""
    return Record(
        agents=votes.candidates,
        seats=np.column_stack((votes.first, votes.second)),
        returns=np.column_stack((2 * votes.score - 1, 1 - 2 * votes.score)),
        forfeit=np.full(len(votes), NOBODY, np.int64),
        pair=vote_units(votes.first, votes.second, votes.context),
        weight=votes.weight,
        utility="zero_sum",
    )


def import_record(
    ledger: Ledger,
    record: Record,
    *,
    game: str,
    name: str,
    source_text: str | bytes,
    votes: Votes | None = None,
) -> Tournament:
    """The tournament, finished, that holds the matches of a record; a second import of the same text is the first one.

    Agents are of kind ``external``; one that has the name of an agent of another kind gets ``(imported)`` after it.
    Matches of one pair (`Record.pair`) share their chance seed; one that counts twice stands twice, under one seed, which tells
    copies of a row from rows that are alike. ``votes``: those that the record is made of, row by row, whose judges and contexts
    are kept.

    Raises:
        LedgerError: a weight that is no whole number, no match at all, or more than `MAX_MATCHES`; a game without a
            name; or another file was imported under this name, whose matches would probably be counted twice.
    """
    rows = _rows(record)
    source = source_text.encode() if isinstance(source_text, str) else source_text
    content_hash = hashlib.sha256(source).hexdigest()
    check_game_name(game)
    _check_name(ledger, game, name, content_hash)
    tournament = ledger.add_tournament(
        name=name,
        game=GameInfo(
            specification=game,
            title=title_of_game(ledger, game),
            version="imported",
            num_players=record.seats.shape[1],
            action_space=ActionSpace(),
            utility=record.utility,
        ),
        agents=external_agents(ledger, record.agents),
        config={"content_hash": content_hash},
        seed=0,
        planned=len(rows),
        source="import",
        source_hash=content_hash,
    )
    if votes is not None:
        keep_contexts(
            ledger, tournament, contexts_given=[Context(key) for key in votes.contexts], judges_given=votes.judges
        )
    for first in range(0, len(rows), BLOCK):
        block = _results(record, rows[first : first + BLOCK], first)
        if votes is None:
            ledger.write(tournament, block)
        else:
            write_judgements(ledger, tournament, [block], _judged(votes, rows[first : first + BLOCK], first))
    return tournament if tournament.status == "finished" else ledger.set_status(tournament, "finished")


def _judged(votes: Votes, rows: NDArray[np.int64], first: int) -> Iterator[tuple[int, int, int, float, bool, str]]:
    """The judgements of these rows, numbered from ``first``."""
    columns = (votes.context[rows], votes.judge[rows], votes.score[rows], votes.both_bad[rows])
    for number, row in enumerate(zip(*(column.tolist() for column in columns), strict=True), first):
        yield number, *row, ""


def check_game_name(game: str) -> None:
    """Raises `LedgerError` where a game cannot be called so."""
    if not game.strip() or game != game.strip() or not game.isprintable() or len(game) > MAX_GAME_NAME:
        raise LedgerError(f"a game's name is 1-{MAX_GAME_NAME} printable characters; got {game!r:.80}")


def _check_name(ledger: Ledger, game: str, name: str, content_hash: str) -> None:
    for earlier in ledger.tournaments(game):
        if earlier.source == "import" and earlier.name == name and earlier.config.get("content_hash") != content_hash:
            raise LedgerError(
                f"another file stands as {earlier.key} under the name {name!r}: matches that are in both would count "
                "twice; give --name if all of these are new"
            )


def _rows(record: Record) -> NDArray[np.int64]:
    """Each match as often as it counts."""
    weight = record.weight
    if np.any(np.floor(weight) != weight):
        raise LedgerError(
            "a match of this file counts a fraction; a ledger holds whole matches: rate the file itself with "
            "`arena leaderboard --from FILE`"
        )
    total = int(weight.sum())
    if not 0 < total <= MAX_MATCHES:
        raise LedgerError(f"the file holds {total:,} matches; from 1 to {MAX_MATCHES:,} can be imported at once")
    return np.repeat(np.arange(len(record)), weight.astype(np.int64))


def title_of_game(ledger: Ledger, game: str) -> str:
    """What a game is called in the ledger already, else its own name."""
    return next((row.title for row in ledger.games() if row.game == game), game)


def external_agents(ledger: Ledger, names: Sequence[str]) -> list[AgentVersion]:
    """The agents of these names that are known by their results alone, made where there are none."""
    otherwise = {agent.name for agent in ledger.agents(include_retired=True) if agent.kind != EXTERNAL}
    found = []
    for name in names:
        plain = re.sub(r"@(?=\d+$)", " v", " ".join(name.split()))  # "mcts@2" would read as a version
        if plain in otherwise:
            plain += " (imported)"
        found.append(ledger.add_agent(plain, specification=f"{EXTERNAL}:{name}", kind=EXTERNAL))
    return found


def _results(record: Record, rows: NDArray[np.int64], first: int) -> MatchResults:
    index = np.arange(first, first + len(rows))
    forfeit = record.forfeit[rows].astype(np.int8)
    at_fault = np.flatnonzero(forfeit != NOBODY)
    return MatchResults(
        specs=MatchSpecs(
            index=index,
            seats=record.seats[rows],
            seed=np.where(record.weight[rows] > 1, rows + 1, ALONE).astype(np.uint64),
            chance_seed=record.pair[rows].astype(np.uint64),
        ),
        returns=record.returns[rows],
        termination=np.where(forfeit == NOBODY, Termination.NORMAL, FORFEIT).astype(np.int8),
        forfeit=forfeit,
        actions=Ragged(np.empty(0, np.int32), np.zeros(len(rows), np.int64)),
        seconds=np.zeros(record.seats[rows].shape, np.float32),
        faults=tuple(
            Fault(
                index=int(index[row]),
                player=int(forfeit[row]),
                termination=FORFEIT,
                message="forfeit in the imported file",
            )
            for row in at_fault
        ),
    )
