"""Judging: a plan of comparisons, asked of judges batch by batch into the ledger, so that an interrupted run is gone on with.

A comparison is a match of two candidates on one prompt, in the order shown. Its number follows from the plan alone, and it stands in
the ledger as soon as it is answered: the same plan again asks only what has no answer yet. What a judge fails to answer is recorded
as that, asked again, and is never a vote.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from arena.games import ArenaError, SpecificationError
from arena.games.judge import Judge, JudgeFailure, Verdict, drawn_order, verdicts
from arena.games.usage import Usage
from arena.games.votes import Votes
from arena.heartbeat import heartbeat
from arena.judge_input import AnswerSheet
from arena.judged_match import game_of_comparisons, judged_match
from arena.judgements import (
    FailedJudgement,
    judge_usage,
    judges_and_contexts,
    keep_contexts,
    read_failures,
    votes_of,
    write_judgements,
)
from arena.leaderboards.judge_quality import JudgeQuality, judge_quality
from arena.leaderboards.vote_units import vote_units
from arena.leaderboards.wording import listed
from arena.ledger import Ledger, LedgerError, Tournament
from arena.match_import import external_agents
from arena.results import MatchResults

BATCH = 16
ATTEMPTS = 3
GIVE_UP = 24
"""Failures in a row by which a judge is out of order rather than a comparison hard: it is asked no more in this run."""
MOST_JUDGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All comparisons [M], in the order in which they are asked. ``context``, ``first``, ``second``, ``judge`` int64: places in the
    sheet's prompts and candidates and in ``judges``; ``unit`` int64: what belongs together when verdicts are resampled."""

    sheet: AnswerSheet
    judges: tuple[str, ...]
    specifications: tuple[str, ...]
    repeats: int
    both_orders: bool
    seed: int
    context: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    judge: NDArray[np.int64]
    unit: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.context)

    @property
    def config(self) -> dict[str, object]:
        """What the ledger keeps of the plan besides texts."""
        return {
            "pairing": "judge",
            "judges": dict(zip(self.judges, self.specifications, strict=True)),
            "repeats": self.repeats,
            "both_orders": self.both_orders,
        }

    @property
    def content_hash(self) -> str:
        """Of all that decides what is asked: the same plan is the same tournament."""
        sheet = self.sheet
        told = [
            [[one.key, one.prompt] for one in sheet.prompts],
            sheet.candidates,
            sorted((*at, text) for at, text in sheet.answers.items()),
            self.config,
            None if self.both_orders else self.seed,
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a tournament of judgements holds: of ``planned`` comparisons those with a verdict, and the attempts that failed.

    ``open``: comparisons without a verdict, by number; ``missing``: (prompt, candidate) without an answer, which were not compared;
    ``gave_up``: judges that were asked no more after `GIVE_UP` failures in a row; ``asked``: comparisons asked in this run; ``usage``: of the
    judges in all runs, None where none of them counts.
    """

    tournament: Tournament
    planned: int
    verdicts: int
    open: tuple[int, ...]
    failures: tuple[FailedJudgement, ...]
    missing: tuple[tuple[str, str], ...]
    gave_up: tuple[str, ...]
    asked: int
    quality: tuple[JudgeQuality, ...]
    usage: Usage | None

    @property
    def complete(self) -> bool:
        return not self.open

    def finding(self) -> str:
        """What came of it, in a sentence or two."""
        said = f"{self.verdicts:,} of {self.planned:,} comparisons have a verdict."
        if self.open:
            last = {one.number: one.failure for one in self.failures}
            kinds = Counter(last[number].kind if number in last else "not asked" for number in self.open)
            told = listed([f"{count:,} {KIND_WORDS[kind]}" for kind, count in kinds.most_common()])
            said += f" {len(self.open):,} {'has' if len(self.open) == 1 else 'have'} none: {told}."
        if self.gave_up:
            who = listed(self.gave_up)
            said += (
                f" After {GIVE_UP} failures in a row {who} {'was' if len(self.gave_up) == 1 else 'were'} asked no more."
            )
        return said

    def to_dict(self) -> dict[str, object]:
        """What ``--json`` prints."""
        return {
            "tournament": self.tournament.key,
            "game": self.tournament.game,
            "planned": self.planned,
            "verdicts": self.verdicts,
            "asked": self.asked,
            "complete": self.complete,
            "finding": self.finding(),
            "open": list(self.open),
            "gave_up": list(self.gave_up),
            "failures": [
                {"number": one.number, "attempt": one.attempt, "kind": one.failure.kind, "message": one.failure.message}
                for one in self.failures
            ],
            "missing": [{"prompt": prompt, "candidate": candidate} for prompt, candidate in self.missing],
            "judges": [one.to_dict() for one in self.quality],
            "usage": None if self.usage is None else self.usage.to_dict(),
        }


KIND_WORDS: Mapping[str, str] = {
    "refused": "refused",
    "timeout": "timed out",
    "nonsense": "answered without a verdict",
    "error": "failed",
    "not asked": "not asked yet",
}

Progress = Callable[[int, int], None]


def judging_plan(
    sheet: AnswerSheet, judges: Mapping[str, str], *, repeats: int = 1, both_orders: bool = True, seed: int = 0
) -> Plan:
    """The comparisons of every two candidates who both answered a prompt, by every judge.

    Args:
        sheet: prompts and answers.
        judges: specifications by the names under which verdicts are kept.
        repeats: how often each question is asked of a judge, at least once.
        both_orders: each comparison in both orders, else in one that ``seed`` draws for it.
        seed: decides nothing else.

    Raises:
        SpecificationError: no judge or more than `MOST_JUDGES`, or no prompt that two candidates answered.
        ValueError: repeats below 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1; got {repeats}")
    if not judges:
        raise SpecificationError("name at least one judge")
    if len(judges) > MOST_JUDGES:
        raise SpecificationError(f"at most {MOST_JUDGES:,} judges at once; got {len(judges):,}")
    ordered = dict(sorted(judges.items()))  # who is named first on a command line changes nothing
    pairs = list(combinations(range(len(sheet.candidates)), 2))
    rows: list[tuple[int, int, int, int]] = []
    for context, prompt in enumerate(sheet.prompts):
        for one, other in pairs:
            if (context, one) not in sheet.answers or (context, other) not in sheet.answers:
                continue
            shown = [(one, other), (other, one)]
            if not both_orders:
                names = sheet.candidates[one], sheet.candidates[other]
                shown = [shown[int(drawn_order(*names, prompt.key, seed) != names)]]
            for _ in range(repeats):
                rows += [(context, *order, judge) for judge in range(len(judges)) for order in shown]
    if not rows:
        raise SpecificationError("there is nothing to compare: no prompt is answered by two candidates")
    columns = np.array(rows, np.int64).T
    return Plan(
        sheet=sheet,
        judges=tuple(ordered),
        specifications=tuple(ordered.values()),
        repeats=repeats,
        both_orders=both_orders,
        seed=seed,
        context=columns[0],
        first=columns[1],
        second=columns[2],
        judge=columns[3],
        unit=vote_units(columns[1], columns[2], columns[0]),
    )


def judge_into(
    ledger: Ledger,
    plan: Plan,
    judges: Mapping[str, Judge],
    *,
    game: str,
    name: str,
    attempts: int = ATTEMPTS,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> Judged:
    """Asks what has no verdict yet, and says what the ledger holds then.

    A batch is in the ledger before the next one is asked. An interruption waits for the batch that is being asked, so that no answer
    is lost; a second one does not wait.

    Args:
        ledger: where verdicts are kept.
        plan: what is asked.
        judges: by the plan's names.
        game: names the ladder.
        name: of the tournament.
        attempts: how often a comparison that fails is asked in this run, in all.
        batch: comparisons that a judge is asked for at once.
        progress: told (comparisons with a verdict, planned).

    Raises:
        LedgerError: another plan stands under this name, whose comparisons would be counted twice.
        ValueError: attempts or batch below 1.
    """
    if attempts < 1 or batch < 1:
        raise ValueError(f"attempts and batch must be at least 1; got {attempts} and {batch}")
    tournament = _tournament(ledger, plan, game=game, name=name)
    run = _Run(ledger, tournament, plan, judges, batch, progress)
    if run.open():
        tournament = ledger.set_status(tournament, "running")
        try:
            with heartbeat(partial(ledger.keep_alive, tournament)):
                run.ask(attempts)
        except BaseException:
            ledger.set_status(tournament, "interrupted")
            raise
    whole = not run.open()
    if whole and tournament.status != "finished":
        tournament = ledger.set_status(tournament, "finished")
    elif not whole:
        tournament = ledger.set_status(tournament, "interrupted")
    failures = read_failures(ledger, tournament)
    return Judged(
        tournament=tournament,
        planned=len(plan),
        verdicts=len(run.done),
        open=tuple(run.open()),
        failures=tuple(failures),
        missing=tuple(plan.sheet.missing),
        gave_up=tuple(plan.judges[k] for k in sorted(run.gave_up)),
        asked=run.asked,
        quality=quality_of(ledger, [tournament], votes_of(ledger, [tournament])),
        usage=judge_usage(ledger, tournament),
    )


def quality_of(ledger: Ledger, tournaments: Sequence[Tournament], votes: Votes) -> tuple[JudgeQuality, ...]:
    """How good the judges of these tournaments are, by all their votes; () where none names its judge."""
    if not votes.judges:
        return ()
    failures = sum((_failures_by_judge(ledger, tournament) for tournament in tournaments), Counter[str]())
    return judge_quality(votes, failures=failures)


def _failures_by_judge(ledger: Ledger, tournament: Tournament) -> Counter[str]:
    """How many attempts of each judge failed: the plan says who was asked."""
    failures = read_failures(ledger, tournament)
    if not failures:
        return Counter()
    names, _ = judges_and_contexts(ledger, [tournament], most=MOST_JUDGES)
    orders = 2 if tournament.config.get("both_orders") else 1
    return Counter(names[one.number // orders % len(names)] for one in failures)


class _Run:
    """One run over a plan: what is done, what failed how often, whom to ask no more."""

    def __init__(
        self,
        ledger: Ledger,
        tournament: Tournament,
        plan: Plan,
        judges: Mapping[str, Judge],
        batch: int,
        progress: Progress | None,
    ):
        self.ledger, self.tournament, self.plan, self.judges = ledger, tournament, plan, judges
        self.batch, self.progress = batch, progress
        self.done = ledger.written(tournament)
        self.tries = Counter(one.number for one in read_failures(ledger, tournament))
        self.streak: Counter[int] = Counter()
        self.gave_up: set[int] = set()
        self.asked = 0

    def open(self) -> list[int]:
        return [number for number in range(len(self.plan)) if number not in self.done]

    def ask(self, attempts: int) -> None:
        """Everything open, then what failed, up to so many times in all.

        Another thread asks and keeps: whoever interrupts this one leaves it time to keep the answers that are on their way.
        """
        self._tell()
        with ThreadPoolExecutor(1, thread_name_prefix="judge") as other:
            other.submit(self.open).result()  # an interruption while its thread starts would leave it behind
            for _ in range(attempts):
                for judge, numbers in self._batches(self.open()):
                    if judge not in self.gave_up:
                        other.submit(self._ask_batch, judge, numbers).result()

    def _batches(self, numbers: Sequence[int]) -> list[tuple[int, list[int]]]:
        """In the order of the plan as far as each batch is of one judge."""
        found: list[tuple[int, list[int]]] = []
        growing: dict[int, list[int]] = {}
        for number in numbers:
            judge = int(self.plan.judge[number])
            group = growing.get(judge)
            if group is None or len(group) == self.batch:
                growing[judge] = group = []
                found.append((judge, group))
            group.append(number)
        return found

    def _ask_batch(self, judge: int, numbers: list[int]) -> None:
        before = self._used(judge)
        said = self._verdicts(judge, numbers)
        after = self._used(judge)
        used = None if before is None or after is None else (numbers[0], after - before)
        self._keep(judge, numbers, said, used)

    def _used(self, judge: int) -> Usage | None:
        """What a judge says that it used up so far; None of one that does not count."""
        used = getattr(self.judges[self.plan.judges[judge]], "usage", None)
        return used if isinstance(used, Usage) else None

    def _verdicts(self, judge: int, numbers: Sequence[int]) -> list[Verdict | JudgeFailure]:
        plan, sheet = self.plan, self.plan.sheet
        contexts = [int(plan.context[number]) for number in numbers]
        return verdicts(
            self.judges[plan.judges[judge]],
            [sheet.prompts[at].prompt or "" for at in contexts],
            [sheet.answers[at, int(plan.first[n])] for at, n in zip(contexts, numbers, strict=True)],
            [sheet.answers[at, int(plan.second[n])] for at, n in zip(contexts, numbers, strict=True)],
        )

    def _keep(
        self,
        judge: int,
        numbers: Sequence[int],
        said: Sequence[Verdict | JudgeFailure],
        used: tuple[int, Usage] | None,
    ) -> None:
        judged: list[tuple[int, int, int, float, bool, str]] = []
        failed: list[FailedJudgement] = []
        for number, one in zip(numbers, said, strict=True):
            if isinstance(one, Verdict):
                self.streak[judge] = 0
                context = int(self.plan.context[number])
                judged.append((number, context, judge, one.score, one.both_bad, one.note))
            else:
                self.streak[judge] += one.kind in ("error", "timeout")
                self.tries[number] += 1
                failed.append(FailedJudgement(number=number, attempt=self.tries[number], failure=one))
        blocks = [_match(self.plan, number, score) for number, _, _, score, _, _ in judged]
        write_judgements(self.ledger, self.tournament, blocks, judged, failed, used)
        self.done.update(number for number, *_ in judged)
        self.asked += len(numbers)
        if self.streak[judge] >= GIVE_UP:
            self.gave_up.add(judge)
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.done), len(self.plan))


def _match(plan: Plan, number: int, score: float) -> MatchResults:
    return judged_match(
        number=number,
        first=int(plan.first[number]),
        second=int(plan.second[number]),
        score=score,
        unit=int(plan.unit[number]),
    )


def _tournament(ledger: Ledger, plan: Plan, *, game: str, name: str) -> Tournament:
    """The tournament of the plan, with its prompts, answers and judges; a second time the first one."""
    content_hash = plan.content_hash
    info = game_of_comparisons(ledger, game, version="judged")
    config = plan.config | {"content_hash": content_hash}
    for earlier in ledger.tournaments(game):
        same_name = earlier.source == "judge" and earlier.name == name
        if same_name and earlier.config.get("content_hash") != content_hash:
            raise LedgerError(
                f"{earlier.key} stands under the name {name!r} with other prompts, answers, judges or settings: comparisons that are in "
                "both would count twice; give --name if all of these are new"
            )
    tournament = ledger.add_tournament(
        name=name,
        game=info,
        agents=external_agents(ledger, plan.sheet.candidates),
        config=config,
        seed=plan.seed,
        planned=len(plan),
        source="judge",
        source_hash=content_hash,
    )
    try:
        keep_contexts(
            ledger,
            tournament,
            contexts_given=plan.sheet.prompts,
            judges_given=plan.judges,
            texts=plan.sheet.answers,
        )
    except ArenaError:
        ledger.set_status(tournament, "interrupted")
        raise
    return tournament
