"""The one loop of all iterative methods: iterate, measure the gap, report it, save the state, stop, and go on later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arena.solvers.checkpoint import History, State, Subject, read_checkpoint, write_checkpoint
from arena.solvers.solution import Progress

MEASURE_GROWTH = 1.05
"""The gap is measured at iterations that grow by this factor: on a tree it costs about as much as an iteration."""
CHECKPOINT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """An iterative method at work.

    ``state``: all that the next iteration depends on, as arrays by name; ``state["clock"]`` [1], int64: iterations done.
    ``advance(n)`` does n more iterations and changes nothing but the state. An iteration changes it at one blow, in a
    compiled kernel or by one `dict.update`, so that Ctrl-C leaves no half of one; fewer are done only where it is then
    `finished`. The same state goes on the same way, so
    random words are hashes of (seed, iteration), never a generator. ``gap()``: what the answer of now is worth.
    ``growing``: arrays whose first axis grows (a population). ``measure_growth``: see `MEASURE_GROWTH`; 1 measures after
    every iteration. ``finished()``: whether more iterations would change nothing, as the state tells.
    """

    subject: Subject
    state: State = field(repr=False)
    advance: Callable[[int], None]
    gap: Callable[[], float]
    growing: frozenset[str] = frozenset()
    measure_growth: float = MEASURE_GROWTH
    finished: Callable[[], bool] = lambda: False

    @property
    def iterations(self) -> int:
        return int(self.state["clock"][0])


def iterate(
    run: Run,
    *,
    iterations: int | None,
    until: float | None,
    default: int | None,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[tuple[int, float], ...]:
    """Iterates until the gap is at most `until`, `iterations` are done or more would change nothing.

    Returns:
        (iteration, gap), as measured.

    Args:
        iterations: the most that are done, those of a checkpoint among them; None = `default`.
        default: None = no limit; only for methods that are sure to reach `until`, which must then be given, or to finish.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on Ctrl-C.

    Raises:
        SpecificationError: the checkpoint is of another game, method or setting, no checkpoint, or cannot be written.
        ValueError: `iterations` or `until` is not positive.
    """
    if (iterations is not None and iterations < 1) or (until is not None and not until > 0):
        raise ValueError(f"iterations and until must be positive; got {iterations} and {until}")
    last = default if iterations is None else iterations
    history: History = []
    if checkpoint is not None and Path(checkpoint).exists():
        held = read_checkpoint(checkpoint, run.subject, run.state, growing=run.growing)
        history = [measured for measured in held if _is_measured(run, measured[0], last)]
    elif checkpoint is not None:  # a place that cannot be written to is known before the work
        write_checkpoint(checkpoint, run.subject, run.state, history)
    written, most = time.monotonic(), 1
    try:
        while (due := _is_due(run, history, last)) or not _ended(run, history, last, until):
            if due:
                gap = run.gap()
                history.append((run.iterations, gap))
                if progress is not None:
                    progress(run.iterations, gap)
            else:
                most = _advance(run, last, most)
            if checkpoint is not None and time.monotonic() - written > CHECKPOINT_S:
                write_checkpoint(checkpoint, run.subject, run.state, history)
                written = time.monotonic()
    finally:
        if checkpoint is not None:
            write_checkpoint(checkpoint, run.subject, run.state, history)
    return tuple(history)


def _ended(run: Run, history: History, last: int | None, until: float | None) -> bool:
    if run.iterations == 0:
        return run.finished()
    close = until is not None and bool(history) and history[-1][1] <= until
    return close or (last is not None and run.iterations >= last) or run.finished()


def _advance(run: Run, last: int | None, most: int) -> int:
    """Goes on to the next measurement, `most` iterations at once; returns how many at once the next time, so that they take
    about `CHECKPOINT_S`: between measurements, too, the state is there to be saved."""
    done, began = run.iterations, time.monotonic()
    target = next_measurement(done, run.measure_growth)
    count = min(most, (target if last is None else min(target, last)) - done)
    run.advance(count)
    if time.monotonic() - began > CHECKPOINT_S / 2:
        return max(1, count // 2)
    return 2 * most if count == most else most


def _is_due(run: Run, history: History, last: int | None) -> bool:
    """Whether the gap is measured now; after an interruption that comes first, as it may be small enough to stop."""
    measured = history[-1][0] if history else 0
    return run.iterations > measured and (_is_measured(run, run.iterations, last) or run.finished())


def _is_measured(run: Run, iteration: int, last: int | None) -> bool:
    """Whether a run that ends at `last` measures the gap there. What one with an earlier end measured at its end is not."""
    return iteration == last or next_measurement(iteration - 1, run.measure_growth) == iteration


def next_measurement(done: int, growth: float) -> int:
    """The first iteration after `done` at which the gap is measured: the same ones whenever a run was interrupted."""
    if growth == 1.0:
        return done + 1
    at = 1
    while at <= done:
        at = max(at + 1, int(at * growth))
    return at
