"""An agent inside Arena's process that ends it: what a fault of native code does."""

from __future__ import annotations

import os
import signal

from arena.games import AgentInfo, Game, ObservationBatch


class Deadly:
    info = AgentInfo(name="deadly")

    def act(self, batch: ObservationBatch) -> object:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def close(self) -> None: ...


def load(rest: str, *, game: Game, name: str) -> Deadly:
    return Deadly()
