"""Language models that learn from preferences: Hugging Face causal models, a judge of pairs, and the Nash-learning methods.

Needs the extra ``lm``: transformers and peft. Importing this loads torch and transformers; `arena.solvers` does not import it.
"""

from __future__ import annotations

import importlib.util

from arena.games.errors import NotProvided

LM_MISSING = "training language models needs transformers and peft: pip install 'minimax-arena[lm]'"

if any(importlib.util.find_spec(needed) is None for needed in ("transformers", "peft")):
    raise NotProvided(LM_MISSING)

from arena.solvers.language.average_policy import average_answers  # noqa: E402  after the extra is known to be there
from arena.solvers.language.configuration import PreferenceConfig  # noqa: E402
from arena.solvers.language.gap_estimate import GapEstimate  # noqa: E402
from arena.solvers.language.methods import METHODS  # noqa: E402
from arena.solvers.language.model_judges import PairModelJudge, RewardJudge, ranks_judge  # noqa: E402
from arena.solvers.language.trainer import PreferenceTrainer, TrainingResult  # noqa: E402

__all__ = [
    "METHODS",
    "GapEstimate",
    "PairModelJudge",
    "PreferenceConfig",
    "PreferenceTrainer",
    "RewardJudge",
    "TrainingResult",
    "average_answers",
    "ranks_judge",
]
