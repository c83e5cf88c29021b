"""What is shown while a game is solved: histories while it is written out, then iteration, gap, time and how far it is.

On stderr: a line that changes in place on a terminal, lines in a pipe. Stdout stays for the result.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from arena.cli.output import LINE_EVERY_S, plain

STARTING = "making ready"
"""Until the first gap is measured: the first run of a method compiles its loops, which takes seconds."""

Report = Callable[[int, float], None]
Now = Callable[[], float]


@dataclass(slots=True)
class Way:
    """How far a run is: of the iterations, or of the way from the first gap to the last on a logarithmic scale.

    ``at`` [0, 1] never goes back: a gap that rises again does not undo what was reached.
    """

    iterations: int | None
    until: float | None
    first: float | None = None
    at: float = 0.0

    @property
    def known(self) -> bool:
        """Whether the end is known at all."""
        return self.iterations is not None or self.until is not None

    def went(self, iteration: int, gap: float) -> float:
        parts = [self.at]
        if self.iterations is not None:
            parts.append(iteration / self.iterations)
        if self.first is None and math.isfinite(gap) and gap > 0:
            self.first = gap
        if self.until is not None and gap <= self.until:
            parts.append(1.0)
        elif self.until is not None and self.first is not None:
            parts.append(_share(self.first, gap, self.until))
        self.at = min(max(parts), 1.0)
        return self.at


@dataclass(slots=True)
class Last:
    """The last that a run reported, for who interrupts it."""

    iteration: int = 0
    gap: float = math.nan


@contextmanager
def solving(
    method: str, last: Last, *, iterations: int | None, until: float | None, quiet: bool, counted: str = "iteration"
) -> Iterator[Report]:
    """Shows (iteration, gap) as they are reported, unless `quiet`, and remembers the last of them in `last`. What is counted may
    be called otherwise; a gap that is not a number is not known yet."""
    if quiet:
        yield _remembering(last, None)
    elif not sys.stderr.isatty():
        yield _remembering(last, GapLines(method, counted))
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        way = Way(iterations, until)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(plain(method), total=1.0 if way.known else None, said=STARTING)

            def show(iteration: int, gap: float) -> None:
                said = "   ".join(_said(counted, iteration, gap))
                bar.update(task, completed=way.went(iteration, gap), said=said)

            yield _remembering(last, show)


@contextmanager
def compiling(game: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Reports the number of histories written out so far."""
    if quiet:
        yield _unheard
    elif not sys.stderr.isatty():
        yield HistoryLines(game)
    else:
        from rich.console import Console
        from rich.status import Status

        with Status(plain(f"writing {game} out"), console=Console(stderr=True)) as status:
            yield lambda nodes: status.update(plain(f"writing {game} out: {nodes:,} histories"))


@dataclass(slots=True)
class GapLines:
    """A line when the gap is first known, each time it falls below another power of ten, and every ten seconds."""

    method: str
    counted: str = "iteration"
    now: Now = time.monotonic
    begun: float = field(init=False)
    told: float = field(init=False)
    decade: float = math.inf

    def __post_init__(self) -> None:
        self.begun = self.told = self.now()

    def __call__(self, iteration: int, gap: float) -> None:
        now = self.now()
        if math.isnan(gap):
            decade = math.inf
        else:
            decade = math.floor(math.log10(gap)) if math.isfinite(gap) and gap > 0 else -math.inf
        if decade < self.decade or now - self.told >= LINE_EVERY_S:
            self.decade, self.told = min(decade, self.decade), now
            _line(f"{self.method}: {', '.join(_said(self.counted, iteration, gap))}, {now - self.begun:.1f} s")


@dataclass(slots=True)
class HistoryLines:
    """A line every ten seconds."""

    game: str
    now: Now = time.monotonic
    told: float = field(init=False)

    def __post_init__(self) -> None:
        self.told = self.now()

    def __call__(self, nodes: int) -> None:
        if self.now() - self.told >= LINE_EVERY_S:
            self.told = self.now()
            _line(f"writing {self.game} out: {nodes:,} histories")


def _said(counted: str, iteration: int, gap: float) -> list[str]:
    return [f"{counted} {iteration:,}", *([] if math.isnan(gap) else [f"gap {gap:.3g}"])]


def _share(first: float, gap: float, until: float) -> float:
    """The part of the way from the first gap down to `until` that lies behind, both on a logarithmic scale."""
    if not (math.isfinite(gap) and first > until):
        return 0.0
    return max(math.log(first / gap) / math.log(first / until), 0.0)


def _remembering(last: Last, show: Report | None) -> Report:
    def report(iteration: int, gap: float) -> None:
        last.iteration, last.gap = iteration, gap
        if show is not None:
            show(iteration, gap)

    return report


def _unheard(_nodes: int) -> None: ...


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
