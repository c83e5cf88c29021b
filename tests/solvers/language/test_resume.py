"""Checkpoints: a run that is stopped and goes on ends at the same bits, and hostile checkpoints are refused in words."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_language import circular, lora, peft_warns, tiny_gpt2, tiny_llama, tiny_tokenizer, tiny_trainer
from transformers import AutoModelForCausalLM, TrainerCallback

from arena.games.errors import NotProvided, SpecificationError
from arena.games.judge import noisy
from arena.solvers.language.run_files import pack, unpack

METHODS = {
    "nash_mp": {},
    "nash_mp in stages": {"target": "stages", "inner": 2},
    "nash_prox": {},
    "nash_prox in stages": {"target": "stages", "inner": 2},
    "nash_md": {},
    "self_play": {},
    "online_ipo": {},
    "inpo": {"inner": 4, "num_iterations": 2},
    "dno": {"inner": 2},
    "spo": {"queue": 3},
}
RUN = {"max_steps": 6, "save_steps": 3, "logging_steps": 2, "learning_rate": 1e-2, "gradient_accumulation_steps": 2}


class Stopper(TrainerCallback):
    """Stops a run after update 4, past its checkpoint of update 3."""

    def on_step_end(self, args, state, control, **_):
        control.should_training_stop = state.global_step == 4
        return control


def weights(trainer):
    return {name: one.detach().clone() for name, one in trainer.model.named_parameters()}


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def lines(folder):
    told = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in told]


def stopped_and_gone_on(tmp_path, **settings):
    """(trainer of a whole run, trainer of a run that was stopped and went on)."""
    whole = tiny_trainer(tmp_path / "whole", **RUN | settings)
    whole.train()
    tiny_trainer(tmp_path / "parts", **RUN | settings, callbacks=[Stopper()]).train()
    parts = tiny_trainer(tmp_path / "parts", **RUN | settings)
    parts.train(resume_from_checkpoint=True)
    return whole, parts


@pytest.mark.parametrize("name", METHODS)
def test_a_run_that_was_stopped_ends_at_the_same_bits(tmp_path, name):
    whole, parts = stopped_and_gone_on(tmp_path, loss_type=name.split()[0], **METHODS[name])
    assert same(weights(whole), weights(parts))
    assert lines(tmp_path / "whole") == lines(tmp_path / "parts")
    assert not same(weights(whole), {n: one.detach() for n, one in tiny_gpt2().named_parameters()})


@peft_warns
def test_a_run_with_adapters_ends_at_the_same_bits(tmp_path):
    whole, parts = stopped_and_gone_on(tmp_path, peft_config=lora())
    assert any("lora" in name for name in weights(whole))
    assert same(weights(whole), weights(parts))


def test_a_run_with_dropout_and_a_cosine_ends_at_the_same_bits(tmp_path):
    whole, parts = stopped_and_gone_on(tmp_path, disable_dropout=False, lr_scheduler_type="cosine", warmup_steps=2)
    assert same(weights(whole), weights(parts))


def test_a_noisy_judge_and_evaluations_go_on_where_they_were(tmp_path):
    runs = []
    for k, callbacks in enumerate(([], [Stopper()])):
        given = {**RUN, "eval_steps": 2, "eval_candidates": 2, "eval_opponents": 2, "judge_flip_rate": 0.2}
        folder = tmp_path / str(k)
        trainer = tiny_trainer(folder, judge=noisy(circular, 0.2, seed=3), callbacks=callbacks, **given)
        trainer.train()
        if callbacks:
            trainer = tiny_trainer(folder, judge=noisy(circular, 0.2, seed=3), **given)
            trainer.train(resume_from_checkpoint=True)
        runs.append((weights(trainer), lines(folder)))
    assert same(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_an_optimiser_and_schedule_of_ones_own_go_on(tmp_path):
    runs = []
    for k, callbacks in enumerate(([], [Stopper()])):
        for resume in (None, True) if callbacks else (None,):
            model = tiny_gpt2()
            optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            schedule = torch.optim.lr_scheduler.StepLR(optimiser, 2, gamma=0.5)
            trainer = tiny_trainer(
                tmp_path / str(k),
                model=model,
                optimizers=(optimiser, schedule),
                callbacks=[] if resume else callbacks,
                **RUN,
            )
            trainer.train(resume_from_checkpoint=resume)
        runs.append(weights(trainer))
    assert same(*runs)


def test_every_checkpoint_opens_with_from_pretrained(tmp_path):
    trainer = tiny_trainer(tmp_path, model=tiny_llama(), **RUN)
    trainer.train()
    for folder in (tmp_path, tmp_path / "checkpoint-6"):
        assert same(weights(trainer), dict(AutoModelForCausalLM.from_pretrained(folder).named_parameters()))


def test_only_so_many_checkpoints_are_kept(tmp_path):
    tiny_trainer(tmp_path, **{**RUN, "save_steps": 1, "save_total_limit": 2}).train()
    assert sorted(one.name for one in tmp_path.glob("*checkpoint*")) == ["checkpoint-5", "checkpoint-6"]


def test_nothing_in_a_checkpoint_is_a_pickle(tmp_path):
    tiny_trainer(tmp_path, **RUN).train()
    assert {one.suffix for one in (tmp_path / "checkpoint-3").iterdir()} <= {".json", ".safetensors", ".jinja"}


# what is refused


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    tiny_trainer(folder, max_steps=2, save_steps=1).train()
    return folder / "checkpoint-1"


def refused(tmp_path, checkpoint, *, model=None, **settings) -> str:
    trainer = tiny_trainer(tmp_path / "run", model=model, **{"max_steps": 2, **settings})
    before = weights(trainer)
    with pytest.raises(SpecificationError) as told:
        trainer.train(resume_from_checkpoint=checkpoint)
    assert same(before, weights(trainer)), "a refused checkpoint must change nothing"
    return str(told.value)


def altered(tmp_path, finished, change):
    folder = tmp_path / "checkpoint-1"
    shutil.copytree(finished, folder)
    change(folder)
    return folder


def facts_changed(**changes):
    def change(folder):
        path = folder / "trainer_state.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def tensors_changed(file, change):
    def rewrite(folder):
        held = load_file(folder / file)
        change(held)
        save_file(held, folder / file, metadata={"format": "pt"})

    return rewrite


def spoil(held):
    name = next(one for one in held if held[one].ndim == 2)
    held[name] = torch.full_like(held[name], torch.nan)


def shrink(held):
    name = next(one for one in held if held[one].ndim == 2)
    held[name] = held[name][:1].clone()


def drop(held):
    held.pop(next(one for one in held if held[one].ndim == 2))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "trainer_state.json").unlink(), "no checkpoint"),
        (lambda folder: (folder / "trainer_state.json").write_text("{"), "no checkpoint"),
        (lambda folder: (folder / "trainer_state.json").write_text("[" * 100_000), "no checkpoint"),
        (lambda folder: (folder / "trainer_state.safetensors").write_bytes(b"\x80\x04K\x01."), "no checkpoint"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 100), "no weights"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (facts_changed(format="other"), "not of arena-language-checkpoint"),
        (facts_changed(prompts="other"), "other prompts"),
        (facts_changed(step="soon"), "broken"),
        (facts_changed(queue=7), "broken"),
        (facts_changed(queue=[[0, [[99]]]]), "tokens that the model does not have"),
        (facts_changed(step=-1), "broken"),
        (facts_changed(since={"odd": 1}), "broken"),
        (facts_changed(optimiser={"$pairs": []}), "broken"),
        (facts_changed(optimiser={"$tensor": "no such"}), "broken"),
        (tensors_changed("trainer_state.safetensors", spoil), "not finite"),
        (tensors_changed("trainer_state.safetensors", shrink), "does not fit|broken"),
        (tensors_changed("trainer_state.safetensors", drop), "does not fit|broken"),
        (tensors_changed("model.safetensors", spoil), "not finite"),
        (tensors_changed("model.safetensors", shrink), "does not fit|no weights"),
        (tensors_changed("model.safetensors", drop), "does not fit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path, finished, change, says):
    assert re.search(says, refused(tmp_path, altered(tmp_path, finished, change)))


def test_a_checkpoint_of_other_settings_names_them(tmp_path, finished):
    assert "beta" in refused(tmp_path, finished, beta=0.3)


def test_a_checkpoint_of_other_prompts_is_refused(tmp_path, finished):
    assert "other prompts" in refused(tmp_path, finished, train_dataset=["play"])


def test_a_checkpoint_of_another_reference_is_refused(tmp_path, finished):
    assert "another reference" in refused(tmp_path, finished, ref_model=tiny_gpt2(seed=9))


def test_a_checkpoint_of_a_wider_model_is_refused(tmp_path, finished):
    assert "does not fit" in refused(tmp_path, finished, model=tiny_gpt2(width=32))


def test_no_checkpoint_to_go_on_from_is_said(tmp_path):
    with pytest.raises(ValueError, match="no checkpoint in"):
        tiny_trainer(tmp_path, max_steps=1).train(resume_from_checkpoint=True)


def test_packing_keeps_numbers_containers_and_tensors():
    tensors = {}
    value = {"a": [1, 2.5, None, True], 3: (torch.arange(3), "x"), "$tensor": {"b": torch.ones(2)}}
    found = unpack(json.loads(json.dumps(pack(value, "v", tensors))), tensors)
    assert found["a"] == value["a"]
    assert found[3][1] == "x"
    assert torch.equal(found[3][0], torch.arange(3))
    assert torch.equal(found["$tensor"]["b"], torch.ones(2))


def test_packing_refuses_what_is_no_number():
    with pytest.raises(NotProvided, match="numbers, texts and tensors"):
        pack({"f": print}, "v", {})


def test_the_tokenizer_is_kept_beside_the_weights(tmp_path):
    tiny_trainer(tmp_path, max_steps=1, save_steps=1).train()
    from transformers import AutoTokenizer

    held = AutoTokenizer.from_pretrained(tmp_path / "checkpoint-1")
    assert held("play now")["input_ids"] == tiny_tokenizer()("play now")["input_ids"]


def test_a_checkpoint_that_was_not_finished_is_none(tmp_path, monkeypatch):
    trainer = tiny_trainer(tmp_path, max_steps=2, save_steps=1)

    def fails(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(trainer.processing_class, "save_pretrained", fails)
    with pytest.raises(OSError, match="disk is full"):
        trainer.train()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="no checkpoint in"):
        tiny_trainer(tmp_path, max_steps=2).train(resume_from_checkpoint=True)
    tiny_trainer(tmp_path, max_steps=2, save_steps=1).train()
    assert sorted(one.name for one in tmp_path.glob("*checkpoint*")) == ["checkpoint-1", "checkpoint-2"]
