"""What is written into a ledger comes out of it, on SQLite and on PostgreSQL, once."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from arena import database
from arena.games.errors import UnknownName
from arena.ledger import GameRow, Ledger, LedgerError
from arena.results import MatchResults, Termination


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path, monkeypatch):
    if request.param == "sqlite":
        return str(tmp_path / "arena.db")
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path / "arena.artifacts"))
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def ledger(url):
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def tournament(ledger, made_game):
    return begin(ledger, made_game())


def begin(ledger, game, *, agents=3, name="Cup", seed=7):
    entered = [ledger.add_agent(f"agent {i}", specification=f"spec {i}", kind="test") for i in range(agents)]
    return ledger.add_tournament(name=name, game=game, agents=entered, config={"a": [1]}, seed=seed, planned=100)


# Agents


def test_an_agent_comes_back_as_it_was_added(ledger):
    added = ledger.add_agent(
        "Ada", specification="policy:a.json", kind="policy", content_hash="ab", lineage={"parents": ["x@1"]}
    )
    assert (added.name, added.version, added.label) == ("Ada", 1, "Ada@1")
    assert (added.specification, added.kind, added.content_hash) == ("policy:a.json", "policy", "ab")
    assert added.lineage == {"parents": ["x@1"]}
    assert added.created_at.endswith("Z")
    assert not added.retired
    assert ledger.agent("Ada") == ledger.agent("Ada@1") == added


def test_an_agent_gets_a_new_version_only_when_it_changed(ledger):
    first = ledger.add_agent("Ada", specification="a", kind="k", content_hash="1")
    assert ledger.add_agent("Ada", specification="a", kind="k", content_hash="1") == first
    changed = ledger.add_agent("Ada", specification="a", kind="k", content_hash="2")
    assert changed.label == "Ada@2"
    assert ledger.add_agent("Ada", specification="b", kind="k", content_hash="2").label == "Ada@3"
    assert ledger.add_agent("Ada", specification="a", kind="k", content_hash="1") == first, (
        "going back is no new version"
    )
    assert ledger.agent("Ada").version == 3
    assert [agent.label for agent in ledger.agents()] == ["Ada@1", "Ada@2", "Ada@3"]


def test_whether_a_version_may_be_added_is_asked_of_those_that_there_are_when_it_is(ledger):
    seen = []

    def check(versions):
        seen.append([one.label for one in versions])
        if not versions:
            ledger.add_agent("Ada", specification="faster", kind="k")
        elif versions[0].specification != "Ada's":
            raise LedgerError("taken")

    with pytest.raises(LedgerError, match="taken"):
        ledger.add_agent("Ada", specification="a", kind="k", check=check)
    assert seen == [[], ["Ada@1"]]
    assert ledger.agent("Ada").specification == "faster"


def test_a_retired_agent_leaves_the_list_and_can_still_be_named(ledger):
    ledger.add_agent("Ada", specification="a", kind="k")
    ledger.add_agent("Ada", specification="b", kind="k")
    retired = ledger.retire_agent("Ada")
    assert (retired.label, retired.retired) == ("Ada@2", True)
    assert ledger.agent("Ada").label == "Ada@1"
    assert ledger.agent("Ada@2").retired
    ledger.retire_agent("Ada")
    assert ledger.agents() == []
    assert [agent.label for agent in ledger.agents(include_retired=True)] == ["Ada@1", "Ada@2"]
    assert ledger.agent("Ada").label == "Ada@2"
    assert ledger.add_agent("Ada", specification="b", kind="k").label == "Ada@3"


def test_an_unknown_agent_is_answered_with_the_nearest_names(ledger):
    ledger.add_agent("random", specification="a", kind="k")
    with pytest.raises(UnknownName, match="'random'"):
        ledger.agent("randon")
    with pytest.raises(UnknownName, match="random@1"):
        ledger.agent("random@2")
    with pytest.raises(UnknownName):
        ledger.agent("random@99999999999999999999")


@pytest.mark.parametrize("name", ["", " ", " a", "a@1", "a\nb", "a\0b"])
def test_a_name_that_references_could_not_hold_is_refused(ledger, name):
    with pytest.raises(LedgerError, match="named"):
        ledger.add_agent(name, specification="a", kind="k")


# Tournaments


def test_a_tournament_comes_back_as_it_was_added(ledger, made_game):
    agents = [ledger.add_agent(name, specification=name, kind="k") for name in ("b", "a", "c")]
    added = ledger.add_tournament(
        name="Grand Čup!", game=made_game(), agents=agents, config={"x": 1}, seed=-5, planned=9, versions={"arena": "1"}
    )
    assert added == ledger.tournament("grand-cup")
    assert (added.key, added.name) == ("grand-cup", "Grand Čup!")
    assert (added.game, added.game_title, added.game_version) == ("test:game", "A game", "3")
    assert (added.utility, added.lane, added.num_players) == ("general_sum", "object", 2)
    assert added.agents == tuple(agents)
    assert (added.config, added.versions, added.seed, added.planned) == ({"x": 1}, {"arena": "1"}, -5, 9)
    assert (added.source, added.status, added.finished_at) == ("play", "running", None)
    assert ledger.tournaments() == [added]


def test_keys_are_made_unique(ledger, made_game):
    keys = [begin(ledger, made_game(), name=name).key for name in ("Cup", "cup", "CUP", "cup-2", "カップ", "")]
    assert keys == ["cup", "cup-2", "cup-3", "cup-2-2", "tournament", "tournament-2"]
    assert [one.key for one in ledger.tournaments()] == keys


def test_tournaments_are_listed_by_game(ledger, made_game):
    begin(ledger, made_game(specification="test:one"), name="one")
    begin(ledger, made_game(specification="test:two"), name="two")
    assert [one.key for one in ledger.tournaments("test:two")] == ["two"]
    assert ledger.tournaments("test:three") == []


def test_an_unknown_tournament_is_answered_with_the_nearest_keys(ledger, tournament):
    with pytest.raises(UnknownName, match="'cup'"):
        ledger.tournament("cap")


def test_finishing_notes_the_time_and_going_on_takes_it_back(ledger, tournament):
    finished = ledger.set_status(tournament, "finished")
    assert finished.status == "finished"
    assert finished.finished_at >= tournament.created_at
    assert ledger.set_status(tournament, "running").finished_at is None


def test_what_makes_no_tournament_is_refused(ledger, made_game):
    agent = ledger.add_agent("a", specification="a", kind="k")
    with pytest.raises(LedgerError, match="twice"):
        ledger.add_tournament(name="x", game=made_game(), agents=[agent, agent], config={}, seed=0, planned=None)
    with pytest.raises(LedgerError, match="printable"):
        ledger.add_tournament(name="a\u202eb", game=made_game(), agents=[agent], config={}, seed=0, planned=None)
    with pytest.raises(LedgerError, match="64 bits"):
        ledger.add_tournament(name="x", game=made_game(), agents=[agent], config={}, seed=1 << 63, planned=None)
    assert ledger.tournaments() == []


def test_games_are_counted(ledger, made_game, made_results):
    one = begin(ledger, made_game(specification="test:one"), agents=3)
    begin(ledger, made_game(specification="test:one"), agents=2)
    begin(ledger, made_game(specification="test:two"), agents=1)
    ledger.write(one, made_results(10))
    assert ledger.games() == [
        GameRow(game="test:one", title="A game", version="3", matches=10, tournaments=2, agents=3),
        GameRow(game="test:two", title="A game", version="3", matches=0, tournaments=1, agents=1),
    ]


# Matches


@pytest.mark.parametrize("kind", ["small", "large", "vectors", "boxes", "none"])
@pytest.mark.parametrize("lane", ["object", "tensor", "hosted"])
def test_results_come_back_equal(url, made_game, made_results, lane, kind):
    for players in (1, 2, 4) if kind == "small" else (2,):
        blocks = [made_results(40, first=first, players=players, kind=kind) for first in (0, 40, 80)]
        with Ledger.open(url) as ledger:
            one = begin(ledger, made_game(lane=lane, players=players))
            for block in (blocks[2], blocks[0], blocks[1]):  # completion is not the order of the schedule
                assert ledger.write(one, block) == 40
        with Ledger.open(url, create=False, read_only=True) as ledger:
            whole, back = MatchResults.joined(blocks), ledger.results(one)
            assert back.equals(whole)
            assert np.array_equal(np.signbit(back.returns), np.signbit(whole.returns))
            assert back.actions.values.dtype == whole.actions.values.dtype
            assert np.array_equal(back.seconds, whole.seconds)
            assert back.faults == whole.faults
            assert ledger.faults(one) == list(whole.faults)
            played = ledger.played(one)
            for name in ("returns", "termination", "forfeit"):
                assert np.array_equal(getattr(played, name), getattr(whole, name))
            for name in ("index", "seats", "chance_seed"):
                assert np.array_equal(getattr(played, name), getattr(whole.specs, name))
            assert ledger.written(one) == {0, 40, 80}
            assert ledger.progress(one) == 120
            same(ledger.match(one, 77), whole[77])
    assert database.check(url) == []


def same(one, other):
    for field in dataclasses.fields(one):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name)) or field.name == "spec"
    assert one.spec == other.spec


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_an_empty_tournament_has_empty_results(ledger, made_game, lane):
    one = begin(ledger, made_game(lane=lane, players=3))
    assert ledger.results(one).specs.seats.shape == (0, 3)
    assert ledger.played(one).returns.shape == (0, 3)
    assert (ledger.written(one), ledger.progress(one), ledger.mark("test:game")) == (set(), 0, 0)
    assert ledger.write(one, MatchResults.joined([ledger.results(one)])) == 0
    with pytest.raises(LedgerError, match="none is written"):
        ledger.match(one, 0)


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_writing_twice_changes_nothing(url, made_game, made_results, lane):
    with Ledger.open(url) as ledger:
        one, block = begin(ledger, made_game(lane=lane)), made_results(50)
        assert ledger.write(one, block) == 50
        mark = ledger.mark("test:game")
        other_outcome = dataclasses.replace(block, returns=-block.returns)
        assert ledger.write(one, block) == ledger.write(one, other_outcome) == 0
        assert ledger.mark("test:game") == mark
        assert ledger.progress(one) == 50
        assert ledger.results(one).equals(block)
        assert ledger.write(one, made_results(50, first=50)) == 50
        assert ledger.mark("test:game") > mark
        assert ledger.mark("test:other") == 0
    assert database.check(url) == []


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_a_block_that_cuts_another_is_refused(ledger, made_game, made_results, lane):
    one = begin(ledger, made_game(lane=lane))
    ledger.write(one, made_results(50, first=100))
    for first, matches in ((100, 49), (100, 51), (120, 10), (60, 41), (149, 1), (50, 200)):
        with pytest.raises(LedgerError, match=r"block 100 to 149"):
            ledger.write(one, made_results(matches, first=first))
    assert ledger.progress(one) == 50
    assert ledger.write(one, made_results(50, first=50)) == 50
    assert ledger.write(one, made_results(1, first=150)) == 1


def test_matches_that_make_no_sense_are_refused(ledger, tournament, made_results):
    good = made_results(4)

    def spoilt(**columns):
        return dataclasses.replace(good, specs=dataclasses.replace(good.specs, **columns))

    for bad in (
        spoilt(index=np.array([0, 1, 1, 2])),
        spoilt(index=np.array([3, 2, 1, 0])),
        spoilt(index=np.array([-1, 0, 1, 2])),
        spoilt(seats=np.full((4, 2), 3)),
        spoilt(seats=np.full((4, 2), -2)),
        spoilt(seats=np.zeros((4, 3), np.int64)),
    ):
        with pytest.raises(LedgerError):
            ledger.write(tournament, bad)
    assert ledger.progress(tournament) == 0


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_seats_may_be_empty_and_an_agent_may_sit_twice(ledger, made_game, made_results, lane):
    one = begin(ledger, made_game(lane=lane, players=3))
    block = made_results(5, players=3)
    seats = np.array([[0, 1, 2], [2, 1, -1], [-1, -1, -1], [1, 1, 1], [0, -1, 0]])
    block = dataclasses.replace(block, specs=dataclasses.replace(block.specs, seats=seats))
    ledger.write(one, block)
    assert np.array_equal(ledger.played(one).seats, seats)
    assert ledger.matches_of(one.agents[1].id, 10) == [("cup", 3), ("cup", 1), ("cup", 0)]


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_matches_are_found_by_number_or_refused(ledger, made_game, made_results, lane):
    one = begin(ledger, made_game(lane=lane))
    block = made_results(20, first=40).take(np.array([0, 5, 19]))
    ledger.write(one, block)
    same(ledger.match(one, 45), block[1])
    assert ledger.match(one, 59).spec.index == 59
    for number in (-1, 0, 39, 44, 60, 1 << 40):
        with pytest.raises(LedgerError, match=f"no match {number}"):
            ledger.match(one, number)


def test_the_matches_of_an_agent_are_listed_newest_first_across_tournaments(ledger, made_game, made_results):
    old, new = begin(ledger, made_game(), name="old"), begin(ledger, made_game(lane="tensor"), name="new")
    results = [made_results(30), made_results(30, first=30)]
    for block in results:
        ledger.write(old, block)
        ledger.write(new, block)
    joined = MatchResults.joined(results)
    mine = joined.specs.index[(joined.specs.seats == 2).any(axis=1)][::-1].tolist()
    expected = [("new", number) for number in mine] + [("old", number) for number in mine]
    agent = old.agents[2].id
    assert ledger.matches_of(agent, 1000) == expected
    for limit in (0, 1, len(mine), len(mine) + 1):
        assert ledger.matches_of(agent, limit) == expected[:limit]


def test_an_agents_last_words_are_kept_whatever_they_were(ledger, tournament, made_results):
    block = made_results(1)
    fault = dataclasses.replace(block.faults[0], message="nul \0 and half a pair \ud800", log="ü\n" * 1000)
    ledger.write(tournament, dataclasses.replace(block, faults=(fault,)))
    (back,) = ledger.faults(tournament)
    assert (back.message, back.log) == ("nul ? and half a pair ?", "ü\n" * 1000)
    assert back.termination is Termination.TIMEOUT


def test_readers_see_whole_blocks_while_a_writer_writes(url, made_game, made_results):
    with Ledger.open(url) as ledger:
        one = begin(ledger, made_game())
        blocks = [made_results(20, first=20 * i) for i in range(30)]
        writer = threading.Thread(target=lambda: [ledger.write(one, block) for block in blocks])
        writer.start()
        with Ledger.open(url, read_only=True) as reader:
            while writer.is_alive():
                assert len(reader.results(one)) % 20 == 0  # raises where rows and actions differ
        writer.join()
        assert len(ledger.results(one)) == 600


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_writers_at_once_leave_no_duplicates(url, made_game, made_results, lane):
    """Two ledgers and two threads on each write the same blocks, each in its own order."""
    blocks = [made_results(10, first=10 * i, agents=8) for i in range(12)]
    written: list[int] = []
    failed: list[BaseException] = []
    with Ledger.open(url) as one, Ledger.open(url) as two:
        cup = begin(one, made_game(lane=lane), agents=8)

        def write(ledger, seed):
            try:
                for i in np.random.default_rng(seed).permutation(len(blocks)):
                    written.append(ledger.write(cup, blocks[i]))
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failed.append(error)

        threads = [threading.Thread(target=write, args=(ledger, seed)) for seed, ledger in enumerate((one, two) * 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert sum(written) == 120
        assert one.results(cup).equals(MatchResults.joined(blocks))
    assert database.check(url) == []


def test_programs_that_add_at_once_get_their_own_versions_and_keys(url, made_game):
    with Ledger.open(url) as one, Ledger.open(url) as two:
        agents, keys, failed = [], [], []

        def add(ledger, i):
            try:
                agents.append(ledger.add_agent("a", specification=f"spec {i}", kind="k").label)
                keys.append(begin(ledger, made_game(), agents=0).key)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failed.append(error)

        threads = [threading.Thread(target=add, args=((one, two)[i % 2], i)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert sorted(agents) == [f"a@{i}" for i in range(1, 9)]
        assert sorted(keys) == ["cup"] + [f"cup-{i}" for i in range(2, 9)]


def test_programs_that_make_one_ledger_at_once_share_it(url):
    failed = []

    def enter(i):
        try:
            with Ledger.open(url) as ledger:
                ledger.add_agent(f"agent {i}", specification="a", kind="k")
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)

    threads = [threading.Thread(target=enter, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with Ledger.open(url, create=False) as ledger:
        assert len(ledger.agents()) == 6


WRITER = """
import sys
import numpy as np
from arena.games.ragged import Ragged
from arena.results import MatchResults, MatchSpecs

