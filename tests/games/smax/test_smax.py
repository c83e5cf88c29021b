"""SMAX as a game: facts, matches, chance, and the compiled loops against operations that every device has."""

import numpy as np
import pytest
import torch
from scipy import stats

from arena.games import NotProvided, SpecificationError, UnknownName, check_game, list_games, load_game
from arena.games.smax.acting import _all_legal_actions, decoded
from arena.games.smax.dynamics import _substep, deviations, targets
from arena.games.smax.observing import all_observations
from arena.games.smax.rules import Rules, scenario_named
from arena.games.smax.scenarios import SCENARIOS
from arena.games.smax.simulator import Smax
from arena.games.smax.tables import SmaxTables
from arena.games.tensor_words import hashed_words, uniform, words
from arena.playing import play

RANDOM = ["random", "random"]


def smax_of(name, **settings):
    return Smax(Rules(scenario=scenario_named(name), **settings))


def test_every_scenario_is_a_game_of_two_teams():
    infos = list_games("smax")
    assert [info.specification for info in infos] == [f"smax:{name}" for name in SCENARIOS]
    for info, scenario in zip(infos, SCENARIOS.values(), strict=True):
        assert [len(team) for team in info.teams] == [scenario.num_allies, scenario.num_enemies]
        assert info.sides == info.teams


@pytest.mark.parametrize(
    "specification",
    [
        "smax:3m(max_steps=12)",
        "smax:5m_vs_6m(max_steps=3)",
        "smax:3m(actions=continuous,max_steps=4)",
        "smax:3m(observation=conic,max_steps=3)",
        "smax:smacv2_5_units(max_steps=3)",
    ],
)
def test_it_passes_the_conformance_kit(specification):
    check_game(load_game(specification), seed=3)


