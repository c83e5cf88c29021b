"""The expansion of H⁻¹ B H⁻¹: within its bounds of the exact product, equivariant, and None where it proves nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import record_of, twins

from arena.leaderboards import bradley_terry, sandwich
from arena.leaderboards.near_diagonal import MOST_ERROR, Congruence, near_diagonal_congruence


def symmetric(rng, size, scale):
    below = np.tril(rng.normal(0, scale, (size, size)), -1)
    return below + below.T


def matrices(seed, size, scale, other_scale, strong):
    """H, B and directions: smooth parts of rank 3, whose directions are known but roughly, and noise beside the diagonal."""
    rng = np.random.default_rng(seed)
    smooth = np.linalg.qr(rng.normal(size=(size, 3)))[0]
    core = rng.uniform(-strong, strong, 3)
    information = smooth * core @ smooth.T + symmetric(rng, size, scale)
    middle = smooth * rng.uniform(-0.5, 0.5, 3) @ smooth.T + symmetric(rng, size, other_scale)
    np.fill_diagonal(information, 1.0)
    np.fill_diagonal(middle, rng.uniform(0.9, 1.1, size))
    return information, middle, smooth + rng.normal(0, 0.01, smooth.shape)


def expanded(information, middle, directions, scale=None):
    """The expansion of H = D H' D with B = D B' D, D = diag(1 / scale): what is found of the inverse is scaled by `scale` on both sides."""
    scale = np.ones(len(information)) if scale is None else scale
    both = np.outer(scale, scale)
    together = 0.25 / (scale.max() ** 2 * len(scale))
    cells = together - information / both
    np.fill_diagonal(cells, 0.0)
    return near_diagonal_congruence(cells, middle / both, directions, scale=scale, together=together)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32),
    st.integers(30, 120),
    st.floats(0, 2e-3),
    st.floats(0, 4e-3),
    st.sampled_from([0.0, 0.3, 0.9]),
)
def test_the_error_is_never_above_its_bound(seed, size, scale, other_scale, strong):
    information, middle, directions = matrices(seed, size, scale, other_scale, strong)
    unit = np.random.default_rng(seed).uniform(0.01, 2, size)  # of each row and column
    found = expanded(information, middle, directions, unit)
    if found is None:
        return
    inverse = np.linalg.inv(information)
    apart = np.abs(found.product / np.outer(unit, unit) - inverse @ middle @ inverse)
    assert np.diag(apart).max() <= found.on_diagonal + 1e-7 <= MOST_ERROR * 1.1
    assert apart.max() <= found.beside + 1e-7


def test_it_is_far_better_than_its_bound_and_no_vain_promise():
    information, middle, directions = matrices(0, 120, 1.5e-3, 3e-3, 0.5)
    found = expanded(information, middle, directions)
    inverse = np.linalg.inv(information)
    apart = np.abs(found.product - inverse @ middle @ inverse)
    assert np.diag(apart).max() < 0.5 * found.on_diagonal


@pytest.mark.parametrize(("scale", "strong"), [(0.02, 0.3), (0.1, 0.3)])
def test_where_too_much_stands_beside_the_diagonal_it_says_nothing(scale, strong):
    assert expanded(*matrices(1, 100, scale, 1e-3, strong)) is None


def test_a_structure_of_the_middle_that_no_direction_tells_of_counts_in_the_bound():
    information, _, directions = matrices(2, 100, 1e-3, 1e-4, 0.0)
    hidden = np.where(np.arange(100) % 2, 1.0, -1.0)  # rows as short as those of noise, a norm that is not
    bounds = []
    for strength in (0.0, 1.0, 1e3):
        middle = np.eye(100) + strength / 100 * (np.outer(hidden, hidden) - np.eye(100))
        bounds.append(expanded(information, middle, directions))
    assert bounds[0].on_diagonal < bounds[1].on_diagonal and bounds[2] is None


def hidden_in_information(strength):
    """H with a structure of that norm in rows as short as those of noise, B = I and directions that tell of nothing of it."""
    size = 100
    hidden = np.where(np.arange(size) % 2, 1.0, -1.0)
    information = np.eye(size) + strength / size * (np.outer(hidden, hidden) - np.eye(size))
    directions = np.random.default_rng(0).normal(size=(size, 3))
    directions -= hidden[:, None] * (hidden @ directions / size)
    return information, np.eye(size), directions, hidden


def test_nor_does_the_proof_overlook_one_of_the_information():
    information, middle, directions, hidden = hidden_in_information(0.08)
    assert expanded(information, middle, directions) is None
    assert expanded(information, middle, np.column_stack((directions, hidden))) is not None


def test_the_bound_beside_the_diagonal_is_reached_where_rows_are_alike():
    information, middle, directions, _ = hidden_in_information(0.04)
    found = expanded(information, middle, directions)
    inverse = np.linalg.inv(information)
    apart = np.abs(found.product - inverse @ middle @ inverse).max()
    assert 0.5 * found.beside < apart <= found.beside


def exactly(monkeypatch, record):
    with monkeypatch.context() as patched:
        patched.setattr(sandwich, "FEW", 10**9)
        return bradley_terry(record)


@pytest.fixture(scope="module")
def record():
    rng = np.random.default_rng(4)
    return twins(rng, rng.normal(size=sandwich.FEW + 10), 3)


def test_ratings_of_a_large_league_say_by_how_much_intervals_may_be_off_and_are_not(record, monkeypatch):
    fast, exact = bradley_terry(record), exactly(monkeypatch, record)
    assert 0 < fast.settings["width_error"] < MOST_ERROR and "width_error" not in exact.settings
    widths = [np.diff(ratings.intervals, axis=1)[:, 0] for ratings in (fast, exact)]
    assert np.abs(widths[0] / widths[1] - 1).max() < fast.settings["width_error"]
    assert np.allclose(fast.scores, exact.scores, atol=1e-12)
    assert not (fast.above & ~exact.above).any()
    assert (fast.above != exact.above).mean() < 2e-3


def cyclic(*, spread, turn, drawn):
    """Two twins of each two agents: strengths of that spread, and a circle on which each beats those behind it by up to `turn`."""
    rng = np.random.default_rng(3)
    size = sandwich.FEW + 10
    strength, angle = spread * rng.normal(size=size), rng.uniform(0, 2 * np.pi, size)
    i, j = (np.repeat(side, 2) for side in np.triu_indices(size, 1))
    win = 1 / (1 + np.exp(strength[j] - strength[i] - turn * np.sin(angle[i] - angle[j])))
    first = (np.where(rng.random((len(i), 2)) < win[:, None], 1, -1) * [1, -1]).ravel()  # of whoever sits in seat 0
    return record_of(
        np.stack((i, j, j, i), axis=1).reshape(-1, 2),
        np.stack((first, -first), axis=1),
        pair=np.arange(len(i)).repeat(2),
        drawn=drawn,
    )


@pytest.mark.parametrize(
    ("spread", "turn", "drawn"), [(1.0, 1.0, False), (1.0, 1.0, True), (1.0, 3.0, True), (0.3, 6.0, False)]
)
def test_intervals_of_a_cyclic_league_are_within_their_bound(spread, turn, drawn, monkeypatch):
    record = cyclic(spread=spread, turn=turn, drawn=drawn)
    fast, exact = bradley_terry(record), exactly(monkeypatch, record)
    widths = [np.diff(ratings.intervals, axis=1)[:, 0] for ratings in (fast, exact)]
    assert np.abs(widths[0] / widths[1] - 1).max() < fast.settings["width_error"] < MOST_ERROR
    assert not (fast.above & ~exact.above).any()


def test_whatever_the_error_within_its_bounds_nobody_is_above_who_is_not(record, monkeypatch):
    exact = exactly(monkeypatch, record).above

    def as_wrong_as_can_be(cells, middle, directions, *, scale, together):
        """Variances too small and covariances too large, so that differences seem surer than they are."""
        information = together - cells
        np.fill_diagonal(information, 1 / scale**2)
        inverse = np.linalg.inv(information)
        beside = MOST_ERROR * np.outer(scale, scale)
        return Congruence(
            product=inverse @ middle @ inverse + beside - 2 * np.diag(np.diag(beside)),
            on_diagonal=MOST_ERROR,
            beside=MOST_ERROR,
        )

    monkeypatch.setattr(sandwich, "near_diagonal_congruence", as_wrong_as_can_be)
    wrong = bradley_terry(record)
    assert "width_error" in wrong.settings
    assert not (wrong.above & ~exact).any()


def test_other_numbers_of_the_agents_change_nothing_but_the_numbers(record):
    order = np.random.default_rng(5).permutation(len(record.agents))
    place = np.argsort(order)
    renamed = type(record)(
        agents=tuple(record.agents[k] for k in order),
        seats=place[record.seats],
        returns=record.returns,
        forfeit=record.forfeit,
        pair=record.pair,
        weight=record.weight,
    )
    one, other = bradley_terry(record), bradley_terry(renamed)
    assert np.allclose(one.scores[order], other.scores, atol=1e-9)
    assert np.allclose(one.intervals[order], other.intervals, atol=1e-9)
    assert np.array_equal(one.above[np.ix_(order, order)], other.above)


def test_with_an_anchor_or_a_prior_intervals_are_exact(record):
    assert "width_error" not in bradley_terry(record, anchor=record.agents[0]).settings
    assert "width_error" not in bradley_terry(record, prior=1.0).settings
