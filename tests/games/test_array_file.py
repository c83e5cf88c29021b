"""Files of arrays: what is damaged is one kind of error wherever it is read, and writing replaces in one step."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from arena.games import (
    SpecificationError,
    TabularPolicy,
    compile_tree,
    load_game,
    load_tree,
    save_markov_game,
    save_tree,
)
from arena.games.array_file import read_arrays, replace_file, write_arrays
from arena.games.markov_game import markov_game
from arena.solvers import cfr, load_policy, save_policy
from arena.solvers.demonstrations import demonstrate, load_demonstrations, save_demonstrations


def written_by_a_solver(path):
    cfr(load_game("openspiel:kuhn_poker"), iterations=3, checkpoint=path)


def soccer():
    return load_game("markov:soccer")


FILES = {
    "tree": (lambda path: save_tree(compile_tree(load_game("openspiel:kuhn_poker")), path), load_tree),
    "policy": (lambda path: save_policy(TabularPolicy("openspiel:kuhn_poker", {"0": {0: 1.0}}), path), load_policy),
    "demonstrations": (
        lambda path: save_demonstrations(demonstrate(soccer(), _uniform(soccer()), episodes=2, steps=5), path),
        load_demonstrations,
    ),
    "Markov game": (lambda path: save_markov_game(_coin(), path), lambda path: load_game(f"markov:{path}")),
    "checkpoint": (written_by_a_solver, written_by_a_solver),
}


def _uniform(game):
    return [np.full((game.num_states, size), 1 / size) for size in game.sizes]


def _coin():
    return markov_game(transitions=np.full((2, 2, 1, 2), 0.5), rewards=np.zeros((2, 2, 2, 1)), discount=0.9)


@pytest.mark.parametrize("kind", FILES)
def test_whatever_is_wrong_with_a_file_is_one_error(kind, tmp_path):
    """Bytes changed and ends cut off, 300 ways: readers of zip files and of numpy arrays raise a dozen kinds of errors at it."""
    write, read = FILES[kind]
    file = tmp_path / "held.npz"
    write(file)
    whole, rng, refused = file.read_bytes(), np.random.default_rng(0), []
    for attempt in range(300):
        broken = bytearray(whole[: rng.integers(len(whole))] if attempt % 3 == 0 else whole)
        for place in rng.integers(len(broken), size=3) if attempt % 3 and broken else ():
            broken[place] = rng.integers(256)
        file.write_bytes(bytes(broken))
        try:
            read(file)
        except SpecificationError as error:
            refused.append(str(error))
    assert len(refused) > 200 and all(str(file) in message for message in refused)


def test_pickled_objects_are_not_loaded(tmp_path):
    np.savez(tmp_path / "held.npz", states=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_arrays((tmp_path / "held.npz").read_bytes())


def test_what_cannot_be_written_leaves_the_file_that_was_there(tmp_path):
    file = tmp_path / "held.npz"
    write_arrays(file, {"a": np.arange(3)}, what="numbers")

    def fails(unfinished):
        unfinished.write(b"half")
        raise OSError("the disk is full")

    with pytest.raises(SpecificationError, match=r"cannot write numbers .*held.npz.*the disk is full"):
        replace_file(file, fails, what="numbers")
    assert read_arrays(file.read_bytes())["a"].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(SpecificationError, match="cannot write"):
        write_arrays(tmp_path / "nowhere" / "held.npz", {}, what="numbers")


def test_threads_that_write_one_file_do_not_write_into_each_other(tmp_path):
    file, numbers = tmp_path / "held.npz", [np.full(50_000, number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            list(pool.map(lambda values: write_arrays(file, {"a": values}, what="numbers", compressed=False), numbers))
            assert len(set(read_arrays(file.read_bytes())["a"].tolist())) == 1
    assert list(tmp_path.iterdir()) == [file]
