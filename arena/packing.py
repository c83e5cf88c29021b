"""Columns as bytes: what stands in the blobs of a ledger. Little-endian, versioned, checked, free of pickle.

A blob is ``AR``, the format's version (1 byte), the number of arrays (1 byte), the CRC-32 of all that follows; then a
head of 28 bytes an array; then the arrays' bytes. Numbers are kept in the narrowest type that gives them back exactly.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.games.ragged import Ragged
from arena.results import MatchResults, MatchSpecs

FORMAT = 1
LEVEL = 1  # zlib's first level: 21 actions in 0.3 us; level 6 takes ten times as long for a tenth of the size
MAX_BYTES = 1 << 30
"""The largest array that is written or read, unpacked: a hostile blob of a few bytes must not fill the memory."""

_MAGIC = b"AR"
_BLOB = struct.Struct("<2sBBI")
_HEAD = struct.Struct("<BBBBQQQ")  # type, stored type, encoding, dimensions, rows, width, bytes
_TYPES = tuple(np.dtype(t) for t in ("<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "<f4", "<f8"))
_WHOLE = tuple((np.dtype(t), np.iinfo(t)) for t in ("<i1", "<u1", "<i2", "<u2", "<i4", "<u4"))
_CODES = {dtype: code for code, dtype in enumerate(_TYPES)}
_RAW, _ZLIB, _PAIRS = range(3)


class DamagedBlock(ArenaError):
    """Bytes in a ledger that do not unpack."""


def pack_actions(actions: Ragged) -> bytes:
    """Lengths, then actions: two a byte below 16 (nothing is left to compress), else compressed."""
    values = actions.values
    pairs = (
        np.can_cast(np.uint8, values.dtype)
        and values.dtype.kind in "iu"
        and (values.size == 0 or (values.min() >= 0 and values.max() < 16))
    )
    return _pack([(actions.lengths(), _ZLIB), (values, _PAIRS if pairs else _ZLIB)])


def unpack_actions(blob: bytes, *, matches: int, what: str) -> Ragged:
    """The actions of ``matches`` matches; ``what`` names the block in the error.

    Raises:
        DamagedBlock: not what `pack_actions` wrote for so many matches.
    """
    lengths, values = _unpack(blob, 2, what)
    if lengths.shape != (matches,) or lengths.dtype != np.int64 or lengths.min(initial=0) < 0:
        raise DamagedBlock(_damage(what, f"it should hold the actions of {matches} matches"))
    ends = np.cumsum(lengths)
    if lengths.max(initial=0) > len(values) or (int(ends[-1]) if matches else 0) != len(values):
        raise DamagedBlock(_damage(what, "its lengths do not add up to its actions"))
    return Ragged(values, ends)


def pack_seconds(seconds: NDArray[np.float32]) -> bytes:
    """Timings hardly compress, so they are kept as they are."""
    return _pack([(np.asarray(seconds, np.float32), _RAW)])


def unpack_seconds(blob: bytes, *, matches: int, players: int, what: str) -> NDArray[np.float32]:
    """float32 [matches, players]. Raises `DamagedBlock`."""
    (seconds,) = _unpack(blob, 1, what)
    return _expected(seconds, np.dtype(np.float32), (matches, players), what)


def pack_columns(results: MatchResults) -> bytes:
    """All of the results but actions, seconds and faults.

    Seeds are random, so they are not compressed; the chance seed that all matches of a rotation share is kept once.
    """
    specs = results.specs
    chance_seed = np.asarray(specs.chance_seed, np.uint64)
    shared = _one_a_rotation(chance_seed, specs.seats.shape[1])
    return _pack(
        [
            (np.diff(specs.index, prepend=specs.index[:1]), _ZLIB),
            (np.asarray(specs.seats, np.int64), _ZLIB),
            (np.asarray(specs.seed, np.uint64), _RAW),
            (chance_seed if shared is None else shared, _RAW),
            (np.asarray(results.returns, np.float64), _ZLIB),
            (np.asarray(results.termination, np.int8), _ZLIB),
            (np.asarray(results.forfeit, np.int8), _ZLIB),
        ]
    )


def _one_a_rotation(chance_seed: NDArray[np.uint64], players: int) -> NDArray[np.uint64] | None:
    """One seed for every `players` matches in a row, where they are equal in all of them."""
    if players < 2 or len(chance_seed) % players:
        return None
    rotations = chance_seed.reshape(-1, players)
    return np.ascontiguousarray(rotations[:, 0]) if (rotations == rotations[:, :1]).all() else None


def unpack_columns(
    blob: bytes, *, first: int, matches: int, players: int, what: str
) -> tuple[MatchSpecs, NDArray[np.float64], NDArray[np.int8], NDArray[np.int8]]:
    """Specs, returns, termination, forfeit of ``matches`` matches, the first of them with index ``first``.

    Raises:
        DamagedBlock: not what `pack_columns` wrote for so many matches.
    """
    steps, seats, seed, chance_seed, returns, termination, forfeit = _unpack(blob, 7, what)
    row, table = (matches,), (matches, players)
    _expected(steps, np.dtype(np.int64), row, what)
    if matches and (steps[0] != 0 or steps[1:].min(initial=1) < 1 or steps.max(initial=0) > MAX_BYTES):
        raise DamagedBlock(_damage(what, "its matches are not in ascending order"))
    specs = MatchSpecs(
        index=first + np.cumsum(steps),
        seats=_expected(seats, np.dtype(np.int64), table, what),
        seed=_expected(seed, np.dtype(np.uint64), row, what),
        chance_seed=_expected(
            np.repeat(chance_seed, players) if len(chance_seed) < matches else chance_seed,
            np.dtype(np.uint64),
            row,
            what,
        ),
    )
    return (
        specs,
        _expected(returns, np.dtype(np.float64), table, what),
        _expected(termination, np.dtype(np.int8), row, what),
        _expected(forfeit, np.dtype(np.int8), row, what),
    )


def pack_lineups(lineups: NDArray[np.int64], rotations: int) -> bytes:
    """Who meets whom in a round [L, num_sides], and in how many rotations each."""
    return _pack([(np.asarray(lineups, np.int64), _ZLIB), (np.array([rotations], np.int64), _RAW)])


def unpack_lineups(blob: bytes, *, what: str) -> tuple[NDArray[np.int64], int]:
    """The lineups int64 [L, num_sides] of a round and their rotations; ``what`` names the round in the error.

    Raises:
        DamagedBlock: not what `pack_lineups` wrote.
    """
    lineups, rotations = _unpack(blob, 2, what)
    if lineups.ndim != 2 or lineups.dtype != np.int64 or lineups.min(initial=0) < 0:
        raise DamagedBlock(_damage(what, "its lineups are none"))
    if rotations.shape != (1,) or rotations.dtype != np.int64 or rotations[0] < 1:
        raise DamagedBlock(_damage(what, "its lineups are played in no number of rotations"))
    return lineups, int(rotations[0])


def pack_propensities(propensities: NDArray[np.float64]) -> bytes:
    """The probability with which each lineup of a round was drawn [L]."""
    return _pack([(np.asarray(propensities, np.float64), _RAW)])


def unpack_propensities(blob: bytes, *, lineups: int, what: str) -> NDArray[np.float64]:
    """float64 [lineups]. Raises `DamagedBlock`."""
    (propensities,) = _unpack(blob, 1, what)
    return _expected(propensities, np.dtype(np.float64), (lineups,), what)


def _expected(array: NDArray[Any], dtype: np.dtype[Any], shape: tuple[int, ...], what: str) -> NDArray[Any]:
    if array.dtype != dtype or array.shape != shape:
        raise DamagedBlock(
            _damage(what, f"a column is {array.dtype} {list(array.shape)} in place of {dtype} {list(shape)}")
        )
    return array


def _pack(arrays: Sequence[tuple[NDArray[Any], int]]) -> bytes:
    heads, bodies = [], []
    for array, encoding in arrays:
        if array.nbytes > MAX_BYTES:
            raise ArenaError(
                f"a block of matches holds {array.nbytes} bytes in one column; at most {MAX_BYTES} are allowed: "
                "play fewer matches a block"
            )
        logical = array.dtype.newbyteorder("<")
        if encoding == _PAIRS:
            stored = np.ascontiguousarray(array, np.uint8)
            body = _paired(stored.ravel())
        else:
            stored = array if encoding == _RAW else _narrowed(array)
            stored = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<"))
            body = stored.tobytes() if encoding == _RAW else zlib.compress(stored.data, LEVEL)
        width = array.shape[1] if array.ndim == 2 else 0
        codes = _CODES[logical], _CODES[stored.dtype], encoding, array.ndim
        heads.append(_HEAD.pack(*codes, len(array), width, len(body)))
        bodies.append(body)
    rest = b"".join(heads + bodies)
    return _BLOB.pack(_MAGIC, FORMAT, len(arrays), zlib.crc32(rest)) + rest


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the narrowest type from which they come back bit for bit."""
    dtype = array.dtype
    if dtype.kind == "f":
        if dtype.itemsize == 8:
            with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is seen by the comparison below
                for kind in ("<i1", "<f4"):
                    tried = array.astype(kind)
                    if np.array_equal(tried.astype(dtype).view(np.uint64), np.ascontiguousarray(array).view(np.uint64)):
                        return tried
        return array
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for narrow, bounds in _WHOLE:
        if narrow.itemsize < dtype.itemsize and np.can_cast(narrow, dtype) and bounds.min <= low and high <= bounds.max:
            return array.astype(narrow)
    return array


