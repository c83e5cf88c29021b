"""Normal-form games: named ones, files, facts, matches."""

import itertools

import numpy as np
import pyspiel
import pytest

from arena.games import GameMissing, NotProvided, SpecificationError, UnknownName, check_game, list_games, load_game
from arena.games.normal_form import normal_form, utility_of

NAMED = [info.specification for info in list_games("matrix")]


def game_of(payoffs, strategies=None):
    return normal_form(
        np.array(payoffs, np.float64), specification="matrix:here", title="here", version="1", strategies=strategies
    )


def load_file(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return load_game(f"matrix:{path}")


def start(tables):
    table = np.arange(tables.capacity)
    return tables.start(table, table.astype(np.uint64))


# named games


@pytest.mark.parametrize("specification", NAMED)
def test_a_named_game_conforms(specification):
    check_game(load_game(specification))


@pytest.mark.parametrize(
    ("name", "utility", "players"),
    [
        ("rps", "zero_sum", 2),
        ("matching_pennies", "zero_sum", 2),
        ("prisoners_dilemma", "general_sum", 2),
        ("stag_hunt", "general_sum", 2),
        ("chicken", "general_sum", 2),
        ("battle_of_the_sexes", "general_sum", 2),
        ("coordination", "identical", 2),
        ("shapley", "general_sum", 2),
        ("matching_pennies_3p", "general_sum", 3),
    ],
)
def test_facts_of_a_named_game(name, utility, players):
    info = load_game(f"matrix:{name}").info
    assert (info.utility, info.num_players, info.dynamics, info.lane) == (utility, players, "simultaneous", "tensor")
    assert len(info.action_names) == info.num_actions
    assert not info.chance


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("rps", "matrix_rps"),
        ("biased_rps", "matrix_brps"),
        ("matching_pennies", "matrix_mp"),
    ],
)
def test_zero_sum_payoffs_are_openspiels(name, peer):
    game, rules = load_game(f"matrix:{name}"), pyspiel.load_matrix_game(peer)
    for row, column in itertools.product(range(3 if name != "matching_pennies" else 2), repeat=2):
        assert game.payoffs[:, row, column].tolist() == [
            rules.row_utility(row, column),
            rules.col_utility(row, column),
        ]


def test_shapleys_game_is_openspiels_with_its_actions_in_another_order():
    payoffs, rules = load_game("matrix:shapley").payoffs, pyspiel.load_matrix_game("matrix_shapleys_game")
    peer = np.array([rules.row_utilities(), rules.col_utilities()]).reshape(2, 3, 3)
    orders = [list(order) for order in itertools.permutations(range(3))]
    assert any(np.array_equal(payoffs, peer[:, rows][:, :, columns]) for rows in orders for columns in orders)


def test_each_social_dilemma_has_its_order_of_payoffs():
    def row_payoffs(name):
        (reward, sucker), (temptation, punishment) = load_game(f"matrix:{name}").payoffs[0]
        return reward, sucker, temptation, punishment

    reward, sucker, temptation, punishment = row_payoffs("prisoners_dilemma")
    assert temptation > reward > punishment > sucker
    reward, sucker, temptation, punishment = row_payoffs("chicken")
    assert temptation > reward > sucker > punishment
    reward, sucker, temptation, punishment = row_payoffs("stag_hunt")
    assert reward > temptation > punishment > sucker


def test_symmetric_games_are_symmetric():
    for name in ("prisoners_dilemma", "chicken", "stag_hunt", "rps", "biased_rps", "coordination"):
        row, column = load_game(f"matrix:{name}").payoffs
        np.testing.assert_array_equal(row, column.T)


# matches


def test_all_joint_choices_pay_what_the_table_says():
    payoffs = np.random.default_rng(0).normal(size=(3, 2, 4, 3))
    game = game_of(payoffs)
    joints = list(itertools.product(range(2), range(4), range(3)))
    tables = game.tables(len(joints))
    turn = start(tables)
    np.testing.assert_array_equal(turn.legal.mask(4)[:3], [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]])
    shuffled = np.random.default_rng(1).permutation(len(joints) * 3)
    turn = tables.step(turn.table[shuffled], turn.player[shuffled], np.array(joints).ravel()[shuffled])
    assert sorted(turn.finished.tolist()) == list(range(len(joints)))
    assert len(turn.table) == 0
    for table, returns in zip(turn.finished.tolist(), turn.returns.tolist(), strict=True):
        assert returns == payoffs[(slice(None), *joints[table])].tolist()
    history = tables.history(np.arange(len(joints)))
    assert history.values.reshape(-1, 3).tolist() == [list(joint) for joint in joints]


