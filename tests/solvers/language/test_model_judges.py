"""Judges that are models: the numbers of a plain reading of one text at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_language import tiny_tokenizer

from arena.games.judge import Judge, JudgeFailure, preferences_of
from arena.solvers.language import PairModelJudge, RewardJudge, ranks_judge
from arena.solvers.language.model_judges import PAIR_TEMPLATE

TOKENIZER = tiny_tokenizer()
PROMPTS, FIRST, SECOND = ["play", "play now", "now"], ["rock", "paper rock", "rock"], ["paper", "scissors", "rock"]


def classifier(labels: int, *, pad=0):
    from transformers import GPT2Config, GPT2ForSequenceClassification

    torch.manual_seed(0)
    return GPT2ForSequenceClassification(
        GPT2Config(
            vocab_size=8,
            n_positions=64,
            n_embd=16,
            n_layer=2,
            n_head=2,
            num_labels=labels,
            initializer_range=0.5,
            pad_token_id=pad,
            bos_token_id=1,
            eos_token_id=1,
        )
    ).eval()


@torch.no_grad()
def plain(model, text):
    return model(input_ids=torch.tensor([TOKENIZER(text)["input_ids"]])).logits[0].double()


def test_one_label_is_the_log_odds_of_the_first():
    model = classifier(1)
    found = PairModelJudge(model=model, tokenizer=TOKENIZER)(PROMPTS, FIRST, SECOND)
    texts = [PAIR_TEMPLATE.format(prompt=p, first=a, second=b) for p, a, b in zip(PROMPTS, FIRST, SECOND, strict=True)]
    assert found == pytest.approx([float(torch.sigmoid(plain(model, text)[0])) for text in texts], abs=1e-5)
    assert np.std(found) > 1e-3


@pytest.mark.parametrize("label", [0, 1])
def test_two_labels_are_probabilities(label):
    model = classifier(2)
    found = PairModelJudge(model=model, tokenizer=TOKENIZER, first_label=label)(PROMPTS, FIRST, SECOND)
    texts = [PAIR_TEMPLATE.format(prompt=p, first=a, second=b) for p, a, b in zip(PROMPTS, FIRST, SECOND, strict=True)]
    assert found == pytest.approx([float(torch.softmax(plain(model, text), 0)[label]) for text in texts], abs=1e-5)


def test_scores_are_compared_by_their_difference():
    model = classifier(1)
    found = PairModelJudge(model=model, tokenizer=TOKENIZER, pairwise=False, batch_size=2)(PROMPTS, FIRST, SECOND)
    scores = [
        [float(plain(model, f"{p}\n{a}")[0]) for p, a in zip(PROMPTS, side, strict=True)] for side in (FIRST, SECOND)
    ]
    assert found == pytest.approx([1 / (1 + np.exp(b - a)) for a, b in zip(*scores, strict=True)], abs=1e-5)
    assert found[2] == pytest.approx(0.5)


def test_a_text_that_is_too_long_is_a_failure_not_a_guess():
    judge = PairModelJudge(model=classifier(1), tokenizer=TOKENIZER, max_length=6)
    found = judge(["play", "play " * 9], ["rock", "rock"], ["paper", "paper"])
    assert isinstance(found[0], float)
    assert isinstance(found[1], JudgeFailure)


def test_braces_in_answers_are_text():
    judge = PairModelJudge(model=classifier(1), tokenizer=TOKENIZER, template="{prompt} {first} | {second}")
    assert judge._filled(prompt="{second}", first="{prompt}", second="x") == "{second} {prompt} | x"


@pytest.mark.parametrize(
    ("labels", "settings", "says"),
    [
        (3, {}, "one label or two"),
        (2, {"pairwise": False}, "pairwise is False"),
        (1, {"template": "{prompt} {first}"}, "must name {second}"),
    ],
)
def test_models_and_templates_that_do_not_fit_are_refused(labels, settings, says):
    with pytest.raises(ValueError, match=says):
        PairModelJudge(model=classifier(labels), tokenizer=TOKENIZER, **settings)


def test_rewards_are_compared_by_their_difference_and_nonsense_fails():
    judge = RewardJudge(lambda _, answers: [{"rock": 1.0, "paper": 3.0}.get(answer) for answer in answers])
    found, failures = preferences_of(judge, ["x", "x"], ["rock", "now"], ["paper", "rock"], both_orders=False)
    assert found[0] == pytest.approx(1 / (1 + np.exp(2)))
    assert np.isnan(found[1])
    assert failures[0].failure.kind == "nonsense"


def test_a_wrong_number_of_rewards_is_a_failure():
    found, failures = preferences_of(RewardJudge(lambda *_: [1.0]), ["x"], ["a"], ["b"])
    assert np.isnan(found[0])
    assert {one.failure.kind for one in failures} == {"error"}


def test_a_judge_of_ranks_is_a_judge():
    class Ranks:
        def judge(self, prompts, completions, shuffle_order=True):
            assert not shuffle_order
            return [{"rock": 0, "paper": 1}.get(first, -1) for first, _ in completions]

    judge = ranks_judge(Ranks())
    found = judge(["x"] * 3, ["rock", "paper", "now"], ["a", "b", "c"])
    assert found[:2] == [1.0, 0.0]
    assert isinstance(found[2], JudgeFailure)


def test_all_of_them_are_judges():
    for judge in (PairModelJudge(model=classifier(1), tokenizer=TOKENIZER), RewardJudge(lambda _, a: [0.0] * len(a))):
        assert isinstance(judge, Judge)
