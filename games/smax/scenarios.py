"""The scenarios of SMAX: which units meet, and whether teams and starts are drawn anew for each match, as in SMACv2."""

from __future__ import annotations

from dataclasses import dataclass

from arena.games.smax.units import HYDRALISK, MARINE, STALKER, ZEALOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``allies``, ``enemies``: the type of each unit; where ``drawn``, only their numbers count."""

    name: str
    allies: tuple[int, ...]
    enemies: tuple[int, ...]
    drawn: bool = False

    @property
    def num_allies(self) -> int:
        return len(self.allies)

    @property
    def num_enemies(self) -> int:
        return len(self.enemies)

    @property
    def num_units(self) -> int:
        return len(self.allies) + len(self.enemies)


def _marines(name: str, allies: int, enemies: int, *, drawn: bool = False) -> Scenario:
    return Scenario(name=name, allies=(MARINE,) * allies, enemies=(MARINE,) * enemies, drawn=drawn)


_TWO_STALKERS = (STALKER,) * 2 + (ZEALOT,) * 3
_THREE_STALKERS = (STALKER,) * 3 + (ZEALOT,) * 5

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _marines("3m", 3, 3),
        _marines("8m", 8, 8),
        _marines("25m", 25, 25),
        _marines("5m_vs_6m", 5, 6),
        _marines("10m_vs_11m", 10, 11),
        _marines("27m_vs_30m", 27, 30),
        Scenario(name="2s3z", allies=_TWO_STALKERS, enemies=_TWO_STALKERS),
        Scenario(name="3s5z", allies=_THREE_STALKERS, enemies=_THREE_STALKERS),
        Scenario(name="3s5z_vs_3s6z", allies=_THREE_STALKERS, enemies=(*_THREE_STALKERS, ZEALOT)),
        Scenario(name="3s_vs_5z", allies=(STALKER,) * 3, enemies=(ZEALOT,) * 5),
        Scenario(name="6h_vs_8z", allies=(HYDRALISK,) * 6, enemies=(ZEALOT,) * 8),
        _marines("smacv2_5_units", 5, 5, drawn=True),
        _marines("smacv2_10_units", 10, 10, drawn=True),
        _marines("smacv2_20_units", 20, 20, drawn=True),
    )
}