def _paired(values: NDArray[np.uint8]) -> bytes:
    if len(values) % 2:
        values = np.append(values, np.uint8(0))
    return (values[::2] | values[1::2] << np.uint8(4)).tobytes()


def _unpack(blob: bytes, count: int, what: str) -> list[NDArray[Any]]:
    try:
        return _parsed(blob, count)
    except (ValueError, struct.error, zlib.error) as error:
        raise DamagedBlock(_damage(what, str(error))) from error


def _parsed(blob: bytes, count: int) -> list[NDArray[Any]]:
    magic, version, found, checksum = _BLOB.unpack_from(blob)
    if magic != _MAGIC:
        raise ValueError("it does not begin as a block does")
    if version != FORMAT:
        raise ValueError(f"it has format {version}, this release reads format {FORMAT}: upgrade minimax-arena")
    if zlib.crc32(memoryview(blob)[_BLOB.size :]) != checksum:
        raise ValueError("its checksum is wrong")
    if found != count:
        raise ValueError(f"it holds {found} columns in place of {count}")
    arrays, at = [], _BLOB.size + count * _HEAD.size
    for i in range(count):
        head = _HEAD.unpack_from(blob, _BLOB.size + i * _HEAD.size)
        body = memoryview(blob)[at : at + head[-1]]
        if len(body) != head[-1]:
            raise ValueError("it is cut short")
        arrays.append(_array(head, body))
        at += len(body)
    if at != len(blob):
        raise ValueError("bytes are left over")
    return arrays


