"""Arena's SMAX against recorded matches of JaxMARL 0.2.0, step by step from the reference's own state.

A step agrees in position to 5e-5 (single-precision rounding: units that push one another amplify it), in health, cooldowns,
legal actions and ends exactly. Both implementations are held: the compiled one and the one in torch operations.
"""

import math

import pytest
import torch
from smax_recording import RECORDED, Recording

from arena.games.smax import kernels
from arena.games.smax.acting import _all_legal_actions, decoded, decoded_continuous
from arena.games.smax.dynamics import _substep, targets
from arena.games.smax.observing import all_observations, world_state, world_state_in_torch
from arena.games.smax.rewards import is_over, rewards, rewards_in_torch
from arena.games.smax.rules import MOVES, UNIT_FEATURES, Rules, constants
from arena.games.smax.scripted import fresh_memory, scripted_actions
from arena.games.smax.simulator import Smax
from arena.games.smax.state import State

CPU = torch.device("cpu")
POSITION, REWARD, OBSERVATION = 5e-5, 1e-6, 1e-6

every_recording = pytest.mark.parametrize(("name", "who"), RECORDED)
seen_recordings = pytest.mark.parametrize(("name", "who"), [one for one in RECORDED if one[1] != "idle"])


def steps_of(recording):
    return torch.arange(recording.steps)


def compiled(before, movement, attack, recording, constants_):
    return kernels.advance(
        before, movement, attack, torch.zeros_like(before.step), recording.rules, constants_, recording["noise"]
    )


def in_torch(before, movement, attack, recording, constants_):
    position, health, cooldown = before.position, before.health, before.cooldown
    moved = movement * constants_.speed[before.unit_type][..., None] * recording.rules.substep_s
    target = targets(attack, constants_)
    for substep in range(recording.rules.substeps):
        position, health, cooldown = _substep(
            position,
            health,
            cooldown,
            before.unit_type,
            moved,
            target,
            recording["noise"][:, substep],
            recording.rules,
            constants_,
        )
    return position, health, cooldown


@every_recording
@pytest.mark.parametrize("advance", [compiled, in_torch])
def test_each_step_is_the_references(name, who, advance):
    recording = Recording(name, who)
    known = constants(recording.rules, CPU)
    before, after = recording.states(steps_of(recording)), recording.states(steps_of(recording) + 1)
    movement, attack = decoded(recording["action"].long(), known)
    position, health, cooldown = advance(before, movement, attack, recording, known)
    assert torch.isfinite(position).all()
    assert (position - after.position).abs().max() <= POSITION
    assert torch.equal(health, after.health)
    assert torch.equal(cooldown, after.cooldown)
    assert torch.equal(attack, after.attack)
    assert (movement - after.movement).abs().max() <= REWARD


@pytest.mark.parametrize("who", [who for name, who in RECORDED if name == "3m"])
def test_whole_matches_of_3m_run_freely_as_the_references(who):
    """From the first state alone, every later one by Arena's own steps: nothing is taken back to the reference in between."""
    recording = Recording("3m", who)
    known = constants(recording.rules, CPU)
    state = recording.states(torch.zeros(1, dtype=torch.int64))
    for step in range(recording.steps):
        movement, attack = decoded(recording["action"][step : step + 1].long(), known)
        noise = recording["noise"][step : step + 1]
        moved = kernels.advance(state, movement, attack, state.step, recording.rules, known, noise)
        state = State(
            position=moved[0],
            health=moved[1],
            cooldown=moved[2],
            unit_type=state.unit_type,
            movement=movement,
            attack=attack,
            step=state.step + 1,
        )
        reference = recording.states(torch.tensor([step + 1]))
        assert (state.position - reference.position).abs().max() <= 1e-5
        assert torch.equal(state.health, reference.health) and torch.equal(state.cooldown, reference.cooldown)
        assert torch.equal(is_over(state, recording.rules), recording["done"][step : step + 1])


@every_recording
def test_rewards_of_both_kinds_and_the_end_are_the_references(name, who):
    recording = Recording(name, who)
    known = constants(recording.rules, CPU)
    before, after = recording.states(steps_of(recording)), recording.states(steps_of(recording) + 1)
    selfish = Rules(scenario=recording.rules.scenario, self_play_reward=True)
    for rules, key in ((recording.rules, "reward"), (selfish, "won")):
        for function in (rewards, rewards_in_torch):
            assert (function(before, after, rules, known) - recording[key]).abs().max() <= REWARD
    assert torch.equal(is_over(after, recording.rules), recording["done"])