@pytest.mark.parametrize(
    ("specification", "error", "said"),
    [
        ("smax:3x", UnknownName, "3m"),
        ("smax:3m(steps=5)", UnknownName, "max_steps"),
        ("smax:3m(observation=pixels)", SpecificationError, "unit_list or conic"),
        ("smax:3m(max_steps=0)", SpecificationError, "at least 1"),
        ("smax:3m(max_steps=many)", SpecificationError, "whole number"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(specification, error, said):
    with pytest.raises(error, match=said):
        load_game(specification)


def test_what_a_unit_knows_is_no_information_state():
    tables = load_game("smax:3m").tables(1)
    row = np.zeros(1, np.int64)
    tables.start(row, row.astype(np.uint64))
    with pytest.raises(NotProvided, match="information states"):
        tables.information_state(row, row)


def test_returns_are_what_the_teams_got():
    results = play("smax:3m", ["scripted:closest", "scripted:closest"], matches=200)
    assert np.array_equal(results.returns, np.repeat(results.returns[:, [0, 3]], 3, axis=1))
    assert set(results.returns[:, 0]) == {-1, 0, 1}
    assert np.array_equal(results.returns[:, 0], -results.returns[:, 3])


def test_a_match_without_a_fight_is_cut_off_as_a_draw():
    results = play("smax:3m", [lambda _: 4, lambda _: 4])
    assert results[0].termination.name == "TRUNCATED" and results[0].returns == (0,) * 6
    assert len(results[0].actions) == 101 * 6


def test_whoever_touches_the_wall_dies():
    west, stays = (lambda _: 3), (lambda _: 4)
    result = play("smax:3m", [west, stays])[0]
    assert result.returns == (-1, -1, -1, 1, 1, 1)
    walls = play("smax:3m(walls_cause_death=false)", [west, stays])[0]
    assert walls.termination.name == "TRUNCATED"


def test_the_dead_are_asked_nothing():
    tables = load_game("smax:3m(max_steps=60)").tables(1)
    row = np.zeros(1, np.int64)
    turn = tables.start(row, row.astype(np.uint64))
    while len(turn.table):
        alive = tables._state.health[0].numpy() > 0
        assert np.array_equal(turn.player, np.flatnonzero(alive))
        joint = np.zeros(6, np.int64)
        joint[turn.player] = np.where(turn.player < 3, 3, 4)  # the allies run into the wall
        turn = tables.step(np.repeat(row, 6), np.arange(6), joint)
    assert tables._state.health[0, :3].max() == 0


def test_the_same_chance_gives_the_same_match_at_any_table():
    seeds = np.array([5, 9, 5], np.uint64)
    tables = load_game("smax:smacv2_5_units").tables(3)
    tables.start(np.arange(3), seeds)
    for step in range(20):
        rows = np.repeat(np.arange(3), 10)
        tables.step(rows, np.tile(np.arange(10), 3), np.tile((np.arange(10) + step) % 5, 3))
    first, other, again = tables.tensor(np.repeat(np.arange(3), 10), np.tile(np.arange(10), 3)).reshape(3, 10, -1)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_words_are_the_same_on_every_device():
    seed, counter = torch.arange(-50, 50)[:, None] * 7919**3, torch.arange(300)
    assert torch.equal(words(seed, counter), hashed_words(seed, counter))
    drawn = uniform(seed, counter)
    assert drawn.min() >= 0 and drawn.max() < 1
    assert stats.kstest(drawn.flatten().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", ["2s3z", "smacv2_10_units", "5m_vs_6m"])
def test_compiled_loops_do_what_operations_of_every_device_do(name):
    smax = smax_of(name)
    rules, known = smax.rules, smax.constants
    seed = torch.arange(40) * 7919 - 50
    state, generator = smax.start(seed), torch.Generator().manual_seed(0)
    for _ in range(30):
        assert torch.equal(smax.legal_actions(state), _all_legal_actions(state, rules, known))
        assert (smax.observations(state) - all_observations(state, rules, known)).abs().max() < 1e-6
        legal = smax.legal_actions(state).float()
        action = torch.multinomial(legal.flatten(0, 1), 1, generator=generator).reshape(40, -1)
        movement, attack = decoded(action, known)
        position, health, cooldown = state.position, state.health, state.cooldown
        moved = movement * known.speed[state.unit_type][..., None] * rules.substep_s
        drawn = deviations(seed, state.step, rules)
        for substep in range(rules.substeps):
            position, health, cooldown = _substep(
                position,
                health,
                cooldown,
                state.unit_type,
                moved,
                targets(attack, known),
                drawn[:, substep],
                rules,
                known,
            )
        state = smax.advance(state, action, seed)
        assert (state.position - position).abs().max() < 5e-5
        assert torch.equal(state.health, health) and torch.equal(state.cooldown, cooldown)


def test_cooldowns_deviate_from_one_substep_less_to_two_more():
    rules = Rules(scenario=scenario_named("3m"))
    drawn = deviations(torch.arange(500), torch.zeros(500, dtype=torch.int64), rules) / rules.substep_s
    assert stats.kstest(drawn.flatten().numpy(), "uniform", args=(-1, 3)).pvalue > 1e-3


def test_units_start_in_two_camps():
    smax = smax_of("8m")
    position = smax.start(torch.arange(400)).position.double().numpy()
    means = position.reshape(400, 2, 8, 2).mean(axis=(0, 2))
    assert np.allclose(means, [[8, 16], [24, 16]], atol=0.15)


def test_drawn_teams_are_alike_and_of_every_type():
    unit_type = smax_of("smacv2_10_units").start(torch.arange(500)).unit_type.numpy()
    assert np.array_equal(unit_type[:, :10], unit_type[:, 10:])
    counts = np.bincount(unit_type[:, :10].ravel(), minlength=6)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_half_of_the_drawn_starts_mirror_and_the_others_surround():
    """In a mirrored start the enemies stand as far from the middle line as the allies; pushing apart moves some a little."""
    position = smax_of("smacv2_5_units").start(torch.arange(2000)).position.numpy()
    mirrored = np.abs(position[:, :5] * [-1, 1] + [32, 0] - position[:, 5:]).max(axis=2)
    is_mirrored = np.median(mirrored, axis=1) < 1e-3
    assert stats.binomtest(int(is_mirrored.sum()), 2000, 0.5).pvalue > 1e-3
    middle = np.abs(position[~is_mirrored] - 16).max(axis=2) <= 2.6  # within 2 of the centre, then pushed apart
    inside = np.stack((middle[:, :5].all(axis=1), middle[:, 5:].all(axis=1)))
    assert inside.any(axis=0).mean() > 0.99
    alone = inside.sum(axis=0) == 1
    assert stats.binomtest(int(inside[0, alone].sum()), int(alone.sum()), 0.5).pvalue > 1e-3


def test_texts_tell_what_a_unit_sees_and_the_map_shows_all():
    tables = load_game("smax:3m").tables(1)
    row = np.zeros(1, np.int64)
    tables.start(row, row.astype(np.uint64))
    [seen] = tables.text(row, row)
    assert seen.startswith("you: unit 0, marine 45/45 at (") and "enemy" not in seen
    shown = tables.render(0)
    assert shown.count("[m]") == 3 and "enemy unit 5, marine 45/45" in shown
    assert tables.action_text(0, 0, 6) == "attack 4" and tables.action_text(0, 5, 6) == "attack 1"
    assert tables.action_text(0, 0, 2) == "south"


@pytest.mark.parametrize("action", [-5, 10, 11, 999])
def test_who_attacks_nobody_there_is_stands_and_hurts_nobody(action):
    """Enemies of 5m_vs_6m have five to attack: action 10 aims at nobody; others are no actions at all."""
    smax = Smax(Rules(scenario=scenario_named("5m_vs_6m")))
    state = smax.start(torch.zeros(4, dtype=torch.int64))
    state.position[:] = torch.arange(11.0)[:, None] / 2 + 14
    chosen = torch.full((4, 11), 4)
    chosen[:, 5:] = action
    itself = torch.arange(5, 11).expand(4, -1)
    assert torch.equal(targets(decoded(chosen, smax.constants)[1], smax.constants)[:, 5:], itself)
    after = smax.advance(state, chosen, torch.arange(4))
    assert torch.equal(after.health, state.health)
    if action > 0:
        assert (after.movement == 0).all()


def test_teams_that_die_together_at_the_time_limit_were_not_cut_off():
    game = load_game("smax:3m(max_steps=1)")
    tables = game.tables(1)
    assert isinstance(tables, SmaxTables)
    row = np.zeros(1, np.int64)
    tables.start(row, row.astype(np.uint64))
    players, stop = np.arange(6), np.full(6, 4)
    tables.step(np.zeros(6, np.int64), players, stop)
    tables._state.position[:] = 0.0  # everybody stands on the border, and dies of it in the last step
    turn = tables.step(np.zeros(6, np.int64), players, stop)
    assert turn.finished.tolist() == [0] and (turn.returns == 0).all() and not turn.truncated.any()
