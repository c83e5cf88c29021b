"""What was read of a ledger, kept until its topic changes: every page asks for the same few things."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar, cast

from arena.ledger_state import state_of

KEPT = 1024

T = TypeVar("T")


class KeptReads:
    """Values by their names; threads may share it."""

    def __init__(self, changes: Callable[[], Mapping[str, int]]):
        """``changes``: of the ledger, `arena.ledger_state.LedgerState.changes`."""
        self._changes = changes
        self._kept: OrderedDict[Hashable, tuple[Hashable, object]] = OrderedDict()

    def of(
        self, name: Hashable, topic: str, read: Callable[[], T], *, lasts: Callable[[T], bool] = lambda _: True
    ) -> T:
        """What was read before, or is read now.

        Args:
            name: of the value.
            topic: that it depends on beside `arena.ledger_state.REST`.
            read: reads it.
            lasts: whether it stays as it is until the ledger changes.
        """
        state = state_of(
            (topic,), self._changes()
        )  # before it is read: a commit in between makes it another one the next time
        before = self._kept.get(name)
        if before is not None and before[0] == state:
            return cast("T", before[1])
        value = read()
        if lasts(value):
            self._kept[name] = state, value
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return value
