"""Contrast of the colour tokens, in both themes (WCAG 2.2: 4.5 for text, 3 for what is drawn)."""

from __future__ import annotations

import re

import pytest

from arena.server.assets import FOLDER

TOKENS = dict(
    re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6},\s*#[0-9a-f]{6})\)", (FOLDER / "arena.css").read_text())
)
TEXT = [
    (fore, back)
    for fore in ("ink", "ink-2", "ink-3", "blue", "orange", "teal", "purple", "ochre", "rose")
    for back in ("paper", "panel")
]
TEXT += [("purple", "purple-soft"), ("ink", "ochre-wash"), ("ochre", "ochre-wash"), ("ink", "blue-wash")]
STEPS = {"on-deep": ("n5", "n4", "p4", "p5"), "on-mid": ("n3", "p3"), "on-soft": ("n2", "n1", "z0", "p1", "p2")}
TEXT += [(on, step) for on, steps in STEPS.items() for step in steps]
DRAWN = [("edge", "paper"), ("disc-0", "paper")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("fore", "back", "least"), [(*p, 4.5) for p in TEXT] + [(*p, 3.0) for p in DRAWN])
def test_colours_are_told_apart(fore, back, least, theme):
    lighter, darker = sorted(
        (_luminance(TOKENS[name].split(",")[theme].strip()) for name in (fore, back)), reverse=True
    )
    assert (lighter + 0.05) / (darker + 0.05) >= least


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
