"""The few elements that all drawings are made of. Everything that is put in is escaped; nothing carries a style."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable

from markupsafe import Markup, escape

Attribute = str | float
_SPECIAL = re.compile("[&<>\"']").search  # most values have none of these, and a page has ten thousand values


def el(tag: str, *children: str, **attributes: Attribute) -> Markup:
    """One SVG element. ``cls`` is written as class, ``x_y`` as x-y, numbers with at most two decimals."""
    written = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items())
    if not children:
        return Markup(f"<{tag}{written}/>")  # noqa: S704  every value above was escaped
    inside = Markup("").join(children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>")  # noqa: S704  children are escaped by join


def text(words: str, **attributes: Attribute) -> Markup:
    return el("text", words, **attributes)


def cell(children: Iterable[Markup], label: str) -> Markup:
    """A drawing that fills the table cell it stands in: its children use percent, so one drawing fits any width."""
    return el("svg", *children, role="img", aria_label=label)


def picture(children: Iterable[Markup], label: str, *, width: float, height: float, cls: str = "chart") -> Markup:
    """A drawing with sizes of its own, scaled as a whole."""
    return el("svg", *children, cls=cls, role="img", aria_label=label, viewBox=f"0 0 {width:g} {height:g}")


def percent(value: float) -> str:
    return f"{value:.2f}%"


def scale(low: float, high: float, to_low: float = 0.0, to_high: float = 100.0) -> Callable[[float], float]:
    """The straight line through (low, to_low) and (high, to_high)."""
    span = (high - low) or 1.0
    return lambda value: to_low + (value - low) / span * (to_high - to_low)


@functools.cache
def _name(key: str) -> str:
    return "class" if key == "cls" else key.replace("_", "-")


def _value(value: Attribute) -> str:
    if isinstance(value, str):
        return str(escape(value)) if _SPECIAL(value) else value
    return f"{round(value, 2):g}"
