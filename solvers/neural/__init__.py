"""Policies that are networks, trained on preferences in contexts. Importing this loads torch."""

from __future__ import annotations

from arena.solvers.neural.contexts import PreferenceContexts, judged_contexts, preference_contexts
from arena.solvers.neural.training import NeuralSolution, train_on_preferences

__all__ = ["NeuralSolution", "PreferenceContexts", "judged_contexts", "preference_contexts", "train_on_preferences"]
