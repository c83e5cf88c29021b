"""Where that goes which a training tells: the terminal, a file of lines, TensorBoard's event files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from arena.cli.solve_progress import Last, solving
from arena.cli.solve_run import require_free
from arena.games import NotProvided, SpecificationError
from arena.solvers.policy_file import require_place

if TYPE_CHECKING:
    from arena.solvers.learning.training import Watch

TENSORBOARD_MISSING = "--tensorboard needs TensorBoard: pip install 'minimax-arena[train]'"


@contextmanager
def told_to(
    method: str, steps: int, *, gap: str, log: Path | None, tensorboard: Path | None, last: Last, quiet: bool
) -> Iterator[Watch]:
    """Who hears (steps, numbers by name); unless `quiet`, it is shown how far a training of so many steps is.

    Args:
        gap: what the number is called that says how good the policy is.
        log: a file to which each is added as a line of JSON; what it has already is not told again.
        tensorboard: a folder for event files.
        last: remembers it for who interrupts.
    """
    with ExitStack() as stack:
        report = stack.enter_context(solving(method, last, counted="step", iterations=steps, until=None, quiet=quiet))
        hear: list[Watch] = []
        if log is not None:
            hear.append(stack.enter_context(_lines(log)))
        if tensorboard is not None:
            hear.append(stack.enter_context(_events(tensorboard)))

        def tell(at: int, told: Mapping[str, float]) -> None:
            report(min(at, steps), told.get(gap, last.gap))
            for one in hear:
                one(at, told)

        yield tell


def require_log(log: Path, *, goes_on: bool, force: bool) -> None:
    """Makes sure that a log can be written: one of a training that is gone on with is added to, another is begun anew.

    Raises:
        SpecificationError: it cannot be, or would replace a file without ``--force``.
    """
    require_place(log)
    if not goes_on:
        require_free(log, force=force)
        log.unlink(missing_ok=True)
    else:
        _last_line(log)


def _last_line(log: Path) -> int:
    """After how many steps the last line of a log was written; 0 without one.

    Raises:
        SpecificationError: it is no log of a training.
    """
    try:
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return int(json.loads(lines[-1])["steps"]) if lines else 0
    except (ValueError, TypeError, KeyError):
        raise SpecificationError(f"{str(log)!r} is no log of a training; name another file") from None


@contextmanager
def _lines(log: Path) -> Iterator[Watch]:
    known = _last_line(log)
    with log.open("a", encoding="utf-8") as file:

        def write(steps: int, told: Mapping[str, float]) -> None:
            if steps > known:
                finite = {name: value if math.isfinite(value) else None for name, value in told.items()}
                print(json.dumps({"steps": steps, **finite}), file=file, flush=True)

        yield write


@contextmanager
def _events(folder: Path) -> Iterator[Watch]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise NotProvided(TENSORBOARD_MISSING) from None
    with SummaryWriter(str(folder)) as writer:

        def write(steps: int, told: Mapping[str, float]) -> None:
            for name, value in told.items():
                writer.add_scalar(name, value, steps)

        yield write
