"""Runs a program and is its warden: by path, as `python -I -S launch.py PARENT_PID RULES COMMAND...`.

When the program ends, when the parent dies or when it is told to (SIGTERM), the warden kills all that the program
started, whatever session that hides in: on Linux orphans become the warden's own children, so it knows when none is
left. It ends as the program did, by SIGKILL where something may be left.

A process of its own, because whoever is killed cannot clean up. Standard library only, and little of it: one runs
beside every program that Arena starts.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
AWAITED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM)
LOOK_EVERY_S = 0.5  # whether the parent lives, where the system does not tell
KILL_S = 2.0  # for killed processes to go
PAUSE_S = 0.0005


def main(arguments: list[str]) -> None:
    """Runs the command to its end, or to the parent's, and ends as it did."""
    parent, rules, command = int(arguments[0]), arguments[1], arguments[2:]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever ignores it is not told
    own_mask = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    _follow_into_death(parent, signal.SIGTERM)
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    else:
        signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY_S, LOOK_EVERY_S)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warden = os.getpid()
    program = os.fork()
    if program == 0:
        os.setsid()
        _follow_into_death(warden, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, own_mask)
        _obey(rules)
        _become(command)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # the pipes are the program's alone: their ends must show
        os.dup2(nowhere, stream)
    status = _watch(program, parent)
    if not _kill_all(program):
        os.kill(warden, signal.SIGKILL)
    if status is not None and os.WIFSIGNALED(status):
        _die_of(os.WTERMSIG(status))
    os._exit(1 if status is None else os.waitstatus_to_exitcode(status))


def _prctl(option: int, argument: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, argument)


def _follow_into_death(parent: int, number: signal.Signals) -> None:
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)


def _obey(rules: str) -> None:
    """Sets what `arena.agents.sandbox` rules, ``NAME=VALUE ...``: limits of the kernel by name, and another user (UID)."""
    ruled = dict(rule.split("=") for rule in rules.split())
    uid = int(ruled.pop("UID", -1))
    for name, value in ruled.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (int(value), int(value)))
    if uid >= 0:
        os.chown(".", uid, uid)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def _become(command: list[str]) -> None:
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and an exec would hand that on
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 -- the command is the user's own, and no shell reads it
    except OSError as error:
        sys.stderr.write(f"user {os.getuid()} cannot run {command[0]!r}: {error.strerror}\n")
    os._exit(127)


def _watch(program: int, parent: int) -> int | None:
    """The program's wait status once it ended; None when it is to be ended. Buries orphans meanwhile."""
    while True:
        number = signal.sigwait(AWAITED)
        if number == signal.SIGCHLD:
            pid = -1
            while pid != 0:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == program:
                    return status
        elif number != signal.SIGALRM or os.getppid() != parent:
            return None


def _kill_all(program: int) -> bool:
    """Kills level by level, as each killed process leaves its children to this one; whether nothing is left."""
    if sys.platform != "linux":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program, signal.SIGKILL)
    deadline = time.monotonic() + KILL_S
    while time.monotonic() < deadline:
        for child in _children():
            with contextlib.suppress(PermissionError):  # another user's now
                os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        time.sleep(PAUSE_S)
    return False


def _children() -> list[int]:
    """This process's children, alive or not yet buried; [] where the system does not list them."""
    try:
        with open("/proc/thread-self/children") as listed:
            return [int(pid) for pid in listed.read().split()]
    except OSError:
        return []


def _die_of(number: int) -> None:
    with contextlib.suppress(OSError):  # SIGKILL has no handler to reset
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main(sys.argv[1:])
