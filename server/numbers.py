"""How numbers are written for people: a true minus, no-break spaces before units, as many digits as mean something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from arena.leaderboards.wording import FEW
from arena.leaderboards.wording import exploitable_by as exploitable_by

NBSP = "\u00a0"
MINUS = "\u2212"
MISSING = "\u2013"
SMALL = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
MANY_MATCHES = 10_000  # from here on a score is shown with one decimal


def whole(value: float) -> str:
    """A signed whole number, ``+104``, ``−10``, ``0``; a dash where there is none."""
    if not math.isfinite(value):
        return MISSING
    rounded = round(value)
    return f"{rounded:+,d}".replace("-", MINUS) if rounded else "0"


def signed(value: float, digits: int = 2) -> str:
    """A signed number with a fixed number of decimals."""
    if not math.isfinite(value):
        return MISSING
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def unsigned(value: float, digits: int = 2) -> str:
    """A number that is positive as a rule, with a fixed number of decimals."""
    return f"{value:,.{digits}f}".replace("-", MINUS) if math.isfinite(value) else MISSING


def plain(value: float) -> str:
    """A payoff as short as it goes: ``1``, ``−0.5``."""
    return f"{value:g}".replace("-", MINUS) if math.isfinite(value) else MISSING


def returns(values: Sequence[float]) -> str:
    """Final payoffs of all seats in their order: ``1, −1``."""
    return ", ".join(plain(value) for value in values)


def percent(share: float, matches: int = 0) -> str:
    """A share as percent, ``67 %``; one decimal where many matches stand behind it."""
    if not math.isfinite(share):
        return MISSING
    return f"{share * 100:.{1 if matches >= MANY_MATCHES else 0}f}{NBSP}%"


def weight(value: float) -> str:
    """A probability: two decimals, ``0`` for an exact zero, ``< 0.01`` below."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    return f"<{NBSP}0.01" if value < 0.005 else f"{value:.2f}"


def probability(value: float) -> str:
    """``0.89``; near one only ``over 0.99``, near zero ``below 0.01``."""
    return "over 0.99" if value > 0.99 else "below 0.01" if value < 0.01 else f"{value:.2f}"


def count(value: int) -> str:
    return f"{value:,d}"


def counted(value: int, one: str, many: str = "") -> str:
    """A number of things, ``1 move``, ``2 moves``, ``3 matches``."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def share_of(share: float, matches: int) -> str:
    """A share as percent, with the number of matches where these are few: ``67 % of 12``."""
    shown = percent(share, matches)
    return f"{shown} of {count(matches)}" if matches < FEW else shown


def span(low: float, high: float) -> str:
    """An interval of a weight, ``0.26 to 0.41``; empty where there is none."""
    return f"{low:.2f} to {high:.2f}" if math.isfinite(low) and math.isfinite(high) else ""


def duration(seconds: float) -> str:
    """``0.9 ms``, ``12 s``, ``41 min``, ``3.2 h``; ``< 0.1 ms`` below."""
    if seconds < 1e-4:
        return f"<{NBSP}0.1{NBSP}ms"
    for limit, unit, scale in ((1, "ms", 1e-3), (90, "s", 1), (5400, "min", 60)):
        if seconds < limit:
            amount = seconds / scale
            return f"{amount:.1f}{NBSP}{unit}" if amount < 10 and unit != "min" else f"{amount:.0f}{NBSP}{unit}"
    return f"{seconds / 3600:.1f}{NBSP}h"


def moment(when: str | datetime | None) -> str:
    """A time in UTC, ``22 Nov 2026, 08:15``; a dash where there is none."""
    return MISSING if when is None else f"{_utc(when):%-d %b %Y, %H:%M}"


def short_moment(when: str | datetime | None) -> str:
    """The same for narrow columns, ``22 Nov 08:15``; of another year ``22 Nov 2025``."""
    if when is None:
        return MISSING
    at = _utc(when)
    return f"{at:%-d %b %H:%M}" if at.year == datetime.now(UTC).year else f"{at:%-d %b %Y}"


def iso(when: str | datetime | None) -> str:
    """The same time for a machine."""
    return "" if when is None else _utc(when).isoformat()


def in_words(value: int) -> str:
    """A count in a sentence: ``six``; from thirteen on in figures."""
    return SMALL[value] if 0 <= value < len(SMALL) else count(value)


def _utc(when: str | datetime) -> datetime:
    time = datetime.fromisoformat(when) if isinstance(when, str) else when
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
