"""What a convergence shows, in words: gaps and counts as people write them, and the finding as a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NO_BREAK = "\N{NO-BREAK SPACE}"
GAP_NAMES = {
    "deviation_gain": "gain by deviation",
    "coarse_deviation_gain": "gain by coarse deviation",
}

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A name and (iteration, gap) as measured: iterations above 0, in ascending order; gaps of at least 0."""

    name: str
    points: tuple[Point, ...]


def finding(method: str, curves: Sequence[Curve], *, gap_name: str = "NashConv", target: float | None = None) -> str:
    """What the curves show, in a sentence: how far the gap came down, and whether the target was reached."""
    ends = [curve.points[-1] for curve in curves]
    counts = {count for count, _ in ends}
    if target is not None and all(gap <= target for _, gap in ends):
        said = [f"{count_of(count)} on {curve.name}" for curve, (count, _) in zip(curves, ends, strict=True)]
        said[0] = f"{_iterations(ends[0][0])} on {curves[0].name}"
        return f"{method} brings {gap_name} to {asked(target)} in {', '.join(said)}"
    same = len(counts) == 1 and len(curves) > 1
    said = []
    for curve, (count, gap) in zip(curves, ends, strict=True):
        fell = gap < curve.points[0][1] or len(curve.points) == 1
        work = "" if same else f" in {_iterations(count)}"
        said.append(f"{'to' if fell else 'no lower than'} {short(gap)}{work} on {curve.name}")
    missed = "" if target is None else f"; {asked(target)} not reached"
    return f"{method} brings {gap_name}{f' in {_iterations(counts.pop())}' if same else ''} {', '.join(said)}{missed}"


def described(curves: Sequence[Curve], how: str, *, gap_name: str, x_name: str, target: float | None = None) -> str:
    """The drawing for those who do not see it: how it is made, and where each curve begins and ends."""
    said = [how.rstrip(".")] if how else []
    for curve in curves:
        (begin, first), (end, last) = curve.points[0], curve.points[-1]
        said.append(
            f"{curve.name}: {gap_name} from {short(first)} at {count_of(begin)} to {short(last)} at {count_of(end)} {x_name}"
        )
    if target is not None:
        said.append(f"The target is {asked(target)}")
    return ". ".join(said) + "."


def gap_name(kind: str) -> str:
    """A `Solution.gap_kind` for people."""
    words = GAP_NAMES.get(kind, kind.replace("_", " "))
    return words.replace("nash conv", "NashConv").replace("bellman", "Bellman")


def short(gap: float) -> str:
    """A gap for people: two digits that mean something, a power of ten where decimals would be a row of zeros."""
    if gap == 0:
        return "0"
    exponent = math.floor(math.log10(abs(gap)))
    if -5 <= exponent < 6:
        return f"{gap:,.{max(1 - exponent, 0)}f}"
    mantissa, _, power = f"{gap:.1e}".partition("e")
    return f"{mantissa}{NO_BREAK}·{NO_BREAK}{power_of_ten(int(power))}"


def asked(target: float | None) -> str:
    """A target as people write it: 0.001, or a power of ten."""
    if target is None or target >= 1e-4:
        return "" if target is None else f"{target:g}"
    exponent = round(math.log10(target))
    return power_of_ten(exponent) if math.isclose(target, 10.0**exponent) else short(target)


def _iterations(count: float) -> str:
    return f"{count_of(count)} {'iteration' if count == 1 else 'iterations'}"


def count_of(value: float) -> str:
    """A number of iterations for people."""
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def power_of_ten(exponent: int) -> str:
    """10 with its exponent above."""
    return "10" + str(exponent).translate(SUPERSCRIPT)
