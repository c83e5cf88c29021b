"""SMAX against JaxMARL itself, where it is installed: new matches, recorded while the test runs."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from smax_recording import Recording

from arena.games.smax import kernels
from arena.games.smax.acting import decoded
from arena.games.smax.rules import constants


@pytest.mark.skipif(importlib.util.find_spec("jaxmarl") is None, reason="needs jaxmarl, which is no dependency")
@pytest.mark.parametrize("name", ["3m", "2s3z"])
def test_new_matches_agree_step_by_step(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["record", str(tmp_path), name])
    location = Path(__file__).parent / "record_jaxmarl.py"
    specification = importlib.util.spec_from_file_location("record_jaxmarl", location)
    assert specification is not None
    assert specification.loader is not None
    recorder = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(recorder)
    recorder.main()
    monkeypatch.setattr("smax_recording.FOLDER", tmp_path)
    recording = Recording(name, "random")
    known, steps = constants(recording.rules, torch.device("cpu")), torch.arange(recording.steps)
    before, after = recording.states(steps), recording.states(steps + 1)
    movement, attack = decoded(recording["action"].long(), known)
    found = kernels.advance(
        before, movement, attack, torch.zeros_like(steps), recording.rules, known, recording["noise"]
    )
    assert (found[0] - after.position).abs().max() <= 5e-5
    assert torch.equal(found[1], after.health) and torch.equal(found[2], after.cooldown)
