"""Bradley-Terry with draws as outcomes of their own, and with what sitting first is worth.

In `bradley_terry` a draw is half a win. Here it has its own probability, the greatest between equals; its frequency is fitted. The
ratings are strengths on the natural scale: without draws all three functions are Bradley-Terry's.
"""

from __future__ import annotations

from arena.leaderboards.outcome_models import DAVIDSON, HALF, RAO_KUPPER
from arena.leaderboards.paired_fit import rate_paired
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record


def davidson(record: Record, *, seat_advantage: bool = False, prior: float = 0.0, confidence: float = 0.95) -> Ratings:
    """Strengths θ where win : draw : loss = e^(x/2) : ν : e^(−x/2), x = θ_first − θ_second + γ.

    A draw says that two agents are near each other: many draws against a strong agent raise a rating. ``settings`` holds ν
    (``ties_nu``; equal agents draw with probability ν / (2 + ν)) and γ where it is fitted, with its interval.

    Source: Davidson, JASA 1970, doi:10.1080/01621459.1970.10481082.

    Args:
        record: the matches; their order does not matter.
        seat_advantage: whether γ, what sitting before the other is worth, is fitted; else it is 0.
        prior: the weight of one virtual draw of each agent with an average one; it pulls ratings together. 0 = none.
        confidence: of the intervals.

    Raises:
        ValueError: a setting out of its range.
    """
    return rate_paired(record, DAVIDSON, "davidson", seat_advantage=seat_advantage, prior=prior, confidence=confidence)


def rao_kupper(
    record: Record, *, seat_advantage: bool = False, prior: float = 0.0, confidence: float = 0.95
) -> Ratings:
    """Strengths θ where P(win) = σ(x − ln ϑ) and P(loss) = σ(−x − ln ϑ), x = θ_first − θ_second + γ: else it is a draw.

    A difference below a threshold is not noticed. ``settings`` holds ϑ ≥ 1 (``ties_theta``; equal agents draw with
    probability (ϑ − 1) / (ϑ + 1)) and γ where it is fitted, with its interval.

    Source: Rao and Kupper, JASA 1967, doi:10.1080/01621459.1967.10482901.

    Args:
        record: the matches; their order does not matter.
        seat_advantage: whether γ, what sitting before the other is worth, is fitted; else it is 0.
        prior: the weight of one virtual draw of each agent with an average one; it pulls ratings together. 0 = none.
        confidence: of the intervals.

    Raises:
        ValueError: a setting out of its range.
    """
    return rate_paired(
        record, RAO_KUPPER, "rao_kupper", seat_advantage=seat_advantage, prior=prior, confidence=confidence
    )


def bradley_terry_seats(record: Record, *, prior: float = 0.0, confidence: float = 0.95) -> Ratings:
    """Bradley-Terry strengths θ where P(first wins) = σ(θ_first − θ_second + γ), a draw half a win; γ in ``settings``.

    For schedules in which agents did not sit everywhere equally often: there a plain fit takes the seat for strength.

    Source: Davidson and Beaver, On extending the Bradley-Terry model to incorporate within-pair order effects, Biometrics
    1977, doi:10.2307/2529467.

    Args:
        record: the matches; their order does not matter.
        prior: the weight of one virtual draw of each agent with an average one; it pulls ratings together. 0 = none.
        confidence: of the intervals.

    Raises:
        ValueError: a setting out of its range.
    """
    return rate_paired(record, HALF, "bradley_terry_seats", seat_advantage=True, prior=prior, confidence=confidence)
