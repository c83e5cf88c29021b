"""Trainings that are broken off, as by Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable


def interrupted(*, after: int) -> Callable[..., None]:
    """A ``watch`` of `train`, or ``progress`` of `exploit`, that breaks off when it hears something for that time, once."""
    calls = 0

    def watch(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == after:
            raise KeyboardInterrupt

    return watch