def test_the_time_limit_ends_a_match_at_its_hundred_and_first_step():
    assert Recording("3m", "idle").steps == 101


@seen_recordings
def test_legal_actions_are_the_references(name, who):
    recording = Recording(name, who)
    allies, state = recording.rules.scenario.num_allies, recording.states(recording["shown"])
    smax = Smax(recording.rules)
    legal = smax.legal_actions(state)
    assert torch.equal(legal, _all_legal_actions(state, recording.rules, smax.constants))
    for mine, theirs in (
        (legal[:, :allies], recording["legal_allies"].bool()),
        (legal[:, allies:], recording["legal_enemies"].bool()),
    ):
        assert torch.equal(mine[..., : theirs.shape[2]], theirs)
        assert not mine[..., theirs.shape[2] :].any()


@seen_recordings
@pytest.mark.parametrize("kind", ["unit_list", "conic", "blind"])
def test_observations_are_the_references(name, who, kind):
    recording = Recording(name, who)
    rules = Rules(
        scenario=recording.rules.scenario,
        observation="conic" if kind == "conic" else "unit_list",
        see_enemy_actions=kind != "blind",
    )
    state = recording.states(recording["shown"])
    for seen in (Smax(rules).observations(state), all_observations(state, rules, constants(rules, CPU))):
        assert (seen - recording[kind]).abs().max() <= OBSERVATION


@seen_recordings
def test_the_world_state_is_the_references(name, who):
    recording = Recording(name, who)
    for function in (world_state, world_state_in_torch):
        told = function(recording.states(recording["shown"]), constants(recording.rules, CPU))
        assert (told - recording["world"]).abs().max() <= OBSERVATION


@seen_recordings
def test_scripted_units_decide_as_the_references(name, who):
    """Where several enemies are in sight and none in range, the reference chases a drawn one: those moves are left out."""
    recording = Recording(name, who)
    rules, known = recording.rules, constants(recording.rules, CPU)
    sizes = rules.scenario.num_allies, rules.scenario.num_enemies
    state = recording.states(steps_of(recording))
    seen = all_observations(state, rules, known)
    compared = 0
    for team in (0, 1) if who == "closest" else (1,):
        units = slice(0, sizes[0]) if team == 0 else slice(sizes[0], None)
        memory = fresh_memory(sizes[team], CPU)
        for step in range(recording.steps):
            own = seen[step, units]
            begin = (sizes[team] - 1) * UNIT_FEATURES
            enemies = own[:, begin : begin + sizes[1 - team] * UNIT_FEATURES].reshape(len(own), -1, UNIT_FEATURES)
            few = (enemies[..., 0] > 0).sum(1) <= 1
            chosen, memory = scripted_actions(
                own, memory, torch.zeros(len(own), 2), team=team, mode="closest", rules=rules, constants=known
            )
            reference = recording["action"][step, units].long()
            decided = state.alive[step, units] & ((reference >= MOVES) | few)
            assert torch.equal(chosen[decided], reference[decided])
            compared += int(decided.sum())
    assert compared > 0


@pytest.mark.parametrize("name", sorted({name for name, _ in RECORDED}))
def test_continuous_actions_are_decoded_as_the_references(name):
    recording = Recording(name, "continuous")
    state = State(
        position=recording["unit_positions"],
        health=recording["unit_health"],
        cooldown=recording["unit_weapon_cooldowns"],
        unit_type=torch.zeros(recording["unit_health"].shape, dtype=torch.int64),
        movement=recording["prev_movement_actions"],
        attack=recording["prev_attack_actions"].long(),
        step=steps_of(recording),
    )
    happened = torch.stack((recording["moves"], recording["aims"]), -1)
    draws = torch.where(happened, 0.0, math.nextafter(1.0, 0.0))
    known = constants(recording.rules, CPU)
    movement, attack = decoded_continuous(recording["action"], draws, state, recording.rules, known)
    assert (movement - recording["movement"]).abs().max() <= REWARD
    assert torch.equal(attack, recording["attack"].long())
