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
FAMILY_EVERY = 10  # looks: who belongs to a program, which is costlier than their memory
WARDEN_S = 5.0  # for a warden to end all; it gives up earlier (`arena.agents.launch.KILL_S`)


class MemoryWatch:
    """The resident bytes of a warden's program and of all below it; who that is, is looked up less often."""

    def __init__(self, warden_pid: int):
        self._pid, self._looks = warden_pid, 0
        self._family: list[psutil.Process] = []

    def resident_bytes(self) -> int:
        """0 before the program runs and after it has gone."""
        if not self._family or self._looks % FAMILY_EVERY == 0:
            try:
                self._family = psutil.Process(self._pid).children(recursive=True)
            except psutil.Error:
                self._family = []
        self._looks += 1
        return sum(map(_resident, self._family))


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


def end_all(warden: subprocess.Popen[bytes], cookie: str) -> int:
    """Has the warden end its program and all that it started, waits until that is done, returns the warden's exit code.

    Where the warden was killed itself, or could not know, whoever carries the cookie is killed, until nobody does.
    """
    warden.terminate()
    try:
        code = warden.wait(WARDEN_S)
    except subprocess.TimeoutExpired:
        warden.kill()
        code = warden.wait()
    if code == -signal.SIGKILL or sys.platform != "linux":
        while sum(_killed(other, cookie) for other in psutil.process_iter()):
            time.sleep(0.001)
    return code


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
