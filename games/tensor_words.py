"""Random words of chance as tensors on any device: those of `arena.games.seeds`, bit for bit."""

from __future__ import annotations

import torch
from torch import Tensor

from arena.games.seeds import OUTCOME_STREAM, counter_hash

_WRAP = 1 << 64
_SHIFTS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def unit(word: Tensor) -> Tensor:
    """A random word as float64 in [0, 1): its upper 53 bits."""
    return _shifted(word, 11).to(torch.float64) * 2.0**-53


def uniform(seed: Tensor, counter: Tensor) -> Tensor:
    """float32 in [0, 1): the upper 24 bits of the word of (chance seed, counter); arguments int64, broadcast together."""
    return _shifted(words(seed, counter), 40).to(torch.float32) * 2.0**-24


def words(seed: Tensor, counter: Tensor, stream: int = OUTCOME_STREAM) -> Tensor:
    """The random word of each (seed, counter) of a stream as int64, two's complement."""
    if seed.device.type == "cpu":
        hashed = counter_hash(seed.numpy().view("uint64"), stream, counter.numpy())
        return torch.from_numpy(hashed.view("int64"))
    return hashed_words(seed, counter, stream)


def hashed_words(seed: Tensor, counter: Tensor, stream: int = OUTCOME_STREAM) -> Tensor:
    """The same in operations that every device has: int64 wraps as uint64 does, only shifts must drop the sign."""
    x = seed
    for word in (stream, counter, 0):
        x = x + word * _signed(0xD1342543DE82EF95) + _signed(0x9E3779B97F4A7C15)
        for shift, factor in _SHIFTS:
            x = (x ^ _shifted(x, shift)) * _signed(factor)
        x = x ^ _shifted(x, 31)
    return x


def _shifted(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(constant: int) -> int:
    return constant - _WRAP if constant >= _WRAP // 2 else constant
