"""Policies: maps to action probabilities, which solvers make and agents play."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.observation import ObservationBatch
from arena.games.seeds import AGENT_STREAM, counter_hash, sample_rows

PROBABILITY_TOLERANCE = 1e-6  # rows of a policy file sum to one up to rounding of printed decimals


class Policy(Protocol):
    """Probabilities of legal actions; illegal ones have 0."""

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """[R, num_actions], rows sum to 1."""
        ...


def sample(policy: Policy, batch: ObservationBatch) -> NDArray[np.int64]:
    """One action a row, drawn with the batch's own random words."""
    return sample_rows(policy.probabilities(batch), batch.seed())


@dataclass(frozen=True, slots=True)
class TabularPolicy:
    """A strategy written down: information state -> {action: probability}, for one game.

    ``game`` is the specification it was made for. Keys are the game's information-state strings; for OpenSpiel's games
    OpenSpiel's own. An information state that is not in the table is played uniformly.

    Raises:
        SpecificationError: probabilities are negative, not finite, or do not sum to one.
    """

    game: str
    table: Mapping[str, Mapping[int, float]]

    def __post_init__(self) -> None:
        for state, choices in self.table.items():
            values = list(choices.values())
            total = sum(values)
            if not values or min(values) < 0 or not abs(total - 1) <= PROBABILITY_TOLERANCE:
                raise SpecificationError(
                    f"probabilities at information state {state!r} must be at least 0 and sum to 1; got {dict(choices)}"
                )

    def action_probabilities(self, information_state: str) -> dict[int, float]:
        """{action: probability} at an information state of the table.

        Raises:
            KeyError: the table does not hold the state.
        """
        return dict(self.table[information_state])

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        num_actions = batch.game.num_actions
        mask = batch.legal.mask(num_actions)
        rows = np.zeros((len(batch), num_actions))
        for i, state in enumerate(batch.information_state()):
            choices = self.table.get(state)
            if choices is None:
                rows[i] = mask[i] / mask[i].sum()
                continue
            for action, probability in choices.items():
                if 0 <= action < num_actions:
                    rows[i, action] = probability
        return rows


def uniform_policy(game: str) -> TabularPolicy:
    """The policy that plays every legal action with the same probability: an empty table."""
    return TabularPolicy(game, {})


@dataclass(frozen=True, slots=True)
class MixturePolicy:
    """A member drawn once per match and player: average iterates, double oracle, PSRO. Players of a team draw together.

    ``weights``: one a member [num_members], or a row of them for each player [num_players, num_members].
    """

    members: Sequence[Policy]
    weights: Sequence[float] | Sequence[Sequence[float]]

    def __post_init__(self) -> None:
        rows = np.asarray(self.weights, np.float64)
        if not self.members or rows.ndim not in (1, 2) or rows.shape[-1] != len(self.members):
            raise ValueError(f"one weight a member; got {len(self.members)} members, weights of shape {rows.shape}")
        if not ((rows >= 0).all() and (np.abs(rows.sum(axis=-1) - 1) <= PROBABILITY_TOLERANCE).all()):
            raise ValueError(f"weights must be at least 0 and sum to 1; got {rows.tolist()}")

    def weights_of(self, player: int) -> NDArray[np.float64]:
        """The weights [num_members] that a player draws by."""
        rows = np.asarray(self.weights, np.float64)
        return rows if rows.ndim == 1 else rows[player]

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """The probabilities of the member that plays the row's match: a function of match seed and player."""
        first = np.arange(batch.game.num_players)
        for side in batch.game.sides:
            first[list(side)] = side[0]
        words = counter_hash(batch.match_seed, AGENT_STREAM, first[batch.player])
        weights = np.stack([self.weights_of(player) for player in first.tolist()])
        chosen = sample_rows(weights[batch.player], words)
        rows = np.zeros((len(batch), batch.game.num_actions))
        for member in np.unique(chosen).tolist():
            mine = np.flatnonzero(chosen == member)
            inner = dataclasses.replace(
                take_rows(batch, mine), match_seed=words[mine]
            )  # a member's own draws are new ones
            rows[mine] = self.members[member].probabilities(inner)
        return rows


def take_rows(batch: ObservationBatch, rows: NDArray[np.int64]) -> ObservationBatch:
    """The batch with these rows only."""
    return ObservationBatch(
        batch.table[rows],
        batch.player[rows],
        batch.legal.take(rows),
        batch.match_seed[rows],
        batch.ply[rows],
        batch.tables,
        None if batch.limit_s is None else batch.limit_s[rows],
    )
