"""The loop of iterative methods: what was interrupted, wherever that was, ends as if it had not been."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import SpecificationError
from arena.solvers import iteration
from arena.solvers.checkpoint import Subject, read_checkpoint
from arena.solvers.iteration import MEASURE_GROWTH, Run, iterate


class Interrupted(Exception):
    pass


def halving(*, growth=MEASURE_GROWTH, gap_fails_at=None):
    """A method whose gap after t iterations is 1 / t; measuring it fails once, after so many iterations."""
    state = {"clock": np.zeros(1, np.int64)}

    def advance(count):
        state["clock"][0] += count

    def gap():
        if state["clock"][0] == gap_fails_at:
            raise Interrupted
        return 1 / float(state["clock"][0])

    subject = Subject(method="halving", game="none", fingerprint="", settings={})
    return Run(subject=subject, state=state, advance=advance, gap=gap, measure_growth=growth)


def measured(**asked):
    return [at for at, _ in iterate(halving(), default=None, **asked)]


@given(st.integers(1, 60), st.sampled_from((1.0, MEASURE_GROWTH, 1.25)))
@settings(max_examples=40, deadline=None)
def test_a_run_interrupted_while_its_gap_is_measured_stops_where_an_uninterrupted_one_does(
    tmp_path_factory, at, growth
):
    file = tmp_path_factory.mktemp("runs") / "run.npz"
    asked = {"iterations": 70, "until": 1 / at, "default": None}
    whole = iterate(halving(growth=growth), **asked)
    with pytest.raises(Interrupted):
        iterate(halving(growth=growth, gap_fails_at=whole[-1][0]), checkpoint=file, **asked)
    assert iterate(halving(growth=growth), checkpoint=file, **asked) == whole


@pytest.mark.parametrize("paused", [23, 51, 77, 100])
def test_a_run_that_paused_at_a_smaller_limit_has_the_history_of_one_that_did_not(tmp_path, paused):
    file = tmp_path / "run.npz"
    assert measured(iterations=paused, until=None, checkpoint=file)[-1] == paused
    assert measured(iterations=100, until=None, checkpoint=file) == measured(iterations=100, until=None)


def test_the_gap_at_the_limit_is_measured_though_an_interruption_fell_there(tmp_path):
    file, asked = tmp_path / "run.npz", {"iterations": 77, "until": None, "default": None}
    with pytest.raises(Interrupted):
        iterate(halving(gap_fails_at=77), checkpoint=file, **asked)
    assert iterate(halving(), checkpoint=file, **asked)[-1] == (77, 1 / 77)


def test_a_run_whose_gap_is_seldom_measured_is_saved_in_between(tmp_path, monkeypatch):
    file, asked = tmp_path / "run.npz", {"iterations": 64, "until": None, "default": None}
    clock, kept = iter(range(10**6)), []
    monkeypatch.setattr(iteration, "time", SimpleNamespace(monotonic=lambda: 10.0 * next(clock)))
    run, held = halving(growth=64.0), halving().state

    def advance(count):
        read_checkpoint(file, run.subject, held, growing=frozenset())
        kept.append(int(held["clock"][0]))
        run.advance(count)

    history = iterate(replace(run, advance=advance), checkpoint=file, **asked)
    assert [at for at, _ in history] == [1, 64]
    assert [at for at in sorted(set(kept)) if 1 < at < 64] != []


def test_a_checkpoint_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    run = halving()
    with pytest.raises(SpecificationError, match="cannot write the checkpoint"):
        iterate(run, iterations=5, until=None, default=None, checkpoint=tmp_path / "nowhere" / "run.npz")
    assert run.iterations == 0


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_checkpoint_that_was_cut_off_is_refused_and_left_as_it_is(tmp_path, kept):
    file = tmp_path / "run.npz"
    measured(iterations=5, until=None, checkpoint=file)
    cut = file.read_bytes()[:kept]
    file.write_bytes(cut)
    with pytest.raises(SpecificationError, match="no checkpoint that can be gone on from"):
        measured(iterations=9, until=None, checkpoint=file)
    assert file.read_bytes() == cut and [path.name for path in tmp_path.iterdir()] == ["run.npz"]
