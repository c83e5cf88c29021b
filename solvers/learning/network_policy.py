"""A network as a policy: probabilities of legal actions for batches of observations, as solvers measure and agents play them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games.errors import NotProvided
from arena.games.observation import ObservationBatch, reads_of
from arena.solvers.learning.networks import ActorCritic, log_probabilities

ASKED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What the actor of a network plays. A network that remembers has no probabilities of a position alone."""

    network: ActorCritic = field(repr=False, compare=False)

    @staticmethod
    def of(network: ActorCritic) -> NetworkPolicy:
        """Of a copy on the CPU."""
        return NetworkPolicy(copy.deepcopy(network).cpu().eval())

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """[R, num_actions].

        Raises:
            NotProvided: the network remembers.
        """
        if self.network.memory is not None:
            raise NotProvided(
                "a recurrent network has no probabilities of a position alone: they depend on the match so far"
            )
        read = batch.read(reads_of(batch.game))
        legal = torch.from_numpy(batch.legal.mask(batch.game.num_actions))
        with torch.inference_mode():
            logits = torch.cat(
                [self.network.actor(part) for part in torch.split(torch.from_numpy(read), ASKED_AT_ONCE)]
            )
            found: NDArray[np.float64] = log_probabilities(logits.double(), legal).exp().numpy()
        return found
