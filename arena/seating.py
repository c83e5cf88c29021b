"""Which matches may begin: schedule order, and no agent in more matches at once than it can sit in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Seating:
    """The matches not yet begun, in schedule order; no agent sits in more matches at once than it can."""

    def __init__(self, seats: NDArray[np.int64], limits: Sequence[int | None]):
        self.left_over = len(seats)
        self.at = 0
        self.room = {agent: limit for agent, limit in enumerate(limits) if limit is not None and (seats == agent).any()}
        self.sitting: list[tuple[int, ...]] = []
        self.groups: dict[tuple[int, ...], deque[int]] = {}
        if self.room:
            limited = sorted(self.room)
            present = np.stack([(seats == agent).any(axis=1) for agent in limited], axis=1)
            for number, row in enumerate(present.tolist()):
                key = tuple(agent for agent, here in zip(limited, row, strict=True) if here)
                self.sitting.append(key)
                self.groups.setdefault(key, deque()).append(number)

    def __len__(self) -> int:
        return self.left_over

    def next(self, count: int) -> NDArray[np.int64]:
        """Up to `count` matches that can begin now."""
        if not self.room:
            match = np.arange(self.at, self.at + min(count, self.left_over))
            self.at += len(match)
            self.left_over -= len(match)
            return match
        chosen: list[int] = []
        while len(chosen) < count:
            ready = [key for key, group in self.groups.items() if group and all(self.room[agent] > 0 for agent in key)]
            if not ready:
                break
            key = min(ready, key=lambda key: self.groups[key][0])
            chosen.append(self.groups[key].popleft())
            for agent in key:
                self.room[agent] -= 1
        self.left_over -= len(chosen)
        return np.array(chosen, np.int64)

    def left(self, match: NDArray[np.int64]) -> None:
        """These matches are over: their agents have room again."""
        if self.room:
            for number in match.tolist():
                for agent in self.sitting[number]:
                    self.room[agent] += 1
