"""Compiled trees on disk: they come back whole, and nothing broken is run on."""

import dataclasses

import numpy as np
import pytest
from random_trees import random_game

from arena.games import SpecificationError, compile_tree, load_game, load_tree, save_tree
from arena.solvers import cfr_plus, exploitability


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