def test_a_game_of_different_numbers_of_actions_conforms(tmp_path):
    np.save(tmp_path / "g.npy", np.random.default_rng(2).normal(size=(3, 2, 4, 3)))
    check_game(load_game(f"matrix:{tmp_path}/g.npy"))


def test_players_read_who_they_are_and_what_it_pays():
    game = load_game("matrix:prisoners_dilemma")
    tables, table = game.tables(1), np.zeros(1, np.int64)
    start(tables)
    texts = tables.text(np.zeros(2, np.int64), np.arange(2))
    assert "You are player 0" in texts[0]
    assert "You are player 1" in texts[1]
    for text in texts:  # symmetric: the one who defects reads 5 first
        assert text.splitlines()[-1].split(maxsplit=1) == ["defect", "5, 0       1, 1"]
    assert "?" in tables.render(0)
    tables.step(np.zeros(2, np.int64), np.arange(2), np.array([0, 1]))
    assert tables.render(0) == "player 0: cooperate, returns 0\nplayer 1: defect, returns 5"
    assert tables.information_state(table, table) == ["player 0: 0, 1"]
    assert tables.action_text(0, 1, 1) == "defect"
    with pytest.raises(NotProvided, match="one joint choice"):
        tables.search_state(0, 0, 1)


def test_texts_of_three_players_list_joint_choices_and_large_games_none():
    tables = load_game("matrix:matching_pennies_3p").tables(1)
    start(tables)
    assert "heads, heads, tails: 1, -1, 1" in tables.text(np.zeros(1, np.int64), np.zeros(1, np.int64))[0]
    large = game_of(np.zeros((2, 11, 11))).tables(1)
    start(large)
    assert len(large.text(np.zeros(1, np.int64), np.zeros(1, np.int64))[0].splitlines()) == 2


def test_payoffs_cannot_be_written_into():
    with pytest.raises(ValueError, match="read-only"):
        load_game("matrix:rps").payoffs[0, 0, 0] = 1


# facts


@pytest.mark.parametrize(
    ("payoffs", "utility"),
    [
        ([[[1, -2]], [[-1, 2]]], "zero_sum"),
        ([[[0.1 + 0.2, -2]], [[-0.3, 2]]], "zero_sum"),
        ([[[1, 4]], [[4, 1]]], "constant_sum"),
        ([[[1, 4]], [[1, 4]]], "identical"),
        ([[[1, 4]], [[4, 2]]], "general_sum"),
        ([[[0, 0]], [[0, 0]]], "zero_sum"),
        ([[[1e6, 0]], [[-1e6 + 1e-7, 0]]], "zero_sum"),
        ([[[1e-3, 0]], [[-1e-3 + 1e-7, 0]]], "general_sum"),
    ],
)
def test_utility_is_read_off_the_payoffs(payoffs, utility):
    assert utility_of(np.array(payoffs)) == utility
    info = game_of(payoffs).info
    assert (info.min_utility, info.max_utility) == (np.min(payoffs), np.max(payoffs))


# files


def test_a_csv_of_numbers_is_a_zero_sum_game(tmp_path):
    game = load_file(tmp_path, "g.csv", "1, 0\n-2,3\n0,0\n")
    assert game.payoffs[0].tolist() == [[1, 0], [-2, 3], [0, 0]]
    np.testing.assert_array_equal(game.payoffs[1], -game.payoffs[0])
    assert game.info.utility == "zero_sum"
    assert game.strategies == (("0", "1", "2"), ("0", "1"))
    check_game(game)


