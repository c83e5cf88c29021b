"""Log-probabilities of completions: what a plain loop over tokens gives, however positions are padded and chunked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_language import EOS, PAD, all_completions, plain_log, tiny_gpt2, tiny_llama

from arena.solvers.language.prompts import left_padded
from arena.solvers.language.sampling import Completions
from arena.solvers.language.sequence_logs import Scorer, splits

CPU = torch.device("cpu")
PROMPT_TOKENS = ((6,), (6, 7, 6), (7, 3), (3, 4, 5, 6, 7))
ANSWERS = ((3, EOS), (4, 5, 6), (EOS,), (PAD, 3, EOS))


def completions(prompts=PROMPT_TOKENS, answers=ANSWERS) -> Completions:
    prompt_ids, prompt_mask = left_padded(prompts, pad=PAD, device=CPU)
    longest = max(len(one) for one in answers)
    ids = torch.tensor([[*one, *[PAD] * (longest - len(one))] for one in answers])
    mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in answers])
    return Completions(prompt_ids=prompt_ids, prompt_mask=prompt_mask, ids=ids, mask=mask)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
@pytest.mark.parametrize("chunk", [None, 1, 3, 100])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_sums_are_those_of_a_plain_loop(make, chunk, temperature):
    model = make().double().eval()
    found = Scorer(temperature=temperature, chunk=chunk).logs(model, completions())
    plain = [plain_log(model, p, a, temperature) for p, a in zip(PROMPT_TOKENS, ANSWERS, strict=True)]
    assert found.detach().numpy() == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_chunks_leave_the_gradient_as_it_is(make):
    gradients = []
    for chunk in (None, 2):
        model = make().double().eval()
        (
            Scorer(temperature=0.9, chunk=chunk).logs(model, completions()) * torch.tensor([1.0, -2.0, 3.0, 0.5])
        ).sum().backward()
        gradients.append(torch.cat([one.grad.flatten() for one in model.parameters()]))
    assert float(gradients[0].abs().max()) > 0.1
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-10)


def test_whole_logits_are_never_held_in_chunks(monkeypatch):
    model, seen = tiny_gpt2(), []
    monkeypatch.setattr(
        model.lm_head, "forward", lambda states, f=model.lm_head.forward: seen.append(len(states)) or f(states)
    )
    Scorer(temperature=1.0, chunk=2).logs(model, completions())
    assert max(seen) == 2
    assert sum(seen) == sum(len(one) for one in ANSWERS)


def test_probabilities_of_all_completions_add_up_to_one():
    model, answers = tiny_gpt2().double().eval(), all_completions(3)
    logs = Scorer(temperature=0.8, chunk=64).logs(model, completions([(6, 7)] * len(answers), answers))
    assert float(logs.detach().exp().sum()) == pytest.approx(1, abs=1e-9)


def test_what_stands_after_the_end_of_a_text_does_not_count():
    model, told = tiny_gpt2().eval(), completions()
    other = Completions(
        prompt_ids=told.prompt_ids,
        prompt_mask=told.prompt_mask,
        ids=torch.where(told.mask.bool(), told.ids, 5),
        mask=told.mask,
    )
    scorer = Scorer(temperature=1.0, chunk=4)
    np.testing.assert_allclose(scorer.logs(model, told).detach(), scorer.logs(model, other).detach(), atol=1e-6)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_usual_models_are_split_into_body_and_head(make):
    assert splits(make().eval(), 8, CPU)


def test_a_model_that_scales_its_logits_after_the_head_is_read_in_one_piece():
    from transformers import CohereConfig, CohereForCausalLM

    model = CohereForCausalLM(
        CohereConfig(
            vocab_size=8,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            logit_scale=0.5,
            bos_token_id=1,
            eos_token_id=1,
            pad_token_id=0,
        )
    ).eval()
    assert not splits(model, 8, CPU)
