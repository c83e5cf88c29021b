"""Results from elsewhere in the ledger."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from arena import database, match_import
from arena.counterfactual import Where
from arena.games import SpecificationError, UnknownName
from arena.games.vote_file import read_votes
from arena.games.votes import UNSAID, Votes
from arena.judgements import judgement_of, read_judgements, votes_of
from arena.judging import quality_of
from arena.leaderboards.record import Record
from arena.ledger import Ledger, LedgerError
from arena.match_import import import_record, import_votes
from arena.results import Termination
from arena.standings import standings
from arena.vote_files import read_judged_votes, votes_of_game, write_votes


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


def test_votes_keep_their_judges_contexts_and_the_order_shown(ledger, path, tmp_path):
    file = tmp_path / "votes.csv"
    file.write_text(
        "model_a,model_b,winner,judge,prompt_id,weight\n"
        "x,y,model_a,anna,p1,\ny,x,tie (bothbad),ben,p1,2\nz,x,model_b,,p2,\ny,z,tie,anna,,\n"
    )
    votes = read_judged_votes(file)
    cup = import_votes(ledger, votes, game="preference:words", name="votes", source_text=file.read_bytes())
    found = read_judgements(ledger, cup)
    assert (found.contexts, found.judges) == (("p1", "p2"), ("anna", "ben"))
    assert [
        (one.context and one.context.key, one.judge, one.verdict)
        for one in map(partial(_judgement, ledger, cup), range(5))
    ] == [
        ("p1", "anna", "first"),
        ("p1", "ben", "both bad"),
        ("p1", "ben", "both bad"),
        ("p2", None, "second"),
        (None, "anna", "tie"),
    ]
    assert ledger.played(cup).seats.tolist() == [[0, 1], [1, 0], [1, 0], [2, 0], [1, 2]]
    assert database.check(path) == []
    without = standings(ledger, "preference:words", where=Where(without_judges=("anna",)))
    assert (without.matches, without.left_out) == (3, 2)
    only = standings(ledger, "preference:words", where=Where(contexts=("p1", "p2")))
    assert only.matches == 4
    with pytest.raises(UnknownName, match="judge of this board"):
        standings(ledger, "preference:words", where=Where(without_judges=("carl",)))


def test_a_vote_that_weighs_more_is_one_vote_and_no_question_asked_again(ledger):
    said = Votes(
        candidates=("x", "y"),
        contexts=("p",),
        judges=("anna",),
        first=np.array([0, 0, 1]),
        second=np.array([1, 1, 0]),
        score=np.array([1.0, 1.0, 0.5]),
        both_bad=np.zeros(3, np.bool_),
        weight=np.array([2.0, 1.0, 3.0]),
        context=np.zeros(3, np.int64),
        judge=np.zeros(3, np.int64),
    )
    cup = import_votes(ledger, said, game="preference:x", name="v", source_text="v")
    found = votes_of(ledger, [cup])
    assert found.weight.tolist() == [2, 1, 3]
    assert found.score.tolist() == [1, 1, 0.5]
    (anna,) = quality_of(ledger, [cup], found)
    assert (anna.verdicts, anna.repeated.of) == (3, 1)
    assert ledger.progress(cup) == 6


def _judgement(ledger, cup, number):
    return judgement_of(ledger, cup, number, ledger.match(cup, number).spec.seats)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("score", [1.0, 0.7])
def test_votes_of_the_ledger_as_a_file_are_the_votes_that_came_in(ledger, tmp_path, kind, score):
    votes = Votes(
        candidates=("x", "y", "z"),
        contexts=("p", "q"),
        judges=("anna", 'ben, the "second"'),
        first=np.array([0, 2, 1, 1]),
        second=np.array([1, 0, 2, 0]),
        score=np.array([score, 0.5, 0.0, 0.5]),
        both_bad=np.array([False, score == 1, False, False]),
        weight=np.array([1.0, 3.0, 1.0, 2.0]),
        context=np.array([0, 1, UNSAID, 1]),
        judge=np.array([1, 0, 0, UNSAID]),
    )
    cup = import_votes(ledger, votes, game="preference:x", name="v", source_text="v")
    file = tmp_path / f"votes.{kind}"
    with file.open("w") as stream:
        write_votes(stream, votes_of_game(ledger, [cup]), kind)
    again = read_votes(file)
    for name in Votes.__slots__:
        assert np.array_equal(getattr(again, name), getattr(votes, name)), name


def test_results_that_are_more_than_votes_are_not_taken_for_votes(tmp_path):
    file = tmp_path / "results.csv"
    for head in ("agent_a,agent_b,winner", "agent_a,agent_b,winner,judge,pair", "white,black,result,judge"):
        file.write_text(head + "\n")
        assert read_judged_votes(file) is None
    file.write_text("model_a,model_b,winner,judge\nx,y,nobody,anna\n")
    with pytest.raises(SpecificationError, match="line 2: winner must be"):
        read_judged_votes(file)


def test_an_import_of_votes_that_was_cut_off_is_completed(ledger, path, monkeypatch):
    monkeypatch.setattr(match_import, "BLOCK", 3)
    size = 10
    votes = Votes(
        candidates=("x", "y"),
        judges=("anna",),
        first=np.zeros(size, np.int64),
        second=np.ones(size, np.int64),
        score=np.ones(size),
        both_bad=np.zeros(size, bool),
        weight=np.ones(size),
        context=np.full(size, UNSAID),
        judge=np.zeros(size, np.int64),
    )
    written = match_import.write_judgements

    def cut_off(ledger, tournament, blocks, judged):
        if blocks[0].specs.index[0] == 6:
            raise KeyboardInterrupt
        return written(ledger, tournament, blocks, judged)

    with monkeypatch.context() as patched:
        patched.setattr(match_import, "write_judgements", cut_off)
        with pytest.raises(KeyboardInterrupt):
            import_votes(ledger, votes, game="g", name="v", source_text="v")
    cup = import_votes(ledger, votes, game="g", name="v", source_text="v")
    assert (cup.status, len(read_judgements(ledger, cup))) == ("finished", 10)
    assert database.check(path) == []
