"""Policies that learn by playing: experience from many tables at once, and learners that are measured while they learn.

Importing this loads torch.
"""

from __future__ import annotations

from arena.solvers.learning.configurations import Configuration, configuration, ready_configurations
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.training import Trained, train

__all__ = ["Configuration", "NetworkPolicy", "Trained", "configuration", "ready_configurations", "train"]
