"""A trained policy as an agent: its checkpoint file, and its place in the ledger with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from arena.agents import save_network
from arena.agents.network_mixture import save_mixture
from arena.artifacts import saved_bytes
from arena.convergence_words import gap_name
from arena.games import Game, MixturePolicy, NotProvided, Policy
from arena.ledger import AgentVersion, Ledger
from arena.tournament import versions
from arena.training_answer import TrainingAnswer, answer_of

if TYPE_CHECKING:
    from arena.solvers.learning import NetworkPolicy, Trained
    from arena.solvers.learning.empirical_game import EmpiricalGame

ENDING = ".safetensors"


def save_trained(trained: Trained, path: str | Path, *, game: Game) -> None:
    """Writes what ``checkpoint:FILE`` plays: actors alone, drawing from their probabilities or taking the likeliest action as the
    policy does.

    Raises:
        NotProvided: a policy that is neither a network nor a mixture of networks.
        SpecificationError: the file cannot be written.
    """
    policy = trained.policy
    if isinstance(policy, MixturePolicy):
        members = [_network(member) for member in policy.members]
        save_mixture(
            [member.network.actor for member in members],
            [policy.weights_of(player).tolist() for player in range(game.info.num_players)],
            path,
            game=game,
            choice=members[0].choice,
            reads=trained.reads,
        )
    else:
        one = _network(policy)
        save_network(one.network.acting(), path, game=game, choice=one.choice, reads=trained.reads)


def _network(policy: Policy) -> NetworkPolicy:
    from arena.solvers.learning import NetworkPolicy  # late: torch is slow to import

    if not isinstance(policy, NetworkPolicy):
        raise NotProvided(f"checkpoints hold networks; got a {type(policy).__name__}")
    return policy


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedFile:
    """A trained policy as it is kept: what ``checkpoint:FILE`` plays, how it was made, what came of it."""

    content: bytes = field(repr=False)
    lineage: Mapping[str, object]
    answer: TrainingAnswer


def trained_file(trained: Trained, *, game: Game, method: str) -> TrainedFile:
    """What is kept of a trained policy. Raises `NotProvided` as `save_trained`."""
    return TrainedFile(
        content=saved_bytes(lambda place: save_trained(trained, place, game=game), ending=ENDING),
        lineage=lineage_of(trained, game=game, method=method),
        answer=answer_of(trained, game=game, method=method),
    )


def register_trained(
    ledger: Ledger, made: TrainedFile, *, name: str, lineage: Mapping[str, object] | None = None
) -> AgentVersion:
    """The version of agent `name` that the policy is now; its lineage says how it was made, and what is given beside it.

    Raises:
        LedgerError: no name of an agent.
    """
    return ledger.add_agent(
        name,
        specification=f"checkpoint:{name}{ENDING}",
        kind="checkpoint",
        content_hash=ledger.artifacts.put(made.content, ending=ENDING),
        lineage={**made.lineage, **(lineage or {})},
    )


def lineage_of(trained: Trained, *, game: Game, method: str) -> Mapping[str, object]:
    """How it was made, in types of JSON: method, game and its version, settings with the seed, steps, and what it was worth."""
    return {
        "method": method,
        "game": game.info.specification,
        "game version": game.info.version,
        "steps": trained.steps,
        **({} if trained.gap is None else {gap_name(trained.gap_kind): trained.gap}),
        **({} if trained.matches is None else {"measured in": f"{trained.matches} matches against the scripted team"}),
        **({} if trained.population is None else {"population": _weighed(trained.population)}),
        "settings": settings_in_words(trained),
        **versions(),
    }


def settings_in_words(trained: Trained) -> str:
    """What it was trained with, its seed among it, as a lineage says it."""
    return ", ".join(f"{key}={value}" for key, value in trained.settings.items() if value is not None)


def _weighed(population: EmpiricalGame) -> str:
    """The members that are drawn at least once in 2,000 matches, and how often by each side."""
    return ", ".join(
        f"{name} {'/'.join(f'{weight:.3f}' for weight in weights)}"
        for name, weights in zip(population.names, population.weights.T, strict=True)
        if weights.max() >= 0.0005
    )
