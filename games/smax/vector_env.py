"""SMAX for trainers: many matches at once as a Gymnasium vector environment of tensors on one device."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.smax.acting import CONTINUOUS_WIDTH, decoded
from arena.games.smax.rewards import is_out_of_time
from arena.games.smax.rules import Rules
from arena.games.smax.scripted import AttackMode, Memory, fresh_memory, scripted_actions
from arena.games.smax.simulator import Smax
from arena.games.smax.state import State
from arena.games.smax.units import UNIT_TYPES
from arena.games.tensor_words import uniform, words

OPPONENT_WORDS = 1 << 32
"""Words of a chance seed from here on are the scripted team's; those before are the match's."""
MATCH_WORDS = 1 << 40
"""Words of the environment's seed from here on are the seeds of its matches."""


class SmaxVectorEnv(gymnasium.vector.VectorEnv):  # type: ignore[misc]  # Gymnasium is read without types
    """B matches, stepped together. Whatever is over begins anew within the same step.

    The units acted for are one team's, the allies where nothing else is said, against a scripted team, or with
    ``opponent=None`` all units of both teams, in order. Observations float32 [B, units, width]; actions int64 [B, units], or float32 [B, units, 4] where they are
    continuous (scripted teams act discretely all the same); rewards float32 [B] of the team, or [B, 2] of both.
    ``info``: ``legal_actions`` bool [B, units, A] (discrete actions alone), ``alive`` bool [B, units], ``world_state``
    float32 [B, W]; after a step also ``won`` bool [B], the team or, of both, the allies; and how things stood before whatever was over began anew:
    ``final_observation``, and ``final_info`` with the same three.
    """

    metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}  # noqa: RUF012  # Gymnasium's own name and form

    def __init__(
        self,
        rules: Rules,
        num_envs: int,
        *,
        team: Literal[0, 1] = 0,
        opponent: AttackMode | None = "closest",
        opponent_shoots: bool = True,
        device: str | torch.device = "cpu",
    ):
        """Args:
            rules: scenario and settings; the rewards are those that they say.
            team: which is acted for, 0 the allies, 1 the enemies; not read without an opponent.
            opponent: by whom the scripted units shoot; None = both teams are acted for.
            opponent_shoots: False = they only chase.

        Raises:
            SpecificationError: no environment at all.
        """
        if num_envs < 1:
            raise SpecificationError(f"num_envs must be at least 1; got {num_envs}")
        self.rules, self.num_envs, self.opponent, self.opponent_shoots = rules, num_envs, opponent, opponent_shoots
        self.smax = Smax(rules, device)
        self._scripts = Smax(dataclasses.replace(rules, observation="unit_list", actions="discrete"), device)
        self.team: Literal[0, 1] = 0 if opponent is None else team
        allies, everybody = range(rules.scenario.num_allies), range(rules.num_units)
        teams = (allies, everybody[len(allies) :])
        own, theirs = (everybody, range(0)) if opponent is None else (teams[self.team], teams[1 - self.team])
        self.units, self._scripted = len(own), len(theirs)
        self._acting = slice(own.start, own.stop)
        seen = gymnasium.spaces.Box(-np.inf, np.inf, (self.units, rules.observation_width), np.float32)
        acts: gymnasium.Space[Any] = gymnasium.spaces.MultiDiscrete([rules.num_actions] * self.units)
        if rules.actions == "continuous":
            acts = gymnasium.spaces.Box(0.0, 1.0, (self.units, CONTINUOUS_WIDTH), np.float32)
        self.single_observation_space, self.single_action_space = seen, acts
        self.observation_space = gymnasium.vector.utils.batch_space(seen, num_envs)
        self.action_space = gymnasium.vector.utils.batch_space(acts, num_envs)
        self._rows, self._scripted_rows = self._units(own), self._units(theirs)
        self._state: State
        self._begin(0)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """All matches anew. Without a seed the sequence of matches goes on, that of seed 0 where none was ever given.

        Args:
            seed: one for all environments, or one for each; from 0 to 2⁶³ - 1.

        Raises:
            ValueError: another seed, or not as many as environments.
        """
        if seed is not None:
            self._begin(seed)
        else:
            self._anew(torch.arange(self.num_envs, device=self.smax.device))
        return self.seen()

    def step(
        self, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """(observations, rewards, terminated, truncated, info).

        Raises:
            ValueError: actions of another shape, or numbers that are no action.
        """
        action = self._checked(torch.as_tensor(actions, device=self.smax.device))
        step = self.smax.step_of(self._state, *self._orders(action), self._seed)
        late = is_out_of_time(step.state, self.rules)
        alive, allies = step.state.alive, self.rules.scenario.num_allies
        dead = ~alive[:, :allies].any(1), ~alive[:, allies:].any(1)
        lost, won = dead[self.team], dead[1 - self.team]
        self._state = step.state
        final, final_info = self._seen(), self._info()
        over = step.over.nonzero()[:, 0]
        self._anew(over)
        info: dict[str, Any] = {**self._info_anew(final_info, over)}
        info |= {"final_observation": final, "final_info": final_info, "won": won & ~lost}
        rewards = step.rewards if self.opponent is None else step.rewards[:, self.team]
        return self._seen_anew(final, over), rewards, won | lost, late & ~(won | lost), info

    def seen(self) -> tuple[torch.Tensor, dict[str, Any]]:
        """(observations, info) of the matches as they stand."""
        return self._seen(), self._info()

    @property
    def state(self) -> State:
        """The matches as they stand."""
        return self._state

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of all that later steps depend on besides the actions."""
        return {name: np.array(tensor.cpu().numpy()) for name, tensor in self._held().items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Goes on from there.

        Raises:
            SpecificationError: arrays that are not those of as many such matches.
        """
        below = {"unit_type": len(UNIT_TYPES), "attack": self.rules.num_actions, "step": self.rules.max_steps + 2}
        for name, tensor in self._held().items():
            if name not in arrays or arrays[name].shape != tuple(tensor.shape):
                raise SpecificationError(f"{name!r} of the matches must have the shape {list(tensor.shape)}")
            held = arrays[name]
            if name in (*below, "seeds", "begun") and not ((held >= 0) & (held < below.get(name, 1 << 63))).all():
                raise SpecificationError(
                    f"{name!r} of the matches must be from 0 to less than {below.get(name, '2^63')}"
                )
            tensor.copy_(torch.from_numpy(held))

    def close(self, **kwargs: Any) -> None:
        """Nothing is held open."""

    def _held(self) -> dict[str, torch.Tensor]:
        """The tensors, by name, that stand for the matches."""
        state = {one.name: getattr(self._state, one.name) for one in dataclasses.fields(State)}
        memory = dict(zip(("goal", "last"), _columns(self._memory), strict=True))
        return {**state, **memory, "seeds": self._own, "begun": self._begun, "seed": self._seed}

    def _begin(self, seed: int | Sequence[int | None]) -> None:
        seeds = [seed] * self.num_envs if isinstance(seed, (int, np.integer)) else list(seed)
        if len(seeds) != self.num_envs or not all(own is not None and 0 <= own < 1 << 63 for own in seeds):
            raise ValueError(f"seed must be one number or {self.num_envs}, from 0 to 2^63 - 1; got {seed!r}")
        self._own = torch.tensor(seeds, dtype=torch.int64, device=self.smax.device)
        self._begun = torch.zeros(self.num_envs, dtype=torch.int64, device=self.smax.device)
        self._seed = self._next_seeds(torch.arange(self.num_envs, device=self.smax.device))
        self._state = self.smax.start(self._seed)
        self._memory = fresh_memory(self.num_envs * self._scripted, self.smax.device)

    def _next_seeds(self, envs: torch.Tensor) -> torch.Tensor:
        counter = MATCH_WORDS + self._begun[envs] * self.num_envs + envs
        self._begun[envs] += 1
        return words(self._own[envs], counter)

    def _anew(self, envs: torch.Tensor) -> None:
        if not len(envs):
            return
        self._seed[envs] = self._next_seeds(envs)
        self._state.put(envs, self.smax.start(self._seed[envs]))
        if self.opponent is None:
            return
        for kept, fresh in zip(_columns(self._memory), _columns(fresh_memory(1, self.smax.device)), strict=True):
            kept.reshape(self.num_envs, self._scripted, -1)[envs] = fresh

    def _checked(self, action: torch.Tensor) -> torch.Tensor:
        shape = (self.num_envs, *self.single_action_space.shape)
        if action.shape != shape:
            raise ValueError(f"actions must have the shape {list(shape)}; got {list(action.shape)}")
        if self.rules.actions == "continuous":
            if torch.isnan(action).any():
                raise ValueError("actions must be numbers; got NaN")
            return action.float()
        if action.is_floating_point():
            raise ValueError(f"actions must be whole numbers; got {action.dtype}")
        least, most = torch.aminmax(action)
        if least < 0 or most >= self.rules.num_actions:
            raise ValueError(f"actions must be from 0 to {self.rules.num_actions - 1}; got {int(least)} to {int(most)}")
        return action.long()

    def _orders(self, action: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(movement [B, n, 2], attack [B, n]) of all units."""
        if self.opponent is None:
            return self.smax.orders(self._state, action, self._seed)
        theirs = self._scripts_act(self.opponent)
        if self.rules.actions == "discrete":
            return self.smax.orders(self._state, self._both(action, theirs), self._seed)
        unread = action.new_zeros((*theirs.shape, CONTINUOUS_WIDTH))
        movement, attack = self.smax.orders(self._state, self._both(action, unread), self._seed)
        scripted_movement, scripted_attack = decoded(theirs, self.smax.constants)
        return (
            self._both(movement[:, self._acting], scripted_movement),
            self._both(attack[:, self._acting], scripted_attack),
        )

    def _both(self, own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        """What belongs to the units acted for and to the scripted ones, allies first."""
        return torch.cat((own, theirs) if self.team == 0 else (theirs, own), 1)

    def _scripts_act(self, mode: AttackMode) -> torch.Tensor:
        units = self._scripted
        step = self._state.step[:, None] * 2 * units + torch.arange(2 * units, device=self.smax.device)
        draws = uniform(self._seed[:, None], OPPONENT_WORDS + step).reshape(-1, 2)
        action, self._memory = scripted_actions(
            self._scripts.observations_of(self._state, *self._scripted_rows),
            self._memory,
            draws,
            team=1 - self.team,
            mode=mode,
            shoots=self.opponent_shoots,
            rules=self._scripts.rules,
            constants=self.smax.constants,
        )
        return action.reshape(self.num_envs, units)

    def _seen(self) -> torch.Tensor:
        return self.smax.observations_of(self._state, *self._rows).reshape(self.num_envs, self.units, -1)

    def _seen_anew(self, final: torch.Tensor, envs: torch.Tensor) -> torch.Tensor:
        """What is seen once these environments began anew; all others see what they saw."""
        if not len(envs):
            return final
        seen, units = final.clone(), self._rows[1][: self.units]
        rows = envs.repeat_interleave(self.units), units.repeat(len(envs))
        seen[envs] = self.smax.observations_of(self._state, *rows).reshape(len(envs), self.units, -1)
        return seen

    def _units(self, units: range) -> tuple[torch.Tensor, torch.Tensor]:
        """(match, unit) of these units of every match."""
        match = torch.arange(self.num_envs, device=self.smax.device).repeat_interleave(len(units))
        return match, torch.tensor(units, device=self.smax.device).repeat(self.num_envs)

    def _info(self) -> dict[str, torch.Tensor]:
        return self._info_of(self._state)

    def _info_anew(self, final: dict[str, torch.Tensor], envs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The info once these environments began anew; all others have what they had."""
        if not len(envs):
            return final
        told = {name: column.clone() for name, column in final.items()}
        for name, column in self._info_of(self._state.rows(envs)).items():
            told[name][envs] = column
        return told

    def _info_of(self, state: State) -> dict[str, torch.Tensor]:
        told = {"alive": state.alive[:, self._acting], "world_state": self.smax.world_state(state)}
        if self.rules.actions == "discrete":
            told["legal_actions"] = self.smax.legal_actions(state)[:, self._acting]
        return told


def _columns(memory: Memory) -> tuple[torch.Tensor, torch.Tensor]:
    return memory.goal, memory.last
