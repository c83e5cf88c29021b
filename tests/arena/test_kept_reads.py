"""What pages ask for again and again is read once, and again as soon as anybody has changed it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from arena import kept_reads
from arena.config import make_config
from arena.ledger import Ledger
from arena.tournament import run_tournament

KUHN = "openspiel:kuhn_poker"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arena.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as ledger:
        yield ledger


def play(ledger: Ledger, name: str) -> None:
    agents = {"a": "random", "b": "uniform"}
    run_tournament(make_config({"name": name, "game": KUHN, "agents": agents, "matches": 10}), ledger)


def asked(ledger: Ledger) -> tuple[list[str], bool, int, int]:
    keys = [one.key for one in ledger.tournaments(KUHN)]
    return keys, ledger.has_game(KUHN), ledger.recorded(KUHN), len(ledger.games())


@contextmanager
def selects(ledger: Ledger) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    sa.event.listen(ledger._engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(ledger._engine, "before_cursor_execute", note)


def test_what_has_not_changed_is_not_read_again(ledger: Ledger) -> None:
    play(ledger, "cup")
    first = asked(ledger)
    with selects(ledger) as read:
        assert asked(ledger) == first == (["cup"], True, 10, 1)
    assert read == []


def test_what_another_writes_is_seen_at_once(ledger: Ledger, path: Path) -> None:
    assert asked(ledger) == ([], False, 0, 0)
    with Ledger.open(path) as other:
        play(other, "cup")
        assert asked(ledger) == (["cup"], True, 10, 1)
        play(other, "second cup")
        assert asked(ledger) == (["cup", "second-cup"], True, 20, 1)


def test_who_changes_the_list_that_was_given_changes_nothing_for_others(ledger: Ledger) -> None:
    play(ledger, "cup")
    ledger.tournaments(KUHN).clear()
    ledger.games().clear()
    assert asked(ledger) == (["cup"], True, 10, 1)


def test_names_that_nobody_asks_for_again_do_not_pile_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_reads, "KEPT", 3)
    assert not any(ledger.has_game(f"game {number}") for number in range(9))
    assert len(ledger.kept._kept) == 3
