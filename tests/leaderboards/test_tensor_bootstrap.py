"""Refits as tensors against refits one by one."""

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins
from tensor_devices import DEVICES

from arena.games.errors import NotProvided, SpecificationError
from arena.leaderboards import bradley_terry, elo
from arena.leaderboards.bootstrap import unit_weights
from arena.leaderboards.bootstrap_intervals import bootstrap_intervals
from arena.leaderboards.tensor_bootstrap import tensor_bootstrap

RECORDS = {
    "twins": twins(np.random.default_rng(0), np.linspace(-1, 1, 6), 30, draws=0.2),
    "undefeated": from_counts([[0, 5, 5], [0, 0, 3], [0, 2, 0]]),
    "two groups": from_counts([[0, 4, 0, 0], [2, 0, 0, 0], [0, 0, 0, 3], [0, 0, 5, 0]]),
    "one met nobody": from_counts([[0, 4, 0], [2, 0, 0], [0, 0, 0]], agents=("a", "b", "c")),
    "three players": record_of([(0, 1, 2), (2, 0, 1), (1, 2, 0)] * 10, [(3, 2, 1), (1, 2, 3), (2, 2, 1)] * 10),
    "weighted": record_of(
        [(0, 1), (1, 0), (1, 2), (2, 0)], [(1, -1), (1, -1), (1, -1), (1, -1)], weight=[1, 2, 3, 0.5]
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", [elo, bradley_terry])
@pytest.mark.parametrize("name", RECORDS)
def test_the_intervals_are_those_of_refits_one_by_one(name, method, device):
    record = RECORDS[name]
    ours = tensor_bootstrap(record, method.__name__, resamples=20, device=device)
    plain = bootstrap_intervals(record, method, resamples=20)
    assert ours.scores == pytest.approx(plain.scores, abs=1e-9, nan_ok=True)
    assert ours.intervals == pytest.approx(plain.intervals, abs=1e-6, nan_ok=True)
    assert (ours.above == plain.above).all()
    assert ours.method == plain.method


def test_the_stacks_may_be_small(monkeypatch):
    record = RECORDS["twins"]
    whole = tensor_bootstrap(record, resamples=7)
    monkeypatch.setattr("arena.leaderboards.tensor_bootstrap.STACK_BYTES", 8 * 36 * 2)
    heard = []
    parts = tensor_bootstrap(record, resamples=7, progress=lambda done, planned: heard.append((done, planned)))
    assert parts.intervals == pytest.approx(whole.intervals, abs=1e-9)
    assert heard == [(2, 7), (4, 7), (6, 7), (7, 7)]


def test_the_random_weights_are_the_same_to_the_last_bits():
    import torch

    from arena.leaderboards.tensor_bootstrap import _exponentials

    for resample in (0, 1, 99):
        ours = _exponentials(torch.arange(1000), resample).numpy()
        assert ours == pytest.approx(unit_weights(1000, resample=resample), rel=1e-13)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(NotProvided):
        tensor_bootstrap(RECORDS["twins"], device="cuda:99")
    with pytest.raises(SpecificationError):
        tensor_bootstrap(RECORDS["twins"], device="abacus")


@pytest.mark.parametrize("changed", [{"resamples": 1}, {"confidence": 1.0}])
def test_settings_out_of_range_are_refused(changed):
    with pytest.raises(ValueError, match="resamples must be at least 2"):
        tensor_bootstrap(RECORDS["twins"], **changed)
