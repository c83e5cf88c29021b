"""Work that others stop politely: `kill`, a closed terminal and a container that ends are interruptions like Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

POLITE = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Raises KeyboardInterrupt inside where somebody asks this process to end."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in POLITE}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