@pytest.mark.parametrize(
    "content",
    [
        ",left,right\nup,1,0\ndown,-2,3\n",
        "left,right\nup,1,0\ndown,-2,3\n",
        "\ufeffwhatever,left,right\n# a comment\nup,1,0\n\ndown,-2,3\n",
    ],
)
def test_a_csv_may_name_the_actions(tmp_path, content):
    game = load_file(tmp_path, "g.csv", content)
    assert game.strategies == (("up", "down"), ("left", "right"))
    assert game.payoffs[0].tolist() == [[1, 0], [-2, 3]]
    assert game.info.action_names == ()
    assert game.tables(1).action_text(0, 1, 1) == "right"


@pytest.mark.parametrize("content", ["a,b\n1,0\n-2,3\n", "a,1,0\nb,-2,3\n"])
def test_names_of_one_side_of_a_square_are_both_players(tmp_path, content):
    game = load_file(tmp_path, "g.csv", content)
    assert game.strategies == (("a", "b"), ("a", "b"))
    assert game.info.action_names == ("a", "b")


@pytest.mark.parametrize("cell", ["3/0", "3;0", "3 0", '"3,0"', '"3, 0"', "3 / 0"])
def test_a_csv_of_pairs_is_a_bimatrix(tmp_path, cell):
    game = load_file(tmp_path, "g.csv", f"{cell},0/1\n-1/1,.5/2e1\n")
    assert game.payoffs.tolist() == [[[3, 0], [-1, 0.5]], [[0, 1], [1, 20]]]
    assert game.info.utility == "general_sum"


def test_semicolons_stand_between_cells_where_no_line_has_a_comma(tmp_path):
    game = load_file(tmp_path, "g.csv", ";left;right\nup;1;-2\ndown;0;3\n")
    assert game.payoffs[0].tolist() == [[1, -2], [0, 3]]
    assert game.strategies == (("up", "down"), ("left", "right"))
    pairs = load_file(tmp_path, "p.csv", "3/3;0/5\n5/0;1/1\n")
    assert pairs.payoffs[1].tolist() == [[3, 5], [0, 1]]


def test_decimal_commas_between_semicolons_are_refused(tmp_path):
    with pytest.raises(SpecificationError, match="one number and cells with two"):
        load_file(tmp_path, "g.csv", "1,5;2,5\n0,5;1,5\n")


def test_a_csv_of_one_row_or_one_column_is_a_game(tmp_path):
    assert load_file(tmp_path, "row.csv", "1,2,3\n").payoffs.shape == (2, 1, 3)
    assert load_file(tmp_path, "column.csv", "1\n2\n3\n").payoffs.shape == (2, 3, 1)
    assert load_file(tmp_path, "named.csv", "up,1,2\n").strategies == (("up",), ("0", "1"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1,2\n3,x\n", r"line 2, column 2: cannot read 'x'"),
        ("1,2\n1,2\n3\n", r"line 3: 1 cells; the other lines have 2"),
        ("1,2\nnan,3\n", r"line 2, column 1"),
        ("1,2\n3,inf\n", r"line 2, column 2"),
        ("1,2\n3,4/5\n", "cells with one number and cells with two"),
        ("1/2/3,1\n1,1\n", r"line 1, column 1"),
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("a,b\n", "no payoffs"),
        ("a,b,c\n1,2\n", "line 1: 3 cells"),
        ("x,1,2\n3,1,2\n", r"first column has a number in line 2 and none in line 1|line 1"),
        ("1,2\nx,2\n3,2\n", r"number in line 3 and none in line 2"),
        ("a,a\n1,2\n3,4\n", "two actions of one player 'a'"),
        ('1,"2\n', "line"),
        ("left,1\nup,1,2\n", "line 1"),
    ],
)
def test_a_bad_csv_is_refused_by_file_and_line(tmp_path, content, said):
    with pytest.raises(SpecificationError, match=said) as refused:
        load_file(tmp_path, "g.csv", content)
    assert "g.csv" in str(refused.value)


