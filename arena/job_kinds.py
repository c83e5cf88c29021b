"""What a worker can do: the kinds of jobs by name, each a function from a ledger and what is asked to an answer.

A kind is about the whole field of a game, or about one agent. Its settings have defaults; an unknown one is refused before
anything waits for a worker. Others are about a game alone: trainings, tournaments, solver runs, answers of polls and verifications, which
`arena.training_job`, `arena.tournament_job`, `arena.solve_job`, `arena.polls.answering` and `arena.verify_job` ask for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from arena.columns import (
    ANSWERS_JOB,
    EXACT_JOB,
    EXPLOIT_JOB,
    EXPLOIT_METHODS,
    PLAY_JOB,
    SOLVE_JOB,
    TOURNAMENT_JOB,
    TRAIN_JOB,
    VERIFY_JOB,
)
from arena.games import NotProvided, SpecificationError, UnknownName, load_game
from arena.job_parts import bootstrapped, nash_conv_of, rated
from arena.job_rows import JobRow, Resources
from arena.job_work import Progress
from arena.jobs import submit
from arena.leaderboards.bootstrap import RESAMPLES
from arena.leaderboards.methods import METHODS
from arena.leaderboards.ratings import Ratings
from arena.ledger import AgentVersion, Ledger
from arena.polls.voters_ledger import VotersLedger
from arena.rated_matches import rated_matches
from arena.roster import playable
from arena.workplace import HERE, Carried, Told, Workplace

About = Literal["field", "agent", "game"]
CPU = "cpu"
TENSOR_DEVICES = ("cuda", "torch")
MOST_RESAMPLES = 1_000_000
MARK = "mark"
"""The setting that names the state of the ledger: a question about the field is a new one after new matches."""

DoJob = Callable[[Ledger, JobRow, Progress, Workplace], Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job. ``meaning``: what it computes, in half a sentence; ``settings``: their defaults; ``ranges``: from what to what
    some may be, before the game is known; ``on_tensors``: whether
    it can compute on a GPU; ``travels``: whether what it computes can be sent to a cluster; ``work``: what does it."""

    about: About
    meaning: str
    settings: Mapping[str, str | int | float]
    on_tensors: bool
    travels: bool
    work: DoJob
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def ask(
    ledger: Ledger,
    kind: str,
    game: str,
    *,
    agent: AgentVersion | None = None,
    settings: Mapping[str, str | int | float] | None = None,
    device: str = CPU,
    needs: Resources | None = None,
) -> JobRow:
    """The job that asks for this, checked: see `arena.jobs.submit`.

    Args:
        ledger: with matches of the game.
        kind: one of `JOB_KINDS`.
        game: its specification in the ledger.
        agent: whom it is about, for kinds that are about an agent.
        settings: those of the kind that differ from its defaults.
        device: ``cpu``, ``cuda``, ``cuda:1``, or ``torch`` for tensors on the CPU.
        needs: what a worker must give it.

    Raises:
        UnknownName: no such kind, or no such setting.
        SpecificationError: a setting of another type, an agent too many or missing.
        NotProvided: the kind does not compute on such a device.
    """
    if kind not in JOB_KINDS:
        raise UnknownName("kind of job", kind, JOB_KINDS)
    known = JOB_KINDS[kind]
    if known.about == "game":
        raise SpecificationError(f"a job {kind!r} has settings of its own: {known.meaning}")
    if (agent is None) != (known.about == "field"):
        raise SpecificationError(
            f"a job {kind!r} is about {'the whole field; name no agent' if agent else 'one agent; name it'}"
        )
    if device != CPU and not (known.on_tensors and device.partition(":")[0] in TENSOR_DEVICES):
        able = f"{CPU}, {', '.join(TENSOR_DEVICES)}" if known.on_tensors else f"{CPU} alone"
        raise NotProvided(f"a job {kind!r} computes on {able}; got the device {device!r}")
    asked: dict[str, object] = dict(known.settings)
    for name, value in (settings or {}).items():
        if name not in asked:
            raise UnknownName(f"setting of {kind}", name, known.settings)
        asked[name] = typed = _of_type(kind, name, value, known.settings[name])
        low, high = known.ranges.get(name, (-math.inf, math.inf))
        if not isinstance(typed, str) and not low <= typed <= high:
            raise SpecificationError(f"{kind}: {name} must be from {low:,} to {high:,}; got {value!r}")
    if "method" in asked:
        _check_method(kind, str(asked["method"]))
    if known.about == "field":
        asked[MARK] = ledger.mark(game)
    return submit(ledger, kind=kind, game=game, agent=agent, settings=asked, device=device, needs=needs)


def do_job(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace = HERE) -> Mapping[str, object]:
    """The answer to a job, computed at a workplace.

    Raises:
        UnknownName: a kind that this release does not know.
        ArenaError: what stands in the way.
    """
    if row.kind not in JOB_KINDS:
        raise UnknownName("kind of job", row.kind, JOB_KINDS)
    return JOB_KINDS[row.kind].work(ledger, row, progress, workplace)


def _ratings(ledger: Ledger, row: JobRow, _: Progress, workplace: Workplace) -> Mapping[str, object]:
    shown = VotersLedger(ledger)  # everybody reads the answer
    mark = shown.mark(row.game)
    record = rated_matches(shown, shown.tournaments(row.game)).record
    return _column(workplace.compute(ledger, row, rated, record, row.settings["method"]), mark)


def _bootstrap(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace) -> Mapping[str, object]:
    shown = VotersLedger(ledger)  # everybody reads the answer
    mark = shown.mark(row.game)
    record = rated_matches(shown, shown.tournaments(row.game)).record
    resamples = int(str(row.settings["resamples"]))
    asked = (record, row.settings["method"], resamples, row.device, Told(progress))
    return _column(workplace.compute(ledger, row, bootstrapped, *asked), mark)


