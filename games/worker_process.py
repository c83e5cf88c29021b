"""Worker processes: a function that lives in a child, talks over a connection and ends with its parent, whatever ends that."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_starting = threading.Lock()
_starter: ThreadPoolExecutor | None = None
IDLE_S, TERMINATED_S = 0.5, 5.0
"""How long a worker may take to end when its connection closes, and when it is asked to."""


class WorkerProcess:
    """A child in which ``live(connection, *given)`` runs; `connection` is this end of it. Made anew, nothing is inherited."""

    def __init__(self, live: Callable[..., None], *given: object, daemon: bool):
        """Args:
        live: a function of a module; Ctrl-C is left to the parent. It should return when its connection closes.
        given: what it is called with, sent as it is pickled.
        daemon: whether the end of this process is not to wait for it; such a worker cannot have processes of its own.
        """
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_begin, args=(os.getpid(), live, theirs, *given), daemon=daemon
        )
        _start(self.process)
        theirs.close()

    def stop(self) -> int | None:
        """Ends it, by force where it must be; its exit code."""
        self.connection.close()  # an idle worker ends at this
        self.process.join(timeout=IDLE_S)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(timeout=TERMINATED_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        self.process.close()
        return code


def _start(process: BaseProcess) -> None:
    """In a thread that lives as long as this process: for Linux the parent, with which a child dies, is the thread that made it."""
    global _starter
    with _starting:
        if _starter is None:
            _starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")
    _starter.submit(process.start).result()


def _without_threads() -> None:
    """A forked child has none of its parent's threads."""
    global _starter, _starting
    _starter, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_without_threads)


def _begin(parent: int, live: Callable[..., None], connection: Connection, *given: object) -> None:
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    live(connection, *given)


def die_with(parent: int) -> None:
    """Asks Linux to kill this process when its parent dies; elsewhere the closed connection ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
