"""The methods that train a language model on preferences: whom a completion is judged against, and what each keeps and needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LossType = Literal["nash_mp", "nash_prox", "nash_md", "self_play", "online_ipo", "inpo", "dno", "spo"]
Opponent = Literal["anchor", "policy", "mixture", "queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """``settings``: those that only some methods have, with this one's defaults. ``opponent``: whom a completion is judged against.
    ``staged``: completions of ``inner`` updates are drawn at once, with what their losses need. ``charged``: whether β is paid for
    leaving the reference. ``anchored``: whether a copy of the policy is kept as the anchor.
    """

    opponent: Opponent
    settings: Mapping[str, float | int | str]
    staged: bool = False
    charged: bool = True
    anchored: bool = False
    smallest_group: int = 1
    source: str


METHODS: Mapping[str, Method] = {
    "nash_mp": Method(
        opponent="anchor",
        settings={"target": "ema", "step": 2.0, "ema": 0.1, "inner": 10, "num_opponents": 2},
        anchored=True,
        source="Tiapkin et al. 2025, arXiv:2505.19731v1",
    ),
    "nash_prox": Method(
        opponent="policy",
        settings={"target": "ema", "step": 2.0, "ema": 0.1, "inner": 10},
        anchored=True,
        smallest_group=2,
        source="Tiapkin et al. 2026, arXiv:2505.19731v2",
    ),
    "nash_md": Method(
        opponent="mixture",
        settings={"mixture_coef": 0.125, "num_opponents": 2},
        source="Munos et al. 2024, arXiv:2312.00886",
    ),
    "self_play": Method(opponent="policy", settings={}, smallest_group=2, source="Munos et al. 2024, arXiv:2312.00886"),
    "online_ipo": Method(
        opponent="policy", settings={}, smallest_group=2, source="Calandriello et al. 2024, arXiv:2403.08635"
    ),
    "inpo": Method(
        opponent="policy",
        settings={"rate": 1.0, "inner": 10, "num_iterations": 1},
        staged=True,
        smallest_group=2,
        source="Zhang et al. 2025, arXiv:2407.00617",
    ),
    "dno": Method(
        opponent="policy",
        settings={"rate": 1.0, "inner": 10, "num_iterations": 1},
        staged=True,
        charged=False,
        smallest_group=3,
        source="Rosset et al. 2024, arXiv:2404.03715",
    ),
    "spo": Method(
        opponent="queue",
        settings={"queue": 4, "rate": 1.0, "inner": 10},
        charged=False,
        anchored=True,
        source="Swamy et al. 2024, arXiv:2401.04056",
    ),
}
