"""Swiss: equals meet, nobody meets anybody twice while that can be avoided, byes go round; published tables are reproduced."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import SpecificationError
from arena.ledger import Played
from arena.pairing.swiss import default_rounds, paired, seated_by_score, swiss, swiss_table
from arena.results import NOBODY, Termination
from arena.rounds import PlayedRound, Round, played_round


def _after(chosen: Round, strength: np.ndarray, luck: np.random.Generator | None = None) -> PlayedRound:
    """The round as it ends where the stronger entrant wins every match, or by luck."""
    lineups = np.repeat(chosen.lineups, chosen.lineups.shape[1], axis=0)
    seats = np.concatenate([lineups] * chosen.rotations)
    returns = strength[seats].astype(np.float64)
    if luck is not None:
        returns = luck.integers(0, 3, seats.shape).astype(np.float64)
    count = len(seats)
    return played_round(
        chosen,
        Played(
            index=np.arange(count),
            seats=seats,
            seed=np.zeros(count, np.uint64),
            returns=returns,
            termination=np.zeros(count, np.int8),
            forfeit=np.full(count, NOBODY, np.int8),
            chance_seed=np.zeros(count, np.uint64),
        ),
    )


def _rematch_is_forced(entrants: int, past: list[PlayedRound]) -> bool:
    """Whether every way to pair all of these, somebody resting where they are odd, repeats a meeting or a rest."""
    met = {frozenset(pair) for one in past for pair in one.round.lineups.tolist()}
    rested = [set(range(entrants)) - set(one.round.lineups.ravel().tolist()) for one in past]

    def some(left: frozenset[int]) -> bool:
        if not left:
            return True
        one = min(left)
        return any(frozenset((one, two)) not in met and some(left - {one, two}) for two in left - {one})

    if entrants % 2 == 0:
        return not some(frozenset(range(entrants)))
    return not any(some(frozenset(range(entrants)) - {one}) for one in range(entrants) if {one} not in rested)


@pytest.mark.parametrize("entrants", range(2, 13))
def test_nobody_meets_anybody_twice_while_that_can_be_avoided(entrants: int) -> None:
    for seed in range(3):
        luck, past = np.random.default_rng([entrants, seed]), []
        rule = swiss(entrants, 2, matches=2, rounds=entrants + 1)
        while (chosen := rule.next_round(past)) is not None:
            lineups = chosen.lineups.tolist()
            met = {frozenset(pair) for one in past for pair in one.round.lineups.tolist()}
            repeated = [pair for pair in lineups if frozenset(pair) in met]
            rest = set(range(entrants)) - {entrant for pair in lineups for entrant in pair}
            again = [one for one in past if rest and not rest & set(one.round.lineups.ravel().tolist())]
            assert len(rest) == entrants % 2
            assert len(lineups) == entrants // 2
            assert bool(repeated or again) <= _rematch_is_forced(entrants, past)
            past.append(_after(chosen, np.arange(entrants), luck))
        assert len(past) == entrants + 1


def test_the_pairing_is_the_cheapest_of_all() -> None:
    luck = np.random.default_rng(5)
    for entrants in (4, 6, 8):
        past: list[PlayedRound] = []
        for _ in range(3):
            table = swiss_table(entrants, past)
            points = {row.entrant: row.points for row in table}
            met = {frozenset(pair) for one in past for pair in one.round.lineups.tolist()}

            def cost(pairs, points=points, met=met):
                return (
                    sum(frozenset(pair) in met for pair in pairs),
                    sum((points[one] - points[two]) ** 2 for one, two in pairs),
                )

            chosen = paired(table)
            assert cost(chosen.tolist()) == min(cost(pairs) for pairs in _all_pairings(list(range(entrants))))
            past.append(_after(Round(lineups=chosen, rotations=1), np.arange(entrants), luck))


def _all_pairings(left: list[int]) -> list[list[tuple[int, int]]]:
    if not left:
        return [[]]
    one, *rest = left
    return [[(one, two), *pairs] for two in rest for pairs in _all_pairings([other for other in rest if other != two])]


def test_the_first_round_is_the_upper_half_against_the_lower() -> None:
    assert swiss(8, 2, matches=2).next_round(()).lineups.tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_the_bye_goes_to_the_last_and_not_twice_to_one() -> None:
    rule, past = swiss(5, 2, matches=2, rounds=5), []
    rested = []
    while (chosen := rule.next_round(past)) is not None:
        rested += set(range(5)) - set(chosen.lineups.ravel().tolist())
        past.append(_after(chosen, -np.arange(5)))
    assert rested[0] == 4
    assert sorted(rested) == [0, 1, 2, 3, 4]


def test_the_better_entrant_wins_and_the_table_says_by_what() -> None:
    rule, past = swiss(4, 2, matches=2, rounds=3), []
    while (chosen := rule.next_round(past)) is not None:
        past.append(_after(chosen, -np.arange(4)))
    table = swiss_table(4, past)
    assert [row.entrant for row in table] == [0, 1, 2, 3]
    assert [row.points for row in table] == [3, 2, 1, 0]
    # all met all: the points of the others are 6 less one's own; each beat those below
    assert [row.buchholz for row in table] == [3, 4, 5, 6]
    assert [row.sonneborn_berger for row in table] == [3, 1, 0, 0]
    assert [row.share for row in table] == [1, 2 / 3, 1 / 3, 0]


def test_a_bye_counts_one_and_is_no_match() -> None:
    chosen = Round(lineups=np.array([[0, 1]]), rotations=1)
    table = {row.entrant: row for row in swiss_table(3, [_after(chosen, np.array([0, 0, 0]))])}
    assert (table[2].points, table[2].share, table[2].byes, table[2].buchholz) == (1.0, None, 1, 0.0)
    assert (table[0].points, table[0].share) == (0.5, 0.5)


def test_entrants_whose_game_failed_have_a_bye_and_have_not_met() -> None:
    whole = _after(Round(lineups=np.array([[0, 1], [2, 3]]), rotations=1), np.array([1, 0, 0, 0]))
    termination = np.zeros(4, np.int8)
    termination[2] = Termination.INFRASTRUCTURE
    table = {
        row.entrant: row
        for row in swiss_table(4, [played_round(whole.round, replace(whole.played, termination=termination))])
    }
    assert [(table[one].points, table[one].byes, table[one].share) for one in (2, 3)] == [(1.0, 1, None)] * 2
    assert (table[0].points, table[1].points, table[1].byes) == (1.0, 0.0, 0)
    assert table[3].opponents == ((),)


@settings(max_examples=30, deadline=None)
@given(entrants=st.integers(3, 14), sides=st.integers(3, 4), seed=st.integers(0, 1000))
def test_tables_of_more_seats_are_full_and_all_rest_equally_often(entrants: int, sides: int, seed: int) -> None:
    if entrants < sides:
        return
    luck, past = np.random.default_rng(seed), []
    rule = swiss(entrants, sides, matches=sides, rounds=5)
    byes = np.zeros(entrants, int)
    while (chosen := rule.next_round(past)) is not None:
        flat = chosen.lineups.ravel().tolist()
        assert len(set(flat)) == len(flat) == entrants // sides * sides
        byes[list(set(range(entrants)) - set(flat))] += 1
        past.append(_after(chosen, np.arange(entrants), luck))
    assert byes.max() - byes.min() <= 1


def test_three_at_a_table_score_by_whom_they_came_ahead_of() -> None:
    chosen = Round(lineups=np.array([[0, 1, 2]]), rotations=1)
    table = swiss_table(3, [_after(chosen, np.array([5, 1, 1]))])
    assert [(row.entrant, row.points) for row in table] == [(0, 1.0), (1, 0.25), (2, 0.25)]


def test_tables_avoid_whom_one_met() -> None:
    past = [_after(Round(lineups=np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]]), rotations=1), np.zeros(9))]
    lineups = seated_by_score(swiss_table(9, past), 3)
    met = {frozenset(pair) for lineup in past[0].round.lineups.tolist() for pair in combinations(lineup, 2)}
    assert not met & {frozenset(pair) for lineup in lineups.tolist() for pair in combinations(lineup, 2)}


@pytest.mark.parametrize(("entrants", "rounds"), [(2, 1), (3, 3), (4, 3), (5, 4), (8, 4), (9, 5), (16, 5)])
def test_rounds_suffice_for_one_winner_and_one_more(entrants: int, rounds: int) -> None:
    assert default_rounds(entrants) == rounds


def test_matches_are_known_before() -> None:
    rule, past = swiss(7, 2, matches=5, rounds=3), []
    while (chosen := rule.next_round(past)) is not None:
        past.append(_after(chosen, np.arange(7)))
    assert rule.most == sum(one.round.matches for one in past) == 3 * 3 * 6


@pytest.mark.parametrize(
    ("entrants", "sides", "said"), [(1, 2, "at least 2"), (2, 3, "at least 3"), (3, 1, "opponents")]
)
def test_games_and_fields_that_do_not_fit_are_refused(entrants: int, sides: int, said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        swiss(entrants, sides, matches=2)
