"""How good judges are: whether the order shown moves them, whether they agree with themselves and with each other.

Order bias is how much more often a judge names the first shown than the second. Where one comparison was asked in both orders, it is
(comparisons in which the first shown won both times - those in which the second did) / comparisons, whoever is better: strength
cancels within a comparison. Where comparisons were asked in one order each, as votes are, both orders of two candidates are compared
with each other instead, pair by pair (Mantel-Haenszel weights).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import comb, sqrt
from statistics import NormalDist

import numpy as np

from arena.games.votes import UNSAID, Votes
from arena.leaderboards.wilson import wilson
from arena.leaderboards.wording import listed, signed

EVEN = 0.5
BOTH_ORDERS = "the same comparison in both orders"
BY_PAIRS = "pairs of candidates shown in both orders"
NOBODY = "not named"
MOST_EXACT = 1000
"""Discordant comparisons up to which the sign test sums the binomial distribution; above, it is normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``count`` of ``of``, with Wilson's interval of the share."""

    count: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.of

    def to_dict(self) -> dict[str, object]:
        return {"count": self.count, "of": self.of, "value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBias:
    """``value``: how much more often the first shown wins than the second, -1..1, with its interval; ``p_value``: of no
    difference, two-sided; ``units``: comparisons or pairs of candidates that tell; ``basis``: which of the two."""

    value: float
    low: float
    high: float
    p_value: float
    units: int
    basis: str

    def to_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("value", "low", "high", "p_value", "units", "basis")}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuality:
    """One judge's verdicts. None where nothing tells.

    ``both_orders``: comparisons whose two orders got the same verdict; ``repeated``: questions asked again in the same order that got
    the same verdict; ``with_others``: verdicts of other judges on the same comparison that are the same; ``by_chance``: the share in
    which they would be if every judge drew its verdicts, as often as it gives each.
    """

    judge: str
    verdicts: int
    ties: int
    both_bad: int
    failures: int
    order_bias: OrderBias | None
    both_orders: Share | None
    repeated: Share | None
    with_others: Share | None
    by_chance: float | None

    @property
    def has_bias(self) -> bool:
        """Whether the interval of the order bias excludes 0."""
        return self.order_bias is not None and not self.order_bias.low <= 0 <= self.order_bias.high

    def sentence(self) -> str:
        """What is known of the judge, the worst first."""
        said = []
        bias = self.order_bias
        if bias is not None:
            rate = f"{100 * abs(bias.value):.0f} points ({_points(bias.low)} to {_points(bias.high)})"
            if self.has_bias:
                which = "first" if bias.value > 0 else "second"
                said.append(f"names the {which} shown more often by {rate}")
            else:
                said.append(
                    f"shows no certain liking for either place: {_points(bias.value)} points for the first shown "
                    f"({_points(bias.low)} to {_points(bias.high)})"
                )
        if self.both_orders is not None:
            said.append(f"says the same in both orders of {_of(self.both_orders, 'comparison')}")
        if self.repeated is not None:
            said.append(f"repeats itself in {_of(self.repeated, 'repeated question')}")
        if self.with_others is not None:
            chance = "" if self.by_chance is None else f"; by chance {100 * self.by_chance:.0f}\N{NO-BREAK SPACE}%"
            said.append(f"agrees with other judges in {_of(self.with_others, 'verdict')}{chance}")
        if self.failures:
            said.append(f"gave no verdict in {self.failures:,} {'attempt' if self.failures == 1 else 'attempts'}")
        return (
            f"{self.judge} {listed(said, most=6)}."
            if said
            else f"{self.judge}: {self.verdicts:,} verdicts, of which nothing tells how good they are."
        )

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        shares = ("both_orders", "repeated", "with_others")
        return {
            **{name: getattr(self, name) for name in ("judge", "verdicts", "ties", "both_bad", "failures")},
            "order_bias": None if self.order_bias is None else self.order_bias.to_dict(),
            **{name: None if getattr(self, name) is None else getattr(self, name).to_dict() for name in shares},
            "by_chance": self.by_chance,
            "sentence": self.sentence(),
        }


@dataclass(slots=True)
class _Asked:
    """One judge's scores of one comparison, from the side of the candidate with the smaller number: shown first, and second."""

    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)


_Comparison = tuple[int, int, int]  # context, smaller candidate, larger candidate


