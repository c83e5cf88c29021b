"""SMAX as a function from state to state: start, step, and what is seen in between."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from arena.games.smax.acting import decoded, decoded_continuous, legal_actions
from arena.games.smax.dynamics import advanced
from arena.games.smax.observing import observations, world_state
from arena.games.smax.random_words import step_counter
from arena.games.smax.rewards import is_over, rewards
from arena.games.smax.rules import Constants, Rules, constants
from arena.games.smax.start import start_state
from arena.games.smax.state import State
from arena.games.tensor_words import uniform


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """``rewards`` float32 [B, 2], allies first; ``over`` bool [B]."""

    state: State
    rewards: torch.Tensor
    over: torch.Tensor


class Smax:
    """The rules of a scenario on a device. Matches are rows of a `State`; chance is a function of their seeds, int64 [B]."""

    def __init__(self, rules: Rules, device: str | torch.device = "cpu"):
        self.rules, self.device = rules, torch.device(device)
        self.constants: Constants = constants(rules, self.device)

    def start(self, seed: torch.Tensor) -> State:
        """New matches of these chance seeds."""
        return start_state(seed, self.rules, self.constants)

    def step(self, state: State, action: torch.Tensor, seed: torch.Tensor) -> Step:
        """All matches after one step, with what it earned; see `advance`."""
        return self.step_of(state, *self.orders(state, action, seed), seed)

    def step_of(self, state: State, movement: torch.Tensor, attack: torch.Tensor, seed: torch.Tensor) -> Step:
        """The same of movements and attacks; see `dynamics.advanced`."""
        after = advanced(state, movement, attack, seed, self.rules, self.constants)
        earned = rewards(state, after, self.rules, self.constants)
        return Step(state=after, rewards=earned, over=is_over(after, self.rules))

    def advance(self, state: State, action: torch.Tensor, seed: torch.Tensor) -> State:
        """All matches after one step.

        Args:
            action: int64 [B, n], or float32 [B, n, 4] where actions are continuous; of dead units it is not read.
            seed: the chance seeds with which the matches began.
        """
        return advanced(state, *self.orders(state, action, seed), seed, self.rules, self.constants)

    def orders(self, state: State, action: torch.Tensor, seed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(movement [B, n, 2], attack [B, n]) that actions mean; arguments as of `advance`."""
        rules, n = self.rules, self.rules.num_units
        if rules.actions == "continuous":
            counter = step_counter(state.step, rules.words_per_step)[:, -2 * n :]
            draws = uniform(seed[:, None], counter).reshape(-1, n, 2)
            return decoded_continuous(action, draws, state, rules, self.constants)
        return decoded(action, self.constants)

    def legal_actions(self, state: State) -> torch.Tensor:
        """bool [B, n, num_actions] of all units; see `acting.legal_actions`."""
        legal = legal_actions(state, *self.all_units(len(state)), self.rules, self.constants)
        return legal.reshape(len(state), self.rules.num_units, -1)

    def observations(self, state: State) -> torch.Tensor:
        """float32 [B, n, observation_width] of all units; see `observing.observations`."""
        seen = observations(state, *self.all_units(len(state)), self.rules, self.constants)
        return seen.reshape(len(state), self.rules.num_units, -1)

    def observations_of(self, state: State, match: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        """float32 [R, observation_width] of these units; see `observing.observations`."""
        return observations(state, match, unit, self.rules, self.constants)

    def all_units(self, matches: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(match, unit) of every unit of so many matches, each int64 [matches · n]."""
        match = torch.arange(matches, device=self.device).repeat_interleave(self.rules.num_units)
        return match, torch.arange(self.rules.num_units, device=self.device).repeat(matches)

    def world_state(self, state: State) -> torch.Tensor:
        """float32 [B, world_state_width]; see `observing.world_state`."""
        return world_state(state, self.constants)
