"""Knockout: brackets, byes, ties that go on, and who wins them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena.games import SpecificationError
from arena.ledger import Played
from arena.pairing.knockout import Knockout, knockout, seeding
from arena.results import NOBODY, Termination
from arena.rounds import PlayedRound, Round, played_round


def _after(chosen: Round, returns: np.ndarray) -> PlayedRound:
    """The round where entrants have these returns in all matches."""
    seats = np.concatenate([np.repeat(chosen.lineups, 2, axis=0)] * chosen.rotations)
    count = len(seats)
    return played_round(
        chosen,
        Played(
            index=np.arange(count),
            seats=seats,
            seed=np.zeros(count, np.uint64),
            returns=returns[seats].astype(np.float64),
            termination=np.zeros(count, np.int8),
            forfeit=np.full(count, NOBODY, np.int8),
            chance_seed=np.zeros(count, np.uint64),
        ),
    )


def _played(rule: Knockout, returns: np.ndarray) -> list[PlayedRound]:
    past: list[PlayedRound] = []
    while (chosen := rule.next_round(past)) is not None:
        past.append(_after(chosen, returns))
    return past


def test_the_order_of_seeds_is_the_customary_one() -> None:
    assert seeding(8) == [0, 7, 3, 4, 1, 6, 2, 5]


@pytest.mark.parametrize("entrants", range(2, 18))
def test_the_strongest_wins_and_the_second_is_in_the_final(entrants: int) -> None:
    rule = knockout(entrants, 2, matches=2, further=3)
    past = _played(rule, -np.arange(entrants))
    bracket = rule.bracket(past)
    assert bracket.winner == 0
    assert (bracket.stages[-1][0].first, bracket.stages[-1][0].second) == (0, 1)
    assert len(bracket.stages) == (entrants - 1).bit_length() == len(past)
    ties = [tie for stage in bracket.stages for tie in stage if tie.how != "bye"]
    assert len(ties) == entrants - 1, "everybody but the winner loses once"
    assert all(tie.how == "points" and tie.matches == 2 for tie in ties)


@pytest.mark.parametrize("entrants", range(2, 18))
def test_byes_are_for_the_first_seeds_and_in_the_first_stage(entrants: int) -> None:
    bracket = knockout(entrants, 2, matches=2, further=0).bracket(())
    resting = sorted(tie.winner for tie in bracket.stages[0] if tie.how == "bye")
    assert resting == list(range((1 << (entrants - 1).bit_length()) - entrants))
    assert all(tie.how is None for stage in bracket.stages[1:] for tie in stage)


@pytest.mark.parametrize("seed", range(5))
def test_an_upset_goes_on_in_the_place_of_whom_it_beat(seed: int) -> None:
    strength = np.random.default_rng(seed).permutation(11)
    rule = knockout(11, 2, matches=4, further=1)
    bracket = rule.bracket(_played(rule, strength))
    assert strength[bracket.winner] == 10
    for before, after in zip(bracket.stages, bracket.stages[1:], strict=False):
        for number, tie in enumerate(after):
            assert {tie.first, tie.second} == {before[2 * number].winner, before[2 * number + 1].winner}


def test_a_level_tie_goes_on_by_pairs_until_somebody_is_ahead() -> None:
    rule = knockout(2, 2, matches=4, further=5)
    past = [_after(rule.next_round(()), np.zeros(2))]
    further = rule.next_round(past)
    assert (further.lineups.tolist(), further.rotations) == ([[0, 1]], 1)
    past.append(_after(further, np.zeros(2)))
    past.append(_after(rule.next_round(past), np.array([0, 1])))
    assert rule.next_round(past) is None
    (tie,) = rule.bracket(past).stages[0]
    assert (tie.winner, tie.how, tie.matches, tie.pairs, tie.half_points) == (1, "further pairs", 8, 2, (6, 10))


def test_a_pair_of_which_the_game_failed_gives_nobody_points_and_the_tie_goes_on() -> None:
    rule = knockout(2, 2, matches=2, further=1)
    whole = _after(rule.next_round(()), np.array([0, 1]))
    failed = np.array([Termination.INFRASTRUCTURE, Termination.NORMAL], np.int8)
    past = [played_round(whole.round, replace(whole.played, termination=failed))]
    assert rule.next_round(past).rotations == 1
    (tie,) = rule.bracket([*past, _after(rule.next_round(past), np.array([0, 1]))]).stages[0]
    assert (tie.winner, tie.how, tie.matches, tie.half_points) == (1, "further pairs", 2, (0, 4))
    (tie,) = rule.bracket(past * 2).stages[0]
    assert (tie.winner, tie.how, tie.matches) == (0, "seed", 0), "it does not go on for ever"


def test_only_the_level_ties_go_on_and_the_next_stage_waits_for_them() -> None:
    rule = knockout(4, 2, matches=2, further=2)
    past = [_after(rule.next_round(()), np.array([1, 5, 2, 1]))]  # 0 and 3 are level
    assert rule.next_round(past).lineups.tolist() == [[0, 3]]


@pytest.mark.parametrize("further", [0, 3])
def test_the_better_seed_wins_what_stays_level(further: int) -> None:
    rule = knockout(5, 2, matches=2, further=further)
    past = _played(rule, np.zeros(5))
    bracket = rule.bracket(past)
    assert bracket.winner == 0
    assert {tie.how for stage in bracket.stages for tie in stage} == {"bye", "seed"}
    assert sum(one.round.matches for one in past) == rule.most


def test_winners_of_byes_wait_for_the_others_of_their_stage() -> None:
    rule = knockout(5, 2, matches=2, further=0)
    assert rule.next_round(()).lineups.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("entrants", "sides", "said"), [(1, 2, "at least two"), (4, 3, "two sides"), (4, 1, "two sides")]
)
def test_games_and_fields_that_do_not_fit_are_refused(entrants: int, sides: int, said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        knockout(entrants, sides, matches=2, further=2)
