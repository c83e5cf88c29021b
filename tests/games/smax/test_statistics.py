"""SMAX against JaxMARL 0.2.0 by statistics, where no two implementations play alike to the last bit: recorded counts and starts.

A chance of one in a thousand that a test fails by luck is kept by its level; the seeds are fixed, so it fails always or never.
"""

import numpy as np
import pytest
import torch
from scipy import stats
from smax_recording import FOLDER

from arena.games.smax.rules import Rules, constants, scenario_named
from arena.games.smax.simulator import Smax
from arena.games.smax.start import _Draws, _surrounded
from arena.playing import play

RECORDED = np.load(FOLDER / "statistics.npz", allow_pickle=False)
LEVEL = 1e-3


def names_of(kind):
    return [key.partition(".")[2] for key in RECORDED.files if key.startswith(f"{kind}.")]


@pytest.mark.parametrize("name", names_of("outcomes"))
def test_scripted_teams_win_as_often_as_in_the_reference(name):
    reference = RECORDED[f"outcomes.{name}"]
    returns = play(
        f"smax:{name}", ["scripted:closest", "scripted:closest"], matches=int(reference.sum()), seed=7
    ).returns
    ours = np.array([(returns[:, 0] == value).sum() for value in (1, -1, 0)])
    both = np.stack((reference, ours))
    assert stats.chi2_contingency(both[:, both.sum(axis=0) > 0]).pvalue > LEVEL


@pytest.mark.parametrize("name", names_of("positions"))
def test_matches_start_where_they_start_in_the_reference(name):
    """Each coordinate of each unit, and the spread of each team, by two-sample Kolmogorov-Smirnov tests."""
    reference = RECORDED[f"positions.{name}"]
    rules = Rules(scenario=scenario_named(name))
    ours = Smax(rules).start(torch.arange(len(reference)) + 1000).position.numpy()
    allies = rules.scenario.num_allies
    columns = [(reference[:, unit, axis], ours[:, unit, axis]) for unit in range(rules.num_units) for axis in (0, 1)]
    columns += [
        (reference[:, units].std(axis=(1, 2)), ours[:, units].std(axis=(1, 2)))
        for units in (slice(0, allies), slice(allies, None))
    ]
    pvalues = [stats.ks_2samp(theirs, mine).pvalue for theirs, mine in columns]
    assert min(pvalues) > LEVEL / len(pvalues)


@pytest.mark.parametrize("name", names_of("types"))
def test_units_are_of_the_types_of_the_reference(name):
    reference = RECORDED[f"types.{name}"]
    rules = Rules(scenario=scenario_named(name))
    ours = Smax(rules).start(torch.arange(len(reference)) + 1000).unit_type.numpy()
    allies = rules.scenario.num_allies
    counts = np.stack([np.bincount(types[:, :allies].ravel(), minlength=6) for types in (reference, ours)])
    counts = counts[:, counts.sum(axis=0) > 0]
    assert counts.shape[1] == 1 or stats.chi2_contingency(counts).pvalue > LEVEL
    shared = min(allies, rules.scenario.num_enemies)
    for types in (reference, ours):
        copied = np.array_equal(types[:, allies : allies + shared], types[:, :shared])
        assert copied == rules.scenario.drawn or len(np.unique(types)) == 1


def test_groups_that_surround_stand_anywhere_between_their_corner_and_the_middle():
    """How far the first unit outside stands from the nearest border in x: 16 t of its group, t even in 0..1, and up to 2."""
    rules = Rules(scenario=scenario_named("smacv2_5_units"))
    known = constants(rules, torch.device("cpu"))
    position = _surrounded(_Draws(torch.arange(4000)), rules, known).numpy().reshape(4000, 2, 5, 2)
    outside = np.abs(position - 16).max(axis=(2, 3)).argmax(axis=1)
    first = position[np.arange(4000), outside, 0]
    rng = np.random.default_rng(0)
    meant = 16 * rng.uniform(size=20_000) + rng.uniform(-2, 2, size=20_000)
    for axis in (0, 1):
        found = np.minimum(first[:, axis], 32 - first[:, axis])
        assert stats.ks_2samp(found, np.minimum(meant, 32 - meant)).pvalue > LEVEL
    quarters = np.bincount((first > 16) @ [1, 2], minlength=4)
    assert stats.chisquare(quarters).pvalue > LEVEL
