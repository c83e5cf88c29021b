"""Drawings as files of their own: the site's style sheet resolved to its light theme, for what a drawing uses of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from markupsafe import Markup

from arena.server.assets import FOLDER
from arena.server.drawing.svg import Attribute, el

NAMESPACE = "http://www.w3.org/2000/svg"
_DRAWN = frozenset({"text", "circle", "rect", "line", "path", "g"})
_LAID_OUT = re.compile(r"(?<![\w-])(?:width|height|display|max-width|overflow|border-radius|background)\s*:[^;]*;?")


@functools.cache
def tokens() -> Mapping[str, str]:
    """The style sheet's named values in its light theme: ``paper``, ``disc-0``, ``sans``."""
    root = re.search(r":root \{(.*?)\n\}", _sheet(), re.DOTALL)
    assert root, "the style sheet begins with its tokens"
    named = re.findall(r"--([\w-]+):\s*([^;]+);", root[1])
    return {name: re.sub(r"light-dark\(([^,]+),[^)]*\)", r"\1", value) for name, value in named}


def style_for(drawing: str) -> str:
    """The rules that this drawing's classes need, without variables and without what lays out a page."""
    used = {name for found in re.findall(r'class="([^"]*)"', drawing) for name in found.split()}
    rules = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", _without_media(_sheet())):
        kept = [one.strip() for one in selectors.split(",") if _applies(one.strip(), used)]
        body = _LAID_OUT.sub("", body).strip()
        if kept and body:
            rules.append(f"{', '.join(kept)} {{ {_resolved(body)} }}")
    return "\n".join(rules)


def document(*children: Markup, width: float, height: float, label: str) -> str:
    """A file: the children on paper, with the styles that they need."""
    inside = Markup("\n").join(children)
    attributes: dict[str, Attribute] = {"xmlns": NAMESPACE, "viewBox": f"0 0 {width:g} {height:g}"}
    return str(
        el(
            "svg",
            Markup("<style>\n{}\n</style>\n").format(Markup(style_for(inside))),  # noqa: S704  our own style sheet
            el("rect", width=width, height=height, fill=tokens()["paper"]),
            inside,
            width=width,
            height=height,
            role="img",
            aria_label=label,
            **attributes,
        )
    )


def _applies(selector: str, used: set[str]) -> bool:
    """Whether it names only drawn elements and classes in use; a class alone that only sizes a page's figure counts too."""
    if not re.fullmatch(r"[\w\-. +]+", selector):
        return False
    elements = set(re.findall(r"(?<![\w.-])[a-z]+[\w-]*", selector))
    classes = set(re.findall(r"\.([\w-]+)", selector))
    return elements <= _DRAWN and classes <= used and bool(classes or elements)


def _resolved(body: str) -> str:
    """The values in place of their names; a name may stand in a theme's pair."""
    body = re.sub(r"var\(--([\w-]+)\)", lambda found: tokens()[found[1]], body)
    return re.sub(r"light-dark\(([^,]+),[^)]*\)", r"\1", re.sub(r"\s+", " ", body))


@functools.cache
def _sheet() -> str:
    return re.sub(r"/\*.*?\*/", "", (FOLDER / "arena.css").read_text(encoding="utf-8"), flags=re.DOTALL)


def _without_media(sheet: str) -> str:
    """The rules for every screen."""
    return re.sub(r"@[\w-]+[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet)
