"""Fixtures that several tests of the engine share."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Arena, said


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    """Runs a command in a folder of its own, with no ledger yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_DB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    return lambda *arguments: said(monkeypatch, capsys, *arguments)
