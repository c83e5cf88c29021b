"""Compiled trees on disk: they come back whole, and nothing broken is run on."""

import dataclasses
import importlib

import numpy as np
import pytest
from random_trees import random_game

from arena.games import SpecificationError, compile_tree, load_game, load_tree, save_tree
from arena.solvers import cfr_plus, exploitability

compile_module = importlib.import_module("arena.games.compile_tree")  # the function hides it


@pytest.mark.parametrize("players", [1, 2, 3])
def test_a_tree_comes_back_whole(players, tmp_path):
    tree = compile_tree(random_game(seed=4, num_players=players, zero_sum=players == 2))
    save_tree(tree, tmp_path / "tree.npz")
    again = load_tree(tmp_path / "tree.npz")
    for field in dataclasses.fields(tree):
        before, after = getattr(tree, field.name), getattr(again, field.name)
        assert np.array_equal(before, after) if isinstance(before, np.ndarray) else before == after


def test_solvers_take_a_tree_in_place_of_the_game(tmp_path):
    game = load_game("openspiel:kuhn_poker")
    save_tree(compile_tree(game), tmp_path / "kuhn.npz")
    solution = cfr_plus(load_tree(tmp_path / "kuhn.npz"), iterations=50)
    assert solution.policy == cfr_plus(game, iterations=50).policy
    assert exploitability(load_tree(tmp_path / "kuhn.npz"), solution.policy) == pytest.approx(solution.gap / 2)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("parent", lambda a: a + 1000),
        ("parent", lambda a: a[::-1].copy()),
        ("others", lambda a: a + 1000),
        ("row_begin", lambda a: a[::-1].copy()),
        ("first", lambda a: a[:-1]),
        ("weights", lambda a: a * np.nan),
        ("weights", lambda a: a.astype(np.float32)),
        ("set_begin", lambda a: np.roll(a, 1)),
        ("depth", lambda a: a * 0),
        ("others", lambda a: a * 0),  # another player's choices
        ("actions", lambda a: a * 0),
        ("keys", lambda keys: ("same",) * len(keys)),
        ("num_terminals", lambda count: count + 100),
        ("constant_sum", lambda _: float("nan")),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, broken, tmp_path):
    tree = compile_tree(load_game("openspiel:kuhn_poker"))
    save_tree(dataclasses.replace(tree, **{name: broken(getattr(tree, name))}), tmp_path / "tree.npz")
    with pytest.raises(SpecificationError, match="no compiled tree"):
        load_tree(tmp_path / "tree.npz")


def test_other_files_are_refused(tmp_path):
    file = tmp_path / "tree.npz"
    with pytest.raises(SpecificationError, match="cannot read"):
        load_tree(file)
    save_tree(compile_tree(load_game("openspiel:kuhn_poker")), file)
    content = file.read_bytes()
    for broken in (b"", b"text", content[: len(content) // 2]):
        file.write_bytes(broken)
        with pytest.raises(SpecificationError, match="no compiled tree"):
            load_tree(file)
    with pytest.raises(SpecificationError, match=r"end the name in \.npz"):
        save_tree(compile_tree(load_game("openspiel:kuhn_poker")), tmp_path / "tree.bin")


def forget():
    """What `compile_tree` keeps in memory."""
    compile_module._kept.clear()
    compile_module._refused.clear()


def test_a_cached_tree_is_not_written_out_again(tmp_path, monkeypatch):
    game = random_game(seed=21)
    first = compile_tree(game, cache=tmp_path / "trees")
    forget()
    monkeypatch.setattr(compile_module, "write_out", None)
    again = compile_tree(game, cache=tmp_path / "trees", max_nodes=1)
    assert again is not first and again.keys == first.keys and np.array_equal(again.weights, first.weights)
    assert compile_tree(game) is again


def test_a_tree_in_memory_is_cached_when_that_is_asked(tmp_path):
    game = random_game(seed=22)
    tree = compile_tree(game)
    assert compile_tree(game, cache=tmp_path) is tree
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("random_22_2_4_") and load_tree(file).keys == tree.keys


def test_games_and_versions_have_files_of_their_own(tmp_path):
    for seed, version in ((23, "1"), (24, "1"), (23, "2")):
        game = random_game(seed=seed)
        game.info.version = version
        compile_tree(game, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("content", ["broken", "other"])
def test_a_file_of_the_cache_that_is_damaged_is_written_anew(content, tmp_path):
    game = random_game(seed=25)
    tree = compile_tree(game, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    if content == "broken":
        file.write_bytes(b"no tree")
    else:
        save_tree(compile_tree(random_game(seed=26)), file)
    forget()
    assert compile_tree(game, cache=tmp_path).keys == tree.keys
    assert load_tree(file).specification == tree.specification


def test_a_cache_that_cannot_be_written_is_named_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(compile_module, "write_out", None)
    with pytest.raises(SpecificationError, match="cannot keep trees in"):
        compile_tree(random_game(seed=27), cache=tmp_path / "file")


@pytest.mark.parametrize("nested", [False, True])
def test_a_game_file_that_changed_is_another_game(nested, tmp_path):
    file = tmp_path / "game.efg"
    name = f"efg_game(filename={file})"
    trees = []
    for prize in (1, 2):
        file.write_text(
            'EFG 2 R "test" { "a" "b" } ""\np "" 1 1 "" { "l" "r" } 0\n'
            f't "" 1 "" {{ {prize}, {-prize} }}\nt "" 2 "" {{ 0, 0 }}\n'
        )
        trees.append(compile_tree(load_game(f"openspiel:misere(game={name})" if nested else f"openspiel:{name}")))
    assert abs(trees[0].weights).max() == 1 and abs(trees[1].weights).max() == 2
