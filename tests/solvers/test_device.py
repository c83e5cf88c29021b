"""Solvers on a device by name: the answers of the compiled loops, checkpoints that change devices, refusals."""

import numpy as np
import pytest
import torch
from tensor_devices import DEVICES

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.solvers import cfr, cfr_plus, dcfr, nash_conv, pcfr_plus, solve

METHODS = [cfr, cfr_plus, dcfr, pcfr_plus]
LEDUC = "openspiel:leduc_poker"


def same(one, other, device):
    """The same policies: on the CPU to the last bit, on a GPU to 1e-6."""
    if device == "torch":
        return one == other
    tables = one.table, other.table
    return all(tables[0][key] == pytest.approx(tables[1][key], abs=1e-6) for key in tables[0])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [LEDUC, "openspiel:kuhn_poker(players=3)", "matrix:shapley", "arena:kuhn_poker"])
def test_the_answer_is_that_of_the_loops(name, method, device):
    game = load_game(name)
    found, known = method(game, iterations=60, device=device), method(game, iterations=60)
    assert same(found.policy, known.policy, device) and found.gap == pytest.approx(known.gap, abs=1e-6)
    assert [iteration for iteration, _ in found.history] == [iteration for iteration, _ in known.history]
    assert np.allclose([gap for _, gap in found.history], [gap for _, gap in known.history], atol=1e-6)
    assert found.guarantee == known.guarantee and found.settings["device"] == device


@pytest.mark.parametrize("device", DEVICES)
def test_a_game_is_solved_on_a_device_with_a_certificate(device):
    game = load_game(LEDUC)
    solution = solve("cfr_plus", game, until=1e-2, device=device)
    assert solution.converged and solution.gap <= 1e-2
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_goes_on_on_another_device(method, device, tmp_path):
    game, file = load_game(LEDUC), tmp_path / "run.npz"
    for iterations, where in ((10, "cpu"), (25, device), (40, "cpu"), (55, device)):
        changing = method(game, iterations=iterations, device=where, checkpoint=file)
    assert same(changing.policy, method(game, iterations=55).policy, device)
    assert changing.iterations == 55


def test_a_device_that_is_not_there_is_refused_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    unwritten = load_game("openspiel:liars_dice(dice_sides=6)")  # takes long to write out
    with pytest.raises(NotProvided, match="there are cpu, torch"):
        cfr_plus(unwritten, iterations=1, device="cuda", checkpoint=tmp_path / "run.npz")
    with pytest.raises(SpecificationError, match="device is cpu"):
        cfr_plus(unwritten, iterations=1, device="gpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", DEVICES)
def test_a_tree_is_taken_in_place_of_a_game(device):
    tree = compile_tree(load_game(LEDUC))
    assert same(cfr_plus(tree, iterations=5, device=device).policy, cfr_plus(tree, iterations=5).policy, device)
