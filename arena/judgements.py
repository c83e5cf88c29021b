"""Judgements in the ledger: of each judged match its context, judge, score and note, and what a judge failed to judge.

A judged match has its candidates on its seats in the order shown. Contexts and judges are numbered within a tournament, in the
order in which they were kept; nothing that stands is changed, and what is kept again is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from arena.connection import LedgerError
from arena.games.judge import JudgeFailure
from arena.games.usage import Usage
from arena.games.votes import UNSAID, Votes
from arena.ledger import Ledger, Played, Tournament
from arena.ledger_entries import now
from arena.ledger_matches import storable
from arena.ledger_schema import answers, contexts, insert_or_ignore, judge_failures, judgements, judges, usage
from arena.ledger_state import REST, note_read
from arena.results import NOBODY, MatchResults
from arena.vote_reviews import uncounted

EVEN = 0.5
_USED = [column for column in usage.columns if not column.primary_key]


@dataclass(frozen=True, slots=True)
class Context:
    """What candidates answer: ``key``, what its source calls it; ``prompt``: its text, None where only the key is known."""

    key: str
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of a judged match: ``score``, the share of the win that the first shown takes.

    ``context`` and ``judge``: None where the source names none; ``answers``: of the candidates in the order shown, None where only
    the verdict is known.
    """

    number: int
    context: Context | None
    judge: str | None
    score: float
    both_bad: bool
    note: str
    answers: tuple[str | None, str | None] = (None, None)

    @property
    def verdict(self) -> str:
        """``first``, ``second``, ``tie`` or ``both bad``."""
        if self.score == EVEN:
            return "both bad" if self.both_bad else "tie"
        return "first" if self.score > EVEN else "second"

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {
            "context": None if self.context is None else self.context.key,
            "prompt": None if self.context is None else self.context.prompt,
            "answers": list(self.answers),
            "judge": self.judge,
            "verdict": self.verdict,
            "score": self.score,
            "both_bad": self.both_bad,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """Judgements as columns, ascending by ``number`` int64 [M]. ``context``, ``judge`` int64 [M]: places in ``contexts`` and
    ``judges``, `UNSAID` where the source names none; ``score`` float64 [M]; ``both_bad`` bool [M]."""

    contexts: tuple[str, ...]
    judges: tuple[str, ...]
    number: NDArray[np.int64]
    context: NDArray[np.int64]
    judge: NDArray[np.int64]
    score: NDArray[np.float64]
    both_bad: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJudgement:
    """One attempt at the match ``number`` of which no verdict came. ``attempt``: counted from 1."""

    number: int
    attempt: int
    failure: JudgeFailure
    created_at: str = ""


def keep_contexts(
    ledger: Ledger,
    tournament: Tournament,
    *,
    contexts_given: Sequence[Context] = (),
    judges_given: Sequence[str] = (),
    texts: Mapping[tuple[int, int], str] | None = None,
) -> None:
    """Writes down what is compared and by whom; what stands there already stays.

    Args:
        ledger: of the tournament.
        tournament: whose matches are judgements.
        contexts_given: in the order of their positions.
        judges_given: likewise.
        texts: answers by (position of the context, position of the candidate among the tournament's agents).
    """
    with ledger.writing() as connection:
        insert_or_ignore(
            connection,
            contexts,
            [(tournament.id, at, storable(one.key), _storable(one.prompt)) for at, one in enumerate(contexts_given)],
        )
        insert_or_ignore(
            connection, judges, [(tournament.id, at, storable(name)) for at, name in enumerate(judges_given)]
        )
        insert_or_ignore(
            connection,
            answers,
            [
                (tournament.id, context, candidate, storable(text))
                for (context, candidate), text in (texts or {}).items()
            ],
        )


def write_judgements(
    ledger: Ledger,
    tournament: Tournament,
    blocks: Sequence[MatchResults],
    judged: Iterable[tuple[int, int, int, float, bool, str]],
    failures: Sequence[FailedJudgement] = (),
    used: tuple[int, Usage] | None = None,
) -> int:
    """Writes matches with their judgements, and failures, in one transaction; how many matches are new.

    Args:
        ledger: of the tournament.
        tournament: whose matches these are.
        blocks: as `Ledger.write` takes them.
        judged: (number, context, judge, score, both bad, note) of these matches; contexts and judges by position or `UNSAID`.
        failures: no matches.
        used: what the judge used up for them all, under the number of the first comparison that was asked.
    """
    rows = [
        (tournament.id, number, _position(context), _position(judge), score, int(bad), storable(note))
        for number, context, judge, score, bad, note in judged
    ]
    failed = [
        (
            tournament.id,
            one.number,
            one.attempt,
            one.failure.kind,
            storable(one.failure.message),
            one.created_at or now(),
        )
        for one in failures
    ]

    def beside(connection: sa.Connection) -> None:
        insert_or_ignore(connection, judgements, rows)
        insert_or_ignore(connection, judge_failures, failed)
        if used is not None:
            _add_usage(connection, tournament, *used)

    return ledger.write_together(tournament, blocks, beside)


def judge_usage(ledger: Ledger, tournament: Tournament) -> Usage | None:
    """What the judges of a tournament used up so far; None where none of them counts."""
    here = (usage.c.tournament_id == tournament.id, usage.c.player == NOBODY)
    with ledger.reading(tournament.game) as connection:
        rows = connection.execute(sa.select(*_USED).where(*here)).all()
    return Usage.total(Usage(**row._mapping) for row in rows) if rows else None


def read_judgements(ledger: Ledger, tournament: Tournament) -> Judgements:
    """All judgements of a tournament; none where its matches name neither context nor judge.

    Raises:
        LedgerError: one names a context or a judge that is not there.
    """
    table = judgements.c
    query = sa.select(table.number, table.context, table.judge, table.score, table.both_bad)
    with ledger.reading(tournament.game) as connection:
        rows = connection.execute(query.where(table.tournament_id == tournament.id).order_by(table.number)).all()
        keys = _names(connection, contexts, contexts.c.key, tournament)
        names = _names(connection, judges, judges.c.name, tournament)
    number, context, judge, score, bad = zip(*rows, strict=True) if rows else ((),) * 5
    found = Judgements(
        contexts=keys,
        judges=names,
        number=np.array(number, np.int64),
        context=np.array([UNSAID if at is None else at for at in context], np.int64),
        judge=np.array([UNSAID if at is None else at for at in judge], np.int64),
        score=np.array(score, np.float64),
        both_bad=np.array(bad, np.bool_),
    )
    for what, places, known in (("context", found.context, keys), ("judge", found.judge, names)):
        if len(found) and (places.max() >= len(known) or places.min() < UNSAID):
            raise LedgerError(
                f"tournament {tournament.key!r} is damaged: a judgement names {what} {int(places.max())}, which is not there"
            )
    return found


def judgement_of(ledger: Ledger, tournament: Tournament, number: int, seats: Sequence[int]) -> Judgement | None:
    """What is known of the judgement that made a match; None for a match that is none.

    Args:
        ledger: of the tournament.
        tournament: of the match.
        number: of the match.
        seats: its candidates in the order shown, as positions among the tournament's agents.
    """
    of = judgements.c
    with ledger.reading(tournament.game) as connection:
        row = connection.execute(
            sa.select(judgements).where(of.tournament_id == tournament.id, of.number == number)
        ).first()
        if row is None:
            return None
        context = judge = None
        texts: dict[int, str] = {}
        if row.context is not None:
            here = (contexts.c.tournament_id == tournament.id, contexts.c.position == row.context)
            found = connection.execute(sa.select(contexts.c.key, contexts.c.prompt).where(*here)).first()
            context = None if found is None else Context(found.key, found.prompt)
            given = (answers.c.tournament_id == tournament.id, answers.c.context == row.context)
            texts = {
                one.candidate: one.text
                for one in connection.execute(sa.select(answers.c.candidate, answers.c.text).where(*given))
            }
        if row.judge is not None:
            named = (judges.c.tournament_id == tournament.id, judges.c.position == row.judge)
            judge = connection.scalars(sa.select(judges.c.name).where(*named)).first()
    return Judgement(
        number=number,
        context=context,
        judge=judge,
        score=row.score,
        both_bad=bool(row.both_bad),
        note=row.note,
        answers=(texts.get(seats[0]), texts.get(seats[1])),
    )


def read_failures(ledger: Ledger, tournament: Tournament) -> list[FailedJudgement]:
    """Every attempt that gave no verdict, by match and attempt."""
    table = judge_failures
    query = sa.select(table).where(table.c.tournament_id == tournament.id).order_by(table.c.number, table.c.attempt)
    with ledger.reading(tournament.game) as connection:
        return [
            FailedJudgement(
                number=row.number,
                attempt=row.attempt,
                failure=JudgeFailure(row.kind, row.message),
                created_at=row.created_at,
            )
            for row in connection.execute(query)
        ]


def judges_and_contexts(
    ledger: Ledger, tournaments: Sequence[Tournament], *, most: int | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(judges, contexts) that judgements of these tournaments can name, each once, in order; of each tournament at most so many."""
    named: dict[str, None] = {}
    keys: dict[str, None] = {}

    def read() -> frozenset[int]:
        either = sa.union(sa.select(judges.c.tournament_id), sa.select(contexts.c.tournament_id))
        with ledger.reading(REST) as connection:
            return frozenset(connection.scalars(either))

    note_read(REST)
    judged = ledger.kept.of("judged", REST, read)
    if not any(one.id in judged for one in tournaments):
        return (), ()
    with ledger.reading(REST) as connection:
        for tournament in (one for one in tournaments if one.id in judged):
            named |= dict.fromkeys(_names(connection, judges, judges.c.name, tournament, most))
            keys |= dict.fromkeys(_names(connection, contexts, contexts.c.key, tournament, most))
    return tuple(named), tuple(keys)


def votes_of(ledger: Ledger, tournaments: Sequence[Tournament]) -> Votes:
    """The matches of two-player tournaments as votes, in order; candidates by label.

    The weight of each is 1, of an imported row that counts several times as many. A match that is no judgement says who won and
    no more; one that an agent forfeited is no vote, and those of judges who are held for review or left out do not count.

    Raises:
        LedgerError: a tournament that is not of two players.
    """
    candidates: dict[str, int] = {}
    keys: dict[str, int] = {}
    named: dict[str, int] = {}
    parts = [_part(ledger, one, candidates, keys, named) for one in tournaments]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.empty(0)] * 7
    return Votes(
        candidates=tuple(candidates),
        contexts=tuple(keys),
        judges=tuple(named),
        first=columns[0].astype(np.int64),
        second=columns[1].astype(np.int64),
        score=columns[2].astype(np.float64),
        both_bad=columns[3].astype(np.bool_),
        context=columns[4].astype(np.int64),
        judge=columns[5].astype(np.int64),
        weight=columns[6].astype(np.float64),
    )


def aligned(found: Judgements, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each match's judgement [N], -1 where it has none; ``index`` int64 [N]: the matches' numbers."""
    at = np.searchsorted(found.number, index)
    at[at == len(found)] = 0
    if not len(found):
        return np.full(len(index), -1)
    return np.where(found.number[at] == index, at, -1)


def _part(
    ledger: Ledger, tournament: Tournament, candidates: dict[str, int], keys: dict[str, int], named: dict[str, int]
) -> tuple[NDArray[np.generic], ...]:
    """(first, second, score, both bad, context, judge, weight) of one tournament, numbered over all."""
    if tournament.num_players != 2:
        raise LedgerError(f"{tournament.key} is of {tournament.num_players} players; votes compare two candidates")
    own = np.array([candidates.setdefault(one.label, len(candidates)) for one in tournament.agents], np.int64)
    found, played = read_judgements(ledger, tournament), ledger.played(tournament)
    played = played.take(np.flatnonzero((played.forfeit < 0) & ~np.isin(played.index, uncounted(ledger, tournament))))
    rows, weight = _rows(tournament, played)
    played = played.take(rows)
    own_keys = np.array([*(keys.setdefault(key, len(keys)) for key in found.contexts), UNSAID], np.int64)
    own_judges = np.array([*(named.setdefault(name, len(named)) for name in found.judges), UNSAID], np.int64)
    row = aligned(found, played.index)
    won = (np.sign(played.returns[:, 0] - played.returns[:, 1]) + 1) / 2
    said = row >= 0
    score, bad = won, np.zeros(len(row), np.bool_)
    context = np.full(len(row), UNSAID)
    judge = np.full(len(row), UNSAID)
    score[said], bad[said] = found.score[row[said]], found.both_bad[row[said]]
    context[said], judge[said] = own_keys[found.context[row[said]]], own_judges[found.judge[row[said]]]
    return own[played.seats[:, 0]], own[played.seats[:, 1]], score, bad, context, judge, weight


def _rows(tournament: Tournament, played: Played) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the matches that are votes of their own, how often each counts): copies of one imported row share a seed above 0."""
    if tournament.source != "import" or not played.seed.any():
        return np.arange(len(played)), np.ones(len(played), np.int64)
    alone = played.seed == 0
    _, first, counts = np.unique(played.seed[~alone], return_index=True, return_counts=True)
    weight = alone.astype(np.int64)
    weight[np.flatnonzero(~alone)[first]] = counts
    rows = np.flatnonzero(weight)
    return rows, weight[rows]


def _add_usage(connection: sa.Connection, tournament: Tournament, number: int, used: Usage) -> None:
    """Adds to what stands under the number: a comparison that failed is asked again."""
    here = (usage.c.tournament_id == tournament.id, usage.c.number == number, usage.c.player == NOBODY)
    row = connection.execute(sa.select(*_USED).where(*here)).first()
    whole = used if row is None else used + Usage(**row._mapping)
    values = {column.name: getattr(whole, column.name) for column in _USED}
    if row is None:
        connection.execute(usage.insert().values(tournament_id=tournament.id, number=number, player=NOBODY, **values))
    else:
        connection.execute(usage.update().where(*here).values(**values))


def _names(
    connection: sa.Connection,
    table: sa.Table,
    column: sa.ColumnElement[str],
    tournament: Tournament,
    most: int | None = None,
) -> tuple[str, ...]:
    """What a tournament's contexts or judges are called, by position; the first so many.

    Raises:
        LedgerError: a position is missing.
    """
    query = sa.select(table.c.position, column).where(table.c.tournament_id == tournament.id)
    rows = connection.execute(query.order_by(table.c.position).limit(most)).all()
    if [row[0] for row in rows] != list(range(len(rows))):
        raise LedgerError(f"tournament {tournament.key!r} is damaged: its {table.name} are not numbered from 0")
    return tuple(row[1] for row in rows)


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _position(place: int) -> int | None:
    return None if place == UNSAID else int(place)


def problems_of(ledger: Ledger, tournament: Tournament) -> Iterator[str]:
    """What is wrong with a tournament's judgements, a sentence each: for `arena.database.check`."""
    try:
        found = read_judgements(ledger, tournament)
    except LedgerError as error:
        yield str(error)
        return
    if not len(found):
        return
    played = ledger.played(tournament)
    lost = np.setdiff1d(found.number, played.index)
    if len(lost):
        yield f"tournament {tournament.key!r} has a judgement of match {int(lost[0])}, which it does not hold"
    row = aligned(found, played.index)
    said = row >= 0
    expected = 2 * found.score[row[said]] - 1
    differs = np.flatnonzero(np.abs(played.returns[said, 0] - expected) > 0)
    if len(differs):
        number = int(played.index[said][differs[0]])
        yield f"tournament {tournament.key!r}: match {number} does not pay what its judgement says"
    if not ((found.score >= 0) & (found.score <= 1)).all():
        yield f"tournament {tournament.key!r} has a judgement whose score is not from 0 to 1"
