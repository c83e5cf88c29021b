"""Demonstrations: frequencies of what was asked for, ends of episodes, files, and what cannot have happened."""

import dataclasses

import numpy as np
import pytest
from unstructured_markov_games import unstructured_game

from arena.games import NotProvided, SpecificationError, load_game
from arena.solvers.demonstrations import (
    check_demonstrations,
    demonstrate,
    load_demonstrations,
    save_demonstrations,
)
from arena.solvers.stationary_profile import profile_policy

COLUMNS = ("states", "actions", "successors", "done")


def random_profile(game, *, evenness=1.0):
    rng = np.random.default_rng(0)
    return [rng.dirichlet(np.full(size, evenness), size=game.num_states) for size in game.sizes]


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def test_the_same_seed_shows_the_same_and_another_seed_something_else():
    game = unstructured_game(seed=0)
    profile = random_profile(game)
    first = demonstrate(game, profile, episodes=5, steps=7, seed=3)
    assert equal(first, demonstrate(game, profile_policy(game, profile), episodes=5, steps=7, seed=3))
    assert not equal(first, demonstrate(game, profile, episodes=5, steps=7, seed=4))


def test_an_episode_does_not_depend_on_how_many_others_there_are_nor_how_long_it_is():
    game = unstructured_game(seed=0)
    profile = random_profile(game)
    few, many = (demonstrate(game, profile, episodes=episodes, steps=8, seed=1) for episodes in (2, 9))
    assert np.array_equal(few.actions, many.actions[:16]) and np.array_equal(few.successors, many.successors[:16])
    short = demonstrate(game, profile, episodes=1, steps=5, seed=1)
    assert np.array_equal(short.states, few.states[:5])


def test_frequencies_are_those_of_policy_and_game():
    """Of 60,000 transitions; each bound is about five standard errors."""
    game = unstructured_game(seed=1, states=3, sizes=(2, 3))
    profile = random_profile(game, evenness=5.0)
    shown = demonstrate(game, profile, episodes=6_000, steps=10)
    assert len(shown) == 60_000 and not shown.done.any()
    starts = np.bincount(shown.states.reshape(-1, 10)[:, 0], minlength=3) / 6_000
    assert np.abs(starts - game.initial).max() < 0.035
    for state in range(3):
        here = shown.states == state
        for player, size in enumerate(game.sizes):
            share = np.bincount(shown.actions[here, player], minlength=size) / here.sum()
            assert np.abs(share - profile[player][state]).max() < 0.03
        chosen = np.bincount(shown.actions[here] @ (3, 1), minlength=6) / here.sum()
        independent = np.outer(profile[0][state], profile[1][state]).ravel()
        assert np.abs(chosen - independent).max() < 0.03, "players choose independently"
    for state, one, other in np.ndindex(3, 2, 3):
        here = (shown.states == state) & (shown.actions == (one, other)).all(axis=1)
        share = np.bincount(shown.successors[here], minlength=3) / here.sum()
        assert np.abs(share - game.transitions[state, one, other]).max() < 2.5 / np.sqrt(here.sum())


def test_each_step_begins_where_the_last_one_ended():
    game = unstructured_game(seed=2)
    shown = demonstrate(game, random_profile(game), episodes=4, steps=25)
    assert np.array_equal(shown.states.reshape(4, 25)[:, 1:], shown.successors.reshape(4, 25)[:, :-1])


def test_episodes_end_in_terminal_states_and_nowhere_else():
    game = unstructured_game(seed=3, terminal=True)
    shown = demonstrate(game, random_profile(game), episodes=50, steps=2_000)
    assert np.array_equal(shown.done, shown.successors == 5) and shown.done.sum() == 50
    assert not (shown.states == 5).any()


