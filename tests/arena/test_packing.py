"""Columns to bytes and back, and bytes that somebody tampered with."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from arena.games.errors import ArenaError
from arena.games.ragged import Ragged
from arena.packing import (
    DamagedBlock,
    pack_actions,
    pack_columns,
    pack_seconds,
    unpack_actions,
    unpack_columns,
    unpack_seconds,
)

HEAD = struct.Struct("<BBBBQQQ")


def same_bits(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@st.composite
def ragged(draw):
    dtype = draw(st.sampled_from(["i4", "i8", "u8", "f8", "i1"]))
    shape = draw(st.one_of(st.integers(0, 40), st.tuples(st.integers(0, 40), st.integers(1, 3))))
    numbers = None
    if dtype != "f8":
        info = np.iinfo(dtype)
        low, high = draw(st.sampled_from([(0, 15), (0, 16), (0, 255), (-1, 7), (-130, 300), (info.min, info.max)]))
        numbers = st.integers(max(low, info.min), min(high, info.max))
    values = draw(arrays.arrays(np.dtype(dtype), shape, elements=numbers))
    cuts = sorted(draw(st.lists(st.integers(0, len(values)), max_size=5)))
    return Ragged(values, np.array([*cuts, len(values)], np.int64))


@settings(max_examples=200, deadline=None)
@given(ragged())
def test_actions_come_back_bit_for_bit(actions):
    back = unpack_actions(pack_actions(actions), matches=len(actions), what="block")
    assert same_bits(back.values, actions.values)
    assert np.array_equal(back.ends, actions.ends)


def test_no_matches_have_no_actions():
    back = unpack_actions(pack_actions(Ragged.of_lists([])), matches=0, what="block")
    assert len(back) == 0
    assert len(back.values) == 0


def test_small_actions_take_half_a_byte():
    actions = Ragged(np.random.default_rng(0).integers(0, 16, 20_000).astype(np.int32), np.arange(20, 20_001, 20))
    assert len(pack_actions(actions)) < 10_000 + 200


@pytest.mark.parametrize("players", [1, 2, 5])
def test_columns_come_back_bit_for_bit(made_results, players):
    results = made_results(300, first=1000, players=players)
    specs, returns, termination, forfeit = unpack_columns(
        pack_columns(results), first=1000, matches=300, players=players, what="block"
    )
    for name in ("index", "seats", "seed", "chance_seed"):
        assert same_bits(getattr(specs, name), getattr(results.specs, name))
    assert same_bits(returns, results.returns)  # -0.0 and 1/3 too
    assert same_bits(termination, results.termination)
    assert same_bits(forfeit, results.forfeit)


@pytest.mark.parametrize("players", [2, 3])
def test_the_chance_seed_of_a_rotation_is_kept_once(made_results, players):
    apart = made_results(4 * players, players=players)
    seeds = np.repeat(np.arange(7, 11, dtype=np.uint64), players)
    together = replace(apart, specs=replace(apart.specs, chance_seed=seeds))
    blob = pack_columns(together)
    assert len(blob) <= len(pack_columns(apart)) - 8 * 4 * (players - 1)
    specs, *_ = unpack_columns(
        blob, first=int(together.specs.index[0]), matches=len(together), players=players, what="block"
    )
    assert np.array_equal(specs.chance_seed, seeds)


def test_gaps_in_the_schedule_come_back(made_results):
    results = made_results(9).take(np.array([0, 3, 4, 8]))
    specs, *_ = unpack_columns(pack_columns(results), first=0, matches=4, players=2, what="block")
    assert specs.index.tolist() == [0, 3, 4, 8]


def test_seconds_come_back(made_results):
    seconds = made_results(50).seconds
    assert same_bits(unpack_seconds(pack_seconds(seconds), matches=50, players=2, what="block"), seconds)


def test_every_flipped_bit_and_every_cut_is_found():
    blob = pack_actions(Ragged.of_lists([[1, 2, 3], [], [15, 0]]))
    for at in range(len(blob)):
        spoilt = bytearray(blob)
        spoilt[at] ^= 1 << (at % 8)
        with pytest.raises(DamagedBlock, match="block 7 of tournament 'cup'"):
            unpack_actions(bytes(spoilt), matches=3, what="block 7 of tournament 'cup'")
        with pytest.raises(DamagedBlock):
            unpack_actions(blob[:at], matches=3, what="block")


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    with pytest.raises(DamagedBlock):
        unpack_actions(noise, matches=1, what="block")


def test_the_wrong_number_of_matches_is_refused(made_results):
    results = made_results(5)
    with pytest.raises(DamagedBlock, match="4 matches"):
        unpack_actions(pack_actions(results.actions), matches=4, what="block")
    with pytest.raises(DamagedBlock):
        unpack_columns(pack_columns(results), first=0, matches=5, players=3, what="block")
    with pytest.raises(DamagedBlock):
        unpack_seconds(pack_seconds(results.seconds), matches=6, players=2, what="block")


def test_a_newer_format_asks_for_an_upgrade():
    with pytest.raises(DamagedBlock, match="upgrade minimax-arena"):
        unpack_actions(forged([], version=2), matches=0, what="block")


def test_forged_heads_are_refused_before_memory_is_taken():
    """The checksum holds, the claims do not: sizes without end, a zip bomb, unknown types, lengths that do not add up."""
    int32, int64, uint8, float64 = 2, 3, 4, 9
    raw, packed, pairs = 0, 1, 2
    none = ((int64, int64, raw, 1, 0, 0), b"")
    bomb = zlib.compress(bytes(50_000_000), 9)
    hostile = {
        "huge": ((int32, uint8, packed, 1, 1 << 62, 0), zlib.compress(b"1")),
        "huge by width": ((int32, uint8, packed, 2, 1 << 20, 1 << 40), zlib.compress(b"1")),
        "huge and empty": ((int32, uint8, packed, 2, 1 << 62, 0), b""),
        "a zip bomb": ((int32, uint8, packed, 1, 10, 0), bomb),
        "half a stream": ((int32, uint8, packed, 1, 4, 0), zlib.compress(b"1234")[:-3]),
        "two streams": ((int32, uint8, packed, 1, 4, 0), zlib.compress(b"1234") + b"more"),
        "an unknown type": ((99, uint8, raw, 1, 1, 0), b"1"),
        "an unknown encoding": ((int32, uint8, 7, 1, 1, 0), b"1"),
        "three dimensions": ((int32, uint8, raw, 3, 1, 1), b"1"),
        "reals for whole numbers": ((int32, float64, raw, 1, 1, 0), bytes(8)),
        "too few pairs": ((int32, uint8, pairs, 1, 9, 0), b"1"),
        "too few bytes": ((int32, int32, raw, 1, 2, 0), bytes(4)),
    }
    for name, column in hostile.items():
        with pytest.raises(DamagedBlock):
            unpack_actions(forged([none, column]), matches=0, what=name)
    for lengths in ([5], [-1], [1 << 62]):
        column = ((int64, int64, raw, 1, 1, 0), np.array(lengths, np.int64).tobytes())
        with pytest.raises(DamagedBlock):
            unpack_actions(forged([column, ((int32, uint8, raw, 1, 2, 0), b"12")]), matches=1, what="lengths")


def test_a_bomb_is_not_unpacked_further_than_it_claims():
    head = (3, 3, 0, 1, 0, 0)
    bomb = forged([(head, b""), ((2, 4, 1, 1, 10, 0), zlib.compress(bytes(50_000_000), 9))])
    tracemalloc.start()
    with pytest.raises(DamagedBlock):
        unpack_actions(bomb, matches=0, what="bomb")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_an_honest_giant_is_refused_too(monkeypatch):
    blob = pack_actions(Ragged(np.full(300, 99, np.int32), np.array([300])))
    assert len(unpack_actions(blob, matches=1, what="block").values) == 300
    monkeypatch.setattr("arena.packing.MAX_BYTES", 1000)
    with pytest.raises(DamagedBlock, match="more than a block may hold"):
        unpack_actions(blob, matches=1, what="block")


def test_a_block_too_large_to_read_is_not_written(monkeypatch):
    monkeypatch.setattr("arena.packing.MAX_BYTES", 1000)
    with pytest.raises(ArenaError, match="fewer matches a block"):
        pack_actions(Ragged(np.zeros(300, np.int32), np.array([300])))


def forged(columns, *, version=1):
    rest = b"".join(HEAD.pack(*head, len(body)) for head, body in columns) + b"".join(body for _, body in columns)
    return struct.pack("<2sBBI", b"AR", version, len(columns), zlib.crc32(rest)) + rest
