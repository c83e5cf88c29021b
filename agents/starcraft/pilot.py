"""Plays one match of StarCraft II through pysc2: a script, or somebody's agent class, as a program with the ladders' arguments.

``python -m arena.agents.starcraft.pilot AGENT INTERFACE STEP_LOOPS RACE --GamePort ... --LadderServer ... --StartPort ...``
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Protocol

import numpy as np

from arena.agents.host import load_attribute
from arena.agents.starcraft.scripted import SCRIPTS, Script
from arena.games.starcraft.bot_program import SEED

# `scripted` has made pysc2 importable
from pysc2.env import environment  # isort: skip
from pysc2.lib import actions, features, protocol, remote_controller  # isort: skip
from s2clientprotocol import common_pb2, sc2api_pb2 as sc_pb  # isort: skip

SCREEN, MINIMAP, CAMERA_CELLS = 84, 64, 24
"""Those of SC2LE."""
ANSWERS_S = 600  # the game waits for the other player


class Pysc2Agent(Protocol):
    """What pysc2 asks of an agent; those that derive from its BaseAgent are such."""

    def setup(self, obs_spec: Any, action_spec: Any) -> None: ...
    def reset(self) -> None: ...
    def step(self, obs: Any) -> Any: ...


class Scripted:
    """A script as a pysc2 agent."""

    def __init__(self, script: Script, seed: int):
        self._script, self._draws = script, np.random.default_rng(seed)
        self._size = (0, 0)

    def setup(self, obs_spec: Any, action_spec: Any) -> None:
        if hasattr(action_spec.types, "world"):
            self._size = tuple(action_spec.types.world.sizes)

    def reset(self) -> None: ...

    def step(self, obs: Any) -> Any:
        return self._script(obs.observation, self._draws, self._size)


def fly(agent: Pysc2Agent, controller: Any, *, interface: str, step_loops: int, race: int) -> None:
    """Joins the match, and plays it until it is over. The rewards are 0, at the end 1 for a win and -1 for a loss."""
    layers = features.Dimensions(screen=SCREEN, minimap=MINIMAP)
    form = features.AgentInterfaceFormat(
        feature_dimensions=layers if interface == "feature" else None,
        camera_width_world_units=CAMERA_CELLS,
        action_space=actions.ActionSpace.RAW if interface == "raw" else None,
        use_raw_units=interface == "raw",
    )
    controller.join_game(sc_pb.RequestJoinGame(race=race, options=_options(form, interface)))
    seen = features.features_from_game_info(game_info=controller.game_info(), agent_interface_format=form)
    agent.setup(seen.observation_spec(), seen.action_spec())
    agent.reset()
    kind = environment.StepType.FIRST
    while True:
        raw = controller.observe()
        told = seen.transform_obs(raw)
        over = bool(raw.player_result) or controller.status == protocol.Status.ended
        kind = environment.StepType.LAST if over else kind
        reward = _reward(raw) if over else 0
        chosen = agent.step(
            environment.TimeStep(step_type=kind, reward=reward, discount=0.0 if over else 1.0, observation=told)
        )
        if over:
            return
        several = chosen if isinstance(chosen, list) else [chosen]
        moves = [seen.transform_action(raw.observation, one, skip_available=interface == "raw") for one in several]
        controller.actions(sc_pb.RequestAction(actions=moves))
        if controller.status != protocol.Status.ended:
            controller.step(step_loops)
        kind = environment.StepType.MID


def _options(form: Any, interface: str) -> sc_pb.InterfaceOptions:
    options = sc_pb.InterfaceOptions(raw=interface == "raw", score=True, raw_affects_selection=True)
    if interface == "feature":
        options.feature_layer.width = form.camera_width_world_units
        form.feature_dimensions.screen.assign_to(options.feature_layer.resolution)
        form.feature_dimensions.minimap.assign_to(options.feature_layer.minimap_resolution)
    return options


def _reward(raw: Any) -> int:
    worth = {int(sc_pb.Victory): 1, int(sc_pb.Defeat): -1}
    own = raw.observation.player_common.player_id
    return next((worth.get(one.result, 0) for one in raw.player_result if one.player_id == own), 0)


def main() -> None:
    given = argparse.ArgumentParser()
    for name in ("agent", "interface"):
        given.add_argument(name)
    given.add_argument("step_loops", type=int)
    given.add_argument("race", choices=list(common_pb2.Race.keys()))
    given.add_argument("--GamePort", type=int, required=True)
    given.add_argument("--LadderServer", default="127.0.0.1")
    given.add_argument("--StartPort", type=int)
    given.add_argument("--OpponentId")
    flags = given.parse_args()
    scheme, _, rest = flags.agent.partition(":")
    seed = int(os.environ.get(SEED, "0"))
    if scheme == "python":
        np.random.seed(seed % 2**32)  # noqa: NPY002  # pysc2's own agents draw from it
        agent: Pysc2Agent = load_attribute(rest)()
    else:
        agent = Scripted(SCRIPTS[flags.interface, rest], seed)
    controller = remote_controller.RemoteController(flags.LadderServer, flags.GamePort, timeout_seconds=ANSWERS_S)
    try:
        fly(
            agent,
            controller,
            interface=flags.interface,
            step_loops=flags.step_loops,
            race=common_pb2.Race.Value(flags.race),
        )
    finally:
        controller.close()


if __name__ == "__main__":
    main()
