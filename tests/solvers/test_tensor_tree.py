"""Trees as tensors: sums from left to right, the other order of sequences, devices by name."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import random_tree
from tensor_devices import DEVICES

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.solvers.tensor_tree import Rows, _columns, tensor_device, tensor_tree

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def ragged(lengths, seed):
    """(rows with numbers whose sums depend on their order, the same column by column, the order of rows, counts)."""
    rng = np.random.default_rng(seed)
    begin = np.cumsum([0, *lengths])[:-1]
    flat = rng.normal(size=sum(lengths)) * 10.0 ** rng.integers(-8, 8, size=sum(lengths))
    longest, counts, entries = _columns(begin, np.array(lengths))
    return (
        [flat[b : b + n] for b, n in zip(begin, lengths, strict=True)],
        torch.from_numpy(flat[entries]),
        longest,
        counts,
    )


@given(LENGTHS, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_rows_are_summed_from_left_to_right_to_the_last_bit(lengths, seed):
    rows, entries, longest, counts = ragged(lengths, seed)
    sums = Rows(counts=counts).sums(entries).tolist()
    for at, row in enumerate(longest[: len(sums)]):
        total = 0.0
        for entry in rows[row].tolist():
            total += entry
        assert sums[at] == total
    assert all(len(rows[row]) == 0 for row in longest[len(sums) :])


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_rows_are_added_to_what_stood_before(lengths, seed):
    rows, entries, longest, counts = ragged(lengths, seed)
    before = np.random.default_rng(seed).normal(size=len(rows))
    sums = Rows(counts=counts).sums(entries, torch.from_numpy(before)).tolist()
    for at, row in enumerate(longest):
        total = before[at]
        for entry in rows[row].tolist():
            total += entry
        assert sums[at] == total


@given(st.lists(st.lists(st.integers(-2, 2), min_size=1, max_size=6), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_best_of_a_row_is_the_first_of_the_greatest(rows):
    lengths = np.array([len(row) for row in rows])
    flat = np.concatenate([np.array(row, float) for row in rows])
    longest, counts, entries = _columns(np.cumsum(lengths) - lengths, lengths)
    best, column = Rows(counts=counts).best(torch.from_numpy(flat[entries]))
    assert best.tolist() == [max(rows[row]) for row in longest]
    assert column.tolist() == [int(np.argmax(rows[row])) for row in longest]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", range(4))
def test_arrays_come_back_as_they_went(device, seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, players=3, zero_sum=False)
    tensors = tensor_tree(tree, device)
    values = rng.normal(size=tree.num_sequences)
    assert np.array_equal(tensors.unload(tensors.load(values)), values)
    values.setflags(write=False)
    assert np.array_equal(tensors.unload(tensors.load(values)), values)


@pytest.mark.parametrize("seed", range(4))
def test_every_sequence_and_set_stands_in_one_level_of_its_player(seed):
    tree = random_tree(np.random.default_rng(seed), players=2, zero_sum=True, depth=7)
    tensors = tensor_tree(tree, "torch")
    order = tensors.order.numpy()
    assert sorted(order) == list(range(tree.num_sequences)) and sorted(tensors.sets) == list(range(tree.num_sets))
    set_of = np.repeat(np.arange(tree.num_sets), np.diff(tree.first.astype(int)))
    for player, own in enumerate(tensors.players):
        mine = tensors.sets[slice(*tree.set_begin[player : player + 2].astype(int))]
        for depth, level in enumerate(own.levels):
            sets = set_of[order[level.sequences] - 2]
            assert (tree.depth[sets] == depth).all()
            assert np.array_equal(mine[own.owner[level.sequences.start - own.sequences.start :][: len(sets)]], sets)
            assert np.array_equal(order[tensors.leading[level.sequences]], tree.parent[sets])


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "", "mps", "cpu"])
def test_other_names_are_no_devices_of_tensors(name):
    with pytest.raises(SpecificationError, match=r"device is cpu \(compiled loops\), cuda or cuda:NUMBER"):
        tensor_device(name)


def test_a_gpu_that_is_not_there_is_refused_with_what_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NotProvided, match=r"finds 0 CUDA devices here; there are cpu, torch$"):
        tensor_tree(compile_tree(load_game("openspiel:kuhn_poker")), "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"Card {number}")
    with pytest.raises(NotProvided, match=r"device cuda:1 is not there: .* there are cpu, torch, cuda:0 \(Card 0\)$"):
        tensor_device("cuda:1")
    assert tensor_device("cuda") == torch.device("cuda") and tensor_device("cuda:0") == torch.device("cuda:0")


def test_tensors_on_the_cpu_go_by_a_name_of_their_own():
    assert tensor_device("torch") == torch.device("cpu")
