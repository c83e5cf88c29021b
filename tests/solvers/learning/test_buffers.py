"""Buffers: rows that come in together stand as if they had come one by one, and a reservoir is an even sample of all."""

import numpy as np
import pytest
import torch

from arena.games import SpecificationError
from arena.solvers.learning.buffers import Buffer, Reservoir

ROW = {"number": torch.zeros((), dtype=torch.int64), "twice": torch.zeros(2)}


def rows(begin, end):
    number = torch.arange(begin, end)
    return {"number": number, "twice": torch.stack((number, 2 * number), -1).float()}


def words(seed=0):
    return torch.Generator().manual_seed(seed)


def numbers(buffer):
    return buffer.arrays()["number"].tolist()


@pytest.mark.parametrize("chunks", [[1] * 12, [5, 0, 7], [12]])
def test_a_ring_holds_the_last_rows_that_came(chunks):
    ring, came = Buffer(5, ROW), 0
    for size in chunks:
        ring.add(rows(came, came + size), words())
        came += size
    assert len(ring) == 5
    assert sorted(numbers(ring)) == [7, 8, 9, 10, 11]
    assert numbers(ring).index(10) == 0  # in the place of 0 and 5


@pytest.mark.parametrize("kind", [Buffer, Reservoir])
def test_columns_of_a_row_stay_together_and_samples_are_of_what_is_held(kind):
    buffer, drawn = kind(50, ROW), words(1)
    for begin in range(0, 300, 30):
        buffer.add(rows(begin, begin + 30), drawn)
        sample = buffer.sample(200, drawn)
        assert set(sample["number"].tolist()) <= set(numbers(buffer))
        assert torch.equal(sample["twice"][:, 1], 2.0 * sample["number"])
    assert set(buffer.sample(2000, drawn)["number"].tolist()) == set(numbers(buffer))


@pytest.mark.parametrize("size", [1, 7, 40])
def test_every_row_is_in_a_reservoir_as_often(size):
    counts, repeats, share, drawn = np.zeros(40), 500, 8 / 40, words(2)
    for _ in range(repeats):
        one = Reservoir(8, ROW)
        for begin in range(0, 40, size):
            one.add(rows(begin, min(begin + size, 40)), drawn)
        counts[numbers(one)] += 1
    assert counts.sum() == 8 * repeats
    assert np.abs(counts / repeats - share).max() < 4.5 * np.sqrt(share * (1 - share) / repeats)


@pytest.mark.parametrize("kind", [Buffer, Reservoir])
@pytest.mark.parametrize("came", [0, 3, 9])
def test_what_goes_on_from_its_arrays_is_the_same(kind, came):
    one, other = kind(5, ROW), kind(5, ROW)
    one.add(rows(0, came), words())
    kept = one.arrays()
    assert len(kept["number"]) == min(came, 5)  # no more than is filled
    other.restore(kept)
    for buffer in (one, other):
        buffer.add(rows(came, came + 4), words(3))
    assert all((one.arrays()[name] == other.arrays()[name]).all() for name in kept)


def test_arrays_of_other_lengths_are_refused():
    one = Buffer(5, ROW)
    one.add(rows(0, 3), words())
    with pytest.raises(SpecificationError, match="as long as what came"):
        Buffer(5, ROW).restore({**one.arrays(), "came": np.array([4])})
