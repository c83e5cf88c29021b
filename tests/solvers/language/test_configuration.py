"""Settings: what is unknown, contradictory or out of range is an error that says what is meant."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest

from arena.solvers.language import METHODS, PreferenceConfig
from arena.solvers.language.learning_rate import learning_rate_factor


@pytest.mark.parametrize("loss_type", METHODS)
def test_every_method_has_defaults(loss_type):
    config = PreferenceConfig(loss_type=loss_type)
    assert config.group >= METHODS[loss_type].smallest_group
    assert all(getattr(config, name) is not None for name in METHODS[loss_type].settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"learning_rte": 1e-6}, "did you mean learning_rate"),
        ({"loss_type": "nash_md_pg"}, "did you mean nash_md"),
        ({"loss_type": "ipo"}, "did you mean online_ipo"),
        ({"loss_type": "sigmoid"}, "online_ipo or nash_mp"),
        ({"mixture_coef": 0.5}, "mixture_coef is a setting of nash_md; nash_mp has none"),
        ({"loss_type": "nash_md", "mixture_coef": 1.5}, "mixture_coef must be a number at least 0, at most 1"),
        ({"loss_type": "spo", "beta": 0.1}, "leave beta out"),
        ({"loss_type": "self_play", "rate": 1.0}, "rate is a setting of inpo, dno"),
        ({"target": "stages", "ema": 0.1}, "leave one out"),
        ({"inner": 5}, "inner is of target='stages'"),
        ({"target": "moving"}, "'ema' or 'stages'"),
        ({"use_vllm": True}, "use_vllm is no setting here: completions are sampled"),
        ({"top_p": 0.9}, "use temperature"),
        ({"alpha": 1e-5}, "XPO"),
        ({"reward_funcs": len}, "RewardJudge"),
        ({"temperature": 0.0}, "temperature must be a number above 0"),
        ({"temperature": math.nan}, "temperature must be a number above 0"),
        ({"learning_rate": "fast"}, "learning_rate must be a number above 0"),
        ({"learning_rate": True}, "learning_rate must be a number above 0"),
        ({"beta": -0.1}, "beta must be a number at least 0"),
        ({"beta": math.inf}, "beta must be a number"),
        ({"max_steps": 0}, "max_steps"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size must be a whole number, at least 1"),
        ({"per_device_train_batch_size": 1.5}, "whole number"),
        ({"loss_type": "self_play", "num_generations": 1}, "at least 2 for self_play"),
        ({"loss_type": "dno", "num_generations": 2}, "at least 3 for dno"),
        ({"loss_type": "online_ipo", "beta": 0.0}, "beta must be above 0 for online_ipo"),
        ({"loss_type": "inpo", "rate": 11.0}, "rate x beta must be at most 1"),
        ({"loss_type": "inpo", "inner": 5, "num_iterations": 2}, "num_iterations must divide inner"),
        ({"judge_flip_rate": 0.5}, "below 1/2"),
        ({"eval_opponents": 3}, "eval_opponents must be even"),
        ({"max_new_tokens": 512}, "max_new_tokens must be below max_length"),
        ({"lr_scheduler_type": "polynomial"}, "optimizers="),
        ({"model_init_kwargs": {"device_map": "auto"}}, "device_map"),
    ],
)
def test_wrong_settings_say_what_is_meant(settings, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        PreferenceConfig(**settings)


def test_rates_warm_up_and_fall():
    config = PreferenceConfig(warmup_steps=2, lr_scheduler_type="linear")
    assert [learning_rate_factor(config, step, 6) for step in range(6)] == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    cosine = PreferenceConfig(lr_scheduler_type="cosine")
    assert [learning_rate_factor(cosine, step, 4) for step in range(3)] == pytest.approx([1, (1 + 2**-0.5) / 2, 0.5])
    assert learning_rate_factor(PreferenceConfig(lr_scheduler_type="constant"), 99, 100) == 1


def test_the_solvers_load_neither_torch_models_nor_transformers():
    code = "import sys, arena.solvers; print([m for m in ('transformers', 'peft', 'arena.solvers.language') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_without_the_extra_it_says_what_to_install():
    code = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'transformers' else find(name, *more)\n"
        "from arena.games.errors import NotProvided\n"
        "try:\n    import arena.solvers.language\n"
        "except NotProvided as error:\n    print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'minimax-arena[lm]'" in told.stdout
