"""The picture of a payoff table has the colours of the table's cells."""

import struct
import zlib

import numpy as np
from simulated_records import from_counts

from arena.leaderboards import payoff_matrix
from arena.server.drawing.pixels import COLOURS, payoff_picture, png
from arena.server.drawing.standalone import tokens
from arena.server.heat import heat_rows


def read(file):
    """(indices [height, width], palette) of a PNG file, by its specification."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(file):
        (size,) = struct.unpack(">I", file[at : at + 4])
        kind, content = file[at + 4 : at + 8], file[at + 8 : at + 8 + size]
        assert struct.unpack(">I", file[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        at += 12 + size
    width, height, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours) == (8, 3)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    palette = ["#" + chunks[b"PLTE"][k : k + 3].hex() for k in range(0, len(chunks[b"PLTE"]), 3)]
    return lines[:, 1:], palette


def test_a_picture_is_read_back_as_it_was():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    found, palette = read(png(pixels, ["#000000", "#0a0b0c", "#ffffff"]))
    assert np.array_equal(found, pixels)
    assert palette == ["#000000", "#0a0b0c", "#ffffff"]


def test_each_pairing_has_the_colour_of_its_cell():
    size = 22
    wins = [
        [20 - abs(row - column) if row < column else abs(row - column) for column in range(size)] for row in range(size)
    ]
    for k in range(size):
        wins[k][k] = 0
    wins[0][5] = wins[5][0] = 0
    matrix = payoff_matrix(from_counts(wins))
    order = sorted(matrix.agents, reverse=True)
    pixels, palette = read(payoff_picture(matrix, order))
    times = len(pixels) // size
    assert palette == [tokens()[name] for name in COLOURS]
    shown = pixels[::times, ::times]
    assert np.array_equal(shown.repeat(times, 0).repeat(times, 1), pixels)
    named = {"self": "rule-2", "unmet": "paper"}
    cells = [[cell.cls.split()[0] for cell in row.cells] for row in heat_rows(matrix, order=order)]
    assert [[named.get(cls, cls) for cls in row] for row in cells] == [[COLOURS[k] for k in row] for row in shown]
    assert {cls for row in cells for cls in row} >= {"n5", "z0", "p5", "self", "unmet"}
