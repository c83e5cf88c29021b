"""How figures for papers look: the site's colours in their light theme, sizes of one or two columns, fonts that travel with the file."""

from __future__ import annotations

import functools
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from arena.games.array_file import replace_file
from arena.games.errors import NotProvided, SpecificationError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = Literal[1, 2]
SUFFIXES = (".svg", ".pdf", ".png")
WIDTH_IN = {1: 3.5, 2: 7.16}
"""Inches: one and two columns of a page of IEEE; other journals differ by a few millimetres."""

PNG_DPI = 300
MARGIN_IN = 0.08
TITLE_PT, TEXT_PT, SMALL_PT = 8.5, 6.5, 5.5
EM = 0.6  # mean width of a letter of the font, in its size

INK, INK_2, INK_3 = "#16191d", "#484e55", "#63686f"
PAPER, PANEL, EDGE, RULE, RULE_2 = "#ffffff", "#f4f4f0", "#81868d", "#e2e2dc", "#c2c3bf"
BLUE, ORANGE, TEAL, PURPLE, WASH = "#2765a5", "#a04d0c", "#007863", "#784d96", "#ece5f1"
DIVERGING = (
    "#8f3f06", "#a45e2d", "#b67e59", "#c99f83", "#dcc4b4", "#f1f0ed", "#b9cbdf", "#8facce", "#678ebb", "#4073aa", "#125898",
)  # fmt: skip
"""From all lost to all won in steps of ten points around even; equally dark left and right, told apart in grey by the number."""

FALLBACKS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans", "Arial Unicode MS", "Unifont")
"""Fonts for letters that the bundled one does not have, where they are installed."""
MISSING = "\N{WHITE SQUARE}"
FIGURES_MISSING = "figures need: pip install 'minimax-arena[figures]'"


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib as all figures are drawn and written with it, whatever its user has set.

    Raises:
        NotProvided: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as missing:
        raise NotProvided(FIGURES_MISSING) from missing
    settings = {
        "font.family": ["DejaVu Sans", *_installed_fallbacks()],
        "font.size": TEXT_PT,
        "text.color": INK,
        "text.parse_math": False,  # a dollar in a name is a dollar
        "axes.edgecolor": EDGE,
        "axes.linewidth": 0.5,
        "axes.unicode_minus": True,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "lines.solid_capstyle": "butt",
        "svg.fonttype": "path",
        "svg.hashsalt": "arena",
        "pdf.fonttype": 42,
        "pdf.compression": 9,
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in settings.items():
            mpl.rcParams[name] = value  # type: ignore[index]  # names of matplotlib's settings
        yield


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Writes a figure in the form that its name asks for; the same figure is the same bytes.

    Args:
        figure: what one of the functions of `arena.figures` returns.
        path: .svg with letters as outlines, .pdf with its fonts inside, or .png at 300 points an inch.

    Raises:
        SpecificationError: another ending, or the file cannot be written.
    """
    path = Path(path)
    check_figure_file(path)
    kind = path.suffix.lower()[1:]
    replace_file(path, lambda stream: write_figure(figure, stream, kind), what="the figure to")
    return path


def write_figure(figure: Figure, stream: BinaryIO, kind: str) -> None:
    """Writes a figure as ``svg``, ``pdf`` or ``png``, as `save_figure` does."""
    metadata: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None, "Creator": "Arena"},
        "pdf": {"CreationDate": None, "Creator": "Arena", "Producer": None},
        "png": {"Software": None},
    }
    with drawing():
        figure.savefig(stream, format=kind, dpi=PNG_DPI, metadata=metadata[kind])


def check_figure_file(path: Path) -> None:
    """Raises `SpecificationError` where the name does not say which form it is: asked before any work."""
    if path.suffix.lower() not in SUFFIXES:
        raise SpecificationError(f"a figure is written as .svg, .pdf or .png; got {path.name}")


def check_columns(columns: int) -> float:
    """The width in inches. Raises `ValueError` for another number of columns."""
    if columns not in WIDTH_IN:
        raise ValueError(f"columns must be 1 or 2; got {columns}")
    return WIDTH_IN[columns]


def heading_lines(title: str, subtitle: str, width_in: float) -> tuple[list[str], list[str], float]:
    """Title and subtitle broken for the width, and the height in inches that they take; nothing where both are empty."""
    room = (width_in - 2 * MARGIN_IN) * 72
    titles = textwrap.wrap(shown(title), int(room / (TITLE_PT * EM)), break_on_hyphens=False)
    subtitles = textwrap.wrap(subtitle, int(room / (SMALL_PT * EM)), break_on_hyphens=False)
    points = 1.3 * TITLE_PT * len(titles) + 1.35 * SMALL_PT * len(subtitles)
    return titles, subtitles, (points + 5) / 72 if points else 0.0


def write_heading(figure: Figure, titles: list[str], subtitles: list[str]) -> None:
    """Title and subtitle at the top left, as `heading_lines` broke them."""
    width, height = figure.get_size_inches()
    y = height - MARGIN_IN
    for lines, size, colour, step in ((titles, TITLE_PT, INK, 1.3), (subtitles, SMALL_PT, INK_3, 1.35)):
        family = "DejaVu Serif" if size == TITLE_PT else None
        for line in lines:
            figure.text(
                MARGIN_IN / width, y / height, line, size=size, color=colour, va="top", family=_with_fallbacks(family)
            )
            y -= step * size / 72


def named(name: str, room_in: float, size_pt: float) -> str:
    """A name that fits into so many inches: a long one loses its middle, so that its version stays."""
    name = shown(name)
    for kept in range(len(name), 3, -1):
        tail = kept // 3
        fitting = name if kept == len(name) else f"{name[: kept - tail]}…{name[-tail:]}"
        if width_of(fitting, size_pt) <= room_in:
            return fitting
    return f"{name[:3]}…"


def width_of(text: str, size_pt: float) -> float:
    """About how many inches a text takes."""
    wide = sum(letter == MISSING or unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return (wide + EM * (len(text) - wide)) * size_pt / 72


def shown(text: str) -> str:
    """The text with a square for each letter that no font here has: never a warning, never a gap."""
    have = _letters()
    return "".join(letter if ord(letter) in have else MISSING for letter in text)


def letters_missing(texts: Iterable[str]) -> str | None:
    """A sentence on the letters of these texts that are drawn as squares; None where there are none."""
    missing = sorted({letter for text in texts for letter in text if ord(letter) not in _letters()})
    if not missing:
        return None
    some = "".join(missing[:5]) + ("…" if len(missing) > 5 else "")
    return f"no font here has {some}, drawn as {MISSING}: install one that does ({FALLBACKS[0]}, for example)"


@functools.cache
def _letters() -> frozenset[int]:
    from matplotlib import font_manager

    found: set[int] = set()
    for family in ("DejaVu Sans", *_installed_fallbacks()):
        font = font_manager.get_font(font_manager.findfont(family, fallback_to_default=False))
        found |= set(font.get_charmap())
    return frozenset(found)


@functools.cache
def _installed_fallbacks() -> tuple[str, ...]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return tuple(family for family in FALLBACKS if family in installed)


def _with_fallbacks(family: str | None) -> list[str] | None:
    return None if family is None else [family, "DejaVu Sans", *_installed_fallbacks()]
