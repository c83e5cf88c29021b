"""What players of dark hex can know: OpenSpiel's information states, all of them, and nothing else."""

import random

import numpy as np
import pyspiel
import pytest
from dark_hex_histories import BOARDS, information_states, spiel_name

from arena.games import SpecificationError
from arena.games.dark_hex_file import load_dark_hex_index, save_dark_hex_index
from arena.games.dark_hex_index import dark_hex_index

ARRAYS = ("own", "hit", "parent", "first", "child")


@pytest.fixture(scope="module")
def classical():
    return dark_hex_index()


def legal(index, player, row):
    sets = index.players[player]
    return [cell for cell in range(index.cells) if not int(sets.own[row] | sets.hit[row]) >> cell & 1]


@pytest.mark.parametrize("version", ["cdh", "adh"])
@pytest.mark.parametrize(("rows", "columns"), BOARDS)
def test_the_names_are_openspiels_information_states_each_once(rows, columns, version):
    index = dark_hex_index(rows=rows, columns=columns, version=version)
    named = [
        (player, name)
        for player in (0, 1)
        for row in range(index.players[player].num_sets)
        for name in index.names(player, row)
    ]
    assert sorted(named) == sorted(information_states(rows, columns, version))


@pytest.mark.parametrize("version", ["cdh", "adh"])
def test_what_may_be_chosen_is_what_is_legal(version):
    index = dark_hex_index(rows=2, columns=3, version=version)
    for (player, name), actions in information_states(2, 3, version).items():
        found, row = index.find(name)
        assert found == player and legal(index, player, row) == actions


@pytest.mark.parametrize("version", ["cdh", "adh"])
def test_every_name_finds_its_row(version):
    index = dark_hex_index(rows=3, columns=2, version=version)
    for player in (0, 1):
        for row in range(index.players[player].num_sets):
            assert {index.find(name) for name in index.names(player, row)} == {(player, row)}


def test_classical_3x3_has_the_published_number_of_information_sets(classical):
    """exp-a-spiel's README, of arXiv:2502.08938."""
    assert [sets.num_sets for sets in classical.players] == [3_720_850, 2_352_067]


def test_random_matches_on_3x3_stay_inside(classical):
    rng, rules = random.Random(0), pyspiel.load_game(spiel_name(3, 3, "cdh"))
    for _ in range(300):
        state = rules.new_initial_state()
        while not state.is_terminal():
            player, actions = state.current_player(), state.legal_actions()
            found, row = classical.find(state.information_state_string(player))
            assert found == player and legal(classical, player, row) == actions
            state.apply_action(rng.choice(actions))


def test_random_matches_of_the_abrupt_game_stay_inside():
    index = dark_hex_index(rows=2, columns=4, version="adh")
    rng, rules = random.Random(1), pyspiel.load_game(spiel_name(2, 4, "adh"))
    for _ in range(300):
        state = rules.new_initial_state()
        while not state.is_terminal():
            player, actions = state.current_player(), state.legal_actions()
            found, row = index.find(state.information_state_string(player))
            assert found == player and legal(index, player, row) == actions
            state.apply_action(rng.choice(actions))


def test_rows_are_ordered_by_number_of_moves_then_move_by_move(classical):
    rows = np.arange(20_000)
    cells, placed = classical.histories(1, rows)
    told = [
        [(c, p) for c, p in zip(*row, strict=True) if c >= 0]
        for row in zip(cells.tolist(), placed.tolist(), strict=True)
    ]
    assert told == sorted(told, key=lambda moves: (len(moves), moves))
    assert told[:3] == [[], [(0, False)], [(0, True)]]


def test_histories_are_the_moves_of_each_row(classical):
    rows = np.random.default_rng(2).integers(classical.players[0].num_sets, size=50)
    cells, placed = classical.histories(0, rows)
    for row, c, p in zip(rows.tolist(), cells.tolist(), placed.tolist(), strict=True):
        assert classical.moves(0, row) == [(cell, stone) for cell, stone in zip(c, p, strict=True) if cell >= 0]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "...\n...\n2\n",  # the second player's first move comes after one
        "x..\n...\n1\n0,0 ",  # the other player's turn
        "x..\n...\n4\n0,0 ",  # he can have hit the one stone once, and placed one
        "x..\n...\n2\n0,1 ",
        "xx.\n...\n2\n0,0 0,0 ",
        "xx.\nx..\n6\n0,0 0,1 0,3 ",  # won
        "x..\n...\n2\n0,7 ",
        "x...\n2\n0,0 ",
    ],
)
def test_what_nobody_comes_to_know_is_refused(key):
    with pytest.raises(SpecificationError, match="is no information state of dark_hex"):
        dark_hex_index(rows=2, columns=3).find(key)


@pytest.mark.parametrize("version", ["cdh", "adh"])
def test_an_index_comes_back_whole(version, tmp_path):
    index = dark_hex_index(rows=2, columns=3, version=version)
    save_dark_hex_index(index, tmp_path / "index.npz")
    again = load_dark_hex_index(tmp_path / "index.npz")
    assert (again.rows, again.columns, again.version) == (2, 3, version)
    for before, after in zip(index.players, again.players, strict=True):
        assert all(np.array_equal(getattr(before, name), getattr(after, name)) for name in ARRAYS)


def changed(path, **arrays):
    with np.load(path) as archive:
        held = {name: archive[name] for name in archive.files}
    np.savez(path, **(held | arrays))


@pytest.mark.parametrize(
    "arrays",
    [
        {"hit_0": np.zeros(697, np.uint16)},
        {"own_1": np.zeros(1811, np.int64)},
        {"file_version": np.array(2)},
        {"format": np.array("arena-tree")},
        {"version": np.array("adh")},
        {"version": np.array("phantom")},
        {"board": np.array([3, 2])},
        {"board": np.array([30, 20])},
        {"digest": np.array("")},
    ],
)
def test_a_file_that_was_changed_is_refused(arrays, tmp_path):
    path = tmp_path / "index.npz"
    save_dark_hex_index(dark_hex_index(rows=2, columns=3), path)
    changed(path, **arrays)
    with pytest.raises(SpecificationError, match="is no index of dark hex"):
        load_dark_hex_index(path)


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "index.npz"
    save_dark_hex_index(dark_hex_index(rows=2, columns=2), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SpecificationError, match="is no index of dark hex"):
        load_dark_hex_index(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SpecificationError, match=r"cannot read the index .*nowhere"):
        load_dark_hex_index(tmp_path / "nowhere.npz")


def test_an_index_is_written_as_npz_only(tmp_path):
    with pytest.raises(SpecificationError, match=r"end the name in \.npz"):
        save_dark_hex_index(dark_hex_index(rows=2, columns=2), tmp_path / "index.pkl")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 1}, "2 and more rows"),
        ({"rows": 2, "columns": 5}, "at most 9 cells"),
        ({"version": "classical"}, "'cdh' or 'adh'"),
    ],
)
def test_boards_and_versions_that_are_not_indexed_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        dark_hex_index(**settings)