def _exploitability(ledger: Ledger, row: JobRow, _: Progress, workplace: Workplace) -> Mapping[str, object]:
    agent = Carried(playable(ledger.agent(str(row.agent)), ledger))
    value = workplace.compute(ledger, row, nash_conv_of, row.game, agent, row.agent, row.device)
    return {"nash_conv": value, "exploitability": value / load_game(row.game).info.num_players}


def _exploit(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace) -> Mapping[str, object]:
    from arena.exploit import exploit_job  # late: it loads everything that agents are searched with

    return exploit_job(ledger, row, progress, workplace)


def _train(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace) -> Mapping[str, object]:
    from arena.training_job import train_job  # late: torch is slow to import

    return train_job(ledger, row, progress, workplace, workers=max(1, int(row.needs.cpus)))


def _tournament(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace) -> Mapping[str, object]:
    from arena.tournament_job import tournament_job  # late: it loads the engine

    return tournament_job(ledger, row, progress, workplace.executor(ledger, row))


def _answers(ledger: Ledger, row: JobRow, progress: Progress, _: Workplace) -> Mapping[str, object]:
    from arena.polls.answering import answers_job  # late: only few ledgers have polls

    return answers_job(ledger, row, progress)


def _solve(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace) -> Mapping[str, object]:
    from arena.solve_job import solve_job  # late: it loads the solvers' files

    return solve_job(ledger, row, progress, workplace)


def _verify(ledger: Ledger, row: JobRow, progress: Progress, _: Workplace) -> Mapping[str, object]:
    from arena.verify_job import verify_job  # late: it computes all other kinds anew

    return verify_job(ledger, row, progress)


def _column(ratings: Ratings, mark: int) -> Mapping[str, object]:
    """Ratings in types of JSON, with the state of the ledger that they were computed from."""
    return {
        "method": ratings.method,
        "agents": list(ratings.names),
        "scores": ratings.scores.tolist(),
        "low": ratings.intervals[:, 0].tolist(),
        "high": ratings.intervals[:, 1].tolist(),
        "confidence": ratings.confidence,
        "matches": ratings.matches,
        "notes": list(ratings.notes),
        MARK: mark,
    }


def _of_type(kind: str, name: str, value: str | int | float, default: str | int | float) -> str | int | float:
    """The value in the type of the default."""
    try:
        return type(default)(value)
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[type(default)]  # any text is a text
        raise SpecificationError(f"{kind}: {name} must be {wanted}; got {value!r}") from None


def _check_method(kind: str, method: str) -> None:
    able: tuple[str, ...] = ("elo", "bradley_terry")
    if kind == "ratings":
        able = tuple(METHODS)
    elif kind == EXPLOIT_JOB:
        able = EXPLOIT_METHODS
    if method not in able:
        raise UnknownName(f"rating method of a job {kind!r}", method, able)


JOB_KINDS: dict[str, JobKind] = {
    "ratings": JobKind(
        about="field",
        meaning="ratings of all agents by one method, with its intervals",
        settings={"method": "elo"},
        on_tensors=False,
        travels=True,
        work=_ratings,
    ),
    "bootstrap": JobKind(
        about="field",
        meaning="intervals of Elo or Bradley-Terry from refits on resampled pairs of twins",
        settings={"method": "elo", "resamples": RESAMPLES},
        on_tensors=True,
        travels=True,
        work=_bootstrap,
        ranges={"resamples": (2, MOST_RESAMPLES)},
    ),
    EXACT_JOB: JobKind(
        about="agent",
        meaning="exactly how much a best response gains, of agents that tell their probabilities",
        settings={},
        on_tensors=True,
        travels=True,
        work=_exploitability,
    ),
    EXPLOIT_JOB: JobKind(
        about="agent",
        meaning="at least how much an exploiter gains, in fresh matches; 0 stands for a method's own budget or matches",
        settings={"method": "auto", "budget": 0, "matches": 0, "confidence": 0.95, "seed": 0},
        on_tensors=True,
        travels=True,
        work=_exploit,
        ranges={"budget": (0, 2**31 - 1), "matches": (0, 2**31 - 1), "seed": (0, 2**63 - 1)},
    ),
    TRAIN_JOB: JobKind(
        about="game",
        meaning="a policy that learns by self-play, kept as an agent with its curve; arena train --submit asks for it",
        settings={},
        on_tensors=True,
        travels=True,
        work=_train,
    ),
    TOURNAMENT_JOB: JobKind(
        about="game",
        meaning="the matches of a tournament; arena tournament run --submit asks for it",
        settings={},
        on_tensors=False,
        travels=True,
        work=_tournament,
    ),
    PLAY_JOB: JobKind(
        about="game",
        meaning="a match with somebody in a browser; the server asks for it, and plays it at a table of its own",
        settings={},
        on_tensors=False,
        travels=True,
        work=_tournament,
    ),
    ANSWERS_JOB: JobKind(
        about="game",
        meaning="the answers of a poll's candidate that is a language model; arena poll answers asks for them",
        settings={},
        on_tensors=False,
        travels=False,
        work=_answers,
    ),
    VERIFY_JOB: JobKind(
        about="game",
        meaning="what recorded matches and all that follows from them say when played and computed again; arena verify asks a server for it",
        settings={},
        on_tensors=False,
        travels=False,
        work=_verify,
    ),
    SOLVE_JOB: JobKind(
        about="game",
        meaning="the solution of a game, with its certificate; arena solve --submit asks for it",
        settings={},
        on_tensors=True,
        travels=True,
        work=_solve,
    ),
}
"""The kinds by name."""
