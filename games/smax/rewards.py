"""What teams earn by a step, and when a match is over."""

from __future__ import annotations

import torch

from arena.games.smax import kernels
from arena.games.smax.rules import Constants, Rules
from arena.games.smax.state import State


def rewards(before: State, after: State, rules: Rules, constants: Constants) -> torch.Tensor:
    """float32 [B, 2], allies first: the share of the other team's health that was lost, and the bonus of a won battle.

    A team wins when all others are dead and one of its own lives; where both die together nobody does. With the self-play
    reward only winning counts, and the losers pay the bonus.
    """
    if after.device.type == "cpu":
        return kernels.rewards(before, after, rules, constants)
    return rewards_in_torch(before, after, rules, constants)


def rewards_in_torch(before: State, after: State, rules: Rules, constants: Constants) -> torch.Tensor:
    """The same in operations that every device has."""
    allies = rules.scenario.num_allies
    lost = (after.health - before.health) / constants.health[after.unit_type]
    columns = []
    dead = _dead(after, allies)
    for team, others in ((0, slice(allies, None)), (1, slice(0, allies))):
        won = dead[1 - team] & ~dead[team]
        reward = rules.won_battle_bonus * won
        if rules.self_play_reward:
            reward = reward - rules.won_battle_bonus * (dead[team] & ~dead[1 - team])
        else:
            reward = reward + lost[:, others].sum(1).abs() / lost[:, others].shape[1]
        columns.append(reward)
    return torch.stack(columns, 1)


def outcome(state: State, rules: Rules) -> torch.Tensor:
    """float32 [B]: 1 the allies have won, -1 the enemies have, 0 neither."""
    ours, theirs = _dead(state, rules.scenario.num_allies)
    return theirs.float() - ours.float()


def is_over(state: State, rules: Rules) -> torch.Tensor:
    """bool [B]: a team is dead, or the time is up, which counts as no win for anybody."""
    ours, theirs = _dead(state, rules.scenario.num_allies)
    return ours | theirs | is_out_of_time(state, rules)


def is_out_of_time(state: State, rules: Rules) -> torch.Tensor:
    """bool [B]: the limit is looked at before a step is counted, as in JaxMARL 0.2.0: step max_steps + 1 is the last."""
    return state.step > rules.max_steps


def _dead(state: State, allies: int) -> tuple[torch.Tensor, torch.Tensor]:
    alive = state.alive
    return ~alive[:, :allies].any(1), ~alive[:, allies:].any(1)
