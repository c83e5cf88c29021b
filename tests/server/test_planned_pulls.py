"""A pull is planned once for all of its parts."""

from dataclasses import replace

from arena.exchange import holdings, planned_parts
from arena.ledger import Ledger
from arena.server.planned_pulls import MOST, PlannedPulls


def test_what_a_pull_is_given_is_planned_once_for_each_asker_and_state_of_the_ledger(tmp_path, monkeypatch):
    planned = []

    def counted(ledger, known):
        planned.append(known)
        return planned_parts(ledger, known)

    monkeypatch.setattr("arena.server.planned_pulls.planned_parts", counted)
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        empty, pulls = holdings(one), PlannedPulls()
        assert pulls.parts(one, empty) == pulls.parts(one, empty) == []
        assert len(planned) == 1
        one.add_agent("ann", specification="random", kind="random")
        assert len(pulls.parts(one, empty)) == len(pulls.parts(one, empty)) == 1
        assert len(planned) == 2
        assert pulls.parts(one, holdings(one)) == pulls.parts(two, empty) == []
        assert len(planned) == 4
        for number in range(MOST):
            pulls.parts(two, replace(empty, agents=(str(number),)))
        pulls.parts(one, empty)
        assert len(planned) == 4 + MOST + 1
