"""Solver runs as jobs: done here or by any worker, with their gap as a curve; iterative ones go on where the last worker was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from arena.artifacts import saved_bytes
from arena.columns import SOLVE_JOB
from arena.games import NotProvided, SpecificationError, load_game
from arena.job_rows import JobRow, Resources
from arena.job_work import Progress
from arena.jobs import submit
from arena.kept_training import kept_training
from arena.ledger import Ledger
from arena.named_games import refuse_files
from arena.solution_facts import solution_facts, table_of
from arena.solve_settings import MethodSetting, as_typed, read_settings, reports, settings_of
from arena.solvers import methods, save_policy, solve
from arena.solvers.method_list import applicable
from arena.solvers.registry import ALIASES, function_of
from arena.workplace import HERE, Kept, Training, Workplace

METHOD, SETTINGS = "method", "settings"
POLICY, ENDING = "policy", ".npz"
"""Of an answer: the artifact that holds it."""
GAP = "gap"
"""Of its curve."""
DEVICE = "device"


def ask_solve(
    ledger: Ledger,
    method: str,
    game: str,
    *,
    settings: Mapping[str, object] | None = None,
    device: str = "cpu",
    needs: Resources | None = None,
) -> JobRow:
    """The job that asks for the solution of a game by a method of `arena.solvers.methods`.

    Args:
        ledger: where it is kept.
        method, game: as of `arena.solvers.solve`.
        settings: the method's own, in types of JSON; no files.
        device: where it computes, of methods that have the choice.
        needs: what a worker must give it.

    Raises:
        UnknownName: no such method, game or setting.
        NotProvided: the method is not for this game, or computes on the CPU alone.
        SpecificationError: a setting of another type, or one that is a file.
    """
    refuse_files(ledger, game)
    loaded, method = load_game(game), ALIASES.get(method, method)
    known = settings_of(function_of(method))
    given = _read(method, settings or {}, known)
    for name in given:
        if Path in (known[name].kind, *get_args(known[name].kind)) or name == DEVICE:
            what = "is said by the job itself" if name == DEVICE else "is a file of this machine"
            raise SpecificationError(f"{method}: {name} {what}; leave it out")
    if method not in (able := applicable(loaded)):
        raise NotProvided(
            f"{method} needs {methods()[method].preconditions}; methods for {loaded.info.specification}: {', '.join(able)}"
        )
    if device != "cpu" and DEVICE not in known:
        raise NotProvided(f"{method} computes on the CPU only; got the device {device!r}")
    asked = {METHOD: method, SETTINGS: given}
    return submit(ledger, kind=SOLVE_JOB, game=loaded.info.specification, settings=asked, device=device, needs=needs)


def solve_job(ledger: Ledger, row: JobRow, progress: Progress, workplace: Workplace = HERE) -> Mapping[str, object]:
    """The answer to a job that asks for a solution: its facts, and ``policy``, the artifact that holds it as a table, if one can.

    Args:
        progress: hears (iterations, planned), of methods that tell.
        workplace: where it is computed.
    """
    method, settings = str(row.settings[METHOD]), row.settings[SETTINGS]
    assert isinstance(settings, dict)
    planned = int(str(settings.get("iterations") or 0))

    def also(iteration: int, _: Mapping[str, float]) -> None:
        progress(iteration, max(planned, iteration))

    with kept_training(ledger, row, also) as kept:
        facts, content = workplace.compute(ledger, row, solved, method, row.game, settings, row.device, Kept(kept))
    return {**facts, POLICY: None if content is None else ledger.artifacts.put(content, ending=ENDING)}


def solved(
    method: str, game: str, settings: Mapping[str, object], device: str, training: Training
) -> tuple[Mapping[str, object], bytes | None]:
    """(facts, the policy as a file) of the solution of a game; None where it is no table."""
    loaded, known = load_game(game), settings_of(function_of(method))
    given = _read(method, settings, known)

    def tell(iteration: int, value: float) -> None:
        training.told(iteration, {GAP: value})

    ways = {"progress": tell} if reports(function_of(method)) else {}
    files = {"checkpoint": training.checkpoint} if "checkpoint" in known else {}
    devices = {DEVICE: device} if DEVICE in known else {}
    try:
        solution = solve(method, loaded, **given, **ways, **files, **devices)
    except ValueError as error:  # of an argument: what the method says of its settings
        raise SpecificationError(f"{method}: {error}") from None
    table = table_of(loaded, solution)
    content = None if table is None else saved_bytes(lambda place: save_policy(table, place), ending=ENDING)
    return solution_facts(method, loaded, solution), content


def _read(method: str, settings: Mapping[str, object], known: Mapping[str, MethodSetting]) -> dict[str, object]:
    """Settings in types of JSON as the method takes them."""
    return read_settings(method, [f"{name}={as_typed(value)}" for name, value in settings.items()], known)
