"""What the system knows of a program and of all that it started: memory, exit, and the end of everything."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

COOKIE = "ARENA_PROGRAM"  # an environment variable: children inherit it, wherever they hide
FAMILY_EVERY = 10  # looks: the memory of a program's own children, which is costlier to find


class MemoryWatch:
    """The resident bytes of a process; those of its own children are looked up less often."""

    def __init__(self, pid: int):
        self._pid, self._ticks, self._family = pid, 0, 0

    def resident_bytes(self) -> int:
        """0 for a process that has just gone."""
        try:
            process = psutil.Process(self._pid)
            if self._ticks % FAMILY_EVERY == 0:
                self._family = sum(_resident(child) for child in process.children(recursive=True))
            self._ticks += 1
            return _resident(process) + self._family
        except psutil.Error:
            return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


@contextlib.contextmanager
def exit_descriptor_of(process: subprocess.Popen[bytes]) -> Iterator[int | None]:
    """A descriptor that becomes readable when the program ends; None where the system has no such thing."""
    if sys.platform != "linux":
        yield None
        return
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether the program has ended; asking does not bury it, so that its number names nobody else."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # buried
        return True


def kill_all(process: subprocess.Popen[bytes], cookie: str) -> None:
    """Kills the program's process group, then whatever else carries its cookie, until nobody does."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    while sum(_killed(other, cookie) for other in psutil.process_iter()):
        time.sleep(0.001)


def _killed(process: psutil.Process, cookie: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE or process.environ().get(COOKIE) != cookie:
            return False
        process.kill()
    except psutil.Error:  # gone meanwhile, or another user's
        return False
    return True


def ending(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (perhaps the system was out of memory)" if -code == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"
