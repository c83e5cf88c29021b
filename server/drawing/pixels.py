"""Pictures of few colours as PNG files: one byte a pixel and a palette, for tables too large to be written out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.payoff_matrix import Matrix
from arena.server.drawing.standalone import tokens

SIDE = 1000  # pixels that a small table is enlarged to; a larger one has a pixel a pairing
MOST_ENLARGED = 16
COLOURS = ("n5", "n4", "n3", "n2", "n1", "z0", "p1", "p2", "p3", "p4", "p5", "paper", "rule-2")
UNMET, ITSELF = COLOURS.index("paper"), COLOURS.index("rule-2")


def payoff_picture(matrix: Matrix, order: Sequence[str]) -> bytes:
    """The payoff table of these agents as a PNG, in the light theme's colours: a square a pairing, the row's score."""
    place = {agent: k for k, agent in enumerate(matrix.agents)}
    chosen = np.array([place[agent] for agent in order], np.int64)
    score = matrix.score[np.ix_(chosen, chosen)]
    met = (matrix.matches[np.ix_(chosen, chosen)] > 0) & np.isfinite(score)
    steps = np.floor(np.abs(np.where(met, score, 0.5) - 0.5) * 10 + 0.5 + 1e-9).clip(max=5)
    colour = (5 + np.sign(np.where(met, score, 0.5) - 0.5) * steps).astype(np.uint8)
    colour[~met] = UNMET
    np.fill_diagonal(colour, ITSELF)
    times = max(1, min(MOST_ENLARGED, SIDE // max(len(chosen), 1)))
    return png(colour.repeat(times, 0).repeat(times, 1), [tokens()[name] for name in COLOURS])


def png(pixels: NDArray[np.uint8], palette: Sequence[str]) -> bytes:
    """A PNG file of indices [height, width] into a palette of colours ``#rrggbb``.

    Source: W3C, Portable Network Graphics (PNG) Specification, third edition, colour type 3.
    """
    height, width = pixels.shape
    lines = np.zeros((height, width + 1), np.uint8)  # each line begins with its filter, 0: none
    lines[:, 1:] = pixels
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(bytes.fromhex(colour.removeprefix("#")) for colour in palette)),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
