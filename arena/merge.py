"""Another ledger's agents, tournaments, rounds, matches, judgements and answers of jobs taken into this one, by their keys; nothing that stands here is changed.

The same agent is the same name, specification and content; one of a known name and other content becomes a new version of
that name here. The same tournament is the same key, game, configuration, seed and agents: it gets the blocks that it lacks, and those
that both have must hold the same matches.
Everything is written under the keys that it has, so that an interrupted merge is gone on with and a second one changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from arena.connection import LedgerError
from arena.job_rows import JobRow
from arena.ledger import AgentVersion, Ledger, Tournament
from arena.ledger_entries import insert_agent, insert_tournament, now
from arena.ledger_matches import read_results
from arena.ledger_schema import (
    answers,
    contexts,
    insert_or_ignore,
    judge_failures,
    judgements,
    judges,
    rounds,
    tournaments,
    usage,
)
from arena.match_file_schema import match_files
from arena.merge_jobs import copy_jobs
from arena.origin import MERGED
from arena.poll_schema import vote_reviews
from arena.results import NOBODY
from arena.vote_reviews import read_reviews

COMPARED = (
    "name",
    "game",
    "game_version",
    "utility",
    "lane",
    "num_players",
    "teams",
    "source",
    "source_hash",
    "config",
    "seed",
    "planned",
)
"""What two tournaments of one key must agree in to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What was new: agents by their label here, tournaments by key, ``completed`` ones that were here with fewer matches, how many
    matches, contents of agents and answers of jobs.

    ``renamed``: label there -> label here, where the version is another. ``refused``: keys of tournaments that stayed where they are,
    since another one has that key here, or the file was imported here already.
    """

    agents: tuple[str, ...]
    renamed: Mapping[str, str]
    tournaments: tuple[str, ...]
    completed: tuple[str, ...]
    matches: int
    artifacts: int
    jobs: int
    refused: tuple[str, ...] = ()

    def then(self, more: Merged) -> Merged:
        """What was new by this merge and by one after it of the same two ledgers."""
        return Merged(
            agents=(*self.agents, *more.agents),
            renamed={**self.renamed, **more.renamed},
            tournaments=(*self.tournaments, *more.tournaments),
            completed=tuple(sorted({*self.completed, *more.completed} - {*self.tournaments})),
            matches=self.matches + more.matches,
            artifacts=self.artifacts + more.artifacts,
            jobs=self.jobs + more.jobs,
            refused=(*self.refused, *more.refused),
        )

    @property
    def changed(self) -> bool:
        return bool(self.agents or self.tournaments or self.completed or self.artifacts or self.jobs)

    def to_dict(self) -> dict[str, object]:
        return {
            "agents": list(self.agents),
            "renamed": dict(self.renamed),
            "tournaments": list(self.tournaments),
            "completed": list(self.completed),
            "matches": self.matches,
            "artifacts": self.artifacts,
            "jobs": self.jobs,
            "refused": list(self.refused),
        }


def merge(ledger: Ledger, other: Ledger, *, wanted: Callable[[JobRow], bool] = lambda _: True) -> Merged:
    """Takes all that `other` has and `ledger` lacks into `ledger`; of answers of jobs those that are wanted.

    Raises:
        LedgerError: both are one; or a tournament of one key, or an imported file, stands in both with different content:
            then nothing was written.
    """
    if ledger.url == other.url:
        raise LedgerError(f"{other.url_for_people} is this very ledger; name another one")
    theirs = other.tournaments()
    known = {one.key: one for one in ledger.tournaments()}
    ours = _same_agents(ledger, other)
    for one in theirs:
        if one.key in known:
            _check_same(ledger, other, known[one.key], one, ours)
        else:
            _check_import(ledger, other, one)
    artifacts = _copy_artifacts(ledger, other)
    fresh, renamed = _add_agents(ledger, other, ours)
    added, completed, matches = [], [], 0
    for one in theirs:
        if one.key not in known:
            _add_tournament(ledger, other, one, ours)
            added.append(one.key)
        here = ledger.tournament(one.key)
        written = _copy_matches(ledger, other, here, one)
        if written and one.key in known:
            completed.append(one.key)
        matches += written
        _finish(ledger, here, one)
    return Merged(
        agents=fresh,
        renamed=renamed,
        tournaments=tuple(added),
        completed=tuple(completed),
        matches=matches,
        artifacts=artifacts,
        jobs=copy_jobs(ledger, other, ours, renamed, wanted=wanted),
    )


def _copy_artifacts(ledger: Ledger, other: Ledger) -> int:
    store = ledger.artifacts
    before = {path.name for path in store.files()}
    missing = [path for path in other.artifacts.files() if path.name not in before]
    for path in missing:
        store.put(path)
    return len(missing)


def _same_agents(ledger: Ledger, other: Ledger) -> dict[int, AgentVersion]:
    """By their number there: the agents that are here already; of several the one of the same version, else the oldest."""
    here: dict[tuple[str, str, str | None], list[AgentVersion]] = {}
    for agent in ledger.agents(include_retired=True):
        here.setdefault(_content(agent), []).append(agent)
    found: dict[int, AgentVersion] = {}
    for agent in other.agents(include_retired=True):
        same = sorted(here.get(_content(agent), ()), key=lambda one, v=agent.version: (one.version != v, one.version))
        if same:
            found[agent.id] = same[0]
            here[_content(agent)].remove(same[0])  # two versions there stay two versions here
    return found


def _content(agent: AgentVersion) -> tuple[str, str, str | None]:
    return agent.name, agent.specification, agent.content_hash


def _add_agents(ledger: Ledger, other: Ledger, ours: dict[int, AgentVersion]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Adds those that are not here, and notes them in `ours`; (labels of the new ones, labels there and here that differ)."""
    taken = {(one.name, one.version) for one in ledger.agents(include_retired=True)}
    fresh: list[str] = []
    renamed: dict[str, str] = {}
    for agent in other.agents(include_retired=True):
        if agent.id not in ours:
            version = agent.version
            if (agent.name, version) in taken:
                version = 1 + max(number for name, number in taken if name == agent.name)
            row = {
                "name": agent.name,
                "version": version,
                "specification": agent.specification,
                "kind": agent.kind,
                "content_hash": agent.content_hash,
                "lineage": {**agent.lineage, MERGED: "from another ledger"},
                "created_at": agent.created_at,
                "retired_at": now() if agent.retired else None,
            }
            with ledger.writing() as connection:
                if not insert_agent(connection, row):
                    raise LedgerError(f"{agent.name}@{version} was added by somebody else just now; merge again")
            ours[agent.id] = ledger.agent(f"{agent.name}@{version}")
            taken.add((agent.name, version))
            fresh.append(ours[agent.id].label)
        if ours[agent.id].label != agent.label:
            renamed[agent.label] = ours[agent.id].label
    return tuple(fresh), renamed


