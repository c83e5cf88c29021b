"""`arena leaderboard --anytime`: what is shown is what `watch_ratings` found, and only of matches that it may be found of."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from arena.anytime_ratings import AGENTS_AT_MOST, _complete, anytime_ratings, anytime_standings
from arena.cli import app
from arena.config import make_config
from arena.games import SpecificationError, UnknownName
from arena.leaderboards.watched_ratings import watch_ratings
from arena.ledger import Ledger
from arena.tournament import run_tournament
from tests.simulated_records import record_of, twins


@pytest.fixture(scope="module")
def league():
    """Four agents, the first clearly the best, the last two alike; pairs of agents meet in random order."""
    made = twins(np.random.default_rng(3), np.array([0.8, 0.2, 0.0, 0.0]), 120)
    unit = np.random.default_rng(0).permutation(len(made) // 2)
    return made.of((2 * unit[:, None] + np.arange(2)).ravel())


@pytest.fixture
def results(league, tmp_path):
    with open(tmp_path / "r.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["agent_a", "agent_b", "winner", "pair"])
        for seats, returns, pair in zip(league.seats, league.returns, league.pair, strict=True):
            first, second = (league.agents[seat] for seat in seats)
            rows.writerow([first, second, first if returns[0] > 0 else second, pair])
    return str(tmp_path / "r.csv")


def _run(*words):
    done = CliRunner().invoke(app, ["leaderboard", "--anytime", *words])
    return done.exit_code, done.output


def test_differences_are_the_last_bounds_of_the_sequence_the_strongest_first(league):
    found, watched = anytime_ratings(league, name="l"), watch_ratings(league)
    assert [(one.agent, one.against) for one in found.differences[:2]] == [("a0", "a1"), ("a0", "a2")]
    assert len(found.differences) == 6
    for one in found.differences:
        at = league.agents.index(one.agent), league.agents.index(one.against)
        assert (one.difference, one.low, one.high) == tuple(
            side[at][-1] for side in (watched.estimate, watched.low, watched.high)
        )


def test_told_apart_after_is_the_first_look_without_zero_in_the_bounds(league):
    found = anytime_ratings(league, name="l")
    for one in found.differences:
        if one.told_apart_after is None:
            assert one.low <= 0 <= one.high
            continue
        at = found.watched.looks.tolist().index(one.told_apart_after)
        low = found.watched.low[league.agents.index(one.agent), league.agents.index(one.against)]
        assert low[at] > 0 >= low[at - 1]
    assert {one.told_apart_after is None for one in found.differences} == {True, False}


def test_the_finding_names_the_leader_and_since_when(league):
    found = anytime_ratings(league, name="l")
    look, leader = found.watched.first_leader()
    assert leader == "a0"
    assert found.finding.startswith(
        f"a0 is above all others since unit {found.watched.looks[look]} of 720; 3 of 6 pairs"
    )


def test_equals_have_no_leader():
    found = anytime_ratings(twins(np.random.default_rng(4), np.zeros(2), 60), name="l")
    assert found.finding.startswith(
        "No agent is certainly above all others after 60 units; 0 of 1 pairs are told apart"
    )


def test_an_anchor_leaves_the_differences_to_it(league):
    found = anytime_ratings(league, name="l", anchor="a1")
    assert [(one.agent, one.against) for one in found.differences] == [("a0", "a1"), ("a2", "a1"), ("a3", "a1")]
    assert found.finding.startswith("1 of 3 agents is told apart from a1")
    with pytest.raises(UnknownName):
        anytime_ratings(league, name="l", anchor="nobody")


def test_few_matches_have_no_bounds_and_say_so():
    found = anytime_ratings(twins(np.random.default_rng(5), np.zeros(3), 10), name="l")
    assert all(one.low is None and one.high is None for one in found.differences)
    assert found.notes[0].startswith("3 of 3 differences have no bounds yet")


def test_a_difference_that_changed_is_said_to_contradict_itself():
    parts = [twins(np.random.default_rng(6), np.array(strength), 400) for strength in ([2.0, 0.0], [-2.0, 0.0])]
    found = anytime_ratings(
        record_of(
            np.concatenate([part.seats for part in parts]),
            np.concatenate([part.returns for part in parts]),
            pair=np.concatenate([parts[0].pair, parts[1].pair + 400]),
        ),
        name="l",
    )
    assert found.differences[0].contradicts
    assert "exclude each other" in found.notes[0]


def test_no_match_and_one_agent_are_told():
    empty = record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a",))
    assert anytime_ratings(empty, name="l").finding == "There are no two agents to compare."


def test_too_many_agents_are_refused():
    names = tuple(f"a{at}" for at in range(AGENTS_AT_MOST + 1))
    with pytest.raises(SpecificationError, match="leave some out"):
        anytime_ratings(record_of([[0, 1]], [[1, -1]], agents=names), name="l")


def test_a_file_is_printed_and_given_as_json(results, league):
    code, printed = _run("--from", results)
    assert code == 0 and "95 % at any time" in printed and "not yet" in printed
    answer = json.loads(_run("--from", results, "--json")[1])
    assert (answer["leader"], answer["units"], answer["matches"]) == ("a0", 720, 1440)
    assert answer["differences"][0]["low"] == pytest.approx(anytime_ratings(league, name="l").differences[0].low)


def test_what_does_not_count_is_said(results):
    answer = json.loads(_run("--from", results, "--without-agent", "a0", "--json")[1])
    assert answer["notes"][0] == "counted: without agent a0"
    assert len(answer["differences"]) == 3


@pytest.mark.parametrize("more", [["--joint"], ["--seat", "1"], ["--method", "glicko2"], ["--adjusted"]])
def test_other_questions_are_refused(results, more):
    with pytest.raises(SpecificationError, match="--anytime is of Elo differences"):
        CliRunner().invoke(app, ["leaderboard", "--anytime", "--from", results, *more], catch_exceptions=False)


def test_an_anchor_alone_is_refused(results):
    with pytest.raises(SpecificationError, match="--anchor goes with --anytime"):
        CliRunner().invoke(app, ["leaderboard", "--from", results, "--anchor", "a1"], catch_exceptions=False)


def test_a_ledger_is_watched_and_pairings_that_look_are_refused(tmp_path):
    path = tmp_path / "arena.db"
    agents = ["a=random", "b=random", "c=random", "d=random"]
    game = "arena:kuhn_poker"
    with Ledger.open(path) as ledger:
        run_tournament(make_config({"name": "robin", "game": game, "agents": agents, "matches": 40}), ledger)
        found = anytime_standings(ledger, game)
        assert (found.matches, found.units, found.tournaments) == (240, 120, ("robin",))
        assert len(found.differences) == 6
    code, printed = _run("kuhn_poker", "--db", str(path))
    assert code == 0 and "120 units, 240 matches of robin" in printed
    with Ledger.open(path) as ledger:
        swiss = {"name": "swiss", "game": game, "agents": agents, "pairing": "swiss", "rounds": 2}
        run_tournament(make_config(swiss), ledger)
        with pytest.raises(SpecificationError, match=r"swiss \(swiss\)"):
            anytime_standings(ledger, game)
        assert anytime_standings(ledger, game, tournament="robin").matches == 240


@pytest.mark.parametrize(
    ("index", "source", "complete"),
    [
        ([0, 1, 2, 3], "play", 4),
        ([0, 1, 2, 3, 6, 7], "play", 4),
        ([0, 1, 2, 4, 5], "play", 2),
        ([2, 3], "play", 0),
        ([], "play", 0),
        ([0, 3], "import", 4),
    ],
)
def test_matches_count_up_to_the_first_gap_in_whole_pairs(index, source, complete):
    ledger = SimpleNamespace(played=lambda _: SimpleNamespace(index=np.array(index, np.int64)))
    tournament = SimpleNamespace(source=source, config={}, num_players=2)
    assert _complete(ledger, tournament) == complete
