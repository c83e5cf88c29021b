"""A Ray cluster as a workplace: jobs of every kind are computed on its nodes, where what they need is.

Results come back to this process, which alone writes them. What was under way on a worker or a node that died is sent to another one, and goes on
from what was kept. What cannot travel, programs above all, is computed here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from arena.executor import Executor, WorkFailed
from arena.games import SpecificationError
from arena.job_rows import JobRow, Resources
from arena.job_work import note_worker
from arena.ledger import Ledger
from arena.luggage import travels
from arena.named_games import is_file
from arena.ray_call import Died, answering, call_on_node
from arena.ray_matches import RayExecutor
from arena.workplace import HERE, Carried, Kept, Value

SCHEME = "ray://"
LOCAL, LOOPBACK = "local", "127.0.0.1"
LOCAL_STORE = 128 * 2**20  # bytes of the object store of a cluster that is started here: results of matches are small
MOST_DEATHS = 6
"""Of the workers and nodes under one call, one after the other without anything kept, before it is given up."""
JOIN_S = 15.0
"""How long an address may be silent until there is no cluster: one that is being started needs a while."""
CLIENTS = "/ray.rpc.RayletDriver/ClusterInfo"
"""What only the port for clients answers; that of the cluster's own store says that it has no such method."""

logger = logging.getLogger(__name__)


def join(executor: str) -> RayCluster:
    """The cluster of ``ray://HOST:PORT``, or of ``ray://local``: one that is started here and ends with this process.

    The port is that for Ray's clients, 10001 where nothing else was said; or the cluster's own, 6379, which machines that
    have joined it (``ray start --address=HOST:6379``) may use as well.

    Raises:
        SpecificationError: no such address, or Ray is not installed.
        WorkFailed: no cluster there.
    """
    address = executor.removeprefix(SCHEME)
    host, _, port = address.rpartition(":")
    if not executor.startswith(SCHEME) or not (address == LOCAL or (host and port.isdecimal())):
        raise SpecificationError(f"a Ray cluster is ray://HOST:PORT or ray://local; got {executor!r}")
    # one that was lost is not replaced by whatever runs on this machine
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    try:
        import grpc  # noqa: F401  without it Ray is there, but no client of it
        import ray
    except ModuleNotFoundError:
        raise SpecificationError("a Ray cluster needs Ray: pip install 'minimax-arena[ray]'") from None
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    try:
        if address == LOCAL:
            options |= {"include_dashboard": False, "_node_ip_address": LOOPBACK, "object_store_memory": LOCAL_STORE}
        elif _is_for_clients(address):
            address = executor
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise WorkFailed(
            f"cannot join the Ray cluster {address}: {error}; ray start --head starts one, and its clients come in at port 10001"
        ) from None
    return RayCluster()


class RayCluster:
    """The cluster that this process has joined; see `arena.workplace.Workplace`."""

    is_here = False

    def devices(self) -> list[str]:
        return ["cpu", "torch", *(["cuda"] if self.gives().gpus else [])]

    def gives(self) -> Resources:
        """The most that one node can give. Raises `WorkplaceLost`."""
        import ray

        with answering():
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return Resources(
            cpus=max((node.get("CPU", 0.0) for node in nodes), default=0.0),
            gpus=max((node.get("GPU", 0.0) for node in nodes), default=0.0),
            memory_bytes=int(max((node.get("memory", 0.0) for node in nodes), default=0.0)),
        )

    def executor(self, ledger: Ledger, row: JobRow) -> Executor:
        return RayExecutor(row.needs, look=_Places(ledger, row).look)

    def compute(self, ledger: Ledger, row: JobRow, function: Callable[..., Value], *given: object) -> Value:
        if not all(travels(one.specification) for one in given if isinstance(one, Carried)) or is_file(row.game):
            return HERE.compute(ledger, row, function, *given)
        places = _Places(ledger, row)
        deaths, kept = 0, _kept(given)
        while True:
            try:
                return call_on_node(function, given, device=row.device, needs=row.needs, look=places.now)
            except Died as died:
                deaths = deaths + 1 if _kept(given) == kept else 1
                kept = _kept(given)
                logger.warning("job %s: %s; it is computed again", row.key[:12], died)
                if deaths == MOST_DEATHS:
                    raise WorkFailed(f"the workers of the cluster died {deaths} times: {died}") from None


class _Places:
    """Says in the ledger where a job is computed, and sees there whether it is still this worker's. Raises `LostJob`."""

    def __init__(self, ledger: Ledger, row: JobRow):
        self._ledger, self._row = ledger, row
        self._seen: dict[str, None] = {}

    def now(self, place: str) -> None:
        """It is computed there; '': on no node yet."""
        needs = self._row.needs
        wanted = f"{needs.cpus:g} cores{f' and {needs.gpus:g} GPUs' if needs.gpus else ''}"
        note_worker(self._ledger, self._row, place or f"waits for a node of the cluster with {wanted}")

    def look(self, place: str) -> None:
        """Matches were played there as well; '': none since."""
        if place:
            if place in self._seen:
                return
            self._seen[place] = None
        note_worker(self._ledger, self._row, "; ".join(self._seen) or self._row.worker or "")


def _kept(given: tuple[object, ...]) -> list[int]:
    """Another value whenever something was kept that a next node goes on from."""
    files = [one.training.checkpoint for one in given if isinstance(one, Kept)]
    return [file.stat().st_mtime_ns for file in files if file.exists()]


def _is_for_clients(address: str) -> bool:
    """Whether clients of Ray come in there, or machines of the cluster alone. Raises ConnectionError where neither answers."""
    import grpc

    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(CLIENTS)(b"", timeout=JOIN_S, wait_for_ready=True)
        except grpc.RpcError as error:
            code = error.code()
            if code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
                raise ConnectionError(f"nothing of Ray answered within {JOIN_S:.0f} seconds") from None
            return code is not grpc.StatusCode.UNIMPLEMENTED
    return True
