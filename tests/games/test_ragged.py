"""Rows of different length in two arrays."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import Ragged

rows = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=12)


def _lists(ragged):
    return [ragged.row(i).tolist() for i in range(len(ragged))]


@settings(deadline=None)  # the first call compiles
@given(rows, st.randoms())
def test_scattering_is_joining_and_taking(lists, chance):
    places = list(range(len(lists)))
    chance.shuffle(places)
    cut = chance.randrange(len(lists) + 1)
    parts = [Ragged.of_lists(lists[:cut]), Ragged.of_lists(lists[cut:])]
    scattered = Ragged.scattered(parts, [np.array(places[:cut], np.int64), np.array(places[cut:], np.int64)])
    expected = [None] * len(lists)
    for row, place in zip(lists, places, strict=True):
        expected[place] = row
    assert _lists(scattered) == expected
    assert _lists(Ragged.joined(parts).take(np.argsort(places))) == expected


def test_rows_of_vectors_are_scattered_too():
    parts = [
        Ragged.of_arrays([np.ones((2, 3)), np.zeros((1, 3))], width=(3,), dtype=np.float64),
        Ragged.of_arrays([np.full((1, 3), 7.0)], width=(3,), dtype=np.float64),
    ]
    scattered = Ragged.scattered(parts, [np.array([2, 0]), np.array([1])])
    assert _lists(scattered) == [[[0.0] * 3], [[7.0] * 3], [[1.0] * 3] * 2]