def judge_quality(
    votes: Votes, *, failures: Mapping[str, int] | None = None, confidence: float = 0.95
) -> tuple[JudgeQuality, ...]:
    """The quality of each judge of these votes, in the order of ``votes.judges``; last those that nobody signed, if any.

    Args:
        votes: of all judges.
        failures: of each judge by name, the attempts that gave no verdict.
        confidence: of the intervals.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    failed = failures or {}
    own, again = _by_judge(votes), _by_judge(_asked_again(votes))
    numbers = [k for k, name in enumerate(votes.judges) if k in own or failed.get(name)]
    numbers += [UNSAID] if UNSAID in own else []
    none = votes.take(np.empty(0, np.int64))
    asked = {number: _asked(again.get(number, none)) for number in numbers}
    return tuple(_quality(votes.judges, number, own.get(number, none), asked, failed, z) for number in numbers)


def order_bias(votes: Votes, *, confidence: float = 0.95) -> OrderBias | None:
    """The order bias of all votes together, as if one judge had given them; None where nothing tells."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return _order_bias(_orders(_asked(_asked_again(votes))), votes, z)


def _by_judge(votes: Votes) -> dict[int, Votes]:
    """The votes of each judge who gave any, in their order."""
    order = np.argsort(votes.judge, kind="stable")
    numbers, starts = np.unique(votes.judge[order], return_index=True)
    ends = [*starts.tolist(), len(order)][1:]
    return {
        number: votes.take(order[start:end])
        for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True)
    }


def share_of(count: int, of: int, z: float) -> Share:
    """The share with Wilson's interval, which ends at 0 of none and at 1 of all; ``of`` is at least 1."""
    low, high = wilson(count / of, of, z)
    return Share(count=count, of=of, low=low if count else 0.0, high=high if count < of else 1.0)


def sign_test(more: float, less: float) -> float:
    """The two-sided p-value of ``more`` against ``less`` wins where both are as likely; halves are rounded towards even."""
    total = round(more + less)
    largest = min(total, int(np.ceil(max(more, less))))
    if total == 0:
        return 1.0
    if total > MOST_EXACT:
        return 2 * NormalDist().cdf(-max(0.0, (abs(more - less) - 1) / sqrt(total)))
    tail: float = sum(comb(total, k) for k in range(largest, total + 1)) / (1 << total)
    return min(1.0, 2 * tail)


def _quality(
    judges: Sequence[str],
    number: int,
    own: Votes,
    asked: Mapping[int, Mapping[_Comparison, _Asked]],
    failed: Mapping[str, int],
    z: float,
) -> JudgeQuality:
    name = NOBODY if number == UNSAID else judges[number]
    orders = _orders(asked[number])
    same = sum(_verdict(one) == _verdict(other) for one, other in orders)
    repeats = [
        _verdict(a) == _verdict(b)
        for one in asked[number].values()
        for shown in (one.first, one.second)
        for a, b in pairwise(shown)
    ]
    agreed, chance = _with_others(number, asked)
    return JudgeQuality(
        judge=name,
        verdicts=len(own),
        ties=int((own.score == EVEN).sum()),
        both_bad=int(own.both_bad.sum()),
        failures=0 if number == UNSAID else failed.get(name, 0),
        order_bias=_order_bias(orders, own, z),
        both_orders=share_of(same, len(orders), z) if orders else None,
        repeated=share_of(sum(repeats), len(repeats), z) if repeats else None,
        with_others=share_of(sum(agreed), len(agreed), z) if agreed else None,
        by_chance=chance,
    )


def _orders(asked: Mapping[_Comparison, _Asked]) -> list[tuple[float, float]]:
    """The mean scores of each comparison that was asked in both orders; a question asked again adds no comparison."""
    return [
        (sum(one.first) / len(one.first), sum(one.second) / len(one.second))
        for one in asked.values()
        if one.first and one.second
    ]


def _order_bias(orders: Sequence[tuple[float, float]], own: Votes, z: float) -> OrderBias | None:
    return _paired_bias([round(one - other, 12) for one, other in orders], z) if orders else _bias_by_pairs(own, z)


def _asked_again(votes: Votes) -> Votes:
    """The votes on comparisons that were asked more than once, whose context is known: of others nobody can say that they are
    the same one."""
    known = votes.take(votes.context != UNSAID)
    size = len(votes.candidates)
    low, high = np.minimum(known.first, known.second), np.maximum(known.first, known.second)
    _, which, counts = np.unique((known.context * size + low) * size + high, return_inverse=True, return_counts=True)
    return known.take(counts[which.reshape(-1)] > 1)


