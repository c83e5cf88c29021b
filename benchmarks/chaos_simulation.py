"""A deterministic simulation of everything that goes wrong between a scheduler, its workers and a ledger.

A world is one tournament on a real ledger, asked for as a job, claimed and played by schedulers of this process. Their workers are
simulated: each block's results come when, as often and in the order that hashes of the world's seed say, and every fault is counted.
However many there were, the ledger must be that of a run in which nothing went wrong.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from arena import job_work, jobs
from arena.block_tasks import BlockTask, next_task, with_deaths
from arena.config import TournamentConfig, make_config
from arena.connection import LedgerUnavailable
from arena.database import check
from arena.executor import MatchSetup, Troupe
from arena.job_rows import JobRow
from arena.ledger import Ledger, Tournament
from arena.ledger_schema import jobs as job_table
from arena.ledger_schema import tournaments as tournament_table
from arena.results import MatchResults, MatchSpecs
from arena.tournament import run_tournament
from arena.tournament_job import ask_tournament, tournament_job

WORKERS = 4
LONG_AGO = "2000-01-01T00:00:00.000Z"
KUHN, TIC_TAC_TOE = "openspiel:kuhn_poker", "openspiel:tic_tac_toe"
TWO, FOUR = {"a": "random", "b": "uniform"}, {"a": "random", "b": "uniform", "c": "random", "d": "uniform"}
CONFIGS = tuple(
    make_config({"name": "chaos", "seed": 5, **values})
    for values in (
        {"game": KUHN, "agents": FOUR, "matches": 40, "block": 6},
        {"game": "matrix:rps", "agents": FOUR, "matches": 60, "block": 9},
        {"game": KUHN, "agents": FOUR, "pairing": "swiss", "rounds": 6, "matches": 8, "block": 4},
        {"game": TIC_TAC_TOE, "agents": FOUR, "pairing": "knockout", "matches": 12, "block": 4},
        {"game": KUHN, "agents": TWO, "pairing": "decide", "matches": 400, "block": 10},
    )
)
"""One of each way in which results decide what comes next: not at all, in both lanes; by rounds; by schedule order."""
FATES = {
    "in time": 0.5,
    "worker killed": 0.14,
    "result lost": 0.09,
    "result late": 0.09,
    "result duplicated": 0.09,
    "result delayed": 0.09,
}
"""What becomes of a block that is given to a worker. ``late``: the worker was thought dead, and the block is played again."""
SCHEDULER_DIES, LEDGER_AWAY = 0.04, 0.02
"""Chances at each write, before it or after it is kept."""
ZOMBIE, ASKED_AGAIN = 0.5, 0.02
"""Chances that what a dead scheduler waited for, or its answer, reaches the ledger later all the same; that somebody asks once more."""


class Killed(BaseException):
    """Stands for a SIGKILL of the scheduler."""


class FlakyLedger(Ledger):
    """A ledger around whose writes something may happen."""

    strike: Callable[[str], None] | None = None

    def write(self, tournament: Tournament, results: MatchResults) -> int:
        if self.strike is not None:
            self.strike("before a write")
        written = super().write(tournament, results)
        if self.strike is not None:
            self.strike("after a write")
        return written


class Reference:
    """Tournaments in which nothing went wrong, each played once; and their blocks, with which every simulated worker answers."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._results: dict[str, tuple[str, MatchResults]] = {}
        self._blocks: dict[tuple[str, bytes], MatchResults] = {}

    def of(self, config: TournamentConfig) -> tuple[str, MatchResults]:
        """(key, results) of an uninterrupted run."""
        name = config.model_dump_json()
        if name not in self._results:
            with Ledger.open(self._folder / f"reference-{len(self._results)}.db") as ledger:
                played = run_tournament(config, ledger)
                self._results[name] = played.key, ledger.results(played)
        return self._results[name]

    def played(self, setup: MatchSetup, specs: MatchSpecs) -> MatchResults:
        """What a worker answers."""
        key = repr(setup), specs.index.tobytes() + specs.seats.tobytes() + specs.seed.tobytes()
        if key not in self._blocks:
            with Troupe(setup) as troupe:
                self._blocks[key] = troupe.play(specs)
        return self._blocks[key]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a world: its faults by kind, how many schedulers it took, and what differs from the reference, or ''."""

    faults: Counter[str]
    schedulers: int
    wrong: str


class World:
    """One tournament under faults, the same for the same seed."""

    def __init__(self, seed: int, config: TournamentConfig, reference: Reference):
        self.config, self.reference = config, reference
        self.faults: Counter[str] = Counter()
        self.random = random.Random(seed)
        self.late: list[MatchResults] = []  # of schedulers that are dead
        self.dead: list[JobRow] = []

    def run(self, file: Path) -> Outcome:
        """Plays the tournament to its end in a new ledger, whatever comes between."""
        schedulers = 0
        with FlakyLedger.open(file) as ledger:
            asked = ask_tournament(ledger, self.config)
            while jobs.job(ledger, asked.key).status != "finished":
                row = job_work.claim(ledger, {"cpu": f"scheduler {schedulers}"})
                if row is None:  # given up: its schedulers died before anything was recorded
                    ask_tournament(ledger, self.config)
                    continue
                schedulers += 1
                self._late_answers(ledger)
                self._schedule(ledger, row)
            self._late_results(ledger, chance=1.0)
            self._late_answers(ledger)
            return Outcome(self.faults, schedulers, self._wrong(ledger))

    def happens(self, what: str, chance: float) -> bool:
        """Whether a fault comes now."""
        if self.random.random() >= chance:
            return False
        self.faults[what] += 1
        return True

    def _schedule(self, ledger: FlakyLedger, row: JobRow) -> None:
        """One scheduler's life: to the end of the tournament, or until it is killed or loses the ledger."""
        executor = SimulatedWorkers(self, ledger)
        ledger.strike = self._strike
        try:
            answer = tournament_job(ledger, row, lambda *_: None, executor)
            job_work.finish(ledger, row, answer)
        except LedgerUnavailable:
            job_work.give_back(ledger, row)
        except Killed:
            self.dead.append(row)
            with ledger.writing() as connection:  # who is killed notes nothing; then time passes
                connection.execute(tournament_table.update().values(status="running", alive_at=LONG_AGO))
                connection.execute(job_table.update().values(alive_at=LONG_AGO))
        finally:
            ledger.strike = None

    def _strike(self, when: str) -> None:
        if self.happens(f"scheduler killed {when}", SCHEDULER_DIES):
            raise Killed
        if self.happens(f"ledger away {when}", LEDGER_AWAY):
            raise LedgerUnavailable("the ledger is away")

    def disturb(self, ledger: FlakyLedger) -> None:
        """What others do to the ledger between two results of a scheduler."""
        if self.happens("asked once more", ASKED_AGAIN):
            ask_tournament(ledger, self.config)
        self._late_results(ledger, chance=0.2)

    def leave(self, results: MatchResults) -> None:
        """What a scheduler waited for when it died: it may come to the ledger later, from one that was only thought dead. Where the
        order of results decides, such a one would write nothing but what comes next, as the living one does."""
        if self.config.pairing != "decide" and self.happens("result of a dead scheduler", ZOMBIE):
            self.late.append(results)

    def _late_results(self, ledger: FlakyLedger, *, chance: float) -> None:
        if self.late and self.random.random() < chance:
            strike, ledger.strike = ledger.strike, None
            (tournament,) = ledger.tournaments()
            self.random.shuffle(self.late)
            while self.late:
                ledger.write(tournament, self.late.pop())
            ledger.set_status(tournament, "interrupted" if chance == 1.0 else "running")
            ledger.strike = strike

    def _late_answers(self, ledger: FlakyLedger) -> None:
        """Dead schedulers that answer after others took their job."""
        for row in self.dead:
            if self.happens("late answer", ZOMBIE):
                try:
                    job_work.finish(ledger, row, {"tournament": "of a dead scheduler"})
                except job_work.LostJob:
                    continue
                self.faults["LATE ANSWER KEPT"] += 1
        self.dead.clear()

    def _wrong(self, ledger: FlakyLedger) -> str:
        """What differs from the run in which nothing went wrong."""
        key, results = self.reference.of(self.config)
        (tournament,) = ledger.tournaments()
        if tournament.key != key or not ledger.results(tournament).equals(results):
            return "other matches than the reference run's"
        if tournament.status != "finished" or self.faults["LATE ANSWER KEPT"]:
            return f"the tournament is {tournament.status}; {self.faults['LATE ANSWER KEPT']} late answers were kept"
        (row,) = jobs.all_jobs(ledger)
        if row.result != {"tournament": key, "matches": len(results)}:
            return f"the job answers {row.result}"
        return "; ".join(check(ledger.url_for_people))