def block(first, matches=200):
    index = np.arange(first, first + matches)
    return MatchResults(
        specs=MatchSpecs(
            index=index, seats=np.stack([index % 3, (index + 1) % 3], 1),
            seed=index.astype(np.uint64), chance_seed=index.astype(np.uint64),
        ),
        returns=np.stack([index % 2 - 0.5, 0.5 - index % 2], 1),
        termination=np.zeros(matches, np.int8), forfeit=np.full(matches, -1, np.int8),
        actions=Ragged(np.repeat(index, 5).astype(np.int32), np.arange(5, 5 * matches + 1, 5)),
        seconds=np.zeros((matches, 2), np.float32),
    )

if __name__ == "__main__":
    from arena.ledger import Ledger
    with Ledger.open(sys.argv[1], create=False) as ledger:
        cup = ledger.tournament("cup")
        for first in range(0, 200 * 2000, 200):
            ledger.write(cup, block(first))
            if first == 200 * int(sys.argv[2]):
                print("ready", flush=True)
"""


@pytest.mark.parametrize("lane", ["object", "tensor"])
def test_a_killed_writer_leaves_whole_blocks_and_its_work_can_go_on(url, made_game, tmp_path, lane):
    script = tmp_path / "writer.py"
    script.write_text(WRITER)
    names: dict = {"__name__": "writer"}
    exec(WRITER, names)
    with Ledger.open(url) as ledger:
        cup = begin(ledger, made_game(lane=lane))
    before = 0
    for ready in (3, 11) if lane == "object" else (5,):
        with subprocess.Popen([sys.executable, script, url, str(ready)], stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout.readline() == "ready\n"
            time.sleep(0.013)  # anywhere in a transaction
            program.send_signal(signal.SIGKILL)
        assert program.returncode == -signal.SIGKILL
        assert database.check(url) == []
        with Ledger.open(url) as ledger:
            firsts = sorted(ledger.written(cup))
            assert firsts == list(range(0, 200 * len(firsts), 200))
            assert len(firsts) > max(ready, before)
            assert ledger.results(cup).equals(MatchResults.joined([names["block"](first) for first in firsts]))
            before = len(firsts)
            assert ledger.write(cup, names["block"](firsts[-1])) == 0
