"""Ports that matches which are played side by side do not take from each other, in whatever processes they are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from arena.games.errors import ArenaError

FIRST, LAST = 15_000, 28_000  # below those that systems hand out for outgoing connections
LOCALHOST = "127.0.0.1"


class NoPorts(ArenaError):
    """All ports that matches may use are taken."""


@contextlib.contextmanager
def reserved_ports(count: int, *, folder: Path | None = None) -> Iterator[list[int]]:
    """Free ports, which no other holder of reservations gets until the end of the block, or of this process.

    A reservation is a locked file: the system takes the lock away when its holder dies, however that happens. Programs that
    know nothing of it may still take a port; then the game does not start, and the match begins again with other ports.

    Raises:
        NoPorts: not so many are free.
    """
    folder = folder or Path(tempfile.gettempdir(), f"arena-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    span = LAST - FIRST
    start = os.getpid() * 101 % span  # processes begin their search far from each other
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        for step in range(span):
            if len(ports) == count:
                break
            port = FIRST + (start + step) % span
            if _is_free(port) and (lock := _locked(folder / str(port))) is not None:
                held.callback(os.close, lock)
                ports.append(port)
        if len(ports) < count:
            raise NoPorts(
                f"no {count} free ports from {FIRST} to {LAST}: end other games of StarCraft II on this machine"
            )
        yield ports


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what ended a moment ago does not hold it
        try:
            tried.bind((LOCALHOST, port))
        except OSError:
            return False
        return True


def _locked(path: Path) -> int | None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
