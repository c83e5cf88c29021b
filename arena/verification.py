"""What came of holding a ledger against itself: how far each part was looked at, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arena.verify_jobs import Recomputed


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What does not agree. ``where``: a match ``cup/12``, a tournament, a game's board, or ``ledger``."""

    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How far the matches of a tournament were played again.

    ``matches``: recorded; ``replayed``: played again; ``replay``: ``exact`` or ``tolerance``; ``cannot``: why none can be, else ''.
    """

    tournament: str
    matches: int
    replayed: int
    replay: str
    cannot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was held against what, and where it differs. ``seed``: that of the sample, None where all was played again."""

    tournaments: tuple[Replayed, ...]
    boards: tuple[str, ...]
    jobs: tuple[Recomputed, ...]
    differences: tuple[Difference, ...]
    seed: int | None = None

    @property
    def good(self) -> bool:
        return not self.differences

    def sentence(self) -> str:
        """The finding."""
        replayed, matches = sum(one.replayed for one in self.tournaments), sum(one.matches for one in self.tournaments)
        boards, differ = len(self.boards), len(self.differences)
        what = f"{replayed:,} of {matches:,} {'match' if matches == 1 else 'matches'} played again"
        if boards:
            what += f", {boards} {'leaderboard' if boards == 1 else 'leaderboards'} recomputed"
        answers = sum(not one.cannot for one in self.jobs)
        if answers:
            what += f", {answers} {'answer of a job' if answers == 1 else 'answers of jobs'} recomputed"
        if self.good:
            return f"The record is what it says: {what}, no difference."
        return f"{differ:,} {'difference' if differ == 1 else 'differences'}: {what}."

    @staticmethod
    def of_dict(told: Mapping[str, Any]) -> Verification:
        """What `to_dict` made types of JSON of."""
        return Verification(
            tournaments=tuple(Replayed(**one | {"cannot": one["cannot"] or ""}) for one in told["tournaments"]),
            boards=tuple(told["boards"]),
            jobs=tuple(Recomputed(**one | {"cannot": one["cannot"] or ""}) for one in told["jobs"]),
            differences=tuple(Difference(**one) for one in told["differences"]),
            seed=told["seed"],
        )

    def to_dict(self) -> dict[str, object]:
        return {
            "good": self.good,
            "finding": self.sentence(),
            "tournaments": [
                {
                    "tournament": one.tournament,
                    "matches": one.matches,
                    "replayed": one.replayed,
                    "replay": one.replay,
                    "cannot": one.cannot or None,
                }
                for one in self.tournaments
            ],
            "boards": list(self.boards),
            "jobs": [
                {"job": one.job, "kind": one.kind, "game": one.game, "agent": one.agent, "cannot": one.cannot or None}
                for one in self.jobs
            ],
            "differences": [{"where": one.where, "what": one.what} for one in self.differences],
            "seed": self.seed,
        }
