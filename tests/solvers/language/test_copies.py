"""How many sets of weights a method holds, and what an anchor is."""

from __future__ import annotations

import gc
import itertools

import pytest
import torch
from tiny_language import lora, peft_warns, tiny_gpt2, tiny_trainer
from torch import nn

HELD = {
    "self_play": 2,
    "nash_md": 2,
    "online_ipo": 2,
    "inpo": 2,
    "nash_mp": 3,
    "nash_prox": 3,
    "spo": 2,
    "dno": 1,
}
WIDTHS = itertools.count(20, 2)
"""One for each test: models of other tests may not have been collected yet."""


@pytest.fixture(scope="module", autouse=True)
def _only_what_these_tests_make_is_looked_at():
    gc.collect()
    gc.freeze()


def sets_of_weights(width: int) -> int:
    """How many embeddings of this width are in memory, each its own storage."""
    gc.collect()
    found = {
        one.data_ptr()
        for one in gc.get_objects()
        if type(one) is nn.Parameter and one.shape == (8, width) and one.numel()
    }
    return len(found)


@pytest.mark.parametrize("loss_type", HELD)
def test_whole_weights_are_held_as_often_as_the_table_says(tmp_path, loss_type):
    width = next(WIDTHS)
    trainer = tiny_trainer(tmp_path, model=tiny_gpt2(width=width), loss_type=loss_type, max_steps=1)
    trainer.train()
    assert sets_of_weights(width) == HELD[loss_type]
    del trainer


def test_stages_of_mirror_prox_hold_no_fourth_set(tmp_path):
    width = next(WIDTHS)
    trainer = tiny_trainer(tmp_path, model=tiny_gpt2(width=width), target="stages", inner=2)
    trainer.train()
    assert sets_of_weights(width) == 3
    del trainer


@peft_warns
@pytest.mark.parametrize("loss_type", ["nash_mp", "inpo", "spo"])
def test_with_adapters_one_set_is_held(tmp_path, loss_type):
    width = next(WIDTHS)
    trainer = tiny_trainer(tmp_path, model=tiny_gpt2(width=width), loss_type=loss_type, peft_config=lora(), max_steps=1)
    trainer.train()
    assert sets_of_weights(width) == 1
    del trainer


def test_the_anchor_is_the_moving_average(tmp_path):
    trainer = tiny_trainer(tmp_path, ema=0.25, learning_rate=1e-2)
    start = {name: one.detach().clone() for name, one in trainer.model.named_parameters()}
    expected = dict(start)
    for _ in range(3):
        trainer._update()
        now = dict(trainer.model.named_parameters())
        expected = {name: 0.75 * one + 0.25 * now[name].detach() for name, one in expected.items()}
    held = trainer.copies.anchor_parameters()
    assert any(not torch.allclose(start[name], held[name], atol=1e-4) for name in held)
    for name, one in held.items():
        torch.testing.assert_close(one, expected[name], atol=1e-6, rtol=1e-5)


@peft_warns
def test_adapters_off_are_the_reference_and_the_anchor_is_an_adapter(tmp_path):
    model = tiny_gpt2()
    trainer = tiny_trainer(tmp_path, model=model, peft_config=lora(), ema=0.5, learning_rate=1e-2)
    batch = trainer.learner.batch(0).completions
    start = trainer.learner.logs("policy", batch)
    torch.testing.assert_close(trainer.learner.logs("reference", batch), start)
    for _ in range(2):
        trainer._update()
    told = {role: trainer.learner.logs(role, batch) for role in ("policy", "reference", "anchor")}
    torch.testing.assert_close(told["reference"], start)
    assert float((told["policy"] - start).abs().max()) > 1e-4
    assert float((told["anchor"] - start).abs().max()) > 1e-4
    assert float((told["anchor"] - told["policy"]).abs().max()) > 1e-4
    assert all(".anchor." not in name for name in trainer.parameters)
    assert all(one.requires_grad for one in trainer.parameters.values())


def test_no_gradient_reaches_reference_and_anchor(tmp_path):
    trainer = tiny_trainer(tmp_path)
    trainer.train()
    for model in (trainer.copies.reference, trainer.copies.anchor):
        assert all(one.grad is None and not one.requires_grad for one in model.parameters())


def test_the_reference_stays_what_it_was(tmp_path):
    model = tiny_gpt2()
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    trainer = tiny_trainer(tmp_path, model=model, learning_rate=1e-2)
    trainer.train()
    assert all(torch.equal(one, before[name]) for name, one in trainer.copies.reference.named_parameters())
    assert not all(torch.equal(one, before[name]) for name, one in trainer.model.named_parameters())


def test_the_reference_of_inpo_is_brought_to_the_device_once_a_stage(tmp_path):
    from arena.solvers.language.copies import WholeCopies

    trainer = tiny_trainer(tmp_path, loss_type="inpo", inner=2, max_steps=4)
    moves = []
    trainer.copies.parked = True  # as on a GPU
    reference = trainer.copies.reference
    reference.to = lambda where, f=reference.to: moves.append(str(where)) or f(where)
    assert isinstance(trainer.copies, WholeCopies)
    trainer.train()
    assert moves == ["cpu", "cpu"] * 2  # to the device and back, in each of two stages


def test_nothing_drops_out_unless_it_is_asked_for(tmp_path):
    for disable, expected in ((True, 0.0), (False, 0.1)):
        trainer = tiny_trainer(tmp_path, disable_dropout=disable)
        chances = {part.p for part in trainer.model.modules() if isinstance(part, nn.Dropout)}
        assert chances == {expected}


@peft_warns
def test_adapters_on_half_precision_weights_are_trained_in_single(tmp_path):
    model = tiny_gpt2().to(torch.bfloat16)
    trainer = tiny_trainer(tmp_path, model=model, peft_config=lora(), max_steps=2, learning_rate=1e-2)
    trainer.train()
    assert {one.dtype for one in trainer.parameters.values()} == {torch.float32}
    assert {one.dtype for one in trainer.copies.anchor_parameters().values()} == {torch.float32}
    assert trainer.model.get_base_model().transformer.wte.weight.dtype == torch.bfloat16
