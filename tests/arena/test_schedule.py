"""Schedules: balance, twins, seeds, and slices that do not depend on the rest."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from arena.games import SpecificationError
from arena.results import MatchSpecs
from arena.schedule import as_seated, between_two, gauntlet, round_robin


@pytest.mark.parametrize(("agents", "players"), [(2, 2), (5, 2), (4, 3), (3, 4), (2, 3), (3, 1)])
def test_every_agent_sits_on_every_seat_equally_often(agents: int, players: int) -> None:
    schedule = round_robin(agents, players, matches=24, seed=3)
    seats = schedule.specs(0, len(schedule)).seats
    counts = np.stack([np.bincount(seats[:, seat], minlength=agents) for seat in range(players)])
    assert (counts == counts[0]).all()
    assert len(set(counts[0].tolist())) == 1, "round robin gives all agents as many matches"


def test_every_pair_meets_as_often_as_asked() -> None:
    schedule = round_robin(4, 2, matches=10, seed=0)
    seats = schedule.specs(0, len(schedule)).seats
    met = Counter(tuple(sorted(row)) for row in seats.tolist())
    assert len(met) == 6
    assert set(met.values()) == {10}


def test_matches_are_rounded_up_to_whole_rotations() -> None:
    assert len(round_robin(3, 3, matches=100, seed=0)) == 102


def test_twins_share_chance_and_nothing_else_does() -> None:
    specs = round_robin(3, 2, matches=8, seed=1).specs(0, 24)
    assert (specs.chance_seed[0::2] == specs.chance_seed[1::2]).all()
    assert len(set(specs.chance_seed.tolist())) == 12
    assert len(set(specs.seed.tolist())) == 24
    assert (specs.seats[0::2] == specs.seats[1::2, ::-1]).all()


def test_who_begins_is_drawn() -> None:
    first = round_robin(2, 2, matches=200, seed=1).specs(0, 200).seats[0::2, 0]
    assert 30 < first.sum() < 70


def test_three_players_rotate_and_neighbours_change() -> None:
    specs = round_robin(3, 3, matches=60, seed=1).specs(0, 60)
    orders = {tuple(row) for row in specs.seats.tolist()}
    assert len(orders) == 6
    for start in range(0, 60, 3):
        assert (np.sort(specs.seats[start : start + 3], axis=0) == np.arange(3)[:, None]).all()


def test_every_prefix_of_whole_rounds_is_balanced() -> None:
    specs = round_robin(4, 2, matches=50, seed=9).specs(0, 12 * 7)
    assert set(np.bincount(specs.seats.ravel()).tolist()) == {42}


def test_a_slice_is_the_same_alone_and_with_the_rest() -> None:
    schedule = round_robin(5, 2, matches=20, seed=4)
    whole = schedule.specs(0, len(schedule))
    parts = MatchSpecs.joined([schedule.specs(start, stop) for start, stop in schedule.blocks(32)])
    for name in ("index", "seats", "seed", "chance_seed"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_blocks_hold_whole_rotations() -> None:
    assert list(round_robin(3, 3, matches=12, seed=0).blocks(4)) == [(0, 6), (6, 12)]


def test_seeds_depend_on_the_tournaments_seed() -> None:
    one, two = (round_robin(2, 2, matches=2, seed=seed).specs(0, 2) for seed in (1, 2))
    assert not set(one.seed.tolist()) & set(two.seed.tolist())


def test_a_gauntlet_is_the_challenger_against_each_other() -> None:
    schedule = gauntlet(4, 2, matches=6, seed=0, challenger=2)
    seats = schedule.specs(0, len(schedule)).seats
    assert (seats == 2).any(axis=1).all()
    assert np.bincount(seats.ravel()).tolist() == [6, 6, 18, 6]


def test_fewer_agents_than_players_fill_several_seats() -> None:
    seats = round_robin(2, 3, matches=3, seed=0).specs(0, 6).seats
    assert sorted(map(tuple, np.sort(seats, axis=1).tolist())) == [(0, 0, 1)] * 3 + [(0, 1, 1)] * 3


def test_two_agents_until_decided_is_a_round_robin_of_two() -> None:
    one = between_two(matches=10, seed=7)
    two = round_robin(2, 2, matches=10, seed=7)
    assert np.array_equal(one.specs(0, 10).seats, two.specs(0, 10).seats)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: round_robin(1, 2, matches=1, seed=0), "at least 2 agents"),
        (lambda: round_robin(2, 2, matches=0, seed=0), "at least 1"),
        (lambda: gauntlet(2, 1, matches=1, seed=0), "needs opponents"),
        (lambda: round_robin(2000, 2, matches=2, seed=0), "over 1,000,000 lineups"),
    ],
)
def test_impossible_schedules_are_refused(call: object, said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        call()  # type: ignore[operator]


def test_agents_that_are_seated_keep_their_seats_and_share_no_chance() -> None:
    schedule = as_seated(2, 2, matches=5, seed=7)
    specs = schedule.specs(0, len(schedule))
    assert specs.seats.tolist() == [[0, 1]] * 5
    assert len(set(specs.chance_seed.tolist())) == len(set(specs.seed.tolist())) == 5
    assert list(schedule.blocks(2)) == [(0, 2), (2, 4), (4, 5)]
    assert np.array_equal(schedule.specs(3, 5).chance_seed, specs.chance_seed[3:])
    with pytest.raises(SpecificationError, match="an agent for each of the 3"):
        as_seated(2, 3, matches=1, seed=7)
