"""Games of teams in the engine: an agent fills a side, a failure loses it for the whole team, ratings compare sides."""

import numpy as np
import pytest

from arena.config import ConfigError, make_config
from arena.entrants import by_side, entrant_label, entrant_labels
from arena.games import SpecificationError, load_game
from arena.games.forfeits import forfeit_returns
from arena.games.sides import side_of_player, side_returns
from arena.ledger import Ledger
from arena.pairing.rule import rule_of
from arena.pairing.state import pairing_state
from arena.playing import play
from arena.results import NOBODY
from arena.rounds import read_rounds
from arena.standings import standings
from arena.tournament import run_tournament, schedule_of

GAME = "smax:5m_vs_6m(max_steps=3)"
CUP = {
    "name": "teams",
    "game": GAME,
    "agents": {"closest": "scripted:closest", "weakest": "scripted:weakest"},
    "teams": {"mixed": ["closest", "weakest"]},
    "matches": 4,
    "seed": 1,
}


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "teams.db") as opened:
        yield opened


def test_sides_are_teams_or_single_players():
    assert load_game(GAME).info.sides == (tuple(range(5)), tuple(range(5, 11)))
    assert load_game("arena:kuhn_poker(players=3)").info.sides == ((0,), (1,), (2,))


def test_a_side_gets_the_mean_of_its_players():
    sides = ((0, 2), (1,))
    assert side_of_player(sides).tolist() == [0, 1, 0]
    assert side_returns(np.array([[1.0, -2, 3]]), sides).tolist() == [[2.0, -2.0]]


def test_agents_and_mixed_teams_meet_on_both_sides():
    config, sides = make_config(CUP), load_game(GAME).info.sides
    chosen = rule_of(config, len(sides)).next_round(())
    specs = schedule_of(config, sides, chosen).specs(0, 100)
    assert len(specs) == 3 * 4
    seats = specs.seats
    mixed = {(0, 1, 0, 1, 0), (0, 1, 0, 1, 0, 1)}
    for match in seats.tolist():
        for side in (tuple(match[:5]), tuple(match[5:])):
            assert len(set(side)) == 1 or side in mixed
    for first, second in zip(seats[::2], seats[1::2], strict=True):  # a rotation: the same two, sides swapped
        assert first[0] == second[5] and first[5] == second[0]
    assert np.array_equal(specs.chance_seed[::2], specs.chance_seed[1::2])


def test_ratings_compare_sides(ledger):
    tournament = run_tournament(make_config(CUP), ledger)
    assert tournament.sides == load_game(GAME).info.sides
    labels = entrant_labels(tournament)
    assert tuple(entrant_label(tournament, k) for k in range(len(labels))) == labels
    assert labels == ("closest@1", "weakest@1", "mixed(closest@1+weakest@1)")
    met = by_side(tournament, ledger.played(tournament))
    assert met.seats.shape == met.returns.shape == (12, 2)
    assert np.bincount(met.seats.ravel()).tolist() == [8, 8, 8]
    board = standings(ledger, GAME).leaderboard
    assert {row.agent for row in board.rows} == set(labels)
    assert all(row.matches == 8 for row in board.rows)


def test_a_ledger_without_teams_is_what_it_was(ledger):
    config = {"name": "duel", "game": "arena:kuhn_poker", "agents": {"a": "random", "b": "uniform"}, "matches": 10}
    tournament = run_tournament(make_config(config), ledger)
    played = ledger.played(tournament)
    assert by_side(tournament, played) is played


def test_two_teams_play_until_decided(ledger):
    config = make_config(
        {
            "name": "duel",
            "game": "smax:3m",
            "agents": {"noise": "random", "closest": "scripted:closest"},
            "pairing": "decide",
            "matches": 400,
            "seed": 3,
        }
    )
    run_tournament(config, ledger)
    found = standings(ledger, "smax:3m")
    assert found.verdict is not None and found.verdict.better == "closest@1"
    assert found.matches < 400


def test_a_failure_loses_for_the_whole_team():
    game = load_game(GAME).info
    returns = forfeit_returns(game, np.array([1, 7]))
    assert returns.tolist() == [[-1] * 5 + [1] * 6, [1] * 5 + [-1] * 6]
    result = play(GAME, [lambda _: 99, lambda _: 4])[0]
    assert result.termination.name == "ILLEGAL_MOVE" and result.returns == (-1,) * 5 + (1,) * 6


def test_a_failing_unit_of_a_mixed_team_is_named(ledger):
    agents = [lambda _: 4] * 10 + [lambda _: 99]
    results = play(GAME, agents)
    assert results[0].forfeited_by == 10 and results.faults[0].player == 10
    assert results[0].returns == (1,) * 5 + (-1,) * 6
    assert results.forfeit[0] != NOBODY


def test_agents_fill_teams_or_players_and_nothing_between():
    with pytest.raises(SpecificationError, match=r"11 players in 2 teams; got 3 agents, one a team or one a player"):
        play(GAME, ["random"] * 3)
    assert len(play(GAME, ["random"] * 11)) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"teams": {"mixed": ["closest", "closest"]}}, "two different agents"),
        ({"teams": {"mixed": ["closest", "nobody"]}}, "'nobody' of mixed is none of the agents closest, weakest"),
        ({"teams": {"closest": ["closest", "weakest"]}}, "the name of an agent too"),
        ({"teams": {"a b": ["closest", "weakest"]}}, "an agent's name is"),
        ({"pairing": "gauntlet", "challenger": "nobody"}, "none of the agents closest, weakest, mixed"),
    ],
)
def test_wrong_teams_are_refused_by_name(changed, said):
    with pytest.raises(ConfigError, match=said):
        make_config({**CUP, **changed})


@pytest.mark.parametrize(
    ("teams", "said"),
    [
        ({"one": ["closest", "weakest"], "two": ["closest", "weakest"] * 2}, "one and two are the same agents"),
        ({"odd": ["closest"] * 5 + ["weakest"]}, "closest and odd are the same agents where a team has 5 players"),
    ],
)
def test_teams_that_records_could_not_tell_apart_are_refused(ledger, teams, said):
    config = make_config({**CUP, "game": "smax:5m_vs_6m", "teams": teams})
    with pytest.raises(ConfigError, match=said):
        run_tournament(config, ledger)


def test_teams_need_a_game_of_teams_with_room_for_them(ledger):
    plain = {**CUP, "game": "arena:kuhn_poker", "agents": {"closest": "random", "weakest": "uniform"}}
    with pytest.raises(ConfigError, match="every player stands alone"):
        run_tournament(make_config(plain), ledger)
    large = {**CUP, "teams": {"mixed": ["closest", "weakest"] * 4}}
    with pytest.raises(ConfigError, match="has 8 agents; a team of SMAX 5m_vs_6m has 6 players"):
        run_tournament(make_config(large), ledger)
    assert ledger.tournaments() == []


@pytest.mark.parametrize("pairing", ["swiss", "knockout"])
def test_teams_meet_in_pairings_that_look_at_results(ledger, pairing):
    tournament = run_tournament(make_config({**CUP, "pairing": pairing}), ledger)
    state = pairing_state(ledger, tournament)
    assert state.labels == entrant_labels(tournament)
    decided = read_rounds(ledger, tournament)
    met = by_side(tournament, ledger.played(tournament)).seats
    assert {frozenset(pair) for pair in met.tolist()} == {
        frozenset(pair) for one in decided for pair in one.lineups.tolist()
    }
    assert max(int(one.lineups.max()) for one in decided) == 2, "the mixed team is an entrant"
