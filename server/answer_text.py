"""Answers of candidates as what a page shows: text stays text, code between fences is set apart, controls are made visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FENCE = "```"
_SEEN = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
"""Characters that a browser would swallow, as the pictures that Unicode has for them."""


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A piece of an answer, without the fences."""

    kind: Literal["text", "code"]
    text: str


def answer_parts(text: str) -> list[AnswerPart]:
    """The pieces of an answer in their order; a fence that is not closed begins no code."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").translate(_SEEN).split("\n")
    fences = [at for at, line in enumerate(lines) if line.lstrip().startswith(FENCE)]
    found: list[AnswerPart] = []
    begin = 0
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        found += _part("text", lines[begin:opening]) + _part("code", lines[opening + 1 : closing])
        begin = closing + 1
    return found + _part("text", lines[begin:])


def _part(kind: Literal["text", "code"], lines: Sequence[str]) -> list[AnswerPart]:
    text = "\n".join(lines).strip("\n")
    return [AnswerPart(kind, text)] if text.strip() else []