def _check_same(
    ledger: Ledger, other: Ledger, here: Tournament, there: Tournament, ours: Mapping[int, AgentVersion]
) -> None:
    mine, theirs = _row(ledger, here), _row(other, there)
    unlike = [name for name in COMPARED if mine[name] != theirs[name]]
    if [agent.id for agent in here.agents] != [ours[one.id].id if one.id in ours else None for one in there.agents]:
        unlike.append("agents")
    if not unlike and not _rounds_agree(ledger, other, here, there):
        unlike.append("rounds")
    unlike += [] if unlike else _unlike_compared(ledger, other, here, there)
    if not unlike and (first := _unlike_block(ledger, other, here, there)) is not None:
        unlike.append(f"the matches from number {first}")
    if unlike:
        raise LedgerError(
            f"tournament {here.key!r} of {ledger.url_for_people} and tournament {there.key!r} of {other.url_for_people} "
            f"are two tournaments: they differ in {', '.join(unlike)}; nothing was merged. "
            "Tournaments are merged by their keys; play one of them under another name"
        )


def _check_import(ledger: Ledger, other: Ledger, there: Tournament) -> None:
    """A file that was imported under another key here would count twice."""
    row = _row(other, there)
    if row["source_hash"] is None:
        return
    same = (tournaments.c.game == there.game, tournaments.c.source_hash == row["source_hash"])
    with ledger.reading() as connection:
        key = connection.scalars(sa.select(tournaments.c.key).where(*same)).first()
    if key is not None:
        raise LedgerError(
            f"tournament {key!r} of {ledger.url_for_people} and tournament {there.key!r} of {other.url_for_people} are "
            "imported from one file; nothing was merged"
        )


def _row(ledger: Ledger, tournament: Tournament) -> dict[str, object]:
    with ledger.reading() as connection:
        row = connection.execute(sa.select(tournaments).where(tournaments.c.id == tournament.id)).one()
    return dict(row._mapping)


def _rounds_of(ledger: Ledger, tournament: Tournament) -> list[tuple[object, ...]]:
    query = sa.select(rounds).where(rounds.c.tournament_id == tournament.id).order_by(rounds.c.number)
    with ledger.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _rounds_agree(ledger: Ledger, other: Ledger, here: Tournament, there: Tournament) -> bool:
    """Whether the rounds that both have are the same; who is ahead has more of them."""
    pairs = zip(_rounds_of(ledger, here), _rounds_of(other, there), strict=False)
    return all(mine[1:-1] == theirs[1:-1] for mine, theirs in pairs)


def _unlike_block(ledger: Ledger, other: Ledger, here: Tournament, there: Tournament) -> int | None:
    """The first block that both have with other matches: one of them was played otherwise, or changed since."""
    for first in sorted(ledger.written(here) & other.written(there)):
        with ledger.reading() as mine, other.reading() as theirs:
            if not read_results(mine, here, first=first).equals(read_results(theirs, there, first=first)):
                return first
    return None


