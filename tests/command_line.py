"""The command line run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from arena.cli import main


class Said(NamedTuple):
    code: int
    out: str
    err: str


Arena = Callable[..., Said]


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """What `arena ARGUMENTS` says, and its exit code."""
    monkeypatch.setattr(sys, "argv", ["arena", *arguments])
    try:
        main()
        code = 0
    except SystemExit as left:
        code = int(left.code or 0)
    return Said(code, *capsys.readouterr())
