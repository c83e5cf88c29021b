"""A trained policy as an agent: its checkpoint file, and its place in the ledger with where it came from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from arena.agents import save_network
from arena.agents.network_file import Choice
from arena.games import Game, NotProvided
from arena.ledger import AgentVersion, Ledger
from arena.tournament import versions

if TYPE_CHECKING:
    from arena.solvers.learning import Trained

ENDING = ".safetensors"


def save_trained(trained: Trained, path: str | Path, *, game: Game, choice: Choice | None = None) -> None:
    """Writes what ``checkpoint:FILE`` plays: the actor alone, drawing from its probabilities or taking the likeliest action; None =
    as its policy does.

    Raises:
        NotProvided: a policy that is no network.
        SpecificationError: the file cannot be written.
    """
    from arena.solvers.learning import NetworkPolicy  # late: torch is slow to import

    if not isinstance(trained.policy, NetworkPolicy):
        raise NotProvided(f"checkpoints hold networks; got a {type(trained.policy).__name__}")
    save_network(
        trained.policy.network.acting(), path, game=game, choice=choice or trained.policy.choice, reads=trained.reads
    )


def register_trained(ledger: Ledger, trained: Trained, *, game: Game, method: str, name: str) -> AgentVersion:
    """The version of agent `name` that the policy is now; its lineage says how it was made.

    Raises:
        LedgerError: no name of an agent.
    """
    with tempfile.TemporaryDirectory(prefix="arena-train-") as folder:
        place = Path(folder) / f"trained{ENDING}"
        save_trained(trained, place, game=game)
        content_hash = ledger.artifacts.put(place)
    return ledger.add_agent(
        name,
        specification=f"checkpoint:{name}{ENDING}",
        kind="checkpoint",
        content_hash=content_hash,
        lineage=lineage_of(trained, game=game, method=method),
    )


def lineage_of(trained: Trained, *, game: Game, method: str) -> Mapping[str, object]:
    """How it was made, in types of JSON: method, game and its version, settings with the seed, steps, and what it was worth."""
    return {
        "method": method,
        "game": game.info.specification,
        "game version": game.info.version,
        "steps": trained.steps,
        **({} if trained.gap is None else {"NashConv": trained.gap}),
        "settings": ", ".join(f"{key}={value}" for key, value in trained.settings.items() if value is not None),
        **versions(),
    }
