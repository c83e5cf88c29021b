"""What came of a training, as an answer: what is said of it to people and kept of it in a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from arena.games import Game
from arena.leaderboards.wilson import wilson

if TYPE_CHECKING:
    from arena.solvers.learning import Trained

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingAnswer:
    """What came of a training, in types of JSON; see `arena.solvers.learning.Trained`.

    ``exploitability``: exactly, in the game's unit of returns, where NashConv was measured. ``agent``: its label where it was kept.
    ``population``: of a policy that is a mixture, `arena.solvers.learning.EmpiricalGame.to_dict`.
    """

    method: str
    game: str
    players: int
    steps: int
    updates: int
    gap: float | None
    gap_kind: str
    matches: int | None
    exploitability: float | None
    history: list[list[float]]
    reads: str
    settings: Mapping[str, object]
    guarantee: str
    source: str
    agent: str | None = None
    population: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def sentence(self) -> str:
        """What was found, for people."""
        what = f"{self.method} on {self.game}, {self.steps:,} steps"
        if self.gap is not None and self.matches is not None:
            share, low, high = won(self.gap, self.matches)
            return (
                f"{what}: wins {share:.1%} of {self.matches:,} matches against the scripted team "
                f"({low:.1%} to {high:.1%} with {CONFIDENCE:.0%} confidence)"
            )
        if self.exploitability is None:
            return f"{what}: how exploitable it is cannot be computed here; arena exploit --method ppo bounds it from below"
        return f"{what}: NashConv {self.gap:.4g}, exploitability {self.exploitability:.4g} (exact)"


def answer_of(trained: Trained, *, game: Game, method: str, agent: str | None = None) -> TrainingAnswer:
    """The answer that a training gives."""
    exact = trained.gap is not None and trained.matches is None
    return TrainingAnswer(
        method=method,
        game=game.info.specification,
        players=game.info.num_players,
        steps=trained.steps,
        updates=trained.updates,
        gap=trained.gap,
        gap_kind=trained.gap_kind,
        matches=trained.matches,
        exploitability=trained.gap / game.info.num_players if exact and trained.gap is not None else None,
        history=[list(measured) for measured in trained.history],
        reads=trained.reads,
        settings=dict(trained.settings),
        guarantee=trained.guarantee,
        source=trained.source,
        agent=agent,
        population=None if trained.population is None else trained.population.to_dict(),
    )


def kept_answer(result: Mapping[str, Any]) -> TrainingAnswer:
    """The answer that a job keeps; older ones kept no population."""
    return TrainingAnswer(
        **{"population": None, **{name: result[name] for name in TrainingAnswer.__slots__ if name in result}}
    )


def won(lost: float, matches: int) -> tuple[float, float, float]:
    """(share, low, high) of matches won where the share `lost` was not, with Wilson's interval at `CONFIDENCE`."""
    return 1 - lost, *wilson(1 - lost, matches, NormalDist().inv_cdf((1 + CONFIDENCE) / 2))
