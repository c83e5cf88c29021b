"""What can be played: rules, adapters, spaces, observations. Knows nothing of ratings or storage."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from arena.games.actions import ActionSpace, LegalActions, ListedLegal, MaskedLegal, VectorLegal
from arena.games.agent import Agent, AgentInfo, Answer, ClockedAgent
from arena.games.compile_tree import compile_tree
from arena.games.conformance import ConformanceError, check_game
from arena.games.dark_hex_file import load_dark_hex_index, save_dark_hex_index
from arena.games.dark_hex_index import DarkHexIndex, dark_hex_index
from arena.games.errors import (
    AgentCrashed,
    AgentFault,
    AgentTimeout,
    ArenaError,
    GameFailed,
    GameMissing,
    IllegalChoice,
    NotProvided,
    OutOfMemory,
    OutputFlood,
    ProtocolError,
    SpecificationError,
    UnknownName,
)
from arena.games.game import Game, GameInfo, SearchState, TableBatch, Turn
from arena.games.game_tree import GameTree
from arena.games.history_tree import HistoryTree, history_tree
from arena.games.judge import (
    FailedComparison,
    FailedVote,
    Judge,
    JudgeFailure,
    NoisyJudge,
    Verdict,
    judged_votes,
    noisy,
    preferences_of,
    retrying,
    verdicts,
)
from arena.games.markov_files import save_markov_game
from arena.games.markov_game import MarkovGame, markov_game
from arena.games.merged_tree import MergedTree, merge_equal
from arena.games.observation import ObservationBatch
from arena.games.policy import MixturePolicy, Policy, TabularPolicy, uniform_policy
from arena.games.preference import PreferenceGame, preference_game
from arena.games.preference_files import RateMatrix
from arena.games.ragged import Ragged
from arena.games.registry import list_games, load_game
from arena.games.tree_file import load_tree, save_tree
from arena.games.vote_file import read_votes
from arena.games.votes import Votes

if TYPE_CHECKING:
    from arena.games.pettingzoo import from_pettingzoo
    from arena.games.pettingzoo_env import to_pettingzoo

__all__ = [
    "ActionSpace",
    "Agent",
    "AgentCrashed",
    "AgentFault",
    "AgentInfo",
    "AgentTimeout",
    "Answer",
    "ArenaError",
    "ClockedAgent",
    "ConformanceError",
    "DarkHexIndex",
    "FailedComparison",
    "FailedVote",
    "Game",
    "GameFailed",
    "GameInfo",
    "GameMissing",
    "GameTree",
    "HistoryTree",
    "IllegalChoice",
    "Judge",
    "JudgeFailure",
    "LegalActions",
    "ListedLegal",
    "MarkovGame",
    "MaskedLegal",
    "MergedTree",
    "MixturePolicy",
    "NoisyJudge",
    "NotProvided",
    "ObservationBatch",
    "OutOfMemory",
    "OutputFlood",
    "Policy",
    "PreferenceGame",
    "ProtocolError",
    "Ragged",
    "RateMatrix",
    "SearchState",
    "SpecificationError",
    "TableBatch",
    "TabularPolicy",
    "Turn",
    "UnknownName",
    "VectorLegal",
    "Verdict",
    "Votes",
    "check_game",
    "compile_tree",
    "dark_hex_index",
    "from_pettingzoo",
    "history_tree",
    "judged_votes",
    "list_games",
    "load_dark_hex_index",
    "load_game",
    "load_tree",
    "markov_game",
    "merge_equal",
    "noisy",
    "preference_game",
    "preferences_of",
    "read_votes",
    "retrying",
    "save_dark_hex_index",
    "save_markov_game",
    "save_tree",
    "to_pettingzoo",
    "uniform_policy",
    "verdicts",
]

_LATE = {
    "from_pettingzoo": "arena.games.pettingzoo",
    "to_pettingzoo": "arena.games.pettingzoo_env",
}
"""Names whose modules import heavy packages, and are therefore imported when the name is first read."""


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
