"""Solvers by name."""

from types import SimpleNamespace

import numpy as np
import pytest

from arena.games import NotProvided, SpecificationError, UnknownName, load_game
from arena.solve_settings import settings_of
from arena.solvers import methods, solve
from arena.solvers.method_list import applicable
from arena.solvers.registry import function_of

ROCK_PAPER_SCISSORS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)


def normal_form_game(**shown):
    return SimpleNamespace(info=SimpleNamespace(specification="matrix:test", num_players=2), **shown)


def test_every_method_says_what_it_does_and_needs():
    assert {"cfr_plus", "matrix_game_lp", "minimax_winner"} <= set(methods())
    said = {name: (m.description, m.preconditions, m.promise) for name, m in methods().items()}
    assert {name for name, phrases in said.items() if not all(phrases)} == set(), "description, preconditions, promise"
    assert {name for name, method in methods().items() if not method.games} == set(), "kinds of games"


GAMES = (
    "openspiel:kuhn_poker",
    "openspiel:kuhn_poker(players=3)",
    "arena:kuhn_poker",
    "openspiel:tiny_hanabi",
    "matrix:rps",
    "matrix:matching_pennies",
    "matrix:chicken",
    "matrix:matching_pennies_3p",
    "preference:rps",
    "markov:rps_chain",
    "markov:repeated_prisoners_dilemma",
)


def refused(name, game):
    """What a method says that does not take a game; None where it solves, or asks for demonstrations first."""
    settings = {"iterations": 2} if "iterations" in settings_of(function_of(name)) else {}
    try:
        solve(name, game, **settings)
    except NotProvided as error:
        return str(error)
    except SpecificationError as error:
        return None if "demonstrations" in str(error) else str(error)
    return None


@pytest.mark.parametrize("specification", GAMES)
def test_methods_take_the_games_that_they_are_said_to_apply_to_and_refuse_all_others(specification):
    game = load_game(specification)
    said = {name: refused(name, game) for name in methods()}
    assert [name for name, reason in said.items() if reason is None] == applicable(game)
    others = [reason for reason in said.values() if reason is not None]
    assert all("methods for it: " in reason for reason in others), others


def test_a_refusal_names_the_methods_that_do_apply():
    with pytest.raises(NotProvided, match=r"sequence_form_lp.*; methods for it: cfr, cfr_plus, .*fictitious_play"):
        solve("sequence_form_lp", load_game("openspiel:kuhn_poker(players=3)"))
    with pytest.raises(NotProvided, match=r"methods for it: .*nash_value_iteration"):
        solve("cfr", load_game("markov:rps_chain"))


def test_a_method_is_found_by_name():
    solution = solve("cfr_plus", load_game("openspiel:kuhn_poker"), iterations=10)
    assert solution.iterations == 10


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(UnknownName, match="cfr_plus"):
        solve("cfr_pluss", load_game("openspiel:kuhn_poker"))


def test_a_wrong_setting_gets_the_nearest():
    with pytest.raises(UnknownName, match="iterations"):
        solve("cfr_plus", load_game("openspiel:kuhn_poker"), iteration=10)


def test_preference_games_are_solved_by_their_preferences():
    game = normal_form_game(preferences=(ROCK_PAPER_SCISSORS + 1) / 2)
    assert np.allclose(solve("minimax_winner", game).strategies[0], 1 / 3)


def test_symmetric_matrix_games_have_a_minimax_winner():
    game = normal_form_game(payoffs=np.stack((ROCK_PAPER_SCISSORS, -ROCK_PAPER_SCISSORS)))
    assert np.allclose(solve("minimax_winner", game).strategies[0], 1 / 3)


def test_games_that_are_loaded_by_name_are_solved():
    for method, specification in (("minimax_winner", "preference:rps"), ("matrix_game_lp", "matrix:rps")):
        assert np.allclose(solve(method, load_game(specification)).strategies[0], 1 / 3)
    assert solve("cfr_plus", load_game("arena:kuhn_poker"), until=1e-2).converged


def test_matrix_games_are_solved_by_their_payoffs():
    payoffs = np.array([[3.0, -1], [-2, 1]])
    solution = solve("matrix_game_lp", normal_form_game(payoffs=np.stack((payoffs, -payoffs))))
    assert solution.values[0] == pytest.approx(1 / 7)


@pytest.mark.parametrize("method", ["matrix_game_lp", "minimax_winner"])
def test_games_of_another_kind_are_refused(method):
    with pytest.raises(NotProvided, match="needs a"):
        solve(method, load_game("openspiel:kuhn_poker"))


def test_a_method_answers_to_its_other_name() -> None:
    game = load_game("preference:rps")
    one, other = (solve(name, game, iterations=3) for name in ("nash_mp", "nash_mirror_prox"))
    assert one.source == other.source
    assert one.gap == other.gap
