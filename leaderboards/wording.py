"""Numbers and lists as a leaderboard's sentences write them."""

from __future__ import annotations

from collections.abc import Sequence

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
PRECISE_FROM = 10_000  # matches: below, a decimal of a percentage says nothing
FEW = 20
"""Matches: a percentage of fewer stands with its count, and an agent with fewer is provisional."""


def percent(share: float, matches: int) -> str:
    """A share as ``67 %``, with a decimal from 10,000 matches on."""
    return f"{100 * share:.{1 if matches >= PRECISE_FROM else 0}f}{SPACE}%"


def share_of(share: float, matches: int) -> str:
    """``67 %``; of few matches with their number, ``67 % of 12``."""
    shown = percent(share, matches)
    return f"{shown} of {matches:,}" if matches < FEW else shown


def signed(value: float, digits: int = 0) -> str:
    """``+104``, ``−12``, ``0``."""
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return (MINUS if value < 0 else "+") + text


def probability(value: float) -> str:
    """``0.93``; near one "over 0.99"."""
    return "over 0.99" if value > 0.99 else f"{value:.2f}"


def exploitable_by(value: float) -> str:
    """Four decimals, or two digits where those would leave nothing of it: a solved policy is told from a perfect one."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.001 else f"{value:.2g}"


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """``a, b and c``; names past `most` as a number."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
