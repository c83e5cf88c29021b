import numpy as np
import pyspiel
import pytest

from arena.agents.ismcts import search

KUHN = pyspiel.load_game("kuhn_poker")


def state_after(*actions, game=KUHN):
    state = game.new_initial_state()
    for action in actions:
        state.apply_action(action)
    return state


def searched(state, **changes):
    return search(state, **({"seed": 1, "simulations": 100, "exploration": 4.0, "rollouts": 1} | changes))


def test_visits_sum_to_the_simulations_and_the_state_stays():
    state = state_after(1, 2)
    before = str(state)
    visits = searched(state)
    assert list(visits) == [0, 1]
    assert sum(visits.values()) == 100
    assert str(state) == before
    assert searched(state, simulations=1) in ({0: 1, 1: 0}, {0: 0, 1: 1})


def test_the_answer_depends_on_the_seed_and_the_information_state_alone():
    for seed in range(20):
        assert searched(state_after(1, 0), seed=seed) == searched(state_after(1, 2), seed=seed)
    assert len({tuple(searched(state_after(1, 0), seed=seed).values()) for seed in range(20)}) > 1


@pytest.mark.parametrize("rollouts", [1, 3])
def test_the_best_card_calls_and_the_worst_folds(rollouts):
    for seed in range(5):
        best = searched(state_after(2, 0, 0, 1), seed=seed, simulations=300, rollouts=rollouts)
        worst = searched(state_after(0, 1, 0, 1), seed=seed, simulations=300, rollouts=rollouts)
        assert best[1] > 200
        assert worst[0] > 200


def test_more_exploration_spreads_the_visits():
    state = state_after(0, 1, 0, 1)
    narrow, wide = (searched(state, exploration=exploration, simulations=500) for exploration in (0.1, 100.0))
    assert narrow[0] > wide[0]
    assert abs(wide[0] - 250) < 60


def test_a_game_without_information_state_strings_is_searched_by_observations():
    game = pyspiel.load_game("gin_rummy")
    assert not game.get_type().provides_information_state_string
    state = game.new_initial_state()
    words = np.random.default_rng(0)
    while state.is_chance_node():
        state.apply_action(int(words.choice(state.legal_actions())))
    visits = searched(state, simulations=5)
    assert list(visits) == state.legal_actions()
    assert sum(visits.values()) == 5
    assert searched(state, simulations=5) == visits
