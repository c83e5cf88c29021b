"""A training as a job: its curve, and now and then a checkpoint from which another worker goes on, are kept while it learns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from arena.curves import write_curve
from arena.job_rows import JobRow
from arena.job_work import keep_checkpoint
from arena.ledger import Ledger
from arena.ledger_state import UNDER_WAY

if TYPE_CHECKING:
    from arena.solvers.learning.training import Watch

WRITTEN_S = 5.0
"""So often what was told is written: a page that shows a training under way is no older."""


class KeptTraining:
    """What `arena.solvers.learning.train` is given of a job: a checkpoint, and who hears what it tells.

    ``job``: the begin of its key, by which the lineage of what was trained names it.
    """

    def __init__(self, ledger: Ledger, row: JobRow, checkpoint: Path, also: Watch | None = None):
        self._ledger, self._row, self._also = ledger, row, also
        self._points: dict[int, dict[str, float]] = {}
        self._written = time.monotonic()
        self._kept = row.checkpoint
        self._changed = 0
        self.checkpoint, self.job = checkpoint, row.key[:12]

    def told(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Hears numbers by name after so many steps; several times of the same steps where there are more of them.

        Raises:
            LostJob: somebody else has the job by now.
        """
        self._points.setdefault(steps, {}).update(numbers)
        if self._changes() != self._changed:
            self.keep(before=steps)  # of these steps more may be told
        elif time.monotonic() - self._written > WRITTEN_S:
            self._write(before=steps)
        if self._also is not None:
            self._also(steps, numbers)

    def keep(self, before: int | None = None) -> None:
        """Keeps the checkpoint as it is now, in place of the one before, and all that was told, before so many steps.

        Raises:
            LostJob: somebody else has the job by now.
        """
        self._write(before)
        self._changed = self._changes()
        fresh = self._ledger.artifacts.put(self.checkpoint)
        if fresh != self._kept:
            keep_checkpoint(self._ledger, self._row, fresh)
            self._forget()
            self._kept = fresh

    def end(self) -> None:
        """Keeps all that was told, and no checkpoint any longer."""
        self._write()
        keep_checkpoint(self._ledger, self._row, None)
        self._forget()

    def _forget(self) -> None:
        if self._kept is not None:
            self._ledger.artifacts.remove(self._kept)
            self._kept = None

    def _changes(self) -> int:
        """Another number whenever the checkpoint was written; 0 before."""
        return self.checkpoint.stat().st_mtime_ns if self.checkpoint.exists() else 0

    def _write(self, before: int | None = None) -> None:
        points = {steps: told for steps, told in self._points.items() if before is None or steps < before}
        with self._ledger.writing(UNDER_WAY) as connection:
            write_curve(connection, self._row.id, points)
        for steps in points:
            del self._points[steps]
        self._written = time.monotonic()


@contextmanager
def kept_training(ledger: Ledger, row: JobRow, also: Watch | None = None) -> Iterator[KeptTraining]:
    """A job's training, which goes on where the worker before left it. An interrupted one leaves its checkpoint to the next.

    Args:
        ledger: which keeps it.
        row: the job.
        also: hears all that is told, once it is kept.
    """
    with tempfile.TemporaryDirectory(prefix="arena-train-") as folder:
        checkpoint = Path(folder) / "run.npz"
        if row.checkpoint is not None and row.checkpoint in ledger.artifacts:
            checkpoint.write_bytes(ledger.artifacts.path(row.checkpoint).read_bytes())
        kept = KeptTraining(ledger, row, checkpoint, also)
        try:
            yield kept
        except KeyboardInterrupt:
            if checkpoint.exists():
                kept.keep()
            raise
        kept.end()