class SimulatedWorkers:
    """An executor whose workers live in a world. Time is a number; what comes is kept in a heap until it is due."""

    def __init__(self, world: World, ledger: FlakyLedger):
        self.world, self.ledger = world, ledger

    def run(
        self,
        setup: MatchSetup,
        blocks: Iterable[MatchSpecs | None],
        *,
        on_finished: Callable[[int], None] | None = None,
    ) -> Iterator[MatchResults]:
        todo, again = iter(blocks), deque[BlockTask]()
        coming: list[
            tuple[float, int, bool, BlockTask]
        ] = []  # (when, number, whether it is a result or a death, of what)
        clock, number, busy = 0.0, 0, set[int]()
        try:
            while True:
                while len(busy) < WORKERS and (task := next_task(again, todo)) is not None:
                    busy.add(task.first)
                    for delay, is_result in self._fate():
                        number += 1
                        heapq.heappush(coming, (clock + delay, number, is_result, task))
                if not coming:
                    return
                clock, _, is_result, task = heapq.heappop(coming)
                busy.discard(task.first)
                self.world.disturb(self.ledger)
                if not is_result:
                    again.append(task.after("killed"))
                    continue
                results = with_deaths(self.world.reference.played(setup, task.specs), task)
                if on_finished:
                    on_finished(len(results))
                yield results
        finally:  # also where the one who asked died
            for _, _, is_result, task in coming:
                if is_result:
                    self.world.leave(self.world.reference.played(setup, task.specs))

    def _fate(self) -> list[tuple[float, bool]]:
        """When something comes of a block that is given to a worker now: its results, or word that the worker is dead."""
        draw = self.world.random
        fate = draw.choices(list(FATES), list(FATES.values()))[0]
        if fate != "in time":
            self.world.faults[fate] += 1
        soon = draw.random()
        later = soon + 3 * draw.random()
        return {
            "in time": [(soon, True)],
            "worker killed": [(soon, False)],
            "result lost": [(later, False)],
            "result late": [(soon, False), (later + 3, True)],
            "result duplicated": [(soon, True), (later, True)],
            "result delayed": [(later + 5, True)],
        }[fate]
