"""Tables in narrow terminals: what matters stays whole, what is left out is named."""

from __future__ import annotations

import io
import re
import sys

import pytest

from arena.cli.output import Head, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _printed(monkeypatch: pytest.MonkeyPatch, width: int, optional: tuple[str, ...], more: tuple[str, ...] = ()) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    heads: list[Head] = [("rank", "right"), "agent", ("rating", "right"), "by seat", "drawing"]
    rows: list[tuple[str, ...]] = [
        ("1", "a_rather_long_name@12", "+104", "51 % 49 %", "├─●─┤" * 4),
        ("2", "b@1", "−7", "3 % 1 %", "●"),
    ]
    for number, cell in enumerate(more, 1):
        heads.append((f"number {number}", "right"))
        rows = [(*row, cell) for row in rows]
    table(heads, rows, optional=optional)
    return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())


def test_a_wide_terminal_shows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, 120, ("drawing", "by seat"))
    assert "by seat" in text
    assert "├─●─┤" in text
    assert "no room" not in text


@pytest.mark.parametrize("width", [50, 70])
def test_a_narrow_terminal_keeps_names_and_numbers_whole(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    text = _printed(monkeypatch, width, ("drawing", "by seat"))
    assert "a_rather_long_name@12" in text
    assert "+104" in text
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines() if not line.startswith("(no room"))
    assert "(no room for: " in text
    assert "drawing" in text.splitlines()[-1] and "├" not in text


def test_what_does_not_fit_at_all_is_folded_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, 24, ("drawing", "by seat"))
    assert "…" not in text
    assert "".join(line.strip() for line in text.splitlines()).count("a_r") == 1


def test_a_number_is_left_out_or_whole_and_names_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, 40, ("drawing", "by seat"), more=("−123.456", "+7.891 (0.5)"))
    rows = [line.split() for line in text.splitlines() if "@" in line]
    assert [row[1] for row in rows] == ["a_rather_long_name@12", "b@1"]
    assert [row[2] for row in rows] == ["+104", "−7"]
    assert "−123" not in text
    assert "(no room for: by seat, drawing, number 1, number 2; " in text
