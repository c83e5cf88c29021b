"""Trainings that are broken off, as by Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def interrupted(*, after: int) -> Callable[[int, Mapping[str, float]], None]:
    """A ``watch`` of `train` that breaks off in this update, once."""
    calls = 0

    def watch(steps: int, told: Mapping[str, float]) -> None:
        nonlocal calls
        calls += 1
        if calls == after:
            raise KeyboardInterrupt

    return watch
