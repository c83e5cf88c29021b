"""A network as a policy: probabilities of legal actions for batches of observations, as solvers measure and agents play them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.errors import NotProvided
from arena.games.observation import ObservationBatch, reads_of
from arena.solvers.learning.networks import Actor, log_probabilities

ASKED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What the actor of a network plays. A network that remembers has no probabilities of a position alone.

    It is a `Policy`, or where ``memory_width`` is above 0 a `Remembering` one. ``choice``: "sample" draws from the softmax of the
    logits, "greedy" takes the greatest.
    """

    network: Actor = field(repr=False, compare=False)
    choice: Literal["sample", "greedy"] = "sample"

    @staticmethod
    def of(network: Actor, choice: Literal["sample", "greedy"] = "sample") -> NetworkPolicy:
        """Of a copy on the CPU."""
        return NetworkPolicy(network.in_float32().eval(), choice)

    @property
    def memory_width(self) -> int:
        return self.network.architecture.memory

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """[R, num_actions].

        Raises:
            NotProvided: the network remembers.
        """
        if self.memory_width:
            raise NotProvided(
                "a recurrent network has no probabilities of a position alone: they depend on the match so far"
            )
        return self.probabilities_after(batch, np.zeros((len(batch), 0), np.float32))[0]

    def probabilities_after(
        self, batch: ObservationBatch, memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """([R, num_actions], the memories after these decisions) with the memories [R, H] before them."""
        read, legal = batch.read(reads_of(batch.game)), batch.legal.mask(batch.game.num_actions)
        found, after = self.answers(*map(torch.from_numpy, (read, legal, memory)))
        return found.numpy(), after.numpy()

    @torch.inference_mode()
    def answers(self, read: Tensor, legal: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(probabilities float64 [R, A], the memories [R, H] after it) of observations [R, D], and the memories before them."""
        parts = map(self.network.act, torch.split(read, ASKED_AT_ONCE), torch.split(memory, ASKED_AT_ONCE))
        logits, after = (torch.cat(column) for column in zip(*parts, strict=True))
        found = log_probabilities(logits.double(), legal).exp()
        if self.choice == "greedy":
            found = torch.zeros_like(found).scatter(1, found.argmax(1, keepdim=True), 1.0)
        return found, after
