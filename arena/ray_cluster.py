"""A Ray cluster as a workplace: matches, bootstraps, NashConv and learned best responses are computed on its nodes.

Results come back to this process, which alone writes them. A task whose worker or node died is sent again; what it had computed is gone, and
nothing of it was recorded. What cannot travel, programs above all, is computed here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from arena.agents.reach import only_public
from arena.block_tasks import BlockTask, next_task, with_deaths
from arena.executor import Executor, MatchSetup, Troupe, WorkFailed
from arena.games import ArenaError, SpecificationError
from arena.job_rows import JobRow, Resources
from arena.job_work import note_worker, worker_name
from arena.ledger import Ledger
from arena.luggage import Luggage, pack, travels, unpack
from arena.named_games import is_file
from arena.results import MatchResults, MatchSpecs
from arena.workplace import HERE, Carried, Told, Value, executor_of

if TYPE_CHECKING:
    from ray import ObjectRef

SCHEME = "ray://"
LOCAL, LOOPBACK = "local", "127.0.0.1"
LOCAL_STORE = 128 * 2**20  # bytes of the object store of a cluster that is started here: results of matches are small
MOST_DEATHS = 6  # of the workers and nodes under one task, before it is given up
AHEAD = 2  # blocks that are sent out beyond those that the cluster's cores can play at once

logger = logging.getLogger(__name__)


def join(executor: str) -> RayCluster:
    """The cluster of ``ray://HOST:PORT``, which this machine has joined (``ray start --address=HOST:PORT``), or of ``ray://local``: one
    that is started here and ends with this process.

    Raises:
        SpecificationError: no such address, or Ray is not installed.
        WorkFailed: no cluster there.
    """
    address = executor.removeprefix(SCHEME)
    if not executor.startswith(SCHEME) or not address:
        raise SpecificationError(f"a Ray cluster is ray://HOST:PORT or ray://local; got {executor!r}")
    try:
        import ray
    except ModuleNotFoundError:
        raise SpecificationError("a Ray cluster needs Ray: pip install 'minimax-arena[ray]'") from None
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    try:
        if address == LOCAL:
            options |= {"include_dashboard": False, "_node_ip_address": LOOPBACK, "object_store_memory": LOCAL_STORE}
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise WorkFailed(
            f"cannot join the Ray cluster {address}: {error}; start it there with ray start --head, and join it here with "
            f"ray start --address={address}"
        ) from None
    return RayCluster()


class RayCluster:
    """The cluster that this process has joined; see `arena.workplace.Workplace`."""

    is_here = False

    def devices(self) -> list[str]:
        return ["cpu", "torch", *(["cuda"] if self.gives().gpus else [])]

    def gives(self) -> Resources:
        """The most that one node can give."""
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return Resources(
            cpus=max((node.get("CPU", 0.0) for node in nodes), default=0.0),
            gpus=max((node.get("GPU", 0.0) for node in nodes), default=0.0),
            memory_bytes=int(max((node.get("memory", 0.0) for node in nodes), default=0.0)),
        )

    def executor(self, ledger: Ledger, row: JobRow) -> Executor:
        return RayExecutor(row.needs, on_place=_Places(ledger, row).add)

    def compute(self, ledger: Ledger, row: JobRow, function: Callable[..., Value], *given: object) -> Value:
        if not all(travels(one.specification) for one in given if isinstance(one, Carried)) or is_file(row.game):
            return HERE.compute(ledger, row, function, *given)
        packed = [pack(one.specification) if isinstance(one, Carried) else one for one in given]
        sent = [_unheard if isinstance(one, Told) else one for one in packed]
        call = _remote(_called, row.needs)
        deaths = 0
        while True:
            try:
                place, error, value = _got(call.remote(function, sent, row.device))
            except _Died as died:
                deaths += 1
                logger.warning("job %s: %s; it is computed again", row.key[:12], died)
                if deaths == MOST_DEATHS:
                    raise WorkFailed(f"the workers of the cluster died {deaths} times: {died}") from None
                continue
            note_worker(ledger, row, place)
            if error is not None:
                raise error
            return cast("Value", value)


class RayExecutor:
    """Plays blocks of matches on a cluster's nodes, one task a block.

    Args:
        needs: what a task takes.
        on_place: hears where each block was played.
    """

    def __init__(self, needs: Resources, *, on_place: Callable[[str], None]):
        self.needs, self.on_place = needs, on_place

    def run(
        self,
        setup: MatchSetup,
        blocks: Iterable[MatchSpecs | None],
        *,
        on_finished: Callable[[int], None] | None = None,
    ) -> Iterator[MatchResults]:
        if is_file(setup.game) or not all(travels(specification) for _, specification in setup.agents):
            self.on_place(worker_name())
            yield from executor_of(self.needs).run(setup, blocks, on_finished=on_finished)
            return
        import ray

        # a core a block: what a job takes in cores are that many blocks at once here
        play = _remote(_played, replace(self.needs, cpus=1.0))
        sent = ray.put(_Sent(setup=setup, agents=tuple((name, pack(text)) for name, text in setup.agents)))
        todo, again = iter(blocks), deque[BlockTask]()
        out: dict[ObjectRef[Any], BlockTask] = {}
        try:
            while True:
                most = int(ray.cluster_resources().get("CPU", 1)) + AHEAD
                while len(out) < most and (task := next_task(again, todo)) is not None:
                    out[play.remote(sent, task.specs)] = task
                if not out:
                    return
                (ready,), _ = ray.wait(list(out), num_returns=1)
                task = out.pop(ready)
                try:
                    place, error, results = _got(ready)
                except _Died as died:
                    again.append(_lost(task, str(died)))
                    continue
                if error is not None:
                    raise error
                self.on_place(place)
                results = with_deaths(cast("MatchResults", results), task)
                if on_finished:
                    on_finished(len(results))
                yield results
        finally:
            for reference in out:
                ray.cancel(reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A setup with its agents packed."""

    setup: MatchSetup
    agents: tuple[tuple[str, Luggage], ...]


