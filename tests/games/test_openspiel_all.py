"""Every game that OpenSpiel registers plays, or says why it cannot."""

import numpy as np
import pyspiel
import pytest

from arena.games import GameMissing, check_game, load_game
from arena.games.seeds import counter_hash

REASONS = {
    "crossword": "structures",
    "efg_game": "data file",
    "nfg_game": "data file",
    "mfg_crowd_modelling": "mean-field",
    "mfg_crowd_modelling_2d": "mean-field",
    "mfg_dynamic_routing": "mean-field",
    "mfg_garnet": "mean-field",
}
MOVES = 1500  # a match is played to its end, or this far
CHECKED_MOVES = 40
SLOW = {"bridge", "bridge_uncontested_bidding"}  # each deal of these solves bridge hands with open cards


def play(game, *, seed, moves):
    """(moves played, returns or None) of one random match."""
    tables, info = game.tables(1), game.info
    turn = tables.start(np.zeros(1, np.int64), np.array([seed], np.uint64))
    for ply in range(moves):
        if len(turn.finished):
            return ply, turn.returns[0]
        action = turn.legal.sample(counter_hash(np.full(len(turn.player), seed, np.uint64), turn.player, np.int64(ply)))
        if info.simultaneous:
            joint = np.zeros(info.num_players, np.int64)
            joint[turn.player] = action
            turn = tables.step(np.zeros(info.num_players, np.int64), np.arange(info.num_players), joint)
        else:
            turn = tables.step(turn.table, turn.player, action)
    return moves, None


@pytest.mark.parametrize("name", [n for n in pyspiel.registered_names() if not n.startswith(("python_", "chat_"))])
def test_a_registered_game_plays_or_says_why_not(name):
    if name in REASONS:
        with pytest.raises(GameMissing, match=REASONS[name]):
            load_game(f"openspiel:{name}")
        return
    game = load_game(f"openspiel:{name}")
    if name == "bridge_uncontested_bidding":
        game = load_game("openspiel:bridge_uncontested_bidding(num_redeals=1)")  # the default solves ten deals a match
    length, returns = play(game, seed=1, moves=MOVES)
    assert length <= game.info.max_length
    if returns is None:
        assert game.info.max_length > MOVES
    else:
        assert np.isfinite(returns).all() and len(returns) == game.info.num_players
    if name not in SLOW:
        check_game(game, matches=2, moves=CHECKED_MOVES)


def test_bridge_conforms_without_solved_hands():
    check_game(load_game("openspiel:bridge(use_double_dummy_result=false)"), matches=2, moves=CHECKED_MOVES)


def test_most_of_the_games_can_be_played():
    names = [n for n in pyspiel.registered_names() if not n.startswith(("python_", "chat_"))]
    assert set(REASONS) <= set(names)
    assert len(names) - len(REASONS) >= 119


@pytest.mark.parametrize(
    "name",
    [
        "python_ant_foraging",
        "python_block_dominoes",
        "python_dynamic_routing",
        "python_hangman",
        "python_iterated_prisoners_dilemma",
        "python_kuhn_poker",
        "python_liars_poker",
        "python_team_dominoes",
        "python_tic_tac_toe",
    ],
)
def test_a_game_that_openspiel_writes_in_python_plays(name):
    check_game(load_game(f"openspiel:{name}"), matches=2, moves=20)


def test_every_observation_tensor_is_openspiels_own():
    hidden_clocks = ("kriegspiel", "dark_chess")
    for name in pyspiel.registered_names():
        if name in REASONS or name in SLOW or name in hidden_clocks or name.startswith(("python_", "chat_")):
            continue
        game = load_game(f"openspiel:{name}")
        if not game.rules.get_type().provides_observation_tensor:
            continue
        tables = game.tables(1)
        turn = tables.start(np.zeros(1, np.int64), np.array([2], np.uint64))
        state = game.rules.new_initial_state()
        for entry in tables.history(turn.table[:1]).row(0).tolist():
            state.apply_action(entry)
        if str(state) != tables.render(0):  # chance that is drawn inside the state
            continue
        expected = np.float32(state.observation_tensor(int(turn.player[0])))
        assert np.array_equal(tables.tensor(turn.table[:1], turn.player[:1])[0], expected), name
