"""Completion by anchors: exact without noise, errors that are right with noise, and refusals where anchors are too few."""

import itertools

import numpy as np
import pytest
import scipy.special
from simulated_records import from_counts, record_of

from arena.games.errors import ArenaError, UnknownName
from arena.leaderboards.low_rank_completion import choose_anchors, complete_by_anchors, complete_matrix
from arena.leaderboards.multidimensional_elo import PayoffModel


def logits_of(seed, size=20, rank=1):
    """Elo differences and `rank` cyclic planes: antisymmetric of rank 2 · rank + 2."""
    rng = np.random.default_rng(seed)
    u, v, strength = rng.normal(size=(size, rank)), rng.normal(size=(size, rank)), rng.normal(size=size)
    return strength[:, None] - strength + u @ v.T - v @ u.T


def model_of(logits, rank=1):
    strength = logits.mean(axis=1)
    return PayoffModel(
        agents=tuple(f"a{i}" for i in range(len(logits))),
        strength=strength,
        cyclic=logits - (strength[:, None] - strength),
        rank=rank,
        held_out=(),
    )


def numbers(names):
    return [int(name[1:]) for name in names]


def matches_with_anchors(rng, logits, anchors, meetings):
    """Every agent meets every anchor so often."""
    size = len(logits)
    pairs = sorted({(min(i, j), max(i, j)) for i in range(size) for j in anchors if i != j})
    seats = np.repeat(np.array(pairs), meetings, axis=0)
    won = np.where(rng.random(len(seats)) < scipy.special.expit(logits[seats[:, 0], seats[:, 1]]), 1.0, -1.0)
    return record_of(seats, np.stack((won, -won), axis=1), agents=tuple(f"a{i}" for i in range(size)))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_matrices_of_low_rank_are_recovered_exactly_from_a_few_columns(rank):
    logits = logits_of(rank, rank=rank)
    anchors = np.arange(2 * rank + 2)
    made = complete_matrix(logits[:, anchors], anchors, rank=2 * rank + 2)
    assert np.abs(made.logits - logits).max() < 1e-8
    assert (made.errors == 0).all()


def test_two_anchors_more_find_the_rank():
    logits = logits_of(5, rank=2)
    made = complete_matrix(logits[:, :8], np.arange(8))
    assert made.rank == 6 and np.abs(made.logits - logits).max() < 1e-8


def test_a_rank_that_is_too_low_leaves_something_out():
    logits = logits_of(1)
    made = complete_matrix(logits[:, :6], np.arange(6), rank=2)
    assert np.abs(made.logits - logits).max() > 0.1


def test_what_is_completed_is_antisymmetric_and_keeps_the_anchors_columns():
    logits = logits_of(2)
    made = complete_matrix(logits[:, [3, 7, 1, 9]], [3, 7, 1, 9], rank=4)
    assert np.array_equal(made.logits, -made.logits.T)
    assert np.allclose(made.logits[:, [3, 7, 1, 9]], logits[:, [3, 7, 1, 9]])
    assert np.allclose(made.probabilities + made.probabilities.T, 1)


def test_relabelled_agents_get_the_relabelled_matrix():
    logits, order = logits_of(3), np.random.default_rng(0).permutation(20)
    one = complete_matrix(logits[:, :4], np.arange(4), rank=4)
    place_of = np.argsort(order)[:4]
    other = complete_matrix(logits[order][:, order][:, place_of], place_of, rank=4)
    assert np.allclose(other.logits, one.logits[np.ix_(order, order)])


def test_numbers_of_agents_and_the_order_of_matches_change_neither_logits_nor_errors():
    rng, logits = np.random.default_rng(2), logits_of(3, size=8)
    record = matches_with_anchors(rng, logits, [0, 1, 2, 3], 40)
    rows, number = rng.permutation(len(record)), rng.permutation(8)
    shuffled = record_of(
        number[record.seats[rows]],
        record.returns[rows],
        agents=tuple(record.agents[i] for i in np.argsort(number)),
        pair=record.pair[rows],
    )
    one = complete_by_anchors(record, ["a0", "a1", "a2", "a3"], rank=4)
    other = complete_by_anchors(shuffled, ["a3", "a1", "a0", "a2"], rank=4)
    cells = np.ix_(number, number)
    assert np.allclose(one.logits, other.logits[cells], atol=1e-9)
    assert np.allclose(one.errors, other.errors[cells], atol=1e-9)


def test_more_matches_with_the_anchors_give_smaller_errors():
    rng, logits = np.random.default_rng(0), logits_of(4)
    anchors = numbers(choose_anchors(model_of(logits)))
    truth, seen, told = scipy.special.expit(logits), [], []
    for meetings in (50, 800):
        record = matches_with_anchors(rng, logits, anchors, meetings)
        made = complete_by_anchors(record, [f"a{i}" for i in anchors], rank=4)
        seen.append(np.abs(made.probabilities - truth).mean())
        told.append(np.median(made.errors))
    assert seen[1] < 0.4 * seen[0] and told[1] < 0.4 * told[0]


