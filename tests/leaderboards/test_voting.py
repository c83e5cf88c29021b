"""Voting rules: Wikipedia's elections, OpenSpiel's answers, all orders by brute force, invariances, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_spiel.python.voting import base, kemeny_young
from open_spiel.python.voting import copeland as spiel_copeland
from simulated_records import from_counts, record_of

from arena.games.errors import ArenaError
from arena.leaderboards import copeland, kemeny, schulze
from arena.solvers.social_choice import copeland_scores, kemeny_scores, schulze_scores

# Wikipedia, Schulze method, the example of 45 voters: the order is E A C B D
SCHULZE_VOTES = {"ACBED": 5, "ADECB": 5, "BEDAC": 8, "CABED": 3, "CAEBD": 7, "CBADE": 2, "DCEBA": 7, "EBADC": 8}
# Wikipedia, Kemeny-Young method, the capital of Tennessee: Nashville Chattanooga Knoxville Memphis
TENNESSEE = {"MNCK": 42, "NCKM": 26, "CKNM": 15, "KCNM": 17}


def ballots(votes):
    """A record in which every voter is a match of all candidates, paid by rank."""
    names = tuple(sorted(next(iter(votes))))
    orders = [order for order, count in votes.items() for _ in range(count)]
    seats = [[names.index(name) for name in order] for order in orders]
    return record_of(seats, [list(range(len(names), 0, -1))] * len(orders), agents=names)


def order_of(ratings):
    return "".join(ratings.names[i] for i in np.argsort(-ratings.scores))


def random_shares(rng, size, voters=9):
    """Shares of voters who rank the row above the column, each voter with a random order."""
    place = np.argsort(rng.random((voters, size)), axis=1)
    shares = (place[:, :, None] < place[:, None]).mean(axis=0)
    np.fill_diagonal(shares, 0.5)
    return shares, place


def test_schulzes_example_of_45_voters():
    assert order_of(schulze(ballots(SCHULZE_VOTES))) == "EACBD"


def test_kemenys_order_of_the_capital_of_tennessee():
    assert order_of(kemeny(ballots(TENNESSEE))) == "NCKM"


def test_the_condorcet_winner_beats_all_by_copeland():
    ratings = copeland(ballots(TENNESSEE))
    assert ratings.scores.tolist() == pytest.approx([2 / 3, 1 / 3, 0, 1])  # C K M N


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_openspiel_says_the_same(seed, size):
    rng = np.random.default_rng(seed)
    shares, place = random_shares(rng, size)
    names = [chr(65 + k) for k in range(size)]
    votes = [base.WeightedVote(1, [names[k] for k in np.argsort(row)]) for row in place]
    profile = base.PreferenceProfile(votes=votes, alternatives=names)
    theirs = spiel_copeland.CopelandVoting().run_election(profile)
    score = [theirs.get_score(name) for name in names]
    assert np.allclose(copeland_scores(shares) * (size - 1), score)
    ranking = kemeny_young.KemenyYoungVoting().run_election(profile).ranking
    places = (1 - kemeny_scores(shares)) * (size - 1)
    if np.allclose(np.sort(places), np.arange(size)):  # one best order
        assert [names[k] for k in np.argsort(places)] == ranking


def weakest_link_of_the_best_path(shares, i, j):
    """By trying all simple paths of wins."""
    between = [k for k in range(len(shares)) if k not in (i, j)]
    best = 0.0
    for length in range(len(between) + 1):
        for middle in itertools.permutations(between, length):
            links = [shares[a, b] for a, b in itertools.pairwise((i, *middle, j))]
            if min(links) > 0.5:
                best = max(best, min(links))
    return best


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_schulzes_rule_is_that_of_the_best_paths(seed, size):
    shares, _ = random_shares(np.random.default_rng(seed), size)
    expected = np.zeros(size)
    for i, j in itertools.permutations(range(size), 2):
        forth, back = weakest_link_of_the_best_path(shares, i, j), weakest_link_of_the_best_path(shares, j, i)
        expected[i] += 0.5 + 0.5 * (forth > back) - 0.5 * (forth < back)
    assert np.allclose(schulze_scores(shares), expected / (size - 1))


def agreement(shares, order):
    return sum(shares[i, j] for i, j in itertools.combinations(order, 2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5), st.sampled_from([3, 4, 9]))
def test_kemenys_places_are_the_means_over_all_best_orders(seed, size, voters):
    shares, _ = random_shares(np.random.default_rng(seed), size, voters)
    orders = list(itertools.permutations(range(size)))
    values = np.array([agreement(shares, order) for order in orders])
    best = [order for order, value in zip(orders, values, strict=True) if value >= values.max() - 1e-9]
    place = np.mean([[order.index(k) for k in range(size)] for order in best], axis=0)
    assert np.allclose(kemeny_scores(shares), 1 - place / (size - 1))


@pytest.mark.parametrize("rule", [copeland_scores, schulze_scores, kemeny_scores])
def test_relabelled_agents_keep_their_scores(rule):
    shares, _ = random_shares(np.random.default_rng(1), 6)
    number = np.random.default_rng(2).permutation(6)
    assert np.allclose(rule(shares[np.ix_(number, number)]), rule(shares)[number])


@pytest.mark.parametrize("rule", [copeland_scores, schulze_scores, kemeny_scores])
def test_all_even_are_all_equal(rule):
    assert np.allclose(rule(np.full((4, 4), 0.5)), 0.5)


@pytest.mark.parametrize("method", [copeland, schulze, kemeny])
def test_how_often_a_pair_met_does_not_matter(method):
    once, often = from_counts([[0, 2, 2], [1, 0, 2], [1, 1, 0]]), from_counts([[0, 20, 2], [10, 0, 2], [1, 1, 0]])
    assert np.array_equal(method(once).scores, method(often).scores)


@pytest.mark.parametrize("method", [copeland, schulze, kemeny])
def test_who_certainly_beats_whom_is_above(method):
    ratings = method(from_counts([[0, 60, 60], [20, 0, 60], [20, 20, 0]]))
    assert ratings.scores.tolist() == [1, 0.5, 0]
    assert ratings.above.tolist() == [[False, True, True], [False, False, True], [False, False, False]]
    assert not method(from_counts([[0, 2, 2], [1, 0, 2], [1, 1, 0]])).above.any()


@pytest.mark.parametrize("method", [copeland, schulze, kemeny])
def test_pairs_that_never_met_are_named(method):
    with pytest.raises(ArenaError, match="a0 and a2 never met"):
        method(from_counts([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))


@pytest.mark.parametrize("method", [copeland, schulze, kemeny])
def test_groups_are_ranked_apart_and_the_lonely_not_at_all(method):
    wins = np.zeros((5, 5), int)
    wins[0, 1] = wins[3, 2] = 5
    ratings = method(from_counts(wins, tuple("abcde")))
    assert ratings.scores[:4].tolist() == [1, 0, 0, 1] and np.isnan(ratings.scores[4])


def test_seventeen_agents_are_too_many_for_kemeny():
    with pytest.raises(ArenaError, match="at most 16"):
        kemeny_scores(np.full((17, 17), 0.5))
