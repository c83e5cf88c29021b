"""Whole matches by pysc2 itself, whatever SC2PATH names; run by test_standin_with_pysc2.py in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np

from arena.games.starcraft.pysc2_repair import repair_pysc2

repair_pysc2()

from pysc2.env import sc2_env  # noqa: E402
from pysc2.lib import actions, features  # noqa: E402
from pysc2.maps import lib  # noqa: E402

RACE = sc2_env.Race.terran
RAW, FUNCTIONS = actions.RAW_FUNCTIONS, actions.FUNCTIONS
UNIT = features.FeatureUnit


class Skirmish(lib.Map):  # type: ignore[misc]
    """pysc2 knows maps by classes."""

    directory, filename, players, step_mul = "Arena", "Skirmish", 2, 8


def attack(seen):
    """All units at the weakest enemy, else to the middle."""
    units = seen.raw_units
    own, foes = units[units[:, UNIT.alliance] == 1], units[units[:, UNIT.alliance] == 4]
    tags = [int(tag) for tag in own[:, UNIT.tag]]
    if not tags:
        return [RAW.no_op()]
    if len(foes):
        return [RAW.Attack_unit("now", tags, int(foes[np.argmin(foes[:, UNIT.health]), UNIT.tag]))]
    return [RAW.Attack_pt("now", tags, [16, 16])]


def wait(seen):
    return [RAW.no_op()]


def collect(seen):
    """To the first shard on the screen."""
    if FUNCTIONS.Move_screen.id not in seen.available_actions:
        return [FUNCTIONS.select_army("select")]
    rows, columns = np.nonzero(seen.feature_screen.player_relative == features.PlayerRelative.NEUTRAL)
    if not len(rows):
        return [FUNCTIONS.no_op()]
    return [FUNCTIONS.Move_screen("now", (int(columns[0]), int(rows[0])))]


def raw():
    return sc2_env.AgentInterfaceFormat(action_space=actions.ActionSpace.RAW, use_raw_units=True, raw_resolution=32)


def layers():
    return sc2_env.AgentInterfaceFormat(
        feature_dimensions=sc2_env.Dimensions(screen=84, minimap=64), use_feature_units=True
    )


def episodes(map_name: str, players: list, formats: object, scripts: list[Callable], count: int, **settings) -> list:
    """(loop, last rewards, scores) of each episode."""
    told = []
    with sc2_env.SC2Env(
        map_name=map_name, players=players, agent_interface_format=formats, random_seed=1, **settings
    ) as env:
        for _ in range(count):
            steps = env.reset()
            while not steps[0].last():
                steps = env.step([script(step.observation) for script, step in zip(scripts, steps, strict=True)])
            told.append(
                [
                    int(steps[0].observation.game_loop[0]),
                    [int(step.reward) for step in steps],
                    [int(step.observation.score_cumulative[0]) for step in steps],
                ]
            )
    return told


def main() -> None:
    agents = [sc2_env.Agent(RACE, "a"), sc2_env.Agent(RACE, "b")]
    computer = sc2_env.Bot(RACE, sc2_env.Difficulty.medium)
    told = {
        "two": episodes("Skirmish", agents, [raw(), raw()], [attack, wait], 2),
        "computer": episodes("Skirmish", [agents[0], computer], raw(), [attack], 1),
        "mini_game": episodes("CollectMineralShards", agents[:1], layers(), [collect], 2, game_steps_per_episode=400),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