def test_anchors_keep_their_own_results_and_the_errors_of_these():
    logits = logits_of(6, size=8)
    record = matches_with_anchors(np.random.default_rng(0), logits, [0, 1, 2, 3], 400)
    made = complete_by_anchors(record, ["a0", "a1", "a2", "a3"], rank=4)
    for i, j in itertools.combinations(range(4), 2):
        won = ((record.seats == (i, j)).all(axis=1) & (record.returns[:, 0] > 0)).sum()
        share = (won + 0.5) / 401
        assert made.probabilities[i, j] == pytest.approx(share)
        assert made.errors[i, j] == pytest.approx(1 / np.sqrt(400 * share * (1 - share)), rel=0.2)


def test_intervals_of_pairs_that_never_met_cover():
    logits = 0.7 * logits_of(6, size=16)
    anchors = numbers(choose_anchors(model_of(logits)))
    others = np.setdiff1d(np.arange(16), anchors)
    cells = np.ix_(others, others)
    covered = []
    for seed in range(20):
        record = matches_with_anchors(np.random.default_rng(seed), logits, anchors, 300)
        made = complete_by_anchors(record, [f"a{i}" for i in anchors], rank=4)
        low, high = made.interval()
        truth = scipy.special.expit(logits)
        covered.append(((low <= truth) & (truth <= high))[cells][~np.eye(len(others), dtype=bool)].mean())
    assert 0.90 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("seed", range(4))
def test_chosen_anchors_amplify_noise_less_than_most_others(seed):
    rng, logits = np.random.default_rng(seed), logits_of(seed)
    chosen = numbers(choose_anchors(model_of(logits), count=4))
    noisy = logits + 0.02 * np.cosh(logits / 2) * rng.normal(size=(20, 20))  # errors of shares of as many matches
    noisy = np.triu(noisy, 1) - np.triu(noisy, 1).T

    def error(anchors):
        made = complete_matrix(noisy[:, anchors], anchors, rank=4)
        return np.abs(made.probabilities - scipy.special.expit(logits)).mean()

    others = [error(rng.choice(20, 4, replace=False)) for _ in range(60)]
    assert error(chosen) < np.quantile(others, 0.3)


def test_chosen_anchors_complete_the_model_they_were_chosen_for():
    logits = logits_of(8, rank=2)
    chosen = numbers(choose_anchors(model_of(logits, rank=2)))
    assert len(set(chosen)) == 8
    assert np.abs(complete_matrix(logits[:, chosen], chosen).logits - logits).max() < 1e-8


def test_anchors_are_found_where_all_is_explained_by_fewer():
    assert len(set(choose_anchors(model_of(logits_of(9, rank=0), rank=0), count=6))) == 6
    assert len(set(choose_anchors(model_of(np.zeros((5, 5)), rank=0), count=4))) == 4


def test_too_few_anchors_are_refused():
    logits = logits_of(1)
    with pytest.raises(ArenaError, match="at least 4 anchors; got 2"):
        complete_matrix(logits[:, :2], [0, 1], rank=4)
    with pytest.raises(ArenaError, match="too few: all of their singular values"):
        complete_matrix(logits[:, :4], np.arange(4))
    with pytest.raises(ArenaError, match="at least 2 anchors"):
        complete_matrix(logits[:, :1], [0])


def test_anchors_that_are_alike_are_refused():
    logits = logits_of(1)
    logits[1], logits[:, 1] = logits[0], logits[:, 0]
    logits[2], logits[:, 2] = logits[0], logits[:, 0]
    logits[3], logits[:, 3] = logits[0], logits[:, 0]
    logits[:4, :4] = 0
    with pytest.raises(ArenaError, match="do not differ"):
        complete_matrix(logits[:, :4], np.arange(4))
    with pytest.raises(ArenaError, match="has rank 0, not 4"):
        complete_matrix(logits[:, :4], np.arange(4), rank=4)


def test_anchors_that_noise_hides_are_refused():
    even = 10 * (1 - np.eye(5, dtype=int))
    with pytest.raises(ArenaError, match="do not differ by more than noise"):
        complete_by_anchors(from_counts(even), ["a0", "a1", "a2", "a3"])


def test_an_agent_that_did_not_meet_an_anchor_is_refused():
    record = from_counts([[0, 5, 5], [5, 0, 0], [5, 0, 0]])
    with pytest.raises(ArenaError, match="not yet met: a2 and a1"):
        complete_by_anchors(record, ["a0", "a1"], rank=2)
    with pytest.raises(UnknownName):
        complete_by_anchors(record, ["a0", "nobody"])


def test_what_is_out_of_range_is_refused():
    logits = logits_of(0)
    for rank in (0, 3, -2):
        with pytest.raises(ValueError, match="even"):
            complete_matrix(logits[:, :4], np.arange(4), rank=rank)
    with pytest.raises(ValueError, match="different agents"):
        complete_matrix(logits[:, [0, 0]], [0, 0])
    with pytest.raises(ValueError, match="columns must be"):
        complete_matrix(logits[:, :3], [0, 1])
    with pytest.raises(ValueError, match="antisymmetric"):
        complete_matrix(np.ones((5, 2)), [0, 1])
    with pytest.raises(ValueError, match="count"):
        choose_anchors(model_of(logits), count=3)
    with pytest.raises(ArenaError, match="22 anchors"):
        choose_anchors(model_of(logits), count=22)
