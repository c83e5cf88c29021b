"""Wilson's interval of a share."""

from __future__ import annotations

from math import sqrt


def wilson(share: float, of: float, z: float) -> tuple[float, float]:
    """(low, high), within 0..1, of a share of so many that are worth counting, at z standard errors.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927,
    doi:10.1080/01621459.1927.10502953.
    """
    middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z / (1 + z**2 / of) * sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)
