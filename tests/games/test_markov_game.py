"""Markov games: named ones, files, facts, matches."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena import play
from arena.games import (
    GameMissing,
    NotProvided,
    SpecificationError,
    UnknownName,
    check_game,
    list_games,
    load_game,
    markov_game,
    save_markov_game,
)
from arena.games.markov_game import sparse_markov_game

NAMED = [info.specification for info in list_games("markov")]


def walk(**changes):
    """Two states, a player of 2 and one of 3 actions; from either state one comes to the other with chance 1/4."""
    transitions = np.full((2, 2, 3, 2), 0.25)
    transitions[0, ..., 0] = transitions[1, ..., 1] = 0.75
    rewards = np.arange(24.0).reshape(2, 2, 2, 3)
    return markov_game(**({"transitions": transitions, "rewards": rewards, "discount": 0.5} | changes))


def line(length=3, *, discount=1.0, horizon=10, **changes):
    """One action each: state 0 leads to 1 and so on to a last state that nothing leaves; each step pays (1, 2)."""
    transitions = np.eye(length, k=1).reshape(length, 1, 1, length)
    transitions[-1, ..., -1] = 1
    rewards = np.broadcast_to([[[[1.0]]], [[[2.0]]]], (2, length, 1, 1)).copy()
    rewards[:, -1] = 0
    return markov_game(transitions, rewards, discount=discount, horizon=horizon, **changes)


def matches(game, count, choose, seed=1):
    """Returns, lengths and histories of matches in which `choose(states of the tables)` gives joint actions."""
    tables, table = game.tables(count), np.arange(count)
    turn = tables.start(table, np.arange(count).astype(np.uint64) + np.uint64(seed << 32))
    returns, lengths = np.zeros((count, game.num_players)), np.zeros(count, np.int64)
    while len(turn.table):
        lengths[np.unique(turn.table)] += 1
        turn = tables.step(turn.table, turn.player, choose(turn))
        returns[turn.finished] = turn.returns
    return returns, lengths, tables.history(table)


# named games


@pytest.mark.parametrize("specification", [*NAMED, "markov:random(players=3,zero_sum=false,horizon=4,discount=1.0)"])
def test_a_named_game_conforms(specification):
    check_game(load_game(specification))


@pytest.mark.parametrize(
    ("name", "utility", "states", "sizes"),
    [
        ("rps_chain", "zero_sum", 3, (3, 3)),
        ("rps_chain(length=5)", "zero_sum", 5, (3, 3)),
        ("soccer", "zero_sum", 762, (5, 5)),
        ("repeated_prisoners_dilemma", "general_sum", 5, (2, 2)),
        ("random(states=6,actions=2,players=3,zero_sum=false)", "general_sum", 6, (2, 2, 2)),
    ],
)
def test_facts_of_a_named_game(name, utility, states, sizes):
    game = load_game(f"markov:{name}")
    info = game.info
    assert (info.utility, game.num_states, game.sizes) == (utility, states, sizes)
    assert (info.dynamics, info.lane, info.chance, info.max_length) == ("simultaneous", "tensor", True, None)


def test_one_spelling_names_a_ladder():
    names = ["rps_chain", "rps_chain()", "rps_chain(length=3)", " rps_chain( slip=0.1 , length=3 ) "]
    assert {load_game(f"markov:{name}").info.specification for name in names} == {"markov:rps_chain"}
    assert load_game("markov:random(seed=2,states=3)").info.specification == "markov:random(seed=2,states=3)"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("socer", UnknownName),
        ("soccer(width=3)", UnknownName),
        ("soccer(rows=1)", SpecificationError),
        ("soccer(rows=90,columns=90)", SpecificationError),
        ("rps_chain(slip=1.0)", SpecificationError),
        ("rps_chain(discount=1.0)", SpecificationError),
        ("random(players=3)", SpecificationError),
        ("random(states=100000)", SpecificationError),
        ("games/nowhere", SpecificationError),
        ("nowhere.npz", GameMissing),
    ],
)
def test_what_is_no_game_is_refused(name, error):
    with pytest.raises(error):
        load_game(f"markov:{name}")


def test_soccer_is_the_same_seen_from_the_other_side():
    game = load_game("markov:soccer(rows=3,columns=4)")
    squares, names = 12, {name: i for i, name in enumerate(game.states)}
    turned = []
    for a in range(squares):
        for b in range(squares):
            for ball in (0, 1) if a != b else ():

                def told(player, square, owner):
                    return f"{player} at {square // 4 + 1},{square % 4 + 1}{'*' * (owner == player)}"

                here = f"{told(0, a, ball)}, {told(1, b, ball)}"
                there = f"{told(0, squares - 1 - b, 1 - ball)}, {told(1, squares - 1 - a, 1 - ball)}"
                turned.append((names[here], names[there]))
    turned += [(names["goal of 0"], names["goal of 1"]), (names["goal of 1"], names["goal of 0"])]
    map_to = np.array([there for _, there in sorted(turned)])
    opposite = np.array([1, 0, 3, 2, 4])  # north and south, west and east, stand
    transitions = game.transitions
    other = transitions[map_to][:, opposite][:, :, opposite][..., map_to].transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(transitions, other)
    np.testing.assert_array_equal(
        game.rewards[0], game.rewards[1][map_to][:, opposite][:, :, opposite].transpose(0, 2, 1)
    )
    np.testing.assert_array_equal(game.initial, game.initial[map_to])


def test_who_steps_onto_the_other_in_soccer_stays_and_loses_the_ball():
    game = load_game("markov:soccer")
    here = game.states.index("0 at 2,3*, 1 at 2,2")
    west, stand = 2, 4
    after = game.transitions[here, west, stand]
    assert after[game.states.index("0 at 2,3, 1 at 2,2*")] == 1


def test_a_goal_in_soccer_ends_the_match_and_pays_one():
    game = load_game("markov:soccer")
    here = game.states.index("0 at 2,1*, 1 at 4,5")
    west, stand = 2, 4
    assert game.rewards[:, here, west, stand].tolist() == [1, -1]
    assert game.transitions[here, west, stand, game.states.index("goal of 0")] == 1
    corner = game.states.index("0 at 1,1*, 1 at 4,5")  # beside the goal
    assert game.transitions[corner, west, stand, corner] == 1
    assert (game.info.min_utility, game.info.max_utility) == (-1, 1)


# matches


def test_matches_go_on_as_the_chances_say():
    game = walk(discount=0.9)
    _, _, history = matches(game, 4000, lambda turn: np.zeros(len(turn.table), np.int64))
    first = np.array([history.row(i)[3] for i in range(4000)])  # the outcome of the first step: state 0 or 1
    assert abs(first.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)


def test_the_mean_return_of_matches_is_the_discounted_return():
    game = load_game("markov:random(states=3,actions=2,players=2,zero_sum=false,discount=0.8)")
    chosen = np.array([1, 0])
    returns, lengths, _ = matches(game, 20000, lambda turn: chosen[turn.player])
    chain, pay = game.transitions[:, 1, 0], game.rewards[:, :, 1, 0]
    exact = game.initial @ np.linalg.solve(np.eye(3) - 0.8 * chain, pay.T)
    error = returns.std(axis=0) / np.sqrt(len(returns))
    assert (np.abs(returns.mean(axis=0) - exact) < 4 * error).all()
    assert abs(lengths.mean() - 5) < 4 * lengths.std() / np.sqrt(len(lengths))


def test_a_match_ends_where_nothing_is_left_to_play_for():
    game = line(4)
    assert game.terminal.tolist() == [False, False, False, True]
    returns, lengths, _ = matches(game, 2, lambda turn: np.zeros(len(turn.table), np.int64))
    assert (returns.tolist(), lengths.tolist()) == ([[3, 6]] * 2, [3] * 2)
    assert (game.info.min_utility, game.info.max_utility, game.info.chance) == (3, 6, False)
    check_game(game)


def test_a_match_ends_at_the_horizon():
    game = line(4, horizon=2)
    returns, lengths, _ = matches(game, 1, lambda turn: np.zeros(len(turn.table), np.int64))
    assert (returns.tolist(), lengths.tolist(), game.info.max_length) == ([[2, 4]], [2], 2)
    check_game(game)


def test_a_discount_of_nought_is_a_match_of_one_step():
    game = walk(discount=0.0)
    _, lengths, _ = matches(game, 50, lambda turn: np.zeros(len(turn.table), np.int64))
    assert set(lengths.tolist()) == {1}
    check_game(game)
    check_game(line(discount=0.0, horizon=None))


@pytest.mark.parametrize("seed", range(12))  # among many, the kit's few matches would miss the chance of some game
def test_random_games_of_any_shape_conform(seed):
    rng = np.random.default_rng(seed)
    states, sizes = int(rng.integers(1, 5)), tuple(rng.integers(1, 4, rng.integers(1, 4)).tolist())
    shape = (states, *sizes)
    transitions = np.eye(states)[rng.integers(0, states, shape)]
    if rng.random() < 0.5:
        transitions = 0.5 * transitions + 0.5 * rng.dirichlet(np.full(states, 3.0), shape)
    paying = (rng.random(states) < 0.6).reshape(1, states, *[1] * len(sizes))
    rewards = rng.integers(-1, 2, (len(sizes), *shape)) * paying
    discount, horizon = [(0.0, None), (0.6, None), (0.0, 2), (0.6, 3), (1.0, 1), (1.0, 4)][rng.integers(6)]
    check_game(markov_game(transitions, rewards, discount=discount, horizon=horizon), seed)


def test_a_reward_may_depend_on_where_the_step_led():
    transitions = np.full((2, 1, 1, 2), 0.5)
    rewards = np.zeros((2, 2, 1, 1, 2))
    rewards[0, :, 0, 0], rewards[1, :, 0, 0] = (4, -4), (-4, 4)
    game = markov_game(transitions, rewards, discount=1.0, horizon=1)
    np.testing.assert_array_equal(game.rewards, np.zeros((2, 2, 1, 1)))
    returns, _, _ = matches(game, 50, lambda turn: np.zeros(len(turn.table), np.int64))
    assert {tuple(row) for row in returns.tolist()} == {(4, -4), (-4, 4)}
    assert (game.info.utility, game.info.chance, game.info.max_utility) == ("zero_sum", True, 4)
    check_game(game)


def test_long_matches_keep_their_whole_history():
    loop = markov_game(np.ones((1, 1, 2, 1)), np.ones((2, 1, 1, 2)), discount=1.0, horizon=300)
    _, lengths, history = matches(loop, 3, lambda turn: turn.player)
    assert lengths.tolist() == [300] * 3
    assert history.lengths().tolist() == [1 + 3 * 300] * 3
    assert history.row(2)[1:].reshape(300, 3).tolist() == [[0, 1, 0]] * 300


def test_players_read_where_they_are():
    tables = load_game("markov:random(horizon=3)").tables(1)
    turn = tables.start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    text = tables.text(turn.table, turn.player)
    assert "you are player 1 of 2" in text[1]
    assert "Step 1 of 3" in text[1]
    assert tables.information_state(turn.table, turn.player)[1].startswith("player 1: ")
    assert tables.information_state(turn.table, turn.player)[1].endswith(", step 0")
    with pytest.raises(NotProvided):
        tables.search_state(0, 0, 1)


def test_arena_plays_it():
    results = play("markov:rps_chain", ["random", "uniform"], matches=20, seed=3)
    np.testing.assert_allclose(results.returns.sum(axis=1), 0, atol=1e-12)


# facts


@pytest.mark.parametrize(
    ("rewards", "utility"),
    [
        (np.stack((np.ones((2, 2, 3)), -np.ones((2, 2, 3)))), "zero_sum"),
        (np.ones((2, 2, 2, 3)), "identical"),
        (np.stack((np.ones((2, 2, 3)), 2 * np.ones((2, 2, 3)))), "general_sum"),  # a constant a step is none a match
        (np.arange(12.0).reshape(2, 2, 3), "zero_sum"),
    ],
)
def test_utility_is_read_off_the_rewards(rewards, utility):
    assert walk(rewards=rewards).info.utility == utility


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.0, 0.7, 1.0]))
@settings(max_examples=25, deadline=None)
def test_bounds_hold_for_every_match_and_are_met_without_chance(seed, states, horizon, discount):
    rng = np.random.default_rng(seed)
    following = rng.integers(0, states, (states, 2, 2))
    rewards = rng.integers(-3, 4, (2, states, 2, 2)).astype(float)
    game = markov_game(np.eye(states)[following], rewards, discount=discount, horizon=horizon)

    def ends(state, left):
        """The sums of rewards of all matches from a state on."""
        for joint in np.ndindex(2, 2):
            pay, after = rewards[(slice(None), state, *joint)], following[(state, *joint)]
            if left == 1 or discount < 1 or game.terminal[after]:
                yield pay
            if left > 1 and discount > 0 and not game.terminal[after]:
                yield from (pay + rest for rest in ends(after, left - 1))

    sums = np.array(list(ends(0, horizon)))
    low, high = game.info.min_utility, game.info.max_utility
    assert (low, high) == (sums.min(), sums.max())


def test_bounds_of_a_long_horizon_hold_and_are_found_at_once():
    game = walk(discount=1.0, horizon=500_000)
    assert game.info.min_utility == 0
    assert 499_999 * 23 < game.info.max_utility <= 500_000 * 23  # the first step is not the best


@given(st.integers(0, 10_000), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_without_a_horizon_bounds_are_those_of_simple_paths_or_none_where_a_cycle_pays(seed, states):
    """By walking every path that visits no state twice; few rewards pay, so that some games have bounds."""
    rng = np.random.default_rng(seed)
    following = rng.integers(0, states, (states, 2, 1))
    rewards = rng.choice([-2.0, -1, 0, 1], size=(1, states, 2, 1), p=[0.3, 0.3, 0.3, 0.1])
    rewards = np.concatenate((rewards, np.zeros_like(rewards)))
    game = markov_game(np.eye(states)[following], rewards, discount=0.9)
    sums, cycles = [], []

    def walk_on(path, paid):
        for action in range(2):
            pay, after = rewards[0, path[-1], action, 0], following[path[-1], action, 0]
            sums.append(sum(paid) + pay)
            if game.terminal[path[-1]] or game.terminal[after]:
                continue
            if after in path:
                cycles.append(sum(paid[path.index(after) :]) + pay)
            else:
                walk_on([*path, after], [*paid, pay])

    walk_on([0], [])
    if max(cycles, default=0) > 0:
        assert game.info.max_utility is None
    else:
        assert game.info.max_utility == max(*sums, 0)  # the other player always gets 0


def test_what_no_match_comes_to_has_no_say_in_its_bounds():
    """State 0 pays once and is over; state 2 would pay for ever."""
    chances, rewards = np.zeros((3, 1, 1, 3)), np.zeros((2, 3, 1, 1))
    chances[0, ..., 1] = chances[1, ..., 1] = chances[2, ..., 2] = 1.0
    rewards[0, 0] = 5.0
    rewards[:, 2] = 1.0
    info = markov_game(chances, rewards, discount=0.9).info
    assert (info.min_utility, info.max_utility) == (0.0, 5.0)


def test_rewards_that_go_round_have_no_bounds():
    assert (walk().info.min_utility, walk().info.max_utility) == (0, None)


def test_arrays_cannot_be_written_into():
    game = walk()
    for array in (game.begin, game.successors, game.chances, game.paid, game.rewards, game.initial, game.terminal):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


# bad input


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"discount": 1.0}, "discount"),
        ({"discount": float("nan")}, "discount"),
        ({"discount": -0.1}, "discount"),
        ({"horizon": 0}, "horizon"),
        ({"transitions": np.full((2, 2, 3, 2), 0.4)}, "sum to 1"),
        ({"transitions": np.full((2, 2, 3, 2), np.nan)}, "sum to 1"),
        ({"transitions": np.broadcast_to([1.5, -0.5], (2, 2, 3, 2))}, "at least 0"),
        ({"transitions": np.full((2, 2, 3, 3), 1 / 3)}, "shape"),
        ({"rewards": np.full((2, 2, 2, 3), np.nan)}, "finite"),
        ({"rewards": np.full((2, 2, 2, 3), np.inf)}, "finite"),
        ({"rewards": np.zeros((2, 3, 2, 3))}, "rewards|fit"),
        ({"rewards": np.zeros((2, 2, 3, 2))}, "shape"),
        ({"rewards": np.zeros((3, 2, 2, 3))}, "shape"),
        ({"initial": [0.5, 0.6]}, "initial"),
        ({"initial": [1.0]}, "initial"),
        ({"states": ["a", "a"]}, "different"),
        ({"states": ["a"]}, "2 different names"),
        ({"actions": [["u", "d"]]}, "1 of 2 players"),
        ({"actions": [["u", "d"], ["l", "r"]]}, "player 1"),
    ],
)
def test_bad_tables_are_refused_by_name(changes, said):
    with pytest.raises(SpecificationError, match=said):
        walk(**changes)


def test_bad_rows_of_outcomes_are_refused():
    good = {"begin": [0, 1, 3], "successors": [0, 0, 1], "chances": [1, 0.5, 0.5], "rewards": np.zeros((1, 2, 1))}
    assert sparse_markov_game(**good, sizes=(1,), discount=0.5).num_states == 2
    for spoilt in (
        {"begin": [0, 2, 2]},
        {"begin": [0, 1, 4]},
        {"successors": [0, 0, 2]},
        {"chances": [1, 0.5, 0.6]},
        {"chances": [1, 1.5, -0.5]},
    ):
        with pytest.raises(SpecificationError):
            sparse_markov_game(**(good | spoilt), sizes=(1,), discount=0.5)


# files


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize(
    "name", ["rps_chain", "soccer(rows=2,columns=3)", "random(players=3,zero_sum=false,actions=2,horizon=3)"]
)
def test_a_saved_game_is_the_same_game(tmp_path, name, suffix):
    game, path = load_game(f"markov:{name}"), tmp_path / f"game{suffix}"
    save_markov_game(game, path)
    again = load_game(f"markov:{path}")
    for array in ("begin", "successors", "chances", "paid", "initial"):
        np.testing.assert_array_equal(getattr(again, array), getattr(game, array))
    assert (again.states, again.actions, again.discount) == (game.states, game.actions, game.discount)
    assert again.horizon == game.horizon
    check_game(again, matches=4)


def test_a_file_that_is_written_by_hand_is_read(tmp_path):
    whole = {"format": "arena-markov-game", "version": 1, "discount": 0.5, "rewards": [[[1, 0], [0, 2]]]}
    whole |= {"transitions": [[[[1], [1]], [[1], [1]]]], "title": "One state"}
    (tmp_path / "g.json").write_text(json.dumps(whole))
    game = load_game(f"markov:{tmp_path}/g.json")
    assert game.rewards[1, 0].tolist() == [[-1, 0], [0, -2]]
    assert game.info.title == "One state"


def test_another_content_is_another_version(tmp_path):
    path = tmp_path / "g.json"
    save_markov_game(walk(), path)
    before = load_game(f"markov:{path}").info.version
    save_markov_game(walk(discount=0.6), path)
    assert load_game(f"markov:{path}").info.version != before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 1"),
        ({"format": "other"}, "format"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"discount": None}, "no Markov game"),
        ({"discount": "much"}, "no Markov game"),
        ({"rewards": [[1]]}, "rewards"),
        ({"rewards": [[1], [1, 2]]}, "no Markov game"),
        ({"horizon": 2.5}, "whole number"),
        ({"states": "ab"}, "states must be names"),
        ({"actions": [[1, 2], [3, 4, 5]]}, "actions must be names"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path, change, said):
    path = tmp_path / "g.json"
    save_markov_game(walk(), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SpecificationError, match=said) as refused:
        load_game(f"markov:{path}")
    assert "g.json" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"format": "arena-markov-game", "version": 1}'])
def test_what_is_no_json_game_is_refused(tmp_path, content):
    (tmp_path / "g.json").write_bytes(content)
    with pytest.raises(SpecificationError, match=r"g\.json"):
        load_game(f"markov:{tmp_path}/g.json")


def test_a_truncated_or_pickled_archive_is_refused(tmp_path):
    path = tmp_path / "g.npz"
    save_markov_game(walk(), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SpecificationError, match=r"g\.npz"):
        load_game(f"markov:{path}")
    np.savez(path, format=np.array([{}], object))
    with pytest.raises(SpecificationError, match=r"g\.npz"):
        load_game(f"markov:{path}")


def test_a_name_that_ends_otherwise_or_a_game_too_large_for_json_is_not_written(tmp_path):
    with pytest.raises(SpecificationError, match=r"\.json or \.npz"):
        save_markov_game(walk(), tmp_path / "g.pkl")
    with pytest.raises(SpecificationError, match="too large"):
        save_markov_game(load_game("markov:soccer"), tmp_path / "g.json")
    assert not list(tmp_path.iterdir())
