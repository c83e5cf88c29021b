"""Values go over JSON and come back the same."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from arena.value_codec import UnreadableValue, decoded, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    word: Literal["a", "b"]
    number: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    inners: tuple[Inner, ...]
    either: Inner | Other | None
    named: Mapping[str, tuple[int, int]]
    table: NDArray[np.float64]
    counts: NDArray[np.int64]
    fallback: int = 7


def over_json(value):
    return decoded(type(value), json.loads(json.dumps(encoded(value), allow_nan=False)))


def outer(**changes):
    made = Outer(
        inners=(Inner(word="a", number=0.1), Inner(word="b", number=-math.inf)),
        either=Other(text="x"),
        named={"n": (1, 2)},
        table=np.array([[0.1, math.nan], [math.inf, 3.0]]),
        counts=np.array([1, 2**62]),
    )
    return dataclasses.replace(made, **changes)


def test_every_field_comes_back():
    before, after = outer(), over_json(outer())
    assert (after.inners, after.either, after.named, after.fallback) == (before.inners, before.either, before.named, 7)
    np.testing.assert_array_equal(after.table, before.table)
    np.testing.assert_array_equal(after.counts, before.counts)
    assert (after.table.dtype, after.counts.dtype) == (np.float64, np.int64)


@pytest.mark.parametrize("either", [Inner(word="b", number=1.5), Other(text=""), None])
def test_one_of_several_types_comes_back_as_itself(either):
    assert over_json(outer(either=either)).either == either


def test_an_empty_table_keeps_its_shape():
    assert over_json(outer(table=np.zeros((0, 3)))).table.shape == (0, 3)


@given(st.floats())
def test_numbers_come_back_bit_for_bit(number):
    after = over_json(Inner(word="a", number=number)).number
    assert after == number or (math.isnan(after) and math.isnan(number))


@pytest.mark.parametrize(
    "told",
    [None, [], {"word": "c", "number": 1.0}, {"word": "a"}, {"word": "a", "number": []}, {"word": 1, "number": 1.0}],
)
def test_what_is_no_such_value_is_refused(told):
    with pytest.raises(UnreadableValue):
        decoded(Inner, told)


def test_fields_of_a_newer_release_are_passed_over():
    assert decoded(Inner, {"word": "a", "number": 2, "new": 1}) == Inner(word="a", number=2.0)
