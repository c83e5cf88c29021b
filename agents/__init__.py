"""From an observation to an action: every kind of player behind one interface. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.agents.chat_endpoint import ChatEndpoint, EndpointSettings
    from arena.agents.check import Finding, check_agent
    from arena.agents.endpoint_judge import EndpointJudge
    from arena.agents.judges import load_judge
    from arena.agents.network_file import load_network, save_network
    from arena.agents.network_form import gru, mlp
    from arena.agents.observation import Observation, observations
    from arena.agents.policy_agent import PolicyAgent
    from arena.agents.random_agent import RandomAgent
    from arena.agents.registry import SCHEMES, AgentKind, content_of, kinds, load_agent, needs_approval
    from arena.agents.simple import as_agent, from_function
    from arena.games import Agent, AgentInfo, ClockedAgent, ObservationBatch

_HOMES = {
    "Agent": "arena.games",
    "AgentInfo": "arena.games",
    "AgentKind": "arena.agents.registry",
    "ChatEndpoint": "arena.agents.chat_endpoint",
    "ClockedAgent": "arena.games",
    "EndpointJudge": "arena.agents.endpoint_judge",
    "EndpointSettings": "arena.agents.chat_endpoint",
    "Finding": "arena.agents.check",
    "Observation": "arena.agents.observation",
    "ObservationBatch": "arena.games",
    "PolicyAgent": "arena.agents.policy_agent",
    "RandomAgent": "arena.agents.random_agent",
    "SCHEMES": "arena.agents.registry",
    "as_agent": "arena.agents.simple",
    "check_agent": "arena.agents.check",
    "content_of": "arena.agents.registry",
    "from_function": "arena.agents.simple",
    "gru": "arena.agents.network_form",
    "kinds": "arena.agents.registry",
    "load_agent": "arena.agents.registry",
    "load_judge": "arena.agents.judges",
    "load_network": "arena.agents.network_file",
    "mlp": "arena.agents.network_form",
    "needs_approval": "arena.agents.registry",
    "observations": "arena.agents.observation",
    "save_network": "arena.agents.network_file",
}

__all__ = [
    "SCHEMES",
    "Agent",
    "AgentInfo",
    "AgentKind",
    "ChatEndpoint",
    "ClockedAgent",
    "EndpointJudge",
    "EndpointSettings",
    "Finding",
    "Observation",
    "ObservationBatch",
    "PolicyAgent",
    "RandomAgent",
    "as_agent",
    "check_agent",
    "content_of",
    "from_function",
    "gru",
    "kinds",
    "load_agent",
    "load_judge",
    "load_network",
    "mlp",
    "needs_approval",
    "observations",
    "save_network",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:  # programs that run in a child of their own start without numpy
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
