"""Animated GIF files (GIF89a): one palette, each picture only where it differs from the one before.

Nothing among what Arena installs writes them. LZW as in the format's specification, appendix F (CompuServe, 1990).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.server.drawing.raster import Picture

UNCHANGED = 255  # the palette's last place is transparent
BITS = 5  # of a colour channel that palettes tell apart
CODES = 4096
BYTES_A_BLOCK = 255


def write_gif(stream: BinaryIO, pictures: Iterable[Picture], *, samples: Sequence[Picture], delay_cs: int) -> None:
    """Writes pictures of one size as a film in an endless loop.

    Args:
        stream: where to.
        pictures: one after the other; they are not kept.
        samples: some of them; the palette is made of their most frequent colours.
        delay_cs: of each picture, in hundredths of a second; browsers take less than 2 for 10.
    """
    height, width = samples[0].shape[:2]
    palette, nearest = _palette(samples)
    stream.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + palette.tobytes())
    stream.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
    before: NDArray[np.uint8] | None = None
    for picture in pictures:
        indices = nearest[_cell(picture)]
        top, left, changed = _changed(before, indices)
        stream.write(b"\x21\xf9\x04\x05" + struct.pack("<HBB", delay_cs, UNCHANGED, 0))
        stream.write(b"\x2c" + struct.pack("<HHHHB", left, top, changed.shape[1], changed.shape[0], 0) + b"\x08")
        coded = compressed(changed.ravel())
        for at in range(0, len(coded), BYTES_A_BLOCK):
            block = coded[at : at + BYTES_A_BLOCK]
            stream.write(bytes([len(block)]) + block)
        stream.write(b"\x00")
        before = indices
    stream.write(b"\x3b")


def compressed(indices: NDArray[np.uint8]) -> bytes:
    """Places in a palette of 256 as LZW codes of 9 to 12 bits, least significant bit first."""
    out = np.zeros(2 * len(indices) + 16, np.uint8)  # 12 bits a code, at most a code a place and one more to begin anew
    return out[: _lzw(np.ascontiguousarray(indices), out)].tobytes()


def _palette(samples: Sequence[Picture]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(colours [256, 3], the nearest place of each cell [32768]) of the most frequent colours; the last place is kept free."""
    cells = np.concatenate([_cell(sample).ravel() for sample in samples])
    pixels = np.concatenate([sample.reshape(-1, 3) for sample in samples])
    counts = np.bincount(cells, minlength=1 << 3 * BITS)
    sums = np.stack([np.bincount(cells, pixels[:, channel], len(counts)) for channel in range(3)], axis=1)
    kept = np.argsort(-counts, kind="stable")[:UNCHANGED]
    kept = kept[counts[kept] > 0]
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(kept)] = np.rint(sums[kept] / counts[kept, None])
    channel = np.arange(1 << BITS) * (255 / ((1 << BITS) - 1))
    grid = np.stack(np.meshgrid(channel, channel, channel, indexing="ij"), axis=-1).reshape(-1, 3)
    palette = colours[: len(kept)].astype(float)
    distance = (grid**2).sum(axis=1)[:, None] - 2 * grid @ palette.T + (palette**2).sum(axis=1)
    nearest = distance.argmin(axis=1).astype(np.uint8)
    nearest[kept] = np.arange(len(kept))
    return colours, nearest


def _cell(picture: Picture) -> NDArray[np.int64]:
    """The cell of each pixel [height, width]: the upper bits of its channels."""
    upper = (picture >> (8 - BITS)).astype(np.int64)
    cell: NDArray[np.int64] = (upper[..., 0] << 2 * BITS) | (upper[..., 1] << BITS) | upper[..., 2]
    return cell


def _changed(before: NDArray[np.uint8] | None, now: NDArray[np.uint8]) -> tuple[int, int, NDArray[np.uint8]]:
    """(top, left, places) of the part that differs from the picture before; what is the same inside of it is transparent."""
    if before is None:
        return 0, 0, now
    differs = before != now
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return 0, 0, np.full((1, 1), UNCHANGED, np.uint8)
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return int(rows[0]), int(columns[0]), np.where(differs[part], now[part], np.uint8(UNCHANGED))


@nb.njit(cache=True)
def _lzw(indices, out):  # type: ignore[no-untyped-def]  # numba kernel
    """Writes the codes into `out` and returns how many bytes they take."""
    clear, end = 256, 257
    following = np.zeros((CODES, 256), np.int32)  # era * CODES + code of (prefix, next place)
    era, free, size = 1, 258, 9
    held, bits, at = clear, 9, 0  # the clear code comes first
    prefix = -1
    for k in range(len(indices) + 1):
        code = -1
        if k < len(indices):
            place = indices[k]
            if prefix < 0:
                prefix = place
                continue
            known = following[prefix, place]
            if known // CODES == era:
                prefix = known % CODES
                continue
        code = prefix
        held |= code << bits
        bits += size
        while bits >= 8:
            out[at] = held & 255
            at += 1
            held >>= 8
            bits -= 8
        if k == len(indices):
            break
        if free == 1 << size and size < 12:
            size += 1
        if free < CODES:
            following[prefix, place] = era * CODES + free
            free += 1
        else:
            held |= clear << bits
            bits += size
            while bits >= 8:
                out[at] = held & 255
                at += 1
                held >>= 8
                bits -= 8
            era, free, size = era + 1, 258, 9
        prefix = place
    if free == 1 << size and size < 12:
        size += 1
    held |= end << bits
    bits += size
    while bits > 0:
        out[at] = held & 255
        at += 1
        held >>= 8
        bits -= 8
    return at
