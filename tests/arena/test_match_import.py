"""Results from elsewhere in the ledger."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from arena import database, match_import
from arena.leaderboards.record import Record
from arena.ledger import Ledger, LedgerError
from arena.match_import import import_record
from arena.results import Termination


@pytest.fixture
def path(tmp_path):
    return tmp_path / "arena.db"


@pytest.fixture
def ledger(path):
    with Ledger.open(path) as opened:
        yield opened


def votes(**changed):
    """Four matches of three agents; the second pair of matches is one twin pair, the last match was forfeited."""
    record = Record(
        agents=("gpt", "claude", "llama 3@8"),
        seats=np.array([[0, 1], [1, 2], [0, 2], [2, 0]]),
        returns=np.array([[1.0, -1.0], [0.0, 0.0], [0.5, -0.5], [1.0, -1.0]]),
        forfeit=np.array([-1, -1, -1, 1]),
        pair=np.array([0, 1, 2, 2]),
        weight=np.ones(4),
        utility="constant_sum",
    )
    return dataclasses.replace(record, **changed)


def test_a_record_becomes_a_finished_tournament_of_external_agents(ledger, path):
    cup = import_record(ledger, votes(), game="chess", name="World Cup", source_text="a,b,c")
    assert cup == ledger.tournament("world-cup")
    assert (cup.source, cup.status, cup.planned, cup.utility) == ("import", "finished", 4, "constant_sum")
    assert (cup.game, cup.game_title, cup.game_version) == ("chess", "chess", "imported")
    assert [(agent.name, agent.kind) for agent in cup.agents] == [
        ("gpt", "external"),
        ("claude", "external"),
        ("llama 3 v8", "external"),
    ]
    played = ledger.played(cup)
    assert played.index.tolist() == [0, 1, 2, 3]
    assert np.array_equal(played.seats, votes().seats)
    assert np.array_equal(played.returns, votes().returns)
    assert played.forfeit.tolist() == [-1, -1, -1, 1]
    assert played.chance_seed.tolist() == [0, 1, 2, 2]
    assert [Termination(code).is_forfeit for code in played.termination] == [False, False, False, True]
    assert [(fault.index, fault.player) for fault in ledger.faults(cup)] == [(3, 1)]
    assert len(ledger.match(cup, 2).actions) == 0
    assert database.check(path) == []


def test_the_same_file_counts_once_whatever_it_is_called(ledger):
    cup = import_record(ledger, votes(), game="chess", name="cup", source_text=b"a,b,c")
    mark = ledger.mark("chess")
    again = import_record(ledger, votes(), game="chess", name="other", source_text="a,b,c")
    assert again == cup
    assert ledger.mark("chess") == mark
    assert len(ledger.tournaments()) == 1
    assert len(ledger.agents()) == 3
    with pytest.raises(LedgerError, match="another file stands as cup under the name 'cup'"):
        import_record(ledger, votes(), game="chess", name="cup", source_text="d,e,f")
    other = import_record(ledger, votes(), game="chess", name="cup-2", source_text="d,e,f")
    assert other.key == "cup-2"
    assert other.agents == cup.agents
    assert import_record(ledger, votes(), game="go", name="cup", source_text="a,b,c").key == "cup-3"


def test_an_import_that_was_cut_off_is_completed(ledger, monkeypatch):
    monkeypatch.setattr(match_import, "BLOCK", 3)
    write = Ledger.write

    def cut_off(self, tournament, results):
        if results.specs.index[0] > 0:
            raise KeyboardInterrupt
        return write(self, tournament, results)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "write", cut_off)
        with pytest.raises(KeyboardInterrupt):
            import_record(ledger, votes(), game="chess", name="cup", source_text="a")
    (cup,) = ledger.tournaments()
    assert (ledger.progress(cup), cup.status) == (3, "running")
    assert import_record(ledger, votes(), game="chess", name="cup", source_text="a").status == "finished"
    assert ledger.progress(cup) == 4


def test_a_match_that_counts_twice_stands_twice_and_half_a_match_is_refused(ledger):
    cup = import_record(ledger, votes(weight=np.array([2.0, 0.0, 1.0, 1.0])), game="g", name="n", source_text="1")
    assert ledger.played(cup).seats.tolist() == [[0, 1], [0, 1], [0, 2], [2, 0]]
    with pytest.raises(LedgerError, match="whole matches"):
        import_record(ledger, votes(weight=np.array([0.5, 1, 1, 1])), game="g", name="n", source_text="2")
    for weight in (np.zeros(4), np.array([1e12, 1, 1, 1])):
        with pytest.raises(LedgerError, match="can be imported at once"):
            import_record(ledger, votes(weight=weight), game="g", name="n", source_text="3")
    assert len(ledger.tournaments()) == 1


def test_matches_of_different_sizes_keep_their_empty_seats(ledger):
    record = votes(seats=np.array([[0, 1, 2], [1, 2, -1], [0, 2, -1], [2, 0, -1]]), returns=np.zeros((4, 3)))
    cup = import_record(ledger, record, game="g", name="n", source_text="1")
    assert cup.num_players == 3
    assert np.array_equal(ledger.played(cup).seats, record.seats)


def test_an_imported_name_never_takes_over_an_agent_that_can_play(ledger):
    mine = ledger.add_agent("gpt", specification="random", kind="random")
    cup = import_record(ledger, votes(), game="chess", name="cup", source_text="a,b,c")
    assert cup.agents[0].name == "gpt (imported)"
    assert ledger.agent("gpt") == mine


def test_an_imported_game_carries_the_title_that_the_ledger_knows(ledger, made_game):
    ledger.add_tournament(name="x", game=made_game(), agents=[], config={}, seed=0, planned=None)
    cup = import_record(ledger, votes(), game="test:game", name="cup", source_text="a,b,c")
    assert cup.game_title == "A game"


@pytest.mark.parametrize("game", ["", " chess", "a\nb", "x" * 300])
def test_a_game_has_a_name(ledger, game):
    with pytest.raises(LedgerError, match="a game's name is"):
        import_record(ledger, votes(), game=game, name="cup", source_text="a")
