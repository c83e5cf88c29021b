"""OpenSkill: the package's own numbers, match by match, and what is passed to it."""

import sys

import numpy as np
import pytest
from openskill import models
from simulated_records import record_of, twins

from arena.games import NotProvided
from arena.leaderboards import openskill


def test_one_match_gives_the_numbers_of_the_packages_manual():
    # openskill's manual: PlackettLuce, two fresh players, the first wins
    ratings = openskill(record_of([[0, 1]], [[1, -1]]))
    assert ratings.scores.tolist() == pytest.approx([27.6353, 22.3647], abs=2e-3)


@pytest.mark.parametrize("model", ["plackett_luce", "bradley_terry_full", "thurstone_mosteller_part"])
def test_matches_are_rated_one_after_the_other_as_the_package_does(model):
    rng = np.random.default_rng(0)
    seats = np.array([rng.permutation(4)[:3] for _ in range(20)])
    returns = rng.integers(0, 3, (20, 3)).astype(float)
    rule = getattr(models, "".join(word.capitalize() for word in model.split("_")))()
    players = [rule.rating() for _ in range(4)]
    for who, got in zip(seats, returns, strict=True):
        moved = rule.rate([[players[i]] for i in who], scores=got.tolist())
        for i, team in zip(who, moved, strict=True):
            players[i] = team[0]
    ratings = openskill(record_of(seats, returns), model=model)
    assert np.allclose(ratings.scores, [player.mu for player in players])
    assert np.allclose(np.ptp(ratings.intervals, axis=1) / 2, [1.959964 * player.sigma for player in players])


def test_who_forfeits_is_last_whatever_it_got():
    ratings = openskill(record_of([[0, 1, 2]], [[9, 1, 1]], forfeit=[0]))
    assert ratings.scores[0] < ratings.scores[1] == ratings.scores[2]


def test_the_canonical_order_is_that_of_the_pairs():
    record = twins(np.random.default_rng(1), np.zeros(3), 5)
    back = record_of(record.seats[::-1], record.returns[::-1], pair=record.pair[::-1])
    in_pair = record_of(
        *(
            np.concatenate([part[k : k + 2][::-1] for k in range(0, len(part), 2)])
            for part in (record.seats, record.returns)
        ),
        pair=record.pair,
    )
    assert np.allclose(openskill(back).scores, openskill(in_pair).scores)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "openskill", None)
    with pytest.raises(NotProvided, match=r"minimax-arena\[openskill\]"):
        openskill(record_of([[0, 1]], [[1, -1]]))


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="plackett_luce"):
        openskill(record_of([[0, 1]], [[1, -1]]), model="elo")
