"""Fixtures that several tests of the engine share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Arena, Said

from arena.cli import main


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    """Runs a command in a folder of its own, with no ledger yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_DB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["arena", *arguments])
        try:
            main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        return Said(code, *capsys.readouterr())

    return run
