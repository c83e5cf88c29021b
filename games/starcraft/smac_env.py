"""SMACv2 as a PettingZoo parallel environment: each allied unit an agent, with masks, against the game's own computer player.

SMACv2 is installed from its repository. Its scenarios are SMAC's classic ones, and generated ones (``10gen_terran``, ``10gen_zerg``,
``10gen_protoss``), whose teams and starts are drawn anew for each match as in the published experiments.
"""

from __future__ import annotations

import contextlib
import os
import random
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from arena.games.errors import ArenaError, GameFailed, GameMissing, UnknownName
from arena.games.starcraft.installation import SMACV2
from arena.games.starcraft.pysc2_repair import repair_pysc2

GENERATED: Mapping[str, tuple[str, str, str]] = {
    "10gen_terran": ("marine", "marauder", "medivac"),
    "10gen_zerg": ("zergling", "baneling", "hydralisk"),
    "10gen_protoss": ("stalker", "zealot", "colossus"),
}
NEVER_ALONE = ("medivac", "baneling")
"""Kinds of which no whole team consists."""
WEIGHTS, SURROUNDED, FIELD = (0.45, 0.45, 0.1), 0.5, 32
"""Of the kinds of units; how often a team starts surrounded; the field's side. Those of SMACv2's own configurations."""

Observation = dict[str, NDArray[Any]]


def require_smacv2() -> None:
    """Raises `GameMissing`, with the way out, where SMACv2 cannot be imported."""
    repair_pysc2()
    try:
        import smacv2.env  # noqa: F401
    except ImportError as error:
        raise GameMissing(
            f"smac2: plays SMACv2, which cannot be imported ({error}); install it from its repository with: {SMACV2} "
            "(its own pins are of old packages, and the package called smac is something else)"
        ) from error


def scenarios() -> list[str]:
    """The names of all scenarios that SMACv2 knows."""
    require_smacv2()
    from smacv2.env.starcraft2.maps.smac_maps import get_smac_map_registry

    return sorted(get_smac_map_registry())


class SmacEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo is read without types
    """One match. Agents are ``unit_0`` ...; all stay until the match is over, and the dead may only do nothing.

    Observations are ``{"observation", "action_mask"}``, 1 = legal, and the mask stands in the info too; ``state()`` is the state that a
    central critic may read. All are paid alike: SMAC's shaped reward, at most 20 a match, or with ``sparse`` 1 for a win, -1
    for a loss. An action that is not legal is replaced by the first legal one. The game starts with the first reset, and anew
    with every reset that gives a seed. `reset` and `step` raise `GameFailed` where the game fails of itself; another
    `reset` begins a match then.
    """

    def __init__(self, scenario: str, *, base: Path, n_units: int = 5, n_enemies: int = 5, sparse: bool = False):
        """Args:
        scenario: its name in SMACv2.
        base: the folder of StarCraft II, or of its stand-in.
        n_units, n_enemies: of a generated scenario.
        sparse: whether only the end is paid.

        Raises:
            GameMissing: SMACv2 cannot be imported.
            UnknownName: it has no such scenario.
        """
        known = scenarios()
        if scenario not in known:
            raise UnknownName("scenario of SMACv2", scenario, known)
        self._base = base
        self._draws = random.getstate(), np.random.get_state()  # noqa: NPY002  # SMACv2 draws from both
        with _installed_in(base):
            self._env = _make(scenario, n_units, n_enemies, sparse)
        self._match = getattr(self._env, "env", self._env)  # a generated scenario is a match and what generates
        self._most_paid = self._match.max_reward
        self._end = weakref.finalize(self, self._match.close)  # SMACv2 itself keeps its games until the program ends
        facts = self._env.get_env_info()
        self.metadata = {"name": f"smac2_{scenario}", "render_modes": [], "is_parallelizable": True}
        self.render_mode = None
        self.possible_agents = [f"unit_{unit}" for unit in range(facts["n_agents"])]
        self.agents: list[str] = []
        seen = spaces.Dict(
            {
                "observation": spaces.Box(-np.inf, np.inf, (int(facts["obs_shape"]),), np.float32),
                "action_mask": spaces.Box(0, 1, (int(facts["n_actions"]),), np.int8),
            }
        )
        self.max_length = int(facts["episode_limit"])
        self.observation_spaces = dict.fromkeys(self.possible_agents, seen)
        self.action_spaces = {agent: spaces.Discrete(int(facts["n_actions"])) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Begins a match. All its chance follows from the seed: teams, starts, SMACv2's draws, and the game's, which starts anew for it.

        Without a seed all chance goes on from match to match, and so does the game.
        """
        self.agents = []
        with self._playing():
            if seed is not None:
                self._seed(seed)
            self._env.reset()
            self.agents = list(self.possible_agents)
            return self._told()

    def step(
        self, actions: dict[str, int]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        if not self.agents:
            raise ArenaError("there is no match to step; call reset() first")
        masks = self._env.get_avail_actions()
        chosen = [
            int(actions[agent]) if mask[int(actions[agent])] else int(np.flatnonzero(mask)[0])
            for agent, mask in zip(self.agents, masks, strict=True)
        ]
        late = self._match.timeouts
        with self._playing():
            reward, over, info = self._env.step(chosen)
            told = self._told()
        for agent in self.agents:
            told[1][agent]["battle_won"] = bool(info.get("battle_won", False))
        cut = bool(over) and self._match.timeouts > late
        paid = dict.fromkeys(self.agents, float(reward))
        ends = dict.fromkeys(self.agents, bool(over) and not cut), dict.fromkeys(self.agents, cut)
        if over:
            self.agents = []
        return told[0], paid, *ends, told[1]

    def state(self) -> NDArray[np.float32]:
        """What SMAC gives a central critic."""
        return np.asarray(self._env.get_state(), np.float32)

    def close(self) -> None:
        """Ends the game, as it ends with the last reference to this environment."""
        self._end()

    def _seed(self, seed: int) -> None:
        match = self._match
        if getattr(match, "_sc2_proc", None) is not None:
            match._sc2_proc.close()
        match._seed, match._episode_count, match.max_reward = seed, 0, self._most_paid  # as if it were new
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        drawn = getattr(self._env, "env_key_to_distribution_map", {})
        for number, distribution in enumerate(_all_of(drawn.values())):
            if hasattr(distribution, "rng"):
                distribution.rng = np.random.default_rng([seed, number])

    @contextlib.contextmanager
    def _playing(self) -> Iterator[None]:
        """SMACv2 at work: it finds the game, draws from this environment's own chance, and its failures are the game's.

        A game that crashes is started again by SMACv2 itself, which then tells of a match that ended with nothing won.
        """
        from pysc2.lib.protocol import ConnectionError as LostGame
        from pysc2.lib.protocol import ProtocolError
        from pysc2.lib.remote_controller import ConnectError, RequestError
        from pysc2.lib.sc_process import SC2LaunchError

        outer, crashes = (random.getstate(), np.random.get_state()), self._match.force_restarts  # noqa: NPY002
        random.setstate(self._draws[0])
        np.random.set_state(self._draws[1])  # noqa: NPY002
        try:
            with _installed_in(self._base):
                yield
        except (LostGame, ProtocolError, ConnectError, RequestError, SC2LaunchError) as error:
            self.agents = []
            raise GameFailed(f"the game failed: {error}") from error
        finally:
            self._draws = random.getstate(), np.random.get_state()  # noqa: NPY002
            random.setstate(outer[0])
            np.random.set_state(outer[1])  # noqa: NPY002
        if self._match.force_restarts > crashes:
            self.agents = []
            raise GameFailed("the game crashed during the match")

    def _told(self) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        rows, masks = self._env.get_obs(), self._env.get_avail_actions()
        seen: dict[str, Observation] = {
            agent: {"observation": np.asarray(row, np.float32), "action_mask": np.asarray(mask, np.int8)}
            for agent, row, mask in zip(self.agents, rows, masks, strict=True)
        }
        return seen, {agent: {"action_mask": one["action_mask"]} for agent, one in seen.items()}


def _all_of(distributions: Iterable[Any]) -> Iterator[Any]:
    """SMACv2's distributions, and those that they are made of."""
    from smacv2.env.starcraft2.distributions import Distribution

    for one in distributions:
        yield one
        yield from _all_of(part for part in vars(one).values() if isinstance(part, Distribution))


def _make(scenario: str, n_units: int, n_enemies: int, sparse: bool) -> Any:
    from smacv2.env import StarCraft2Env
    from smacv2.env.starcraft2.wrapper import StarCraftCapabilityEnvWrapper

    if scenario not in GENERATED:
        return StarCraft2Env(map_name=scenario, reward_sparse=sparse, reward_scale=not sparse)
    size = {"n_units": n_units, "n_enemies": n_enemies}
    team = {
        "dist_type": "weighted_teams",
        "unit_types": list(GENERATED[scenario]),
        "exception_unit_types": list(NEVER_ALONE),
        "weights": list(WEIGHTS),
        "observe": True,
        **size,
    }
    starts = {"dist_type": "surrounded_and_reflect", "p": SURROUNDED, "map_x": FIELD, "map_y": FIELD, **size}
    return StarCraftCapabilityEnvWrapper(
        capability_config={"team_gen": team, "start_positions": starts, **size},
        map_name=scenario,
        reward_sparse=sparse,
        reward_scale=not sparse,
        conic_fov=False,
        obs_own_pos=True,
        use_unit_ranges=True,
        min_attack_range=2,
    )


@contextlib.contextmanager
def _installed_in(base: Path) -> Iterator[None]:
    """SMACv2 finds the game through SC2PATH alone."""
    before = os.environ.get("SC2PATH")
    os.environ["SC2PATH"] = str(base)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SC2PATH"]
        else:
            os.environ["SC2PATH"] = before
