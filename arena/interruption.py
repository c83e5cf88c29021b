"""Work that others stop politely: `kill`, a closed terminal and a container that ends are interruptions like Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

POLITE = (signal.SIGTERM, signal.SIGHUP)

_asked = False


def is_asked_to_end() -> bool:
    """Whether somebody asked this process to end, within `signals_interrupt`: what failed since then failed because of it."""
    return _asked


@contextmanager
def signals_interrupt() -> Iterator[Callable[[], None]]:
    """Raises KeyboardInterrupt inside where somebody asks this process to end.

    Yields what raises it again once it was asked for: an exception is lost where it meets code that cannot be left, as callbacks of a compiler.
    """
    global _asked

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _asked
        _asked = True
        signal.default_int_handler(number, frame)

    def again() -> None:
        if _asked:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in POLITE}
    try:
        yield again
    finally:
        _asked = False
        for number, handler in before.items():
            signal.signal(number, handler)
