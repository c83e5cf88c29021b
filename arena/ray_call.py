"""A function called on a node of a Ray cluster and heard of while it runs: how far it is, and what another node would go on from."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from arena.agents.reach import only_public
from arena.executor import WorkFailed
from arena.games import ArenaError, SpecificationError
from arena.job_rows import Resources
from arena.job_work import WorkplaceLost, worker_name
from arena.luggage import Luggage, pack, unpack
from arena.workplace import Carried, Kept, Told, Value

if TYPE_CHECKING:
    from ray import ObjectRef

HEARD_S = 1.0  # so often a node says what there is to say
LOOK_S = 5.0  # so often whoever waits looks whether it is still his work

Answer = tuple[str, ArenaError | None, object]
"""Of a node: where it was computed, what was wrong, the value."""


class Died(Exception):
    """A worker or a node died under what it did, or its result was lost with a node."""


def call_on_node(
    function: Callable[..., Value],
    given: Sequence[object],
    *,
    device: str,
    needs: Resources,
    look: Callable[[str], None],
) -> Value:
    """What a module's function returns on a node of the cluster that this process has joined.

    Args:
        given: its arguments; what stands for something here hears of it while the function runs there.
        device: which the function computes on.
        needs: what of a node is kept for it.
        look: called every few seconds with where it is computed, '' as long as no node has begun; what it raises ends the call.

    Raises:
        Died: the worker or its node died; a file that is kept was written as far as it came.
        WorkplaceLost: the cluster does not answer.
        Exception: what the function raises.
    """
    import ray

    with answering():
        worker = with_needs(ray.remote(_Worker), needs, max_restarts=0, max_concurrency=2).remote(device)
        done = worker.do.remote(function, [_packed(one) for one in given])
        heard, place, looked = worker.hear.remote(), "", ("", -1.0)
        try:
            while True:
                ready, _ = ray.wait([done, heard], num_returns=1, timeout=LOOK_S)
                if heard in ready:
                    place = _deliver(got(heard), given)
                    heard = worker.hear.remote()
                now = place, time.monotonic() // LOOK_S
                if now != looked:  # each look writes to the ledger
                    look(place)
                    looked = now
                if done in ready:
                    place, error, value = cast("Answer", got(done))
                    _deliver(got(heard), given)
                    _deliver(got(worker.hear.remote()), given)
                    look(place)
                    if error is not None:
                        raise error
                    return cast("Value", value)
        finally:
            if ray.is_initialized():
                ray.kill(worker)


def with_needs(remote: Any, needs: Resources, **options: object) -> Any:  # Ray's own types say no more
    """A function or a class of Ray's with what it takes of a node."""
    return remote.options(num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory_bytes or None, **options)


def got(reference: ObjectRef[Any]) -> object:
    """The value of a reference. Raises `Died`, and what a defect of ours raised there."""
    import ray
    from ray import exceptions

    lost = (
        exceptions.RayActorError,
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.ObjectLostError,
        exceptions.LocalRayletDiedError,
    )
    try:
        return ray.get(reference)
    except lost as error:
        raise Died(f"{type(error).__name__} under a task") from None


@contextmanager
def answering() -> Iterator[None]:
    """Raises `WorkplaceLost` where the cluster does not answer within."""
    from ray.exceptions import RayTaskError

    try:
        yield
    except ConnectionError as error:
        if isinstance(error, RayTaskError):  # raised by what was done on a node
            raise
        raise WorkplaceLost(f"the Ray cluster does not answer any more: {error}") from None


def plain(error: ArenaError) -> ArenaError:
    """An error that can be sent: those that are made of several parts are told in one sentence."""
    return WorkFailed(str(error)) if getattr(error, "work_failed", False) else SpecificationError(str(error))


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a node is to go on from: the content of a file, None where there is none yet."""

    content: bytes | None


@dataclass(frozen=True, slots=True)
class _Heard:
    """Who hears how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What was said to an argument, by its number: it was called with these; ``content``: the file to go on from, where it is new."""

    number: int
    words: tuple[Any, ...]
    content: bytes | None = None


def _packed(one: object) -> object:
    if isinstance(one, Carried):
        return pack(one.specification)
    if isinstance(one, Kept):
        file = one.training.checkpoint
        return _Begun(file.read_bytes() if file.exists() else None)
    return _Heard() if isinstance(one, Told) else one


def _deliver(heard: object, given: Sequence[object]) -> str:
    """Lets arguments here hear what their likes on the node heard; where that is."""
    place, said = cast("tuple[str, list[_Said]]", heard)
    for one in said:
        to = given[one.number]
        if isinstance(to, Told):
            to.progress(*one.words)
        elif isinstance(to, Kept):
            if one.content is not None:
                to.training.checkpoint.write_bytes(one.content)
            to.training.told(*one.words)
    return place


class _Worker:
    """Lives on a node, does one thing there, and says meanwhile how far it is."""

    def __init__(self, device: str):
        self._device = device
        self._said: list[_Said] = []
        self._lock = threading.Lock()
        self._over = threading.Event()

    def do(self, function: Callable[..., object], given: Sequence[object]) -> Answer:
        place = worker_name(self._device)
        with tempfile.TemporaryDirectory(prefix="arena-node-") as folder, only_public():  # a node cannot know who asked
            try:
                taken = [self._taken(number, one, Path(folder)) for number, one in enumerate(given)]
                return place, None, function(*taken)
            except ArenaError as error:
                return place, plain(error), None
            finally:
                self._over.set()

    def hear(self) -> tuple[str, list[_Said]]:
        self._over.wait(HEARD_S)
        with self._lock:
            said, self._said = self._said, []
        return worker_name(self._device), said

    def _taken(self, number: int, one: object, folder: Path) -> object:
        if isinstance(one, Luggage):
            return unpack(one)
        if isinstance(one, _Heard):
            return lambda *words: self._say(_Said(number=number, words=words))
        return _Training(number, one, folder, self._say) if isinstance(one, _Begun) else one

    def _say(self, said: _Said) -> None:
        with self._lock:
            self._said.append(said)


class _Training:
    """On a node what `arena.kept_training.KeptTraining` is at home."""

    def __init__(self, number: int, begun: _Begun, folder: Path, say: Callable[[_Said], None]):
        self._number, self._say = number, say
        self.checkpoint = folder / f"{number}.npz"
        if begun.content is not None:
            self.checkpoint.write_bytes(begun.content)
        self._written = self._when()

    def told(self, steps: int, numbers: Mapping[str, float]) -> None:
        when, content = self._when(), None
        if when != self._written:
            content, self._written = self.checkpoint.read_bytes(), when
        self._say(_Said(number=self._number, words=(steps, dict(numbers)), content=content))

    def _when(self) -> int:
        """Another number whenever the file was written."""
        return self.checkpoint.stat().st_mtime_ns if self.checkpoint.exists() else 0
