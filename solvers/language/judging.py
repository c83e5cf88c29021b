"""Comparisons of completions: asked of a judge, again where there was no verdict, counted, and failures written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import NotProvided
from arena.games.judge import Judge, NoisyJudge, preferences_of
from arena.games.preference_rates import put_right

EVEN = 0.5
PATIENCE = 20
"""Questions in a row without a verdict after which a judge that says nothing on a whole batch is given up."""


@dataclass(slots=True, kw_only=True, eq=False)
class Comparisons:
    """``ask`` gives the chances that the first of two answers is preferred. ``failed``: told of each failure, as it comes.

    ``asked``: verdicts asked for, two a comparison in both orders, retries included; ``failures``: how many of them failed, by kind. ``vain``: how many of the last failed in a row.
    """

    judge: Judge
    both_orders: bool
    retries: int
    flip_rate: float
    failed: Callable[[Mapping[str, object]], None] = field(default=lambda _: None)
    asked: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    vain: int = 0

    def ask(self, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> NDArray[np.float64]:
        """float64 [m], NaN where no verdict came; two answers of one text are even, and nobody is asked.

        A judge who is known to name the other one with chance f is put right, (said - f) / (1 - 2 f): then numbers may lie outside
        0..1, and have the right mean.

        Raises:
            NotProvided: the judge gave no verdict on any pair it was asked, here and on the last `PATIENCE` questions. A smaller batch without a
                verdict is luck, where a judge fails often.
        """
        found = np.full(len(prompts), EVEN)
        differ = np.array([k for k in range(len(prompts)) if first[k] != second[k]], np.int64)
        pending = differ
        found[differ] = np.nan
        said_nothing = ""
        for attempt in range(self.retries + 1):
            if not len(pending):
                break
            chosen = [[side[k] for k in pending] for side in (prompts, first, second)]
            shares, failures = preferences_of(self.judge, chosen[0], chosen[1], chosen[2], both_orders=self.both_orders)
            questions = len(pending) * (1 + self.both_orders)
            self.asked += questions
            self.vain = self.vain + questions if len(failures) == questions else 0
            for one in failures:
                kind = one.failure.kind
                self.failures[kind] = self.failures.get(kind, 0) + 1
                said_nothing = f"{kind}: {one.failure.message}"
                row = int(pending[one.row])
                shown = (second[row], first[row]) if one.swapped else (first[row], second[row])
                self.failed(
                    {"attempt": attempt, "kind": kind, "message": one.failure.message, "prompt": prompts[row]}
                    | {"first": shown[0], "second": shown[1]}
                )
            found[pending] = put_right(shares, self.flip_rate)
            pending = pending[np.isnan(shares)]
        if self.vain >= PATIENCE and len(differ) and np.isnan(found[differ]).all():
            raise NotProvided(
                f"the judge gave no verdict on any of {len(differ)} comparisons, asked {self.retries + 1} times; {said_nothing}"
            )
        return found

    def against(
        self, prompts: Sequence[str], answers: Sequence[Sequence[str]], opponents: Sequence[Sequence[str]]
    ) -> NDArray[np.float64]:
        """[prompts, answers, opponents]: each answer against each opponent of its prompt."""
        shape = (len(prompts), len(answers[0]), len(opponents[0]))
        rows = list(np.ndindex(*shape))
        return self.ask(
            [prompts[b] for b, _, _ in rows], [answers[b][i] for b, i, _ in rows], [opponents[b][j] for b, _, j in rows]
        ).reshape(shape)

    def among(self, prompts: Sequence[str], answers: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """[prompts, n, n]: the answers of a prompt against one another, each pair asked once; 1/2 on the diagonal."""
        size = len(answers[0])
        upper, lower = np.triu_indices(size, 1)
        rows = [(b, int(i), int(j)) for b in range(len(prompts)) for i, j in zip(upper, lower, strict=True)]
        shares = self.ask(
            [prompts[b] for b, _, _ in rows], [answers[b][i] for b, i, _ in rows], [answers[b][j] for b, _, j in rows]
        ).reshape(len(prompts), -1)
        table = np.full((len(prompts), size, size), EVEN)
        table[:, upper, lower] = shares
        table[:, lower, upper] = 1 - shares
        return table

    def state(self) -> dict[str, object]:
        """What a checkpoint keeps, as JSON has it: counts, and how far a judge with known noise is in its random words."""
        noise = self.judge.asked if isinstance(self.judge, NoisyJudge) else None
        return {"asked": self.asked, "failures": dict(self.failures), "noise": noise}

    def restore(self, state: Mapping[str, object]) -> None:
        self.asked = int(str(state["asked"]))
        kept = state["failures"]
        self.failures = {str(kind): int(count) for kind, count in kept.items()} if isinstance(kept, dict) else {}
        if isinstance(self.judge, NoisyJudge) and state["noise"] is not None:
            self.judge.asked = int(str(state["noise"]))
