import numpy as np
import pyspiel
import pytest

from arena.agents import ismcts
from arena.agents.registry import load_agent
from arena.games import SpecificationError, load_game
from arena.playing import play


def wins(results, player):
    return float((results.returns[:, player] > 0).mean())


def test_mcts_beats_random_play_at_tic_tac_toe_from_both_seats():
    first = play("openspiel:tic_tac_toe", ["mcts(simulations=200)", "random"], matches=40, seed=1)
    second = play("openspiel:tic_tac_toe", ["random", "mcts(simulations=200)"], matches=40, seed=2)
    assert wins(first, 0) > 0.85
    assert wins(second, 1) > 0.6
    assert first.returns[:, 0].min() >= 0


def test_mcts_beats_random_play_at_connect_four():
    assert wins(play("openspiel:connect_four", ["random", "mcts(simulations=200)"], matches=12, seed=1), 1) > 0.9


def test_more_simulations_beat_fewer():
    results = play("openspiel:connect_four", ["mcts(simulations=200)", "mcts(simulations=5)"], matches=12, seed=3)
    assert wins(results, 0) > 0.8


def test_ismcts_beats_random_play_at_poker():
    for game, least in (("openspiel:kuhn_poker", 0.1), ("openspiel:leduc_poker", 0.5)):
        agents = ["ismcts(simulations=100)", "random"]
        gains = [
            play(game, agents, matches=100, seed=1).returns[:, 0],
            play(game, agents[::-1], matches=100, seed=1).returns[:, 1],
        ]
        assert np.mean(gains) > least, game


def test_ismcts_never_folds_the_best_card():
    results = play("openspiel:kuhn_poker", ["random", "ismcts(simulations=200)"], matches=80, seed=4)
    best = [
        match for match in results if match.actions[1] == 2 and match.actions[2] == 1
    ]  # holds the king, faces a bet
    assert len(best) >= 3
    assert {int(match.actions[3]) for match in best} == {1}


@pytest.mark.parametrize(
    ("game", "agents"),
    [
        ("openspiel:tic_tac_toe", ["mcts(simulations=20)", "random"]),
        ("openspiel:kuhn_poker", ["ismcts(simulations=20)", "ismcts(simulations=20,final=visits)"]),
        ("openspiel:leduc_poker", ["ismcts(simulations=20)", "random"]),
        ("openspiel:kuhn_poker(players=3)", ["ismcts(simulations=10)", "random", "ismcts(simulations=10)"]),
        ("openspiel:pig(players=2)", ["mcts(simulations=5)", "random"]),
        ("arena:tic_tac_toe", ["mcts(simulations=20)", "random"]),
        ("arena:kuhn_poker", ["ismcts(simulations=20)", "random"]),
    ],
)
def test_matches_are_equal_at_one_table_and_at_a_hundred(play_at, game, agents):
    game = load_game(game)
    loaded = [load_agent(agent, game=game) for agent in agents]
    one = play_at(game, loaded, tables=1, matches=30)
    assert one.equals(play_at(game, loaded, tables=100, matches=30))
    assert one.equals(play_at(game, loaded, tables=1, matches=30))
    assert not one.equals(play_at(game, loaded, tables=1, matches=30, seed=2))


def test_an_answer_knows_nothing_that_its_player_does_not():
    """The same decision under another hidden card: the search must answer the same."""
    game = load_game("openspiel:kuhn_poker")
    agent = load_agent("ismcts(simulations=50,final=visits)", game=game)
    answers = {}
    for hidden in (0, 2):
        tables = game.tables(1)
        seed = next(
            seed for seed in range(1000) if dealt(tables, seed) == [1, hidden]
        )  # the player to move holds the 1 both times
        answers[hidden] = [asked(tables, agent, seed, match) for match in range(60)]
    assert answers[0] == answers[2]
    assert set(answers[0]) == {0, 1}


def dealt(tables, seed):
    tables.start(np.zeros(1, np.int64), np.array([seed], np.uint64))
    return tables.history(np.zeros(1, np.int64)).row(0).tolist()


def asked(tables, agent, seed, match):
    from arena.games import ObservationBatch

    turn = tables.start(np.zeros(1, np.int64), np.array([seed], np.uint64))
    batch = ObservationBatch(
        turn.table, turn.player, turn.legal, np.array([match], np.uint64), np.zeros(1, np.int64), tables
    )
    return int(agent.act(batch)[0])


@pytest.mark.parametrize(
    ("agent", "game", "message"),
    [
        ("mcts", "openspiel:kuhn_poker", "use ismcts"),
        ("mcts", "openspiel:matrix_pd", "move together: use random or a program"),
        (
            "mcts",
            "openspiel:turn_based_simultaneous_game(game=goofspiel(num_cards=3))",
            "information: use random or a program",
        ),
        (
            "ismcts",
            "openspiel:turn_based_simultaneous_game(game=goofspiel(num_cards=3))",
            "knows: use random or a program",
        ),
        ("mcts", "openspiel:2048", "pays on the way"),
        ("mcts", "openspiel:pig(players=3)", None),
        ("ismcts", "openspiel:tic_tac_toe", "use mcts"),
        ("ismcts", "openspiel:goofspiel(imp_info=True)", "move together"),
        ("ismcts", "openspiel:liars_dice", "cannot make them from what one player knows"),
    ],
)
def test_a_game_that_a_search_cannot_play_is_refused_before_any_match(agent, game, message, capfd):
    game = load_game(game)
    if message is None:
        load_agent(agent, game=game)
        return
    with pytest.raises(SpecificationError) as caught:
        load_agent(agent, game=game)
    assert message in str(caught.value)
    assert capfd.readouterr().err == ""


def test_exploration_is_in_units_of_half_the_span_of_utilities(monkeypatch):
    seen = []
    monkeypatch.setattr(ismcts, "search", lambda _, **settings: seen.append(settings) or {0: 7, 1: 3})
    play("openspiel:kuhn_poker", ["ismcts(uct_c=0.5,simulations=10,rollouts=4)", "random"], matches=1)
    assert seen[0]["exploration"] == 0.5 * 2  # utilities are -2 to 2
    assert (seen[0]["simulations"], seen[0]["rollouts"]) == (10, 4)


def test_visits_are_played_as_often_as_they_were_counted(monkeypatch):
    monkeypatch.setattr(ismcts, "search", lambda _, **__: {0: 75, 1: 25})
    results = play("openspiel:kuhn_poker", ["ismcts(final=visits)", "random"], matches=2000)
    bets = sum(int(match.actions[2]) for match in results)
    assert abs(bets - 500) < 4 * np.sqrt(2000 * 0.75 * 0.25)
    results = play("openspiel:kuhn_poker", ["ismcts", "random"], matches=20)
    assert {int(match.actions[2]) for match in results} == {0}


class Silent:
    def step(self, state):
        return state.legal_actions()[0]


class Broken:
    def step(self, state):
        raise pyspiel.SpielError("no move")


def test_a_bot_without_an_answer_loses_its_match_alone(monkeypatch, play_at):
    made = iter(range(10**6))
    monkeypatch.setattr(pyspiel, "MCTSBot", lambda *given: Broken() if next(made) == 5 else Silent())  # noqa: ARG005
    game = load_game("openspiel:tic_tac_toe")
    results = play_at(game, [load_agent(agent, game=game) for agent in ("mcts", "random")], tables=20, matches=20)
    assert (results.forfeit == 0).sum() == 1
