"""The sequential test: its verdicts, its error rates by simulation, and that it may be read at any time."""

import numpy as np
import pytest

from arena.leaderboards.sequential_test import sequential_test

PAIR_OUTCOMES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def simulated(rng, mean, pairs, ladders=400):
    """[ladders, pairs] pair scores: both matches drawn with draws possible, at a mean score."""
    draw = 0.3 * 2 * min(mean, 1 - mean)
    win = mean - draw / 2
    words = rng.random((ladders, pairs, 2))
    return np.where(words < win, 1.0, np.where(words < win + draw, 0.5, 0.0)).mean(axis=2)


@pytest.mark.parametrize("margin", [0.0, 0.03])
def test_equal_agents_are_told_apart_at_most_at_the_error_rate(margin):
    verdicts = [
        sequential_test(s, alpha=0.1, margin=margin).verdict for s in simulated(np.random.default_rng(1), 0.5, 2000)
    ]
    wrong = np.mean([verdict in ("first_better", "second_better") for verdict in verdicts])
    assert wrong <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / 400)


def test_a_worse_agent_is_never_called_better_more_often_than_the_error_rate():
    verdicts = [sequential_test(s, alpha=0.1).verdict for s in simulated(np.random.default_rng(2), 0.49, 1000)]
    assert np.mean([verdict == "first_better" for verdict in verdicts]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_a_difference_outside_the_margin_is_called_small_at_most_at_the_error_rate():
    scores = simulated(np.random.default_rng(3), 0.55, 3000)
    verdicts = [sequential_test(s, alpha=0.1, margin=0.05).verdict for s in scores]
    assert np.mean([verdict == "within_margin" for verdict in verdicts]) <= 0.1
    assert np.mean([verdict == "first_better" for verdict in verdicts]) > 0.9


def test_equal_agents_are_found_to_be_within_a_margin():
    verdicts = [
        sequential_test(s, margin=0.1).verdict for s in simulated(np.random.default_rng(4), 0.5, 1500, ladders=50)
    ]
    assert verdicts.count("within_margin") >= 45


def test_a_better_agent_is_found():
    decisions = [sequential_test(s) for s in simulated(np.random.default_rng(5), 0.6, 1000, ladders=50)]
    assert all(decision.verdict == "first_better" for decision in decisions)
    assert np.mean([decision.at for decision in decisions]) < 150


def test_an_agent_that_wins_everything_needs_a_handful_of_pairs():
    decision = sequential_test(np.ones(100))
    assert decision.decided and decision.verdict == "first_better" and decision.at is not None and decision.at <= 10


def test_constant_even_pairs_decide_nothing():
    assert sequential_test(np.full(1000, 0.5)).verdict == "not_told_apart"


def test_swapping_the_agents_swaps_the_verdict():
    scores = simulated(np.random.default_rng(6), 0.65, 500, ladders=1)[0]
    one, other = sequential_test(scores), sequential_test(1 - scores)
    assert (one.verdict, other.verdict) == ("first_better", "second_better")
    assert one.at == other.at
    assert np.allclose(one.path, other.path[:, ::-1])


def test_pairs_after_the_verdict_are_ignored():
    scores = simulated(np.random.default_rng(7), 0.7, 500, ladders=1)[0]
    decision = sequential_test(scores)
    assert decision.at is not None
    again = sequential_test(np.concatenate((scores[: decision.at], np.zeros(1000))))
    assert (again.verdict, again.at, again.score) == (decision.verdict, decision.at, decision.score)
    assert sequential_test(scores[: decision.at - 1]).verdict == "not_told_apart"


def test_the_path_crosses_its_bound_where_the_test_decides():
    decision = sequential_test(simulated(np.random.default_rng(8), 0.7, 500, ladders=1)[0])
    assert decision.path[-1, 0] >= decision.bound
    assert (decision.path[:-1] < decision.bound).all()


def test_the_evidence_equals_its_definition():
    scores = np.random.default_rng(9).choice(PAIR_OUTCOMES, 30)
    bets = 0.99 * 2.0 ** (-np.arange(16) / 2) / 0.5
    capital = [np.prod([1 + bet * (score - 0.5) for score in scores]) for bet in bets]
    assert sequential_test(scores, alpha=1e-9).path[-1, 0] == pytest.approx(np.log(np.mean(capital)))


def test_no_pairs_decide_nothing():
    decision = sequential_test([])
    assert not decision.decided and decision.at is None and decision.path.shape == (0, 2)
    assert "not told apart by 0 pairs" in decision.sentence("a", "b")


def test_the_sentence_names_the_better_agent_and_the_error_rate():
    sentence = sequential_test(np.zeros(50), alpha=0.05).sentence("a@1", "b@1")
    assert sentence.startswith("b@1 beats a@1 with 100\N{NO-BREAK SPACE}% of the points") and "at most 0.05" in sentence


@pytest.mark.parametrize(
    ("scores", "settings"),
    [([1.5], {}), ([float("nan")], {}), ([0.5], {"alpha": 0.0}), ([0.5], {"margin": 0.5}), ([0.5], {"margin": -0.1})],
)
def test_what_is_out_of_range_is_refused(scores, settings):
    with pytest.raises(ValueError, match="must be"):
        sequential_test(scores, **settings)
