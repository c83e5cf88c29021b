"""Confined agents without their processes: the other side serves the same lines on a thread, which starts at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from arena.agents import confined_host, confined_process
from arena.games import AgentFault


class ServedHere:
    """Stands for `arena.agents.process.Child`."""

    def __init__(
        self,
        name: str,
        command: object,
        *,
        on_line: Callable[[bytes, float], None],
        on_end: Callable[[AgentFault | None, float], None],
        **confined: Any,
    ):
        ours, theirs = os.pipe(), os.pipe()
        self._asked = os.fdopen(ours[1], "wb", buffering=0)
        self._on_line, self._on_end = on_line, on_end
        self._ends_with: AgentFault | None = None
        self._answers = os.fdopen(theirs[0], "rb")
        self._threads = [
            threading.Thread(target=self._serve, args=(os.fdopen(ours[0], "rb"), os.fdopen(theirs[1], "wb"))),
            threading.Thread(target=self._read),
        ]
        for thread in self._threads:
            thread.start()

    def write(self, text: str) -> None:
        if not self._asked.closed:
            self._asked.write(text.encode())

    def expect_answer(self) -> None: ...

    def condemn(self, fault: AgentFault, *, after_s: float) -> None:
        self.sentence = fault, after_s

    def obey(self) -> None:
        """Ends as it was condemned to, now."""
        self._ends_with = self.sentence[0]
        self.close()

    def spare(self) -> None: ...

    def close(self) -> None:
        self._asked.close()
        for thread in self._threads:
            thread.join()

    def _serve(self, asked: Any, answers: Any) -> None:
        with asked, answers:
            confined_host.serve(asked, answers)

    def _read(self) -> None:
        with self._answers:
            for line in self._answers:
                self._on_line(line, 0.0)
        self._on_end(self._ends_with, 0.0)


def serve_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confined agents that are loaded from now on are served on threads, in whatever tier."""
    monkeypatch.setattr(confined_process, "Child", ServedHere)
