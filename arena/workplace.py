"""Where the parts of a job are computed: matches, and functions that need nothing of the ledger. This process, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from arena.executor import Executor, InProcess, ProcessPool
from arena.job_rows import JobRow, Resources
from arena.job_work import Progress
from arena.ledger import Ledger

PROCESSES = "processes"
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Carried:
    """An agent's specification among the arguments of a function, so that its file is there where the function is called."""

    specification: str


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears how far it is, among the arguments of a function."""

    progress: Progress


class Training(Protocol):
    """What a function that learns or iterates is given: a file to go on from, which it keeps up to date, and who hears its numbers."""

    checkpoint: Path

    def told(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Hears numbers by name after so many steps."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A training among the arguments of a function; where that is called elsewhere, the file goes there and comes back."""

    training: Training


class Workplace(Protocol):
    """Somewhere to compute. Results come back to whoever holds the job, who alone writes them."""

    is_here: bool
    """Whether it is this process."""

    def devices(self) -> Sequence[str]:
        """What it computes on now."""
        ...

    def gives(self) -> Resources | None:
        """The most that a job can have of it now; None: not counted."""
        ...

    def executor(self, ledger: Ledger, row: JobRow) -> Executor:
        """Who plays the matches of a job."""
        ...

    def compute(self, ledger: Ledger, row: JobRow, function: Callable[..., Value], *given: object) -> Value:
        """What a module's function returns for these arguments; `Carried`, `Told` and `Kept` stand for what they hold.

        Raises:
            WorkplaceLost: it does not answer any more.
            Exception: what the function raises.
        """
        ...


class Here:
    """This process, and for matches as many more as a job takes cores."""

    is_here = True

    def devices(self) -> Sequence[str]:
        return devices_here()

    def gives(self) -> Resources | None:
        return None

    def executor(self, ledger: Ledger, row: JobRow) -> Executor:
        return executor_of(row.needs)

    def compute(self, ledger: Ledger, row: JobRow, function: Callable[..., Value], *given: object) -> Value:
        return function(*map(_held, given))


HERE = Here()


def _held(one: object) -> object:
    if isinstance(one, Carried):
        return one.specification
    if isinstance(one, Told):
        return one.progress
    return one.training if isinstance(one, Kept) else one


@cache
def devices_here() -> Sequence[str]:
    """The devices that jobs can ask for on this machine: ``cpu``, ``torch``, and each GPU."""
    import torch  # late: it is slow to import, and most jobs do without

    from arena.solvers.tensor_tree import CPU_TENSORS

    here = ["cpu", CPU_TENSORS]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    return tuple(here)


def workplace_of(executor: str) -> Workplace:
    """Where jobs are computed that ``processes`` of this machine do, or a Ray cluster, ``ray://...``.

    Raises:
        SpecificationError: neither.
        WorkFailed: no cluster there.
    """
    if executor == PROCESSES:
        return HERE
    from arena.ray_cluster import join  # late: Ray is an extra

    return join(executor)


def executor_of(needs: Resources) -> Executor:
    """Who plays matches here with so many cores."""
    cores = int(needs.cpus)
    return ProcessPool(cores) if cores > 1 else InProcess()
