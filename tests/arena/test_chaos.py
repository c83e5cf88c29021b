"""Kills, delays, duplications and losses between schedulers, workers and the ledger change nothing in it.

A bounded part; all ten thousand: ``python benchmarks/chaos.py``.
"""

from __future__ import annotations

import pytest

from benchmarks.chaos_simulation import CONFIGS, FATES, Reference, World


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return Reference(tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_whatever_dies_or_comes_late_the_ledger_is_that_of_a_run_without_faults(number, reference, tmp_path):
    faults = 0
    for seed in range(2):
        outcome = World(seed, CONFIGS[number], reference).run(tmp_path / f"{seed}.db")
        assert outcome.wrong == "", f"seed {seed}"
        faults += outcome.faults.total()
    assert faults >= 20


def test_the_same_seed_meets_the_same_faults(reference, tmp_path):
    one, other = (World(3, CONFIGS[0], reference).run(tmp_path / f"{name}.db") for name in "ab")
    assert one == other
    assert one.faults.keys() & FATES.keys()
