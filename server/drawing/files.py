"""Drawings to be taken along: SVG in the light theme, PNG at twice the size, and the numbers that are drawn as CSV."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from arena.games import NotProvided
from arena.leaderboard_file import csv_text
from arena.server.drawing.standalone import document

Ending = Literal["svg", "png", "csv"]
MEDIA = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}
PNG_SCALE = 2.0
PNG_MISSING = "PNG files need: pip install 'minimax-arena[figures]'; the SVG file needs nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing with its numbers. ``name`` of its files, without an ending; ``rows``: a head and a row for each thing drawn."""

    name: str
    drawing: Markup
    rows: Sequence[Sequence[object]]

    def written(self, ending: Ending) -> bytes:
        """The figure as a file.

        Raises:
            NotProvided: a PNG, and resvg is not installed.
        """
        if ending == "csv":
            return csv_text(self.rows).encode()
        svg = alone(self.drawing)
        return svg.encode() if ending == "svg" else png_of(svg)


def size_of(drawing: Markup) -> tuple[float, float]:
    """(width, height) of a drawing with sizes of its own."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    assert box, "a picture has its size"
    return float(box[1]), float(box[2])


def alone(drawing: Markup) -> str:
    """A drawing of a page as a file of its own."""
    label = re.search(r'aria-label="([^"]*)"', drawing)
    assert label, "a picture says what it shows"
    width, height = size_of(drawing)
    sized = Markup(str(drawing).replace("<svg ", f'<svg width="{width:g}" height="{height:g}" ', 1))  # noqa: S704  drawn by us
    return document(sized, width=width, height=height, label=html.unescape(label[1]))


def png_of(svg: str) -> bytes:
    """The pixels of an SVG file, at twice its size.

    Raises:
        NotProvided: resvg is not installed.
    """
    try:
        import resvg_py
    except ImportError:
        raise NotProvided(PNG_MISSING) from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=PNG_SCALE))