def _asked(own: Votes) -> dict[_Comparison, _Asked]:
    """The comparisons of one judge."""
    found: defaultdict[_Comparison, _Asked] = defaultdict(_Asked)
    rows = zip(own.context.tolist(), own.first.tolist(), own.second.tolist(), own.score.tolist(), strict=True)
    for context, first, second, score in rows:
        if first < second:
            found[context, first, second].first.append(score)
        else:
            found[context, second, first].second.append(1 - score)
    return dict(found)


def _paired_bias(differences: Sequence[float], z: float) -> OrderBias:
    """Of comparisons in both orders: 1 where the first shown won both times, -1 where the second did.

    The interval is that of matched proportions after half a comparison is added to each of the four cells: Agresti and Min,
    Statistics in Medicine 2005, doi:10.1002/sim.1781; differences between, of graded verdicts and ties, count with their squares.
    The test is the exact sign test of the comparisons that differ.
    """
    size = len(differences)
    more, less = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    net, squares, total = sum(differences), sum(d * d for d in differences) + 2 * EVEN, size + 2
    centre = net / total
    half = z * sqrt(max(0.0, squares - net**2 / total)) / total
    return OrderBias(
        value=net / size,
        low=max(-1.0, centre - half),
        high=min(1.0, centre + half),
        p_value=sign_test(more, less),
        units=size,
        basis=BOTH_ORDERS,
    )


def _bias_by_pairs(own: Votes, z: float) -> OrderBias | None:
    """Of votes in one order each: both orders of the same two candidates, as strata."""
    size = len(own.candidates)
    low, high = np.minimum(own.first, own.second), np.maximum(own.first, own.second)
    pair, stratum = np.unique(low * size + high, return_inverse=True)
    cell = 2 * stratum.reshape(-1) + (own.first > own.second)
    counts = np.bincount(cell, minlength=2 * len(pair)).reshape(-1, 2).astype(np.float64)
    points = np.bincount(cell, own.score, minlength=2 * len(pair)).reshape(-1, 2)
    both = (counts > 0).all(axis=1)
    if not both.any():
        return None
    counts, points = counts[both], points[both]
    weight = counts[:, 0] * counts[:, 1] / counts.sum(axis=1)
    rates = (points + EVEN) / (counts + 1)  # never certain: a rate of 0 or 1 has a spread
    value = float((weight * ((points / counts).sum(axis=1) - 1)).sum() / weight.sum())
    error = sqrt(float((weight**2 * (rates * (1 - rates) / counts).sum(axis=1)).sum())) / float(weight.sum())
    return OrderBias(
        value=value,
        low=max(-1.0, value - z * error),
        high=min(1.0, value + z * error),
        p_value=2 * NormalDist().cdf(-abs(value) / error),
        units=int(both.sum()),
        basis=BY_PAIRS,
    )


def _with_others(number: int, asked: Mapping[int, Mapping[_Comparison, _Asked]]) -> tuple[list[bool], float | None]:
    """(of each other judge and comparison of both, whether the verdicts are the same; the share expected by chance)."""
    agreed: list[bool] = []
    chances: list[float] = []
    mine = {comparison: _said(one) for comparison, one in asked[number].items()}
    for other, comparisons in asked.items() if mine and number != UNSAID else ():
        if other in (number, UNSAID) or not comparisons:
            continue
        both = [
            (verdict, theirs)
            for comparison, verdict in mine.items()
            if comparison in comparisons
            and verdict is not None
            and (theirs := _said(comparisons[comparison])) is not None
        ]
        agreed += [one == two for one, two in both]
        if both:
            rates = [
                sum(pair[0] == verdict for pair in both) * sum(pair[1] == verdict for pair in both) / len(both) ** 2
                for verdict in (-1, 0, 1)
            ]
            chances += [sum(rates)] * len(both)
    return agreed, float(np.mean(chances)) if chances else None


def _said(one: _Asked) -> int | None:
    """The verdict of a judge over all times that it was asked: for whom more of its scores are."""
    scores = one.first + one.second
    if not scores:
        return None
    return _verdict(sum(scores) / len(scores))


def _verdict(score: float) -> int:
    return int(np.sign(round(score - EVEN, 12)))


def _points(value: float) -> str:
    return signed(100 * value)


def _of(share: Share, what: str) -> str:
    counted = f"{share.of:,} {what if share.of == 1 else what + 's'}"
    low, high = 100 * share.low, 100 * share.high
    return f"{100 * share.value:.0f}\N{NO-BREAK SPACE}% of {counted} ({low:.0f} to {high:.0f})"
