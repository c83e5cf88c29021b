"""Comparisons against a plain twin, and the rules of their making."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import record_of

from arena.games import ArenaError
from arena.leaderboards import comparisons
from arena.leaderboards.comparisons import outer_by_unit, pair_sums


def plain(record):
    """One tuple (first, second, score, margin, weight, pair) a comparison, as the docstring says."""
    found = []
    for match in np.argsort(record.pair, kind="stable"):
        seats = [int(seat) for seat in record.seats[match]]
        players = sum(seat >= 0 for seat in seats)
        for a in range(len(seats)):
            for b in range(a + 1, len(seats)):
                if min(seats[a], seats[b]) < 0 or seats[a] == seats[b] or record.weight[match] == 0:
                    continue
                margin = record.returns[match, a] - record.returns[match, b]
                score = {True: 1.0, False: 0.0}[margin > 0] if margin else 0.5
                if record.forfeit[match] in (a, b):
                    score = 0.0 if record.forfeit[match] == a else 1.0
                elif record.forfeit[match] >= 0 and margin == 0:
                    continue
                weight = record.weight[match] / (players - 1)
                found.append((seats[a], seats[b], score, margin, weight, int(record.pair[match])))
    return found


@st.composite
def records(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    matches, players, agents = draw(st.integers(0, 20)), draw(st.integers(2, 4)), draw(st.integers(1, 5))
    seats = rng.integers(0, agents, (matches, players))
    seats[:, 2:][rng.random((matches, players - 2)) < 0.3] = -1
    return record_of(
        seats,
        rng.integers(-2, 3, (matches, players)),
        agents=tuple("abcde"[:agents]),
        forfeit=np.where(rng.random(matches) < 0.2, rng.integers(0, 2, matches), -1),
        pair=rng.integers(0, 5, matches),
        weight=rng.choice([0.0, 1.0, 2.5], matches),
    )


@settings(deadline=None)
@given(records())
def test_comparisons_equal_their_plain_twin(record):
    made, expected = comparisons(record), plain(record)
    columns = (made.first, made.second, made.score, made.margin, made.weight)
    assert [tuple(row) for row in zip(*columns, strict=True)] == [row[:-1] for row in expected]
    assert len(np.unique(made.unit)) == len({row[-1] for row in expected})
    assert (np.diff(made.unit) >= 0).all()


@settings(deadline=None)
@given(records())
def test_sums_by_unit_equal_their_plain_twin(record):
    made = comparisons(record)
    residual = np.arange(1.0, len(made) + 1)
    expected = np.zeros((len(record.agents),) * 2)
    for unit in np.unique(made.unit):
        gradient = np.zeros(len(record.agents))
        for k in np.flatnonzero(made.unit == unit):
            gradient[made.first[k]] += residual[k]
            gradient[made.second[k]] -= residual[k]
        expected += np.outer(gradient, gradient)
    agents, values = np.stack((made.first, made.second)), np.stack((residual, -residual))
    assert np.allclose(outer_by_unit(agents, values, made.unit, len(record.agents)), expected)
    assert pair_sums(made, residual).sum() == pytest.approx(residual.sum())


def test_a_match_of_many_players_weighs_one_match_a_seat():
    made = comparisons(record_of([[0, 1, 2, 3]], [[4, 3, 3, 1]]))
    assert len(made) == 6 and made.weight.tolist() == [1 / 3] * 6
    for agent in range(4):
        assert made.weight[(made.first == agent) | (made.second == agent)].sum() == pytest.approx(1)
    assert made.score.tolist() == [1, 1, 1, 0.5, 1, 1]


def test_who_forfeits_comes_last_whatever_the_returns_say():
    made = comparisons(record_of([[0, 1, 2]], [[9, 1, 2]], forfeit=[0]))
    assert made.score.tolist() == [0, 0, 0]


def test_too_many_agents_are_refused():
    with pytest.raises(ArenaError, match="at most 2,000"):
        comparisons(record_of([[0, 1]], [[1, -1]], agents=tuple(map(str, range(2001)))))


def test_part_of_a_record_keeps_the_agents_and_all_columns_of_its_matches():
    record = record_of(
        [(0, 1), (1, 2), (2, 0)], [(1, -1), (0, 0), (-1, 1)], forfeit=[-1, 1, -1], weight=[1, 2, 3], drawn=True
    )
    for rows in (np.array([2, 0]), np.array([True, False, True]), slice(1, 3)):
        part = record.of(rows)
        assert (part.agents, part.utility, part.drawn) == (record.agents, record.utility, True)
        for name in ("seats", "returns", "forfeit", "pair", "weight"):
            assert np.array_equal(getattr(part, name), getattr(record, name)[rows])