def _facts(ledger: Ledger, tournament: Tournament, table: sa.Table) -> list[tuple[object, ...]]:
    """The rows of a tournament in a table of its facts, in the order of their keys, without the tournament's number."""
    keys = [column for column in table.primary_key.columns if column.name != "tournament_id"]
    query = sa.select(table).where(table.c.tournament_id == tournament.id).order_by(*keys)
    with ledger.reading() as connection:
        return [tuple(row)[1:] for row in connection.execute(query)]


def _unlike_compared(ledger: Ledger, other: Ledger, here: Tournament, there: Tournament) -> list[str]:
    """What of contexts, judges, answers and judgements is not the same where both have it."""
    unlike = []
    for table in (contexts, judges, answers, judgements):
        size = len(table.primary_key.columns) - 1
        mine = {row[:size]: row[size:] for row in _facts(ledger, here, table)}
        if any(mine.get(row[:size], row[size:]) != row[size:] for row in _facts(other, there, table)):
            unlike.append(table.name)
    return unlike


def _add_tournament(ledger: Ledger, other: Ledger, there: Tournament, ours: Mapping[int, AgentVersion]) -> None:
    row = _row(other, there)
    del row["id"]
    row |= {"status": "interrupted", "finished_at": None, "alive_at": now(), "blocks": 0, "matches": 0}
    with ledger.writing() as connection:
        if not insert_tournament(connection, row, [ours[agent.id] for agent in there.agents]):
            raise LedgerError(f"tournament {there.key!r} was made by somebody else just now; merge again")


def _copy_matches(ledger: Ledger, other: Ledger, here: Tournament, there: Tournament) -> int:
    """Copies rounds and blocks that are not here; how many matches are new."""
    rows = [(here.id, *row[1:]) for row in _rounds_of(other, there)]
    with ledger.writing() as connection:
        insert_or_ignore(connection, rounds, rows)
        for table in (contexts, judges, answers):
            insert_or_ignore(connection, table, [(here.id, *row) for row in _facts(other, there, table)])
    missing = sorted(other.written(there) - ledger.written(here))
    judged = {row[0]: row for row in _facts(other, there, judgements)}
    used: dict[object, list[tuple[object, ...]]] = {}
    for row in _facts(other, there, usage):
        used.setdefault(row[0], []).append(row)
    files: dict[object, list[tuple[object, ...]]] = {}
    for row in _facts(other, there, match_files):
        files.setdefault(row[0], []).append(row)
    count = 0
    for first in missing:
        with other.reading() as connection:
            results = read_results(connection, there, first=first)
        numbers = results.specs.index.tolist()
        notes = {
            match_files: [row for number in numbers for row in files.get(number, ())],
            judgements: [judged[number] for number in numbers if number in judged],
            usage: [row for number in numbers for row in used.get(number, ())],
        }
        count += ledger.write_together(here, [results], partial(_write_facts, here, notes))
    asked = [row for rows in used.values() for row in rows if row[1] == NOBODY]  # by judges, whatever came of it
    with ledger.writing() as connection:
        insert_or_ignore(connection, usage, [(here.id, *row) for row in asked])
    _copy_failures(ledger, other, here, there)
    _copy_reviews(ledger, other, here, there)
    return count


def _write_facts(
    here: Tournament, notes: Mapping[sa.Table, list[tuple[object, ...]]], connection: sa.Connection
) -> None:
    for table, rows in notes.items():
        insert_or_ignore(connection, table, [(here.id, *row) for row in rows])


def _copy_failures(ledger: Ledger, other: Ledger, here: Tournament, there: Tournament) -> None:
    """Failures that are not here follow those that are: an attempt is numbered where it stands."""
    mine = _facts(ledger, here, judge_failures)
    last: dict[object, int] = {}
    for number, attempt, *_ in mine:
        last[number] = max(last.get(number, 0), int(str(attempt)))
    known = {(number, *said) for number, _, *said in mine}
    fresh: list[tuple[object, ...]] = []
    for number, _, *said in _facts(other, there, judge_failures):
        if (number, *said) not in known:
            last[number] = last.get(number, 0) + 1
            fresh.append((here.id, number, last[number], *said))
    with ledger.writing() as connection:
        insert_or_ignore(connection, judge_failures, fresh)


def _copy_reviews(ledger: Ledger, other: Ledger, here: Tournament, there: Tournament) -> None:
    """Decisions about votes that are not here follow those that are."""
    mine = set(read_reviews(ledger, here))
    fresh = [dataclasses.asdict(one) for one in read_reviews(other, there) if one not in mine]
    if fresh:
        with ledger.writing() as connection:
            connection.execute(vote_reviews.insert(), [{"tournament_id": here.id, **row} for row in fresh])


def _finish(ledger: Ledger, here: Tournament, there: Tournament) -> None:
    """A tournament that is finished there, or of which all matches are here now, is finished here."""
    whole = there.status == "finished" or ledger.progress(here) == here.planned
    if not whole or here.status == "finished":
        return
    with ledger.writing() as connection:
        connection.execute(
            tournaments.update()
            .where(tournaments.c.id == here.id)
            .values(status="finished", finished_at=there.finished_at or now())
        )
