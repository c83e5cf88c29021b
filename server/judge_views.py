"""Judges as rows of a table: their numbers with their doubt, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.leaderboards.judge_quality import JudgeQuality, OrderBias, Share
from arena.server import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeLine:
    """One judge's cells. ``biased``: whether it certainly likes one place more."""

    judge: str
    verdicts: str
    ties: str
    failures: str
    bias: str
    both_orders: str
    repeated: str
    with_others: str
    biased: bool


def judge_lines(judges: Sequence[JudgeQuality], *, most: int) -> list[JudgeLine]:
    """The rows of those with the most verdicts, in the order given."""
    shown = sorted(judges, key=lambda one: -one.verdicts)[:most]
    return [
        JudgeLine(
            judge=one.judge,
            verdicts=numbers.count(one.verdicts),
            ties=numbers.count(one.ties),
            failures=numbers.count(one.failures),
            bias=_bias(one.order_bias),
            both_orders=_share(one.both_orders),
            repeated=_share(one.repeated),
            with_others=_share(one.with_others),
            biased=one.has_bias,
        )
        for one in judges
        if one in shown
    ]


def by_chance(judges: Sequence[JudgeQuality]) -> str:
    """``31 % to 40 %``: in how many verdicts judges would agree if each drew its own; empty where no two judged the same."""
    known = sorted(round(100 * one.by_chance) for one in judges if one.by_chance is not None)
    if not known:
        return ""
    low, high = known[0], known[-1]
    return f"{low}\N{NO-BREAK SPACE}%" if low == high else f"{low} to {high}\N{NO-BREAK SPACE}%"


def _bias(bias: OrderBias | None) -> str:
    if bias is None:
        return numbers.MISSING
    value, low, high = (numbers.whole(100 * end) for end in (bias.value, bias.low, bias.high))
    return f"{value} ({low} to {high})"


def _share(share: Share | None) -> str:
    if share is None:
        return numbers.MISSING
    return f"{numbers.share_of(share.value, share.of)} ({100 * share.low:.0f}–{100 * share.high:.0f})"
