"""Two agents against each other: parts sum to the whole, which is the payoff matrix's own cell."""

from __future__ import annotations

import numpy as np
import pytest

from arena.config import make_config
from arena.games import UnknownName
from arena.head_to_head import head_to_head
from arena.ledger import Ledger
from arena.standings import standings
from arena.tournament import run_tournament
from tests.server.conftest import import_matches

GAME = "arena:tic_tac_toe"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("both") / "arena.db") as opened:
        agents = {"ann": "random", "bob": "uniform", "cyd": "random"}
        values = {"name": "cup", "game": GAME, "agents": agents, "matches": 40, "seed": 3}
        run_tournament(make_config(values), opened)
        play = [("x", "y", 1.0, -1), ("y", "x", -1.0, -1), ("x", "y", 0.0, -1), ("y", "x", 1.0, 0)] * 10
        import_matches(opened, "elsewhere:duel", play)
        yield opened


def test_the_whole_is_the_cell_of_the_payoff_matrix(ledger):
    matrix = standings(ledger, GAME).leaderboard.matrix
    found = head_to_head(ledger, GAME, "ann@1", "bob@1").whole
    at = matrix.agents.index("ann@1"), matrix.agents.index("bob@1")
    assert (found.score, found.low, found.high) == pytest.approx(
        tuple(float(column[at]) for column in (matrix.score, matrix.low, matrix.high))
    )
    assert found.matches == matrix.matches[at] == 40


@pytest.mark.parametrize("part", ["by_seat", "by_opening"])
def test_parts_sum_to_the_whole(ledger, part):
    found = head_to_head(ledger, GAME, "ann@1", "bob@1")
    for name in ("matches", "wins", "draws", "losses"):
        assert sum(getattr(one, name) for one in getattr(found, part)) == getattr(found.whole, name)


def test_the_other_way_round_is_the_mirror(ledger):
    one, other = (head_to_head(ledger, GAME, *pair) for pair in (("ann@1", "bob@1"), ("bob@1", "ann@1")))
    assert (one.whole.wins, one.whole.losses) == (other.whole.losses, other.whole.wins)
    np.testing.assert_allclose(one.path, 1 - other.path)
    np.testing.assert_allclose(one.low, 1 - other.high, atol=2e-3)


def test_first_moves_are_those_that_were_played(ledger):
    found = head_to_head(ledger, GAME, "ann@1", "bob@1")
    tournament = ledger.tournament("cup")
    numbers = [number for _, number in found.keys]
    first = {int(ledger.match(tournament, number).actions[0]) for number in numbers}
    assert len(found.by_opening) == len(first)
    assert found.openings_of == 40


def test_forfeits_are_points_of_the_other(ledger):
    """y wins as second seat against -1 of x, and forfeits as first seat although it was paid."""
    found = head_to_head(ledger, "elsewhere:duel", "x@1", "y@1")
    assert (found.whole.wins, found.whole.draws, found.whole.losses) == (30, 10, 0)
    assert found.path[-1] == pytest.approx(35 / 40)


def test_imports_have_no_first_moves(ledger):
    assert head_to_head(ledger, "elsewhere:duel", "x@1", "y@1").by_opening == ()


def test_bounds_hold_at_once_and_decide(ledger):
    found = head_to_head(ledger, "elsewhere:duel", "x@1", "y@1")
    assert (np.diff(found.low) >= 0).all() and (np.diff(found.high) <= 0).all()
    assert found.decided_after is not None
    assert found.verdict().startswith(f"x@1 beats y@1: told apart after {found.decided_after} of")


@pytest.mark.parametrize("pair", [("ann@1", "nobody@1"), ("ann@1", "ann@1")])
def test_who_never_met_is_an_error(ledger, pair):
    with pytest.raises(UnknownName):
        head_to_head(ledger, GAME, *pair)
