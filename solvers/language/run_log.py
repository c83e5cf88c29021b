"""What a run tells of itself: a line of JSON every few updates, and one for each failure of the judge."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from arena.solvers.language.gap_estimate import moments
from arena.solvers.language.updates import Batch

LOG, FAILURES = "log.jsonl", "judge_failures.jsonl"

Line = dict[str, float | None]


@dataclass(slots=True, kw_only=True, eq=False)
class Since:
    """What was seen since the last line: of updates, loss and norm of the gradient; of prompts, win rate and log π/μ of completions."""

    loss: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    win_rate: list[float] = field(default_factory=list)
    kl: list[float] = field(default_factory=list)

    def see(self, batch: Batch, log_policy: Tensor) -> None:
        """Keeps the means of each prompt of a batch. In pairs the policy meets itself: the first completion's win rate is told."""
        told = batch.told.double() if batch.told.ndim == 2 else batch.told.double()[:, 0, 1:]
        self.win_rate += [one for one in told.nanmean(-1).tolist() if math.isfinite(one)]
        if batch.log_reference is not None:
            ratios = (log_policy - batch.log_reference).double().view(len(batch.rows), -1)
            self.kl += ratios.mean(-1).tolist()

    def line(self) -> Line:
        """Means, and standard errors over prompts."""
        win_rate, win_error = moments(np.array(self.win_rate))
        kl, kl_error = moments(np.array(self.kl))
        return {
            "loss": float(np.mean(self.loss)) if self.loss else None,
            "grad_norm": plain(float(np.mean(self.grad_norm))) if self.grad_norm else None,
            "win_rate": plain(win_rate),
            "win_rate_standard_error": plain(win_error),
            "kl": plain(kl),
            "kl_standard_error": plain(kl_error),
        }


@dataclass(frozen=True, slots=True)
class RunLog:
    """The files of a run's folder, which is made when the first line is written."""

    folder: Path

    def begin(self, lines: Sequence[Line], step: int) -> None:
        """Puts the files back to what was told up to ``step``, whatever a run that was stopped wrote after its last checkpoint."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        failures = self.folder / FAILURES
        if failures.exists():
            told = failures.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in told if line.endswith("\n") and json.loads(line)["step"] < step]
            failures.write_text("".join(kept), encoding="utf-8")

    def write(self, line: Line) -> None:
        self._append(LOG, line)

    def write_failure(self, failure: Mapping[str, object]) -> None:
        self._append(FAILURES, failure)

    def _append(self, name: str, line: Mapping[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def plain(value: float) -> float | None:
    """As JSON has it: no NaN."""
    return value if math.isfinite(value) else None
