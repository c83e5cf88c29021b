"""What the pages of one board have in common, made once for all of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from arena.standings import Standings

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The last ``most`` values that were made of standings; those of older standings of the same matches go as newer ones are shown."""

    def __init__(self, most: int):
        self._most = most
        self._values: OrderedDict[tuple[Hashable, ...], tuple[tuple[object, ...], Value]] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, standings: Standings, key: Hashable, make: Callable[[], Value], beside: tuple[object, ...] = ()
    ) -> Value:
        """The value of these very standings (equal ones are not looked for: comparing takes longer than making) and this key.

        ``beside``: what else it is made of, told apart likewise.
        """
        sources = (standings, *beside)
        board = (standings.game, standings.leaderboard.method, standings.where, standings.tournaments)
        at = (board, key, *map(id, sources))
        with self._lock:
            if at in self._values:
                self._values.move_to_end(at)
                return self._values[at][1]
        value = make()
        with self._lock:
            for old in [one for one, (of, _) in self._values.items() if one[0] == board and of[0] is not standings]:
                del self._values[old]
            self._values[at] = sources, value  # which are held, so that no other object gets their identity
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
