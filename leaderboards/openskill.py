"""OpenSkill: Weng and Lin's Bayesian ratings, through the package of that name; for teams and free-for-alls that are played online."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from arena.games.errors import NotProvided
from arena.leaderboards.comparisons import comparisons, groups_of, pair_sums, units_of
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

Model = Literal[
    "plackett_luce", "bradley_terry_full", "bradley_terry_part", "thurstone_mosteller_full", "thurstone_mosteller_part"
]
MODELS: tuple[Model, ...] = get_args(Model)


class _Rating(Protocol):
    mu: float
    sigma: float


def openskill(record: Record, *, model: Model = "plackett_luce", confidence: float = 0.95) -> Ratings:
    """Each agent's mean skill μ after the last match, with the interval μ ± z σ; agents start at 25 ± 8.33.

    Matches are taken in their canonical order: by number of the pair of twins, within a pair as they stand; a row of a
    file counts as often as its weight, rounded. Every seat is a team of one, ranked by its return; who forfeits is last.
    σ shrinks with every match and knows nothing of twins, so that intervals of many matches are too narrow.

    Source: Weng and Lin, A Bayesian approximation method for online ranking, JMLR 2011; Joshy, OpenSkill, Journal of Open
    Source Software 2024, doi:10.21105/joss.05901.

    Args:
        record: the matches.
        model: of Weng and Lin's, with the package's own settings.
        confidence: of the intervals.

    Raises:
        ValueError: no such model, or a confidence outside (0, 1).
        NotProvided: the package openskill is not installed.
    """
    if model not in MODELS or not 0 < confidence < 1:
        raise ValueError(
            f"model must be one of {', '.join(MODELS)}, confidence in (0, 1); got {model} and {confidence}"
        )
    try:
        from openskill import models
    except ImportError as missing:
        raise NotProvided("the method openskill needs: pip install 'minimax-arena[openskill]'") from missing
    rule = getattr(models, "".join(word.capitalize() for word in model.split("_")))()
    players: list[_Rating] = [rule.rating() for _ in record.agents]
    order, _, _ = units_of(record.pair)
    rows = range(len(record)) if order is None else order.tolist()
    for match in rows:
        seated = np.flatnonzero(record.seats[match] >= 0).tolist()
        agents = [int(record.seats[match, seat]) for seat in seated]
        if len(set(agents)) < len(agents) or len(agents) < 2:
            continue  # an agent against itself: which of its copies would move?
        ranks = _ranks([float(record.returns[match, seat]) for seat in seated], seated, int(record.forfeit[match]))
        for _ in range(round(float(record.weight[match]))):
            moved = rule.rate([[players[agent]] for agent in agents], ranks=ranks)
            for agent, team in zip(agents, moved, strict=True):
                players[agent] = team[0]
    compared = comparisons(record)
    met = pair_sums(compared, compared.weight)
    groups = groups_of(met + met.T > 0)
    alone = np.bincount(groups, minlength=1)[groups] == 1
    scores = np.where(alone, np.nan, [player.mu for player in players])
    sigma = np.where(alone, np.nan, [player.sigma for player in players])
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return Ratings(
        method="openskill",
        names=record.agents,
        scores=scores,
        intervals=np.stack((scores - z * sigma, scores + z * sigma), axis=1),
        groups=groups,
        above=(scores[:, None] - scores > z * np.hypot(sigma[:, None], sigma)) & (groups[:, None] == groups),
        matches=compared.matches,
        confidence=confidence,
        settings={"model": model, "intervals": "of the model"},
        notes=tuple(group_notes(record.agents, groups)),
    )


def _ranks(returns: Sequence[float], seated: Sequence[int], forfeit: int) -> list[float]:
    """1 the best, equal returns share a rank, the seat at fault comes last."""
    keys = [(seat != forfeit, value) for seat, value in zip(seated, returns, strict=True)]
    return [1.0 + sum(other > key for other in keys) for key in keys]
