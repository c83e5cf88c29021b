"""Trainings as jobs: done here or by any worker, and whoever takes one up goes on where the last one was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from arena.agent_names import refuse_kinds, refuse_people
from arena.columns import TRAIN_JOB
from arena.config import check_name
from arena.convergence_words import gap_name
from arena.games import Game, SpecificationError, load_game
from arena.job_rows import JobRow, Resources, job_key
from arena.job_work import Progress
from arena.jobs import all_jobs, submit
from arena.kept_training import kept_training
from arena.ledger import Ledger
from arena.solvers.learning.configurations import Configuration, configuration_of
from arena.solvers.learning.methods import METHODS
from arena.solvers.learning.training import CPU, Trained, Watch
from arena.training import TrainedFile, register_trained, trained_file
from arena.workplace import HERE, Kept, Training, Workplace

NAME = "name"
"""The setting that names the agent."""


def ask_training(
    ledger: Ledger, asked: Configuration, *, name: str, device: str = CPU, needs: Resources | None = None
) -> JobRow:
    """The job that asks for this training, whose policy will be an agent; it waits for a worker.

    Args:
        ledger: where it is kept.
        asked: what is trained, and how.
        name: of the agent.
        device: where it learns: ``cpu``, ``cuda``, ``cuda:1``.
        needs: what a worker must give it; as many processes as it takes cores keep the tables.

    Raises:
        UnknownName: no such game, method or setting.
        SpecificationError: a setting outside its range, or no name of an agent that is free (`arena.agent_names`).
    """
    asked.check()
    try:
        check_name(name)
    except ValueError as error:
        raise SpecificationError(str(error)) from None
    refuse_kinds(name)
    refuse_people(name)
    game = load_game(asked.game).info.specification
    settings = {**asked.to_dict(), NAME: name}
    return submit(ledger, kind=TRAIN_JOB, game=game, settings=settings, device=device, needs=needs)


def is_under_way(ledger: Ledger, asked: Configuration, *, name: str, device: str = CPU) -> bool:
    """Whether this training, as of `ask_training`, was begun and would be gone on with."""
    key = job_key(TRAIN_JOB, load_game(asked.game).info.specification, None, {**asked.to_dict(), NAME: name}, device)
    return any(row.checkpoint is not None for row in all_jobs(ledger, kind=TRAIN_JOB) if row.key == key)


def train_job(
    ledger: Ledger,
    row: JobRow,
    progress: Progress,
    workplace: Workplace = HERE,
    *,
    watch: Watch | None = None,
    workers: int = 1,
) -> Mapping[str, object]:
    """The answer to a job that asks for a training: it is done, and its policy registered.

    Args:
        progress: hears (steps, planned).
        workplace: where it learns.
        watch: hears what is told beside the ledger; see `trained_telling`.
        workers: processes that keep the tables.
    """
    settings = dict(row.settings)
    name = str(settings.pop(NAME))
    asked = configuration_of(settings)

    def also(steps: int, told: Mapping[str, float]) -> None:
        progress(min(steps, asked.steps), asked.steps)
        if watch is not None:
            watch(steps, told)

    with kept_training(ledger, row, also) as kept:
        made = workplace.compute(ledger, row, trained_as_file, asked, row.game, row.device, workers, Kept(kept))
        agent = register_trained(ledger, made, name=name, lineage={"training": kept.job})
    return replace(made.answer, agent=agent.label).to_dict()


def trained_as_file(asked: Configuration, game: str, device: str, workers: int, training: Training) -> TrainedFile:
    """What is kept of the policy that a configuration ends with."""
    loaded = load_game(game)
    trained = trained_telling(
        asked, loaded, training.told, device=device, workers=workers, checkpoint=training.checkpoint
    )
    return trained_file(trained, game=loaded, method=asked.method)


def trained_telling(
    asked: Configuration,
    game: Game,
    tell: Watch,
    *,
    device: str = CPU,
    workers: int = 1,
    checkpoint: Path | None = None,
) -> Trained:
    """The policy that a configuration ends with, with all that is told by the way in one stream: the gap, where it was measured,
    is one more number after the same steps."""
    gap, at = gap_name(METHODS[asked.method].gap_kind), 0

    def watch(steps: int, told: Mapping[str, float]) -> None:
        nonlocal at
        at = steps
        tell(steps, told)

    def measured(_: int, value: float) -> None:
        if at and not math.isnan(value):
            tell(at, {gap: value})

    return asked.train(game, device=device, workers=workers, progress=measured, watch=watch, checkpoint=checkpoint)
