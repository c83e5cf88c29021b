"""Matches played on the nodes of a Ray cluster: a block of them a task, on one core."""

from __future__ import annotations

import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from arena.agents.reach import only_public
from arena.block_tasks import BlockTask, next_task, with_deaths
from arena.executor import MatchSetup, Troupe, WorkFailed
from arena.games import ArenaError
from arena.job_rows import Resources
from arena.job_work import worker_name
from arena.luggage import Luggage, pack, travels, unpack
from arena.named_games import is_file
from arena.ray_call import LOOK_S, Answer, Died, answering, got, plain, with_needs
from arena.results import MatchResults, MatchSpecs
from arena.workplace import executor_of

if TYPE_CHECKING:
    from ray import ObjectRef

MOST_DEATHS = 6  # of the workers and nodes under one block, before it is given up
AHEAD = 2  # blocks that are sent out beyond those that the cluster's cores can play at once

logger = logging.getLogger(__name__)


class RayExecutor:
    """Plays blocks of matches on a cluster's nodes. Agents that cannot travel are played with here.

    Args:
        needs: what the job takes: its cores are no limit here, where every core of the cluster plays a block.
        look: called with where each block was played, and with '' every few seconds; what it raises ends the matches.
    """

    def __init__(self, needs: Resources, *, look: Callable[[str], None]):
        self.needs, self.look = needs, look

    def run(
        self,
        setup: MatchSetup,
        blocks: Iterable[MatchSpecs | None],
        *,
        on_finished: Callable[[int], None] | None = None,
    ) -> Iterator[MatchResults]:
        if is_file(setup.game) or not all(travels(specification) for _, specification in setup.agents):
            self.look(worker_name())
            yield from executor_of(self.needs).run(setup, blocks, on_finished=on_finished)
            return
        with answering():
            yield from self._run(setup, iter(blocks), on_finished)

    def _run(
        self, setup: MatchSetup, todo: Iterator[MatchSpecs | None], on_finished: Callable[[int], None] | None
    ) -> Iterator[MatchResults]:
        import ray

        # what died is counted here, and sent again
        play = with_needs(ray.remote(_played), replace(self.needs, cpus=1.0), max_retries=0)
        sent = ray.put(_Sent(setup=setup, agents=tuple((name, pack(text)) for name, text in setup.agents)))
        again, out = deque[BlockTask](), dict["ObjectRef[Any]", BlockTask]()
        try:
            while True:
                most = int(ray.cluster_resources().get("CPU", 1)) + AHEAD
                while len(out) < most and (task := next_task(again, todo)) is not None:
                    out[play.remote(sent, task.specs)] = task
                if not out:
                    return
                ready, _ = ray.wait(list(out), num_returns=1, timeout=LOOK_S)
                if not ready:
                    self.look("")
                    continue
                task = out.pop(ready[0])
                try:
                    place, error, results = cast("Answer", got(ready[0]))
                except Died as died:
                    again.append(_lost(task, str(died)))
                    continue
                if error is not None:
                    raise error
                self.look(place)
                results = with_deaths(cast("MatchResults", results), task)
                if on_finished:
                    on_finished(len(results))
                yield results
        finally:
            if ray.is_initialized():
                for reference in out:
                    ray.cancel(reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A setup with its agents packed."""

    setup: MatchSetup
    agents: tuple[tuple[str, Luggage], ...]


def _lost(task: BlockTask, said: str) -> BlockTask:
    """The task again, of a worker or a node that died."""
    task = task.after(said)
    if len(task.deaths) == MOST_DEATHS:
        raise WorkFailed(f"workers of the cluster died {MOST_DEATHS} times at the block of match {task.first}: {said}")
    logger.warning("%s; its block of match %d is played again", said, task.first)
    return task


_troupes: dict[bytes, Troupe] = {}
"""Of a process of a node: the agents of the tournament that it plays, kept from block to block."""


def _played(sent: _Sent, specs: MatchSpecs) -> Answer:
    """Runs on a node: the results of a block, and where it was played."""
    key = pickle.dumps(sent)
    try:
        with only_public():  # a node cannot know who asked
            if key not in _troupes:
                _dismiss()
                agents = tuple((name, unpack(luggage)) for name, luggage in sent.agents)
                _troupes[key] = Troupe(replace(sent.setup, agents=agents))
            return worker_name(), None, _troupes[key].play(specs)
    except ArenaError as error:
        return worker_name(), plain(error), None
    except BaseException:  # cancelled in the middle: these agents are at matches that nobody ends
        _dismiss()
        raise


def _dismiss() -> None:
    while _troupes:
        _troupes.popitem()[1].close()
