"""Work that others stop politely: `kill`, a closed terminal and a container that ends are interruptions like Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

POLITE = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_interrupt() -> Iterator[Callable[[], None]]:
    """Raises KeyboardInterrupt inside where somebody asks this process to end.

    Yields what raises it again once it was asked for: an exception is lost where it meets code that cannot be left, as callbacks of a compiler.
    """
    asked = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.default_int_handler(number, frame)

    def again() -> None:
        if asked:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in POLITE}
    try:
        yield again
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
