"""How far the sequential test of a tournament that is played until decided has come: the verdict, its evidence, the pairs read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.entrants import by_side, entrant_labels
from arena.leaderboards.gsprt import GsprtDecision
from arena.leaderboards.same_games import SameGames
from arena.leaderboards.stopped import verdict_of
from arena.ledger import Ledger, Tournament
from arena.verdict import decision_recorded, error_rate_of, hypotheses_of, matches_rated


@dataclass(frozen=True, slots=True, kw_only=True)
class DuelTest:
    """``test``: ``betting`` or ``gsprt``. ``pairs``: read; ``most``: that there may be; ``surplus``: matches recorded after the verdict.

    ``evidence``: by name, natural logarithms: of the betting test what a bet of 1 has become that the agent is better, of the
    pentanomial one its log-likelihood ratio; ``paths``: the same after each pair, float64 [pairs]; ``low``, ``high``: where it
    decides, ``low`` None of the betting test.
    """

    test: str
    sentence: str
    decided: bool
    better: str | None
    pairs: int
    most: int | None
    surplus: int
    evidence: dict[str, float]
    low: float | None
    high: float | None
    paths: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def evidence_sentence(self) -> str:
        """The evidence in words."""
        if not self.evidence or self.high is None:
            return "nothing to weigh: the games repeat" if self.decided else "none yet"
        if self.test == "gsprt":
            [ratio] = self.evidence.values()
            return f"log-likelihood ratio {ratio:+.2f}; decides at {self.low:+.2f} and {self.high:+.2f}"
        stands = ", ".join(f"on {agent} at {math.exp(value):,.3g}" for agent, value in self.evidence.items())
        return f"a bet of 1 stands {stands}; decides at {math.exp(self.high):,.3g}"

    def pairs_sentence(self) -> str:
        """How many pairs were read, in words."""
        most = "" if self.most is None else f" of at most {self.most:,}"
        surplus = f"; {self.surplus:,} matches after the verdict are not read" if self.surplus else ""
        return f"{self.pairs:,}{most} pairs of twins{surplus}"

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "kind": "decide",
            "test": self.test,
            "sentence": self.sentence,
            "decided": self.decided,
            "better": self.better,
            "pairs": self.pairs,
            "most_pairs": self.most,
            "surplus": self.surplus,
            "log_evidence": dict(self.evidence),
            "decides_below": self.low,
            "decides_above": self.high,
        }


def duel_test(ledger: Ledger, tournament: Tournament) -> DuelTest | None:
    """The test of a tournament that is played until decided; None of any other."""
    if tournament.source != "play" or tournament.config.get("pairing") != "decide":
        return None
    played = by_side(tournament, ledger.played(tournament))
    found = decision_recorded(ledger, tournament, played)
    first, second = entrant_labels(tournament)[:2]
    verdict = verdict_of(found, first, second)
    paths: dict[str, NDArray[np.float64]] = {}
    low: float | None = None
    high: float | None = None
    if isinstance(found, GsprtDecision):
        low, high = found.low, found.high
        if found.pairs:
            paths = {f"{first} above {second}": found.path}
    elif not isinstance(found, SameGames):
        high = found.bound
        if found.pairs:
            paths = {first: found.path[:, 0], second: found.path[:, 1]}
    rate = error_rate_of(tournament) if hypotheses_of(tournament.config) is None else None
    said = (
        verdict.sentence
        if found.decided or rate is None
        else f"{verdict.sentence} (error rate of a verdict: at most {rate:g})"
    )
    return DuelTest(
        test=str(tournament.config.get("test", "betting")),
        sentence=said,
        decided=found.decided,
        better=verdict.better,
        pairs=found.at if isinstance(found, SameGames) else found.pairs,
        most=None if tournament.planned is None else tournament.planned // 2,
        surplus=len(played) - matches_rated(found, played),
        evidence={name: float(path[-1]) for name, path in paths.items()},
        low=low,
        high=high,
        paths=paths,
    )