class _Died(Exception):
    """A worker or a node died under a task, or its result was lost with a node."""


class _Places:
    """Says in the ledger where the matches of a job are played: by whom, or on how many nodes by how many processes."""

    def __init__(self, ledger: Ledger, row: JobRow):
        self._ledger, self._row = ledger, row
        self._seen: dict[str, None] = {}

    def add(self, place: str) -> None:
        if place not in self._seen:
            self._seen[place] = None
            note_worker(self._ledger, self._row, "; ".join(self._seen))


def _lost(task: BlockTask, said: str) -> BlockTask:
    """The task again, of a worker or a node that died."""
    task = task.after(said)
    if len(task.deaths) == MOST_DEATHS:
        raise WorkFailed(f"workers of the cluster died {MOST_DEATHS} times at the block of match {task.first}: {said}")
    logger.warning("%s; its block of match %d is played again", said, task.first)
    return task


def _remote(function: Callable[..., object], needs: Resources) -> Any:  # Ray's own types say no more
    """A function as a task that is not sent again by Ray itself: what died is counted here."""
    import ray

    return ray.remote(function).options(
        num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory_bytes or None, max_retries=0
    )


def _got(reference: ObjectRef[Any]) -> tuple[str, ArenaError | None, object]:
    """(where, what was wrong, the value) of a task. Raises `_Died`, and what a defect of ours raised there."""
    import ray
    from ray import exceptions

    lost = (
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.ObjectLostError,
        exceptions.LocalRayletDiedError,
    )
    try:
        return cast("tuple[str, ArenaError | None, object]", ray.get(reference))
    except lost as error:
        raise _Died(f"{type(error).__name__} under a task") from None


def _called(function: Callable[..., object], given: list[object], device: str) -> tuple[str, ArenaError | None, object]:
    """Runs on a node: what a function returns there, and where that is."""
    arguments = [unpack(one) if isinstance(one, Luggage) else one for one in given]
    try:
        with only_public():  # a node cannot know who asked
            return worker_name(device), None, function(*arguments)
    except ArenaError as error:
        return worker_name(device), _plain(error), None


_troupes: dict[bytes, Troupe] = {}
"""Of a process of a node: the agents of the tournament that it plays, kept from block to block."""


def _played(sent: _Sent, specs: MatchSpecs) -> tuple[str, ArenaError | None, object]:
    """Runs on a node: the results of a block, and where it was played."""
    import pickle

    key = pickle.dumps(sent)
    try:
        with only_public():
            if key not in _troupes:
                _dismiss()
                agents = tuple((name, unpack(luggage)) for name, luggage in sent.agents)
                _troupes[key] = Troupe(replace(sent.setup, agents=agents))
            return worker_name(), None, _troupes[key].play(specs)
    except ArenaError as error:
        return worker_name(), _plain(error), None
    except BaseException:  # cancelled in the middle: these agents are at matches that nobody ends
        _dismiss()
        raise


def _dismiss() -> None:
    while _troupes:
        _troupes.popitem()[1].close()


def _plain(error: ArenaError) -> ArenaError:
    """An error that can be sent: those that are made of several parts are told in one sentence."""
    return WorkFailed(str(error)) if getattr(error, "work_failed", False) else SpecificationError(str(error))


def _unheard(done: int, planned: int) -> None:
    """Progress that nobody here could hear of."""
