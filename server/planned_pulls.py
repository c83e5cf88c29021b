"""What pulls of a ledger are given, planned once for all parts that are asked for one by one."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence

from arena.exchange import Holdings, PlannedPart, planned_parts
from arena.ledger import Ledger

MOST = 8  # pulls at a time; of more the one that asked longest ago is planned again


class PlannedPulls:
    """The plans of the last pulls, by the ledger that is pulled from and what the asker holds; each as long as nothing is committed."""

    def __init__(self) -> None:
        self._plans: OrderedDict[Hashable, tuple[Mapping[str, int], Sequence[PlannedPart]]] = OrderedDict()
        self._lock = threading.Lock()

    def parts(self, ledger: Ledger, known: Holdings) -> Sequence[PlannedPart]:
        """`arena.exchange.planned_parts` of this moment."""
        key = ledger, hashlib.sha256(repr(known).encode()).digest()
        changes = ledger.changes()
        with self._lock:
            before, parts = self._plans.get(key, (None, ()))
        if before != changes:
            parts = planned_parts(ledger, known)
        with self._lock:
            self._plans[key] = changes, parts
            self._plans.move_to_end(key)
            while len(self._plans) > MOST:
                self._plans.popitem(last=False)
        return parts
