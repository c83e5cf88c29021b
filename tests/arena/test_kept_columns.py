"""Columns that are kept are those that a reader who has never looked before is given."""

import numpy as np
import pytest

from arena import kept_columns
from arena.ledger import Ledger, Played

FIRSTS = (20, 0, 40, 10)


@pytest.fixture(params=["object", "tensor"])
def tournament(request, tmp_path, made_game):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        entered = [ledger.add_agent(f"agent {i}", specification=f"spec {i}", kind="test") for i in range(3)]
        game = made_game(lane=request.param)
        yield ledger, ledger.add_tournament(name="Cup", game=game, agents=entered, config={}, seed=7, planned=100)


def same(one: Played, other: Played) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Played.__slots__)


def fresh(ledger, tournament):
    with Ledger.open(ledger.url_for_people) as other:
        return other.played(tournament)


@pytest.mark.parametrize("few", [0, 64])
def test_blocks_that_come_later_and_out_of_order_are_read_too(tournament, made_results, monkeypatch, few):
    monkeypatch.setattr(kept_columns, "FEW", few)
    ledger, cup = tournament
    assert len(ledger.played(cup)) == 0
    for written, first in enumerate(FIRSTS, 1):
        ledger.write(cup, made_results(10, first=first))
        assert len(ledger.played(cup)) == 10 * written
        assert same(ledger.played(cup), fresh(ledger, cup))


def test_only_new_blocks_are_read(tournament, made_results, monkeypatch):
    ledger, cup = tournament
    read = []
    real = kept_columns.read_columns

    def told(connection, of, *, first=None):
        read.append(first)
        return real(connection, of, first=first)

    monkeypatch.setattr(kept_columns, "read_columns", told)
    for first in FIRSTS:
        ledger.write(cup, made_results(10, first=first))
        ledger.played(cup)
        ledger.played(cup)
    assert read == [None, 0, 40, 10]


def test_what_is_kept_cannot_be_changed_by_a_reader(tournament, made_results):
    ledger, cup = tournament
    ledger.write(cup, made_results(10))
    with pytest.raises(ValueError, match="read-only"):
        ledger.played(cup).returns[0] = 9


def test_what_was_not_asked_for_longest_goes_first(tournament, made_results, made_game, monkeypatch):
    monkeypatch.setattr(kept_columns, "MOST_MATCHES", 15)
    ledger, cup = tournament
    second = ledger.add_tournament(
        name="Second", game=made_game(), agents=list(cup.agents), config={}, seed=7, planned=100
    )
    ledger.write(cup, made_results(10))
    ledger.write(second, made_results(10))
    first_read = ledger.played(cup)
    assert ledger.played(cup) is first_read
    ledger.played(second)
    assert ledger.played(cup) is not first_read
    assert same(ledger.played(cup), first_read)
