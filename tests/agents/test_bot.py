import pyspiel
import pytest

from arena.agents import bot
from arena.agents.registry import load_agent
from arena.games import SpecificationError, load_game
from arena.playing import play


def test_a_preference_of_actions_is_played_in_its_order():
    specification = "bot:fixed_action_preference(actions=4:2:0:1:3:5:6:7:8)"
    results = play("openspiel:tic_tac_toe", [specification, "random"], matches=30)
    for match in results:
        free = [4, 2, 0, 1, 3, 5, 6, 7, 8]
        for ply, action in enumerate(match.actions.tolist()):
            if ply % 2 == 0:
                assert action == free[0]
            free.remove(action)


def test_a_bot_plays_games_of_hidden_information_without_seeing_them():
    results = play(
        "openspiel:leduc_poker", ["bot:uniform_restricted_actions(policy_name=AlwaysCall)", "random"], matches=30
    )
    assert (results.forfeit == -1).all()
    states = [replayed("leduc_poker", match.actions.tolist()) for match in results]
    assert {action for taken in states for player, action in taken if player == 0} == {1}


def replayed(game, actions):
    state = pyspiel.load_game(game).new_initial_state()
    taken = []
    for action in actions:
        taken.append((state.current_player(), action))
        state.apply_action(action)
    return taken


@pytest.mark.parametrize("name", ["openspiel:tic_tac_toe", "openspiel:kuhn_poker", "openspiel:matrix_rps"])
def test_matches_are_equal_at_one_table_and_at_a_hundred(play_at, name):
    game = load_game(name)
    agents = [load_agent("bot:uniform_random", game=game)] * 2
    assert agents[0].info.deterministic
    one = play_at(game, agents, tables=1)
    assert one.equals(play_at(game, agents, tables=100))
    assert not one.equals(play_at(game, agents, tables=1, seed=2))


def test_a_bot_without_a_legal_move_loses_its_match():
    results = play("openspiel:tic_tac_toe", ["bot:fixed_action_preference(actions=4)", "random"], matches=10)
    assert (results.forfeit == 0).all()
    assert "answered -1" in results.faults[0].message


def test_every_bot_that_openspiel_registers_has_its_parameters_here():
    assert set(pyspiel.registered_bots()) == set(bot.PARAMETERS)


@pytest.mark.parametrize(
    ("specification", "game", "message"),
    [
        (
            "bot:uniform_restricted_actions(policy_name=AlwaysCall)",
            "openspiel:tic_tac_toe",
            "bots that can: fixed_action",
        ),
        ("bot:uniform_restricted_actions(policy_name=Never)", "openspiel:leduc_poker", "Unknown policy_name: Never"),
        ("bot:uniform_random", "openspiel:liars_dice", "cannot make them from what one player knows"),
    ],
)
def test_a_game_that_a_bot_cannot_play_is_refused_before_any_match(specification, game, message):
    with pytest.raises(SpecificationError) as caught:
        load_agent(specification, game=load_game(game))
    assert message in str(caught.value)