def test_numpy_files_hold_zero_sum_bimatrix_and_more_players(tmp_path):
    row, column = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[0, 1, 0], [1, 0, 1]])
    three = np.arange(3 * 2 * 3 * 4).reshape(3, 2, 3, 4)
    np.save(tmp_path / "zero.npy", row)
    np.save(tmp_path / "bi.npy", np.stack((row, column)))
    np.save(tmp_path / "three.npy", three)
    np.savez(tmp_path / "pair.npz", row=row, column=column)
    np.savez(tmp_path / "named.npz", payoffs=row, actions_0=np.array(["u", "d"]), actions_1=np.array(["l", "m", "r"]))
    np.savez(tmp_path / "alike.npz", payoffs=row[:, :2], actions=np.array(["x", "y"]))
    np.testing.assert_array_equal(load_game(f"matrix:{tmp_path}/zero.npy").payoffs, [row, -row])
    np.testing.assert_array_equal(load_game(f"matrix:{tmp_path}/bi.npy").payoffs, [row, column])
    np.testing.assert_array_equal(load_game(f"matrix:{tmp_path}/three.npy").payoffs, three)
    np.testing.assert_array_equal(load_game(f"matrix:{tmp_path}/pair.npz").payoffs, [row, column])
    assert load_game(f"matrix:{tmp_path}/named.npz").strategies == (("u", "d"), ("l", "m", "r"))
    assert load_game(f"matrix:{tmp_path}/alike.npz").info.action_names == ("x", "y")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"payoffs": np.zeros(3)}, "shape"),
        ({"payoffs": np.zeros((3, 2, 2))}, "shape"),
        ({"payoffs": np.zeros((2, 0, 3))}, "at least one action"),
        ({"payoffs": np.array([["a", "b"]])}, "real numbers"),
        ({"payoffs": np.array([[1j, 0]])}, "real numbers"),
        ({"payoffs": np.array([[1, np.nan]])}, r"player 0 for the actions \[0, 1\] is nan"),
        ({"payoffs": np.array([[1, 1e200]])}, r"player 0 for the actions \[0, 1\] is 1e\+200"),
        ({"payoffs": np.zeros((2, 2)), "more": np.zeros(2)}, "one array of payoffs"),
        ({"row": np.zeros((2, 2)), "column": np.zeros((2, 3))}, "one shape"),
        ({"payoffs": np.zeros((2, 2)), "actions": np.array([1, 2])}, "texts"),
        ({"payoffs": np.zeros((2, 2)), "actions": np.array(["a"])}, "names"),
        ({"payoffs": np.zeros((2, 2)), "actions_0": np.array(["a", "b"])}, "actions_1"),
        ({"payoffs": np.array([[None, 1]], object)}, "plain numpy"),
    ],
)
def test_a_bad_numpy_file_is_refused_by_file_and_entry(tmp_path, arrays, said):
    np.savez(tmp_path / "g.npz", **arrays)
    with pytest.raises(SpecificationError, match=said) as refused:
        load_game(f"matrix:{tmp_path}/g.npz")
    assert "g.npz" in str(refused.value)


def test_damaged_and_missing_files_are_refused(tmp_path):
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "latin.csv").write_bytes(b"a,b\n\xff,1\n")
    for name in ("cut.npz", "empty.npy", "latin.csv"):
        with pytest.raises(SpecificationError, match=name):
            load_game(f"matrix:{tmp_path}/{name}")
    for name in ("none.csv", "none.npy", "none.nfg"):
        with pytest.raises(GameMissing, match="No such file"):
            load_game(f"matrix:{tmp_path}/{name}")
    with pytest.raises(SpecificationError, match=r"\.csv"):
        load_game(f"matrix:{tmp_path}/game.txt")


def test_a_file_with_other_content_is_another_version_of_the_same_specification(tmp_path):
    first = load_file(tmp_path, "g.csv", "1,0\n0,1\n").info
    again = load_file(tmp_path, "g.csv", "1,0\n0,1\n").info
    second = load_file(tmp_path, "g.csv", "1,0\n0,2\n").info
    assert first == again
    assert first.specification == second.specification == f"matrix:{tmp_path}/g.csv"
    assert first.version != second.version


def test_unknown_names_and_parameters_are_named():
    with pytest.raises(UnknownName, match="prisoners_dilemma"):
        load_game("matrix:prisoner_dilemma")
    with pytest.raises(UnknownName, match="repeats"):
        load_game("matrix:rps(repeats=3)")
    with pytest.raises(UnknownName, match="players"):
        load_game("matrix:matching_pennies_3p(players=4)")