def _array(head: tuple[int, ...], body: memoryview) -> NDArray[Any]:
    logical_code, stored_code, encoding, dimensions, rows, width, _ = head
    if max(logical_code, stored_code) >= len(_TYPES) or dimensions not in (1, 2) or encoding > _PAIRS:
        raise ValueError("a column's head makes no sense")
    logical, stored = _TYPES[logical_code], _TYPES[stored_code]
    if not np.can_cast(stored, logical):
        raise ValueError(f"a column of {logical} cannot be kept as {stored}")
    shape = (rows, width) if dimensions == 2 else (rows,)
    size = rows * width if dimensions == 2 else rows
    if max(rows, size) * logical.itemsize > MAX_BYTES:
        raise ValueError(f"a column claims {max(rows, size)} numbers, more than a block may hold")
    values: NDArray[Any]
    if encoding == _PAIRS:
        if stored != np.uint8 or len(body) != (size + 1) // 2:
            raise ValueError("a column is not of the size that it claims")
        packed = np.frombuffer(body, np.uint8)
        values = np.empty(2 * len(packed), np.uint8)
        values[::2], values[1::2] = packed & 15, packed >> 4
        values = values[:size]
    else:
        data = bytes(body) if encoding == _RAW else _decompressed(body, size * stored.itemsize)
        if len(data) != size * stored.itemsize:
            raise ValueError("a column is not of the size that it claims")
        values = np.frombuffer(data, stored)
    return values.reshape(shape).astype(logical.newbyteorder("="))


def _decompressed(body: memoryview, size: int) -> bytes:
    stream = zlib.decompressobj()
    data = stream.decompress(body, size + 1)
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise ValueError("a column is not of the size that it claims")
    return data


def _damage(what: str, problem: str) -> str:
    return f"{what} is damaged: {problem}; `arena db check` lists all damage, a backup mends it"
