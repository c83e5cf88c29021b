"""The minimax winner of votes with its doubt: known cycles, coverage of the intervals, pairs never compared."""

import numpy as np
import pytest

from arena.games.preference import load, preference_game
from arena.games.votes import UNSAID, Votes
from arena.solvers.preference_solution import _drawn_rates, preference_solution


def votes_of(rows, *, names="abcd", contexts=None):
    """Votes (first, second, score) on candidates named by letters, each in the context of its number if given."""
    first, second, score = (np.array(column) for column in zip(*rows, strict=True))
    size = len(rows)
    return Votes(
        candidates=tuple(names),
        contexts=() if contexts is None else tuple(f"c{k}" for k in range(max(contexts) + 1)),
        first=first.astype(np.int64),
        second=second.astype(np.int64),
        score=score.astype(np.float64),
        both_bad=np.zeros(size, np.bool_),
        weight=np.ones(size),
        context=np.full(size, UNSAID) if contexts is None else np.array(contexts),
        judge=np.full(size, UNSAID),
    )


def cycle_votes(rng, times, wins=(0.7, 0.8, 0.65)):
    pairs = ((0, 1), (1, 2), (2, 0))
    return votes_of(
        [(i, j, float(rng.random() < p)) for (i, j), p in zip(pairs, wins, strict=True) for _ in range(times)],
        names="abc",
    )


def test_a_cycle_is_told_with_every_rule():
    found = preference_solution(load("rps"))
    assert found.condorcet is None and found.top_cycle == ("rock", "paper", "scissors") and not found.ties
    assert np.allclose(found.copeland, 0.5) and np.allclose(found.borda, 0.5) and np.allclose(found.kemeny, 2)
    assert found.unmet == 0 and found.resting == 0 and found.worst == pytest.approx(0.5)
    assert np.isnan(found.low).all() and np.array_equal(found.unmet_low, found.weights)


def test_who_beats_all_others_is_named():
    votes = votes_of([(0, 1, 1), (0, 2, 1), (1, 2, 0.5)], names="abc")
    found = preference_solution(preference_game(votes))
    assert found.condorcet == "a" and found.top_cycle == ("a",) and found.weights[0] == 1


def test_intervals_cover_the_weights_behind_the_votes():
    """Of a cycle won by 0.7, 0.8, 0.65 the weights are as 0.6 : 0.3 : 0.4; nearly 95 of 100 intervals should have them."""
    truth = np.array([0.6, 0.3, 0.4]) / 1.3
    rng = np.random.default_rng(0)
    hit = []
    for seed in range(150):
        found = preference_solution(preference_game(cycle_votes(rng, 80)), resamples=200, seed=seed)
        hit.append((found.low <= truth) & (truth <= found.high))
    assert 0.90 <= np.mean(hit) <= 0.99


def test_a_pair_met_once_is_drawn_from_two_to_one_and_one_never_met_from_even():
    """Beta(2, 1) has mean 2/3 and variance 1/18, the flat prior 1/2 and 1/12."""
    drawn = _drawn_rates(votes_of([(0, 1, 1.0)], names="abc"), 20_000, 0.0, np.random.default_rng(0))
    assert drawn[:, 0, 1].mean() == pytest.approx(2 / 3, abs=0.01)
    assert drawn[:, 0, 1].var() == pytest.approx(1 / 18, abs=0.003)
    assert drawn[:, 0, 2].mean() == pytest.approx(1 / 2, abs=0.01)
    assert drawn[:, 0, 2].var() == pytest.approx(1 / 12, abs=0.003)


def test_one_vote_is_agreed_on_by_three_draws_of_four():
    found = preference_solution(preference_game(votes_of([(0, 1, 1.0)], names="ab")), resamples=20_000)
    assert found.condorcet == "a" and found.agreed == pytest.approx(3 / 4, abs=0.02)  # P(Beta(2, 1) > 1/2)


def test_a_cycle_of_many_votes_is_agreed_on():
    found = preference_solution(preference_game(cycle_votes(np.random.default_rng(0), 500)))
    assert found.condorcet is None and found.agreed == 1


def test_votes_of_one_context_are_drawn_together():
    """A hundred votes of two contexts that disagree say little; a hundred of their own say much."""
    rows = [(0, 1, float(k < 50)) for k in range(100)]
    spread = [
        _drawn_rates(votes_of(rows, names="ab", contexts=contexts), 2_000, 0.0, np.random.default_rng(0))[:, 0, 1].std()
        for contexts in (None, [int(k >= 50) for k in range(100)])
    ]
    assert spread[0] < 0.06 and spread[1] > 0.2


def test_known_flips_widen_what_is_drawn_and_put_it_right():
    votes = votes_of([(0, 1, float(k < 70)) for k in range(100)], names="ab")
    plain, flipped = (
        _drawn_rates(votes, 2_000, flip_rate, np.random.default_rng(0))[:, 0, 1] for flip_rate in (0.0, 0.1)
    )
    assert np.allclose(flipped, np.clip((plain - 0.1) / 0.8, 0, 1))


def test_what_rests_on_pairs_never_compared_is_counted():
    """a and b both beat c always and never met: taken as even, each weighs half, half of the meetings are of a and b, and if b beat a
    for sure the mixture would win a quarter against it."""
    votes = votes_of([(0, 2, 1.0), (1, 2, 1.0)] * 20, names="abc")
    found = preference_solution(preference_game(votes, unmet="even"))
    assert found.weights == pytest.approx([0.5, 0.5, 0]) and (found.pairs, found.unmet) == (3, 1)
    assert found.resting == pytest.approx(0.5) and found.worst == pytest.approx(0.25)
    assert found.unmet_low[:2].tolist() == [0, 0] and found.unmet_high[:2].tolist() == [1, 1]
    assert found.unmet_high[2] == pytest.approx(0, abs=1e-12)


def test_pairs_that_do_not_matter_move_no_weight_where_several_mixtures_are_unbeaten():
    """a and b are even and beat c and d, which never met."""
    votes = votes_of([(0, 1, 0.5), (0, 2, 1), (0, 3, 1), (1, 2, 1), (1, 3, 1)])
    found = preference_solution(preference_game(votes, unmet="even"))
    assert found.solution.unique is False and found.unmet == 1 and found.resting == 0
    assert np.allclose(found.unmet_low, [0.5, 0.5, 0, 0]) and np.allclose(found.unmet_high, [0.5, 0.5, 0, 0])


def test_without_draws_there_are_no_intervals():
    found = preference_solution(preference_game(cycle_votes(np.random.default_rng(0), 5)), resamples=0)
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


@pytest.mark.parametrize("setting", [{"confidence": 1.0}, {"confidence": 0.0}, {"resamples": -1}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match="confidence must be"):
        preference_solution(load("rps"), **setting)


@pytest.mark.parametrize(("size", "drawn", "ranged"), [(60, True, True), (61, True, False), (151, False, False)])
def test_of_many_candidates_weights_have_intervals_as_far_as_drawing_is_quick(size, drawn, ranged):
    names = [f"c{k:03}" for k in range(size)]
    votes = votes_of([(k, k + 1, 1.0) for k in range(size - 1)], names=names)
    found = preference_solution(preference_game(votes, unmet="even"))
    assert np.isfinite(found.low).all() == drawn
    assert np.isfinite(found.unmet_low).all() == ranged
