"""What can be played: rules, adapters, spaces, observations. Knows nothing of ratings, storage or processes."""

from __future__ import annotations

from arena.games.actions import ActionSpace, LegalActions, ListedLegal, MaskedLegal, VectorLegal
from arena.games.agent import Agent, AgentInfo, Answer, ClockedAgent
from arena.games.conformance import ConformanceError, check_game
from arena.games.errors import (
    AgentCrashed,
    AgentFault,
    AgentTimeout,
    ArenaError,
    GameMissing,
    NotProvided,
    OutOfMemory,
    OutputFlood,
    ProtocolError,
    SpecificationError,
    UnknownName,
)
from arena.games.game import Game, GameInfo, SearchState, TableBatch, Turn
from arena.games.observation import ObservationBatch
from arena.games.policy import MixturePolicy, Policy, TabularPolicy, uniform_policy
from arena.games.ragged import Ragged
from arena.games.registry import list_games, load_game

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
    "Game",
    "GameInfo",
    "GameMissing",
    "LegalActions",
    "ListedLegal",
    "MaskedLegal",
    "MixturePolicy",
    "NotProvided",
    "ObservationBatch",
    "OutOfMemory",
    "OutputFlood",
    "Policy",
    "ProtocolError",
    "Ragged",
    "SearchState",
    "SpecificationError",
    "TableBatch",
    "TabularPolicy",
    "Turn",
    "UnknownName",
    "VectorLegal",
    "check_game",
    "list_games",
    "load_game",
    "uniform_policy",
]