def test_they_are_possible_in_their_game_and_impossible_ones_are_refused():
    game = unstructured_game(seed=3, terminal=True)
    shown = demonstrate(game, random_profile(game), episodes=3, steps=200)
    check_demonstrations(shown, game)
    wrong = dataclasses.replace(shown, done=~shown.done)
    with pytest.raises(SpecificationError, match=r"transition 0 .* is wrong about whether the game is over"):
        check_demonstrations(wrong, game)
    other = unstructured_game(seed=3, sizes=(3, 2))
    with pytest.raises(SpecificationError, match=r"have 6 states and \[3, 3\] actions"):
        check_demonstrations(shown, other)
    soccer = load_game("markov:rps_chain")
    uniform = [np.full((3, 3), 1 / 3)] * 2
    jumps = dataclasses.replace(demonstrate(soccer, uniform), successors=np.zeros(10_000, np.int64))
    with pytest.raises(SpecificationError, match="is impossible in markov:rps_chain"):
        check_demonstrations(jumps, soccer)


def test_a_file_holds_them_to_the_last_bit(tmp_path):
    game = unstructured_game(seed=3, terminal=True)
    shown = demonstrate(game, random_profile(game))
    save_demonstrations(shown, tmp_path / "shown.npz")
    held = load_demonstrations(tmp_path / "shown.npz")
    assert equal(shown, held) and (held.game, held.num_states, held.sizes) == (shown.game, 6, (3, 3))
    assert [path.name for path in tmp_path.iterdir()] == ["shown.npz"]


def test_files_that_hold_none_are_refused(tmp_path):
    file = tmp_path / "shown.npz"
    game = unstructured_game(seed=0)
    with pytest.raises(SpecificationError, match="cannot read"):
        load_demonstrations(file)
    shown = demonstrate(game, random_profile(game), episodes=2, steps=5)
    with pytest.raises(SpecificationError, match=r"end the name in \.npz"):
        save_demonstrations(shown, tmp_path / "shown.json")
    save_demonstrations(shown, file)
    content = file.read_bytes()
    for broken in (b"", b"no archive", content[: len(content) // 2]):
        file.write_bytes(broken)
        with pytest.raises(SpecificationError, match="holds no demonstrations"):
            load_demonstrations(file)
    np.savez(file, format="arena-demonstrations", version=2)
    with pytest.raises(SpecificationError, match="version 2"):
        load_demonstrations(file)
    np.savez(file, format=np.array([{"a": 1}], object))
    with pytest.raises(SpecificationError, match="holds no demonstrations"):
        load_demonstrations(file)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("states", np.full(10, 6), "states of demonstrations are 0 to 5; got 6 to 6"),
        ("successors", np.full(10, -1), "successors of demonstrations are 0 to 5"),
        ("actions", np.full((10, 2), 3), "player 0's actions in demonstrations are 0 to 2"),
        ("actions", np.zeros((10, 3), int), "with columns"),
        ("states", np.zeros(0, int), "at least one transition"),
        ("states", np.zeros(10), "whole numbers"),
        ("done", np.zeros(10, int), "truth values in done"),
    ],
)
def test_columns_must_fit_each_other_and_the_game(column, values, message):
    game = unstructured_game(seed=0)
    shown = demonstrate(game, random_profile(game), episodes=2, steps=5)
    with pytest.raises(SpecificationError, match=message):
        dataclasses.replace(shown, **{column: values})


@pytest.mark.parametrize("settings", [{"episodes": 0}, {"steps": 0}, {"seed": -1}])
def test_settings_outside_their_range_are_refused(settings):
    game = unstructured_game(seed=0)
    with pytest.raises(ValueError, match="episodes and steps must be positive"):
        demonstrate(game, random_profile(game), **settings)


def test_games_and_policies_of_another_kind_are_refused():
    with pytest.raises(NotProvided, match="needs a tabular Markov game"):
        demonstrate(load_game("matrix:rps"), [np.ones((1, 3)) / 3] * 2)
    with pytest.raises(NotProvided, match="by information states or for batches"):
        demonstrate(unstructured_game(seed=0), object())
