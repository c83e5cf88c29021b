"""``checkpoint:FILE``: a neural network that chooses among the legal actions, for many tables at once.

Files are those of `arena.agents.network_file`; that answers do not depend on who else was asked is the work of
`arena.agents.padded_batches`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from arena.agents.network_file import Network
from arena.agents.network_mixture import NetworkMixture, load_checkpoint
from arena.agents.padded_batches import Columns, PaddedBatches
from arena.agents.policy_agent import PolicyAgent
from arena.agents.registry import require_discrete
from arena.games import AgentCrashed, AgentInfo, Game, MixturePolicy, ObservationBatch, SpecificationError
from arena.games.observation import width_of
from arena.games.seeds import sample_rows

if TYPE_CHECKING:
    import torch


class NetworkAgent:
    """Asks a network for all rows of a batch together."""

    def __init__(self, network: Network, *, name: str = "network"):
        self.info = AgentInfo(name=name)
        self.network = network
        self.asked = PaddedBatches(lambda columns: (network.module(*columns),), network.sizes[:1])

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        """One action a row.

        Raises:
            AgentCrashed: logits that are no finite numbers.
        """
        return sample_rows(self.probabilities(batch), batch.seed())

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """What `act` plays with which probability, [R, num_actions].

        Raises:
            AgentCrashed: logits that are no finite numbers.
        """
        return probabilities_of(self.network, self.logits(batch.read(self.network.reads)), batch, self.info.name)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [R, num_actions] of float32 [R, tensor_width]; a row's bits do not depend on the other rows."""
        return self.asked(inputs)[0]


class RecurrentAgent:
    """Asks a network that remembers: what each player of each table has seen at his own decisions of the match.

    A memory is 0 where a match begins.
    """

    def __init__(self, network: Network, *, name: str = "network"):
        self.info = AgentInfo(name=name, remembers=True)
        self.network = network
        self.asked = PaddedBatches(self._step, (network.sizes[0], network.memory))
        self._memory = np.zeros((0, 0, network.memory), np.float32)  # [tables, players, memory]

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        tables, players, _ = self._memory.shape
        more = (max(0, int(table.max()) + 1 - tables), max(0, int(player.max()) + 1 - players))
        self._memory = np.pad(self._memory, ((0, more[0]), (0, more[1]), (0, 0)))
        self._memory[table, player] = 0.0

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        """One action a row, each of which is remembered as a decision.

        Raises:
            AgentCrashed: logits that are no finite numbers.
        """
        seat = batch.table, batch.player
        probabilities, self._memory[seat] = self.probabilities_after(batch, self._memory[seat])
        return sample_rows(probabilities, batch.seed())

    @property
    def memory_width(self) -> int:
        return self.network.memory

    def probabilities_after(
        self, batch: ObservationBatch, memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """([R, num_actions], the memories after these decisions) with the memories [R, H] before them.

        Raises:
            AgentCrashed: logits that are no finite numbers.
        """
        logits, after = self.asked(batch.read(self.network.reads), memory)
        return probabilities_of(self.network, logits, batch, self.info.name), after

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...

    def _step(self, columns: Columns) -> Columns:
        """(logits, memory after) of (inputs, memory before)."""
        parts = cast("torch.nn.ModuleDict", self.network.module)
        after = parts["memory"](parts["encoder"](columns[0]), columns[1])
        return parts["actor"](after), after


def probabilities_of(
    network: Network, logits: NDArray[np.float32], batch: ObservationBatch, name: str
) -> NDArray[np.float64]:
    """What a network chooses with which probability among the legal actions, [R, num_actions].

    Raises:
        AgentCrashed: logits that are no finite numbers.
    """
    if not np.isfinite(logits).all():
        raise AgentCrashed(f"{name} computed logits that are not finite")
    masked = np.where(batch.legal.mask(logits.shape[1]), logits.astype(np.float64), -np.inf)
    if network.choice == "greedy":
        certain = np.zeros(masked.shape)
        certain[np.arange(len(masked)), masked.argmax(axis=1)] = 1.0
        return certain
    weights = np.exp(masked - masked.max(axis=1, keepdims=True))
    spread: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return spread


def load(rest: str, *, game: Game, name: str) -> NetworkAgent | RecurrentAgent | PolicyAgent:
    """The agent of ``checkpoint:FILE``.

    Raises:
        SpecificationError: a broken file (see `load_checkpoint`), or a network for another game.
    """
    if not rest or rest.startswith("("):
        raise SpecificationError(
            "checkpoint: needs a file; write checkpoint:FILE with a .safetensors file of save_network"
        )
    require_discrete(game, "a checkpoint")
    held, info = load_checkpoint(rest), game.info
    network = held.members[0] if isinstance(held, NetworkMixture) else held
    if network.game != info.specification:
        raise SpecificationError(f"{rest!r} is a network for {network.game}; it does not fit {info.specification}")
    width = width_of(info, network.reads)
    if (network.sizes[0], network.sizes[-1]) != (width, info.num_actions):
        raise SpecificationError(
            f"{rest!r} reads {network.sizes[0]} numbers and chooses among {network.sizes[-1]} actions; "
            f"{info.specification} has {width} and {info.num_actions}"
        )
    if not isinstance(held, NetworkMixture):
        return (RecurrentAgent if network.memory else NetworkAgent)(network, name=name)
    if len(held.weights) != info.num_players:
        raise SpecificationError(
            f"{rest!r} is a mixture for {len(held.weights)} players; {info.specification} has {info.num_players}"
        )
    return PolicyAgent(
        MixturePolicy([NetworkAgent(member, name=name) for member in held.members], held.weights), name=name
    )
