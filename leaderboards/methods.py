"""The rating methods by name: what their numbers mean, and the function that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from arena.leaderboards.alpha_rank import alpha_rank
from arena.leaderboards.bradley_terry import bradley_terry, elo
from arena.leaderboards.correlated_ratings import correlated_ratings
from arena.leaderboards.deviation_ratings import deviation_ratings
from arena.leaderboards.elo_online import elo_online
from arena.leaderboards.glicko2 import glicko2
from arena.leaderboards.mean_return import mean_return
from arena.leaderboards.minimax_ranking import minimax_ranking
from arena.leaderboards.multidimensional_elo import multidimensional_elo
from arena.leaderboards.nash_average import nash_average
from arena.leaderboards.openskill import openskill
from arena.leaderboards.plackett_luce import plackett_luce
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.leaderboards.ties import bradley_terry_seats, davidson, rao_kupper
from arena.leaderboards.voting import copeland, kemeny, schulze
from arena.leaderboards.wording import signed

Method = Literal[
    "elo",
    "bradley_terry",
    "minimax",
    "mean_return",
    "elo_online",
    "glicko2",
    "openskill",
    "davidson",
    "rao_kupper",
    "bradley_terry_seats",
    "plackett_luce",
    "multidimensional_elo",
    "nash_average",
    "alpha_rank",
    "deviation",
    "correlated",
    "copeland",
    "schulze",
    "kemeny",
]
METHODS: tuple[Method, ...] = get_args(Method)

Reads = Literal["comparisons", "orders", "returns"]
Scale = Literal["centred", "share", "points"]


class Rate(Protocol):
    """A method with its default settings."""

    def __call__(self, record: Record, *, confidence: float = 0.95) -> Ratings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingMethod:
    """A rating method. ``title``: its column; ``digits`` behind the point; ``meaning``: what the number is, in half a sentence;
    ``reads``: who got more than whom, whole orders of a match, or what was paid; ``scale``: 0 is the middle, so that the sign
    says something, or a share in 0..1, or points that start somewhere; ``rate``: the function."""

    title: str
    digits: int
    meaning: str
    reads: Reads
    scale: Scale
    rate: Rate

    def written(self, value: float) -> str:
        """A rating with the method's digits, and a sign where 0 is the middle."""
        return signed(value, self.digits) if self.scale == "centred" else f"{value:,.{self.digits}f}"

    def doubt(self, low: float, value: float, high: float) -> str:
        """``±61``, the wider half of the interval; of shares, which are bounded, ``0.41–0.68``; "" where there is none."""
        half = max(high - value, value - low)
        if half != half:
            return ""
        return f"{self.written(low)}–{self.written(high)}" if self.scale == "share" else f"±{half:,.{self.digits}f}"


def _method(
    title: str, digits: int, rate: Rate, meaning: str, reads: Reads = "comparisons", scale: Scale = "centred"
) -> RatingMethod:
    return RatingMethod(title=title, digits=digits, meaning=meaning, reads=reads, scale=scale, rate=rate)


RATING_METHODS: Mapping[Method, RatingMethod] = {
    "elo": _method("Elo", 0, elo, "strength by maximum likelihood; 400 points are odds of 10 to 1, the mean is 0"),
    "bradley_terry": _method("Bradley–Terry", 2, bradley_terry, "strength by maximum likelihood; 1 is odds of e to 1"),
    "minimax": _method(
        "minimax weight",
        2,
        minimax_ranking,
        "share in the mixture of agents that nobody beats, the maximal lottery of social choice",
        scale="share",
    ),
    "mean_return": _method("mean return", 2, mean_return, "the average of what the game paid", "returns"),
    "elo_online": _method("online Elo", 0, elo_online, "points won and lost match by match; old matches are forgotten"),
    "glicko2": _method(
        "Glicko-2", 0, glicko2, "strength that may change, period by period; starts at 1500", scale="points"
    ),
    "openskill": _method(
        "OpenSkill", 1, openskill, "mean skill, updated match by match; starts at 25", "orders", scale="points"
    ),
    "davidson": _method("Davidson", 2, davidson, "strength where a draw is an outcome of its own; 1 is odds of e to 1"),
    "rao_kupper": _method("Rao–Kupper", 2, rao_kupper, "strength where small differences are draws"),
    "bradley_terry_seats": _method(
        "Bradley–Terry with seats", 2, bradley_terry_seats, "strength, with what sitting first is worth taken out"
    ),
    "plackett_luce": _method(
        "Plackett–Luce", 2, plackett_luce, "strength from whole orders of many players; 1 is odds of e to 1", "orders"
    ),
    "multidimensional_elo": _method(
        "multidimensional Elo", 0, multidimensional_elo, "strength against the whole field, with cycles modelled apart"
    ),
    "nash_average": _method(
        "Nash weight", 2, nash_average, "share in the mixture of greatest entropy that nobody beats", scale="share"
    ),
    "alpha_rank": _method(
        "alpha-rank", 2, alpha_rank, "how often evolution with rare mutations plays the agent", scale="share"
    ),
    "deviation": _method(
        "deviation rating", 3, deviation_ratings, "what insisting on the agent gains; 0 is as good as any", "returns"
    ),
    "correlated": _method(
        "correlated rating", 3, correlated_ratings, "what the agent earns in a correlated equilibrium", "returns"
    ),
    "copeland": _method("Copeland", 2, copeland, "share of the opponents that it beats, ties as halves", scale="share"),
    "schulze": _method(
        "Schulze", 2, schulze, "share of the opponents that it is above by best paths of wins", scale="share"
    ),
    "kemeny": _method(
        "Kemeny", 2, kemeny, "share of the opponents that it is above in the order that agrees most", scale="share"
    ),
}
"""All methods. `minimax` needs every pair of agents; so do the field rankings, whose functions say what else they need."""
