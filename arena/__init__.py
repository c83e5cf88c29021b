"""Arena: which agent, policy or model is better, and how sure are we.

``arena.play`` plays matches, ``arena.run_tournament`` records a tournament in an ``arena.Ledger``. The subpackages are
``arena.games``, ``arena.solvers``, ``arena.agents``, ``arena.leaderboards``, ``arena.server``. Names load when first used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.config import TournamentConfig, make_config, read_config
    from arena.executor import InProcess, ProcessPool
    from arena.judge_input import read_answers
    from arena.judging import judge_into, judging_plan
    from arena.leaderboards.ratings import Ratings
    from arena.ledger import Ledger
    from arena.match import Clock, play_matches
    from arena.playing import play
    from arena.results import MatchResult, MatchResults, MatchSpec, MatchSpecs, Termination
    from arena.solvers.solution import Solution
    from arena.tournament import resume_tournament, run_tournament

_HOMES = {
    "Clock": "arena.match",
    "InProcess": "arena.executor",
    "Ledger": "arena.ledger",
    "MatchResult": "arena.results",
    "MatchResults": "arena.results",
    "MatchSpec": "arena.results",
    "MatchSpecs": "arena.results",
    "ProcessPool": "arena.executor",
    "Ratings": "arena.leaderboards.ratings",
    "Solution": "arena.solvers.solution",
    "Termination": "arena.results",
    "TournamentConfig": "arena.config",
    "judge_into": "arena.judging",
    "judging_plan": "arena.judging",
    "make_config": "arena.config",
    "play": "arena.playing",
    "play_matches": "arena.match",
    "read_answers": "arena.judge_input",
    "read_config": "arena.config",
    "resume_tournament": "arena.tournament",
    "run_tournament": "arena.tournament",
}

__all__ = [
    "Clock",
    "InProcess",
    "Ledger",
    "MatchResult",
    "MatchResults",
    "MatchSpec",
    "MatchSpecs",
    "ProcessPool",
    "Ratings",
    "Solution",
    "Termination",
    "TournamentConfig",
    "judge_into",
    "judging_plan",
    "make_config",
    "play",
    "play_matches",
    "read_answers",
    "read_config",
    "resume_tournament",
    "run_tournament",
]

if not (Path(__file__).parent / "games").is_dir():
    raise ImportError(
        "this checkout has no symbolic links: arena/games is a file that should point to ../games. Clone again with "
        "git -c core.symlinks=true clone (on Windows with developer mode on), or install the wheel"
    )


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'arena' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
