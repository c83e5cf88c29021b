"""What ratings are made of: who sat where, and what each got."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Utility = Literal["zero_sum", "constant_sum", "general_sum", "identical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Matches as columns, whatever their source: a ledger, a file, votes.

    ``agents``: names [A]. ``seats`` int64 [N, P]: index into ``agents``, -1 where a match has fewer players.
    ``returns`` float64 [N, P]. ``forfeit`` int64 [N]: the player who lost by a fault, -1 none: that player ranks last
    whatever the returns say. ``pair`` int64 [N]: matches with one number (seat-swapped twins) are one unit of
    resampling. ``weight`` float64 [N]: how often the match counts, 1 as a rule. ``drawn``: who met whom was drawn by lot, with
    weights that allow for it (`uniform_field`), and intervals are to cover that luck too; else they take the schedule as given.
    """

    agents: tuple[str, ...]
    seats: NDArray[np.int64]
    returns: NDArray[np.float64]
    forfeit: NDArray[np.int64]
    pair: NDArray[np.int64]
    weight: NDArray[np.float64]
    utility: Utility = "zero_sum"
    drawn: bool = False

    def __post_init__(self) -> None:
        """Refuses numbers that no rating can be made of, which comparisons would take for draws.

        Raises:
            ValueError: a seated player's return that is not finite, or a weight that is not or is negative.
        """
        if not np.isfinite(self.returns).all() and not np.isfinite(self.returns[self.seats >= 0]).all():
            raise ValueError("returns must be finite")
        if len(self.weight) and not (self.weight.min() >= 0 and self.weight.max() < np.inf):
            raise ValueError("weights must be finite and at least 0")

    def __len__(self) -> int:
        return len(self.seats)

    def of(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Record:
        """The same agents with these matches alone, by number or by whether they are kept, in this order."""
        return replace(
            self,
            seats=self.seats[rows],
            returns=self.returns[rows],
            forfeit=self.forfeit[rows],
            pair=self.pair[rows],
            weight=self.weight[rows],
        )
