"""Blocks of matches on their way to workers that may die: what is sent out next, what is sent again, and how that is told."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator

from arena.results import NOBODY, Fault, MatchResults, MatchSpecs, Termination


@dataclasses.dataclass(frozen=True, slots=True)
class BlockTask:
    """A block, and how each worker ended that died under it, in short."""

    specs: MatchSpecs
    deaths: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """The number of its first match."""
        return int(self.specs.index[0])

    def after(self, death: str) -> BlockTask:
        """The task again, of a worker that died."""
        return BlockTask(self.specs, (*self.deaths, death))


def next_task(again: deque[BlockTask], todo: Iterator[MatchSpecs | None]) -> BlockTask | None:
    """What is to be played now; None where nothing is left, or where results must come first."""
    if again:
        return again.popleft()
    specs = next(todo, None)
    return None if specs is None else BlockTask(specs)


def with_deaths(results: MatchResults, task: BlockTask) -> MatchResults:
    """The results of a block with the infrastructure fault that came before them, if there was one."""
    if not task.deaths:
        return results
    died = "a worker process died" if len(task.deaths) == 1 else f"{len(task.deaths)} worker processes died"
    fault = Fault(
        index=task.first,
        player=NOBODY,
        termination=Termination.INFRASTRUCTURE,
        message=f"{died} under this block of {len(task.specs):,} matches ({', '.join(task.deaths)}); it was played again",
    )
    return dataclasses.replace(results, faults=(fault, *results.faults))
